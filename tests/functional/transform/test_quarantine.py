"""What the gate refuses is left out of the marts, where a pipeline says so, until somebody releases it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from penstock.core.duckdb_file import open_duckdb
from penstock.core.verdict import Verdict, read_verdict
from penstock.monitor.slack_stand_in import SlackStandIn
from tests.functional.transform.conftest import PIPELINE, Shop
from tests.patience import PATIENCE

DAY = """
select
    'day' || {day} || '-' || n as event_id,
    timestamptz '2026-06-01 00:00:00Z' + interval ({day}) day + interval (n * 211) second
        + interval (n * 7919 % 1000) millisecond as event_time,
    case when n % 8 = 0 then 'purchase' when n % 4 = 1 then 'cart' else 'view' end as event_type,
    (n * 7 % 40)::bigint as product_id,
    (n * 7 % 5)::bigint as category_id,
    'shop.part' || (n * 7 % 5) as category_code,
    'brand' || (n * 7 % 4) as brand,
    ((10 + n * 7 % 40 + 0.49) * {price})::decimal(12, 2) as price,
    (1 + n % 100)::bigint as user_id,
    'visit' || {day} || '-' || n % 100 as user_session
from range({rows}) as numbers (n)
"""

MARTS = {"purchases": "purchased_at", "sessions": "started_at"}


class Till(Shop):
    """A shop on which the gate's first aid is turned on."""

    def land_day(self, day: int, *, price: float = 1.0, rows: int = 400) -> int:
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            events = connection.sql(DAY.format(day=day, price=price, rows=rows)).to_arrow_table()
        return self.landing.land_table(events)

    def build_and_judge(self, **env: str) -> subprocess.CompletedProcess[str]:
        built = self.transform()
        assert built.returncode == 0, built.stderr
        return self.penstock("validate", PIPELINE, **env)

    def publish(self) -> None:
        judged = self.build_and_judge()
        assert judged.returncode == 0, judged.stdout + judged.stderr
        self.publish_what_passed()

    def publish_what_passed(self) -> None:
        done = self.run("publish")
        assert done.returncode == 0, done.stderr

    def verdict(self) -> Verdict:
        verdict = read_verdict(self.settings.verdict_file(PIPELINE))
        assert verdict is not None
        return verdict

    def penstock(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "penstock", *words, "-o", "json"],
            env=self.env | env, text=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """What BI reads."""
        with open_duckdb(self.settings.marts_link(PIPELINE), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def days_sold(self) -> list[int]:
        """The days of June with purchases."""
        return [day for (day,) in self.read("select distinct day(purchased_at) from purchases order by 1")]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackStandIn() as server:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", server.webhook_url)
        yield server


@pytest.fixture(scope="session")
def quarantining_project(untested_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the example's marts, which resemble their history, and first aid."""
    project = tmp_path_factory.mktemp("quarantining") / "project"
    shutil.copytree(untested_project, project)
    models = project / "dbt_project" / PIPELINE / "models"
    (models / "_exposures.yml").unlink()
    shutil.rmtree(models / "intermediate")
    for file in (models / "marts").iterdir():
        if file.stem not in MARTS:
            file.unlink()
    for mart in MARTS:
        suite(project, mart)
    say(project, on_anomaly="quarantine")
    return project


def suite(project: Path, mart: str) -> None:
    history = {
        "type": "expect_new_periods_to_resemble_history",
        "kwargs": {"period_column": MARTS[mart]},
    }
    file = project / "expectations" / PIPELINE / f"{mart}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump({"name": mart, "expectations": [history]}))


def say(project: Path, **more: Any) -> None:
    file = project / "dags" / f"{PIPELINE}.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | more, sort_keys=False))


def test_a_spoilt_commit_is_left_out_told_and_released(
    quarantining_project: Path, tmp_path: Path, slack: SlackStandIn
) -> None:
    till = Till(tmp_path / "data", quarantining_project)
    for day in range(9):
        till.land_day(day)
    till.publish()
    assert till.days_sold() == list(range(1, 10))
    assert till.read("select distinct quarantined_events from mart_status") == [(0,)]

    spoilt = till.land_day(9, price=100)
    killed = till.build_and_judge(PENSTOCK_KILL_AT="quarantine.entered")
    assert killed.returncode == -signal.SIGKILL
    judged = till.run("validate")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert f"customer_events commit {spoilt}" in judged.stderr
    (left_out,) = till.verdict().quarantined
    assert (left_out.commits, left_out.events) == ([{"first_commit": spoilt, "last_commit": spoilt}], 400)
    (message,) = slack.received
    text = message.body["text"]
    assert f"customer_events commit {spoilt}" in text
    assert "median(" in text, "the finding"
    assert "penstock quarantine release customer_events" in text
    till.publish_what_passed()
    assert till.days_sold() == list(range(1, 10))
    assert till.read("select distinct quarantined_events, version from mart_status") == [(400, 1)]
    ledger = till.read("select inputs->'$[0].quarantined' from _penstock.publications order by seq")
    assert json.loads(ledger[-1][0]) == [{"first_commit": spoilt, "last_commit": spoilt}]

    # What comes next is good, and BI gets it, though the day before it has a hole.
    till.land_day(10)
    till.publish()
    assert till.days_sold() == [*range(1, 10), 11]
    assert len(slack.received) == 1, "nobody is told twice"

    # Released, it is judged anew, and not put back without a person.
    listed = json.loads(till.penstock("quarantine", "ls", PIPELINE).stdout)
    assert [(one["first_commit"], one["events"], one["by"]) for one in listed["inside"]] == [
        (spoilt, 400, "penstock")
    ]
    released = till.penstock("quarantine", "release", PIPELINE, "--why", "it was a sale", "--by", "anna")
    assert released.returncode == 0, released.stderr
    assert "it was a sale" in slack.received[-1].body["text"]
    judged = till.build_and_judge()
    assert judged.returncode == 1
    assert till.days_sold() == [*range(1, 10), 11]
    findings = [found["id"] for one in till.verdict().problems for found in one.findings]
    accepted = till.penstock("validate", "accept", PIPELINE, *findings, "--why", "it was a sale")
    assert accepted.returncode == 0, accepted.stderr
    assert till.run("validate").returncode == 0
    till.publish_what_passed()
    assert till.days_sold() == list(range(1, 12))
    assert till.read("select distinct quarantined_events from mart_status") == [(0,)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "customer_event", "1"], "no stream 'customer_event' of the pipeline"),
        (["add", "customer_events", "3"], "customer_events commit 3 never landed"),
        (["add", "customer_events", "0-1"], "customer_events commits 0 to 1 never landed"),
        (["add", "customer_events", "2-1"], "'2-1' names no commits"),
        (["add", "customer_events", "all"], "'all' names no commits"),
        (["release"], "nothing of customer_events is in quarantine"),
        (["release", "customer_events", "1"], "nothing of customer_events 1 is in quarantine"),
    ],
)
def test_what_cannot_be_moved_is_refused(shop: Shop, words: list[str], said: str) -> None:
    till = Till(shop.data, shop.project)
    till.land_day(0, rows=3)
    till.land_day(1, rows=3)
    done = till.penstock("quarantine", words[0], PIPELINE, *words[1:], "--why", "x")
    assert done.returncode == 1
    assert said in done.stderr
    assert not till.settings.quarantine_file(PIPELINE).exists()


def test_what_a_person_leaves_out_is_not_built(untested_project: Path, tmp_path: Path) -> None:
    till = Till(tmp_path / "data", untested_project)
    till.land_day(0, rows=3)
    till.land_day(1, rows=5)
    moved = till.penstock(
        "quarantine", "add", PIPELINE, "customer_events", "2", "--why", "a test", "--by", "b"
    )
    assert moved.returncode == 0, moved.stderr
    built = till.transform()
    assert json.loads(built.stdout)["quarantined_events"] == 5, built.stderr
    assert till.query("select count(*) from staging.stg_customer_events") == [(3,)]
    inputs = "select landed, landed_commit, quarantined_events from _penstock.inputs"
    assert till.query(inputs) == [(3, 2, 5)]

    # Another landing file gives the same number to other events.
    till.landing.path.unlink()
    till.landing = type(till.landing)(till.data)
    till.land_day(0, rows=3)
    till.land_day(1, rows=5)
    again = till.transform("--full-refresh")
    assert again.returncode == 1
    assert "the file was replaced or restored" in again.stderr
    assert "penstock quarantine release customer_events customer_events 2-2 --why" in again.stderr
