"""People decide of findings: what is the new normal, and what is bad for good."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from penstock.cli import main
from tests.functional.validate.test_history import CUSTOMERS, HISTORY, KEYS, PURCHASES

FREE = "update marts.purchases set price = 0 where bought_at >= '2026-01-08'"
DAY_15 = (
    "insert into marts.purchases by name select * replace ('next' || event_id as event_id, "
    "bought_at + interval 1 day as bought_at) from marts.purchases where bought_at >= '2026-01-14'"
)


class Till:
    """The shop after 14 days, with some days published, and the commands on it."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        shop.sql(PURCHASES, CUSTOMERS)
        shop.suite("purchases", HISTORY)
        shop.suite("customers", KEYS)

    def publish(self, until: str) -> None:
        shutil.rmtree(self.shop.settings.versions_dir("shop"), ignore_errors=True)
        self.shop.settings.marts_link("shop").unlink(missing_ok=True)
        self.shop.publish(
            f"attach '{self.shop.warehouse}' as warehouse (read_only)",
            f"create table purchases as from warehouse.marts.purchases where bought_at < '{until}'",
            "create table customers as from warehouse.marts.customers",
            "detach warehouse",
        )

    def penstock(self, *words: str) -> Result:
        result = CliRunner().invoke(main, ["validate", *words])
        assert result.exit_code in (0, 1, 2), result.exception
        return result

    def judge(self) -> int:
        return self.penstock("shop").exit_code

    def decide(self, verb: str, *findings: str) -> dict[str, Any]:
        result = self.penstock(verb, "shop", *findings, "--why", "they said so", "--by", "anna", "-o", "json")
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    def findings(self, measure: str = "") -> dict[str, str]:
        """Of the verdict, by id, in words."""
        return {
            found["id"]: found["text"]
            for problem in self.shop.verdict()["problems"]
            for found in problem["findings"]
            if found["text"].startswith(measure)
        }

    @property
    def file(self) -> Path:
        return Path(self.shop.settings.data / "feedback" / "shop.yaml")


@pytest.fixture
def till(shop: Any) -> Till:
    return Till(shop)


@pytest.fixture
def refused(till: Till) -> Till:
    """A week is published, and the next one, in which all is free, was refused."""
    till.publish("2026-01-08")
    till.shop.sql(FREE)
    assert till.judge() == 1
    return till


def test_a_finding_keeps_its_id_and_the_message_names_the_ways_on(refused: Till) -> None:
    before = refused.findings()
    result = refused.penstock("shop")
    assert refused.findings() == before
    assert len(before) > 3
    assert all(len(one) == 7 for one in before)
    (problem,) = refused.shop.verdict()["problems"]
    first = problem["findings"][0]["id"]
    assert f" [{first}]" in problem["observed"]
    assert f"`penstock validate accept shop {first} --why …`" in problem["message"]
    assert f"`penstock validate reject shop {first} --why …`" in problem["message"]
    assert problem["message"] in result.stderr
    assert "\n" not in problem["message"]


def test_an_accepted_value_is_usual_on_other_days_too(refused: Till) -> None:
    one_of_each = {text.split(" of ")[0]: finding for finding, text in refused.findings().items()}
    assert "above_zero(price)" in one_of_each
    result = refused.penstock("accept", "shop", *one_of_each.values(), "--why", "a free week")
    assert (
        "until the gate judges again. Run: penstock validate shop, then penstock publish shop"
        in result.output
    )
    assert refused.shop.verdict()["outcome"] == "refused"

    assert refused.judge() == 0
    assert refused.shop.verdict()["problems"] == []

    refused.shop.sql(
        "delete from marts.purchases where bought_at >= '2026-01-12' and hash(event_id) % 20 > 0"
    )
    assert refused.judge() == 1
    assert all(text.startswith("rows of ") for text in refused.findings().values())


def test_what_is_worse_than_what_was_accepted_is_refused(till: Till) -> None:
    till.publish("2026-01-12")
    few = "delete from marts.purchases where bought_at::date = '2026-01-12' and hash(event_id) % {} > 0"
    till.shop.sql(few.format(5))
    assert till.judge() == 1
    till.decide("accept", *till.findings())
    assert till.judge() == 0
    assert till.findings() == {}

    till.shop.sql(few.format(50))
    till.judge()
    (text,) = till.findings("rows of 2026-01-12").values()
    assert " or about " in text


