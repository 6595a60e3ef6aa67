from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.errors import DeclarationError
from penstock.core.pipeline import load_pipeline, read_pipeline
from penstock.core.settings import Settings

GOOD = "name: shop\ndescription: The shop.\nowner: shop-team\nstreams: [clicks, orders]\n"


def written(folder: Path, text: str) -> Path:
    file = folder / "shop.yaml"
    file.write_text(text)
    return file


def test_the_projects_own_pipeline_reads_whole(settings: Settings) -> None:
    pipeline = load_pipeline(settings, "customer_events")
    assert (pipeline.name, pipeline.owner, pipeline.streams) == (
        "customer_events", "customer-analytics", ("customer_events",),
    )  # fmt: skip
    assert (pipeline.ingest, pipeline.slack_channel, pipeline.file) == (
        "drain", "#data-alerts", settings.pipeline_file("customer_events"),
    )  # fmt: skip


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    pipeline = read_pipeline(written(tmp_path, GOOD))
    assert pipeline.streams == ("clicks", "orders")
    assert (pipeline.schedule, pipeline.tags, pipeline.retries, pipeline.ingest) == (None, (), 0, "drain")
    assert (pipeline.select, pipeline.slack_channel) == (None, None)


def test_what_is_said_is_taken(tmp_path: Path) -> None:
    more = 'schedule: "@daily"\ntags: [a, b]\nretries: 2\ningest: follow\nselect: "tag:x"\n'
    pipeline = read_pipeline(written(tmp_path, f"{GOOD}{more}notifications: {{slack: {{channel: '#c'}}}}\n"))
    assert (pipeline.schedule, pipeline.tags, pipeline.retries) == ("@daily", ("a", "b"), 2)
    assert (pipeline.ingest, pipeline.select, pipeline.slack_channel) == ("follow", "tag:x", "#c")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "ownr: x\n", "shop.yaml:5: unknown key 'ownr'\n  Fix: did you mean 'owner'?"),
        (GOOD.replace("owner: shop-team\n", ""), "'owner' is missing or empty\n  Fix: add 'owner: …'"),
        (GOOD.replace("[clicks, orders]", "[]"), "shop.yaml:4: 'streams' is missing or empty"),
        (GOOD.replace("name: shop", "name: store"), "shop.yaml:1: the name 'store' does not match the file"),
        (GOOD.replace("name: shop", "name: raw"), "shop.yaml:1: 'raw' cannot name a pipeline"),
        (GOOD.replace("name: shop", "name: 7"), "shop.yaml:1: name is 7"),
        (GOOD.replace("[clicks, orders]", "clicks"), "shop.yaml:4: streams is 'clicks'"),
        (GOOD.replace("[clicks, orders]", "[clicks, Orders]"), "shop.yaml:4: 'Orders' cannot name a stream"),
        (GOOD.replace("[clicks, orders]", "[a, a]"), "shop.yaml:4: the stream 'a' stands twice"),
        (GOOD + "ingest: poll\n", "shop.yaml:5: ingest is 'poll'\n  Fix: write 'drain' or 'follow'"),
        (
            GOOD + "on_anomaly: stop\n",
            "shop.yaml:5: on_anomaly is 'stop'\n  Fix: write 'hold', 'warn' or 'quarantine'",
        ),
        (GOOD + "on_anomaly: [warn]\n", "shop.yaml:5: on_anomaly is ['warn']"),
        (GOOD + "retries: true\n", "shop.yaml:5: retries is True"),
        (GOOD + "retries: -1\n", "shop.yaml:5: retries is -1"),
        (GOOD + "schedule: 5\n", "shop.yaml:5: schedule is 5"),
        (GOOD + "tags: [1]\n", "shop.yaml:5: tags is [1]"),
        (
            GOOD + "notifications:\n  slak: {}\n",
            "shop.yaml:6: unknown key 'slak'\n  Fix: did you mean 'slack'?",
        ),
        (GOOD + "notifications: '#c'\n", "shop.yaml:5: notifications is '#c'"),
        (GOOD + "notifications: {slack: {channel: 5}}\n", "shop.yaml:5: channel is 5"),
        (
            GOOD + "notifications:\n  slack:\n    channel: #shop-alerts\n",
            "shop.yaml:7: channel has no value (what stands after '#' is a comment, unless it is in quotes)\n"
            "  Fix: write it in quotes",
        ),
        (GOOD + "notifications:\n  slack:\n    channel:\n", "shop.yaml:7: channel has no value (nothing"),
        (GOOD + "notifications: {slack: {channel: ' '}}\n", "shop.yaml:5: channel is ' '"),
        (GOOD + "schedule: #@daily\n", "shop.yaml:5: schedule has no value (what stands after '#'"),
        (GOOD + "tags:\n  - a\n  - #b\n", "shop.yaml:7: tags has no value (what stands after '#'"),
        (GOOD + "select: ''\n", "shop.yaml:5: select is ''"),
        (GOOD + "tags: [a, 2026]\n", "shop.yaml:5: tags is ['a', 2026]"),
        (GOOD + "on: x\n", "shop.yaml:5: unknown key 'True'"),
        (GOOD.replace("shop-team", "off"), "shop.yaml:3: owner is False (YAML reads off as false"),
        ("- a\n", "shop.yaml:1: a pipeline is a mapping of keys"),
        ("", "a pipeline is a mapping of keys"),
    ],
)
def test_a_wrong_declaration_says_file_line_value_and_fix(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_pipeline(written(tmp_path, text))
    assert told in str(caught.value)


def test_the_name_under_which_its_models_read_a_landing_file_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("name: shop\n", "name: landing_orders\n")
    file = tmp_path / "landing_orders.yaml"
    file.write_text(text)
    with pytest.raises(
        DeclarationError, match=r"landing_orders\.yaml:1: 'landing_orders' cannot name a pipeline"
    ):
        read_pipeline(file)
    file.write_text(text.replace("orders]", "carts]"))
    assert read_pipeline(file).name == "landing_orders"