def test_of_a_published_day_an_accepted_change_says_nothing_of_other_days(till: Till) -> None:
    till.publish("2026-01-12")
    half = "delete from marts.purchases where bought_at::date = '2026-01-{}' and hash(event_id) % 3 > 0"
    till.shop.sql(half.format("05"))
    assert till.judge() == 1
    till.decide("accept", *till.findings())
    assert till.judge() == 0

    till.shop.sql(half.format("06"))
    assert till.judge() == 1
    assert [text.split(" is ")[0] for text in till.findings("published_rows").values()] == [
        "published_rows of 2026-01-06"
    ]


def test_a_day_far_away_can_be_accepted(till: Till) -> None:
    till.publish("2026-01-12")
    far = "insert into marts.purchases values ('{}', 1, 5, null, '{} 10:00:00')"
    till.shop.sql(far.format("far", "1970-05-01"))
    assert till.judge() == 1
    till.decide("accept", *till.findings())
    assert till.judge() == 0

    till.shop.sql(far.format("farther", "1969-05-01"))
    assert till.judge() == 1
    assert list(till.findings()) == list(till.findings("rows of 1969-05-01"))


def test_a_rejected_day_stays_refused_and_out_of_the_norm(till: Till) -> None:
    till.shop.suite("purchases", HISTORY | {"kwargs": HISTORY["kwargs"] | {"min_periods": 5}})
    till.publish("2026-01-06")
    till.shop.sql("update marts.purchases set price = 0 where bought_at >= '2026-01-06'")
    assert till.judge() == 1
    result = till.penstock("reject", "shop", *till.findings("above_zero"), "--why", "a broken till")
    assert "what is not published stays refused." in result.output
    assert till.judge() == 1

    # Somebody published it all the same: of 14 days most are free, but these are no norm.
    till.publish("2026-01-15")
    till.shop.sql(DAY_15)
    assert till.judge() == 1
    assert "above_zero(price) of 2026-01-15 is 0 %" in str(till.findings())

    till.decide("undo", *(one["finding"] for one in yaml.safe_load(till.file.read_text())))
    assert till.judge() == 0


def test_what_readers_know_of_a_rejected_day_is_no_news(refused: Till) -> None:
    refused.decide("reject", *refused.findings("above_zero"))
    refused.publish("2026-01-15")
    refused.shop.sql("insert into marts.purchases values ('late', 1, 0, null, '2026-01-10 10:00:00')")
    assert refused.judge() == 0, refused.findings()


def test_a_rejected_day_that_changes_again_is_still_no_norm(till: Till) -> None:
    capitals = "update marts.purchases set brand = upper(brand) where bought_at::date = '2026-01-{}'"
    till.publish("2026-01-12")
    till.shop.sql(capitals.format(12))
    assert till.judge() == 1
    till.decide("reject", *till.findings("new(brand) of 2026-01-12"))
    till.publish("2026-01-13")
    till.shop.sql(
        "insert into marts.purchases values ('late', 1, 0, 'BRAND 3', '2026-01-12 10:00:00')",
        capitals.format(13),
    )
    assert till.judge() == 1
    about = {text.split(" is ")[0] for text in till.findings().values()}
    assert {"new(brand) of 2026-01-13", "mix(brand) of 2026-01-13"} <= about
    assert not any("2026-01-12" in one for one in about if " days " not in one)


def test_values_of_keys_are_accepted_as_they_changed(till: Till) -> None:
    till.publish("2026-01-15")
    till.shop.sql("update marts.customers set country = 'elsewhere' where user_id < 200")
    assert till.judge() == 1
    (finding,) = till.findings()
    (problem,) = till.shop.verdict()["problems"]
    assert problem["message"].endswith(f"`penstock validate accept shop {finding} --why …`")
    result = till.penstock("reject", "shop", finding, "--why", "x")
    assert result.exit_code == 1
    assert "is of no period" in result.stderr

    till.decide("accept", finding)
    assert till.judge() == 0

    till.shop.sql("update marts.customers set country = 'elsewhere' where user_id < 300")
    assert till.judge() == 1


def test_a_decision_says_who_when_and_why_and_the_last_one_counts(refused: Till) -> None:
    finding, text = next(iter(refused.findings("above_zero").items()))
    refused.decide("accept", finding)
    refused.decide("reject", finding)
    accepted, rejected = yaml.safe_load(refused.file.read_text(encoding="utf-8"))
    assert accepted["decision"] == "accept"
    assert rejected.items() >= {
        "decision": "reject", "finding": finding, "by": "anna", "why": "they said so", "text": text,
        "mart": "purchases", "periods": ["2026-01-08"],
    }.items()  # fmt: skip
    assert rejected["at"].endswith("+00:00")

    listed = refused.penstock("feedback", "shop").stdout.splitlines()
    assert listed[0].endswith(f"  anna  accepted {finding} of marts.purchases: {text}: they said so")
    assert listed[1].endswith(f"  anna  rejected {finding} of marts.purchases: {text}: they said so")
    assert f"open  {finding} of marts.purchases: {text}" in listed
    as_data = json.loads(refused.penstock("feedback", "shop", "-o", "json").stdout)
    assert as_data["in_force"] == [finding]
    assert as_data["file"] == str(refused.file)


def test_before_any_decision_the_list_says_so(till: Till) -> None:
    assert "nothing was decided yet" in till.penstock("feedback", "shop").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["accept", "shop", "1234567"], "no finding '1234567' is in the verdict"),
        (["reject", "shop", "1234567"], "no finding '1234567' is in the verdict"),
        (["undo", "shop", "1234567"], "no finding '1234567': none was decided of"),
        (["accept", "shp", "1234567"], "dags/shp.yaml: no such file"),
    ],
    ids=str,
)
def test_an_unknown_finding_is_refused_with_those_that_are_there(
    refused: Till, words: list[str], says: str
) -> None:
    result = refused.penstock(*words, "--why", "x")
    assert result.exit_code == 1
    assert says in result.stderr
    if "is in the verdict" in says:
        assert all(f"{finding}: " in result.stderr for finding in refused.findings())
    assert not refused.file.exists()


def test_without_a_verdict_there_is_nothing_to_accept(till: Till) -> None:
    result = till.penstock("accept", "shop", "1234567", "--why", "x")
    assert result.exit_code == 1
    assert "Fix: run: penstock validate shop" in result.stderr


def test_a_decision_needs_a_reason(refused: Till) -> None:
    finding = next(iter(refused.findings()))
    assert refused.penstock("accept", "shop", finding).exit_code == 2
    result = refused.penstock("accept", "shop", finding, "--why", " ")
    assert result.exit_code == 1
    assert "a decision needs a reason" in result.stderr


DAMAGES: list[tuple[Callable[[str], str], str]] = [
    (
        lambda text: text.replace("decision: accept", "decision: acept"),
        "decision is 'acept': known",
    ),
    (lambda text: text.replace("  why:", "  wy:"), "unknown key 'wy'"),
    (lambda text: text.replace("  by: anna\n", ""), "a decision without 'by'"),
    (lambda text: text.replace("  - '2026-01-08'", "  - '2026-01-88'"), "a list of periods is expected"),
    (lambda text: "decisions:\n", "a list of decisions is expected"),
    (lambda text: "- accept\n", "a decision is a mapping, not 'accept'"),
    (lambda text: text.replace("- decision", "- - decision: ["), "not valid YAML"),
]


@pytest.mark.parametrize(("damage", "says"), DAMAGES, ids=[says for _, says in DAMAGES])
def test_a_damaged_file_is_named_with_its_line(
    refused: Till, damage: Callable[[str], str], says: str
) -> None:
    finding = next(iter(refused.findings("above_zero")))
    refused.decide("accept", finding)
    refused.file.write_text(damage(refused.file.read_text(encoding="utf-8")), encoding="utf-8")
    for words in (
        ["shop"],
        ["backtest", "shop"],
        ["feedback", "shop"],
        ["undo", "shop", finding, "--why", "x"],
    ):
        result = refused.penstock(*words)
        assert result.exit_code == 1
        assert f"{refused.file}:" in result.stderr, result.stderr
        assert says in result.stderr


def test_a_backtest_knows_what_was_decided(refused: Till) -> None:
    def alarms() -> tuple[list[str], float]:
        (check,) = json.loads(refused.penstock("backtest", "shop", "-o", "json").stdout)["checks"]
        return [one["period"] for one in check["alarms"] if one["rejected"]], check["false_alarms_per_month"]

    assert alarms()[0] == []
    first = next(iter(refused.findings("above_zero(price) of 2026-01-08")))
    refused.decide("reject", first)
    rejected, false_alarms = alarms()
    assert rejected == ["2026-01-08"]
    assert "as of 2026-01-08, rightly (rejected): " in refused.penstock("backtest", "shop").stdout
    refused.decide("accept", first)
    assert alarms()[0] == []
    assert alarms()[1] < false_alarms


def test_a_suite_cannot_decide(refused: Till) -> None:
    feedback = {"accepted": [{"measure": "rows", "periods": [], "level": 0}]}
    path = refused.shop.suite("purchases", HISTORY | {"kwargs": HISTORY["kwargs"] | {"feedback": feedback}})
    result = refused.penstock("shop")
    assert result.exit_code == 1
    assert f"{path}:" in result.stderr
    assert "has no 'feedback'" in result.stderr
