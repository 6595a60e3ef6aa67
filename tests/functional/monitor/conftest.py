"""A Slack on loopback, and an outbox with messages in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.core.settings import Settings
from penstock.monitor.message import Message
from penstock.monitor.outbox import Outbox
from penstock.monitor.slack_stand_in import SlackStandIn


@pytest.fixture
def slack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackStandIn() as server:
        yield server


@pytest.fixture
def outbox(settings: Settings) -> Outbox:
    return Outbox(settings.outbox_file)


@pytest.fixture
def keep(outbox: Outbox) -> Callable[..., int]:
    """Put a message with this text into the outbox; returns its id."""

    def keep(text: str, channel: str | None = None) -> int:
        block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
        return outbox.add(
            Message(text, [block]), pipeline="p", stage="validate", run_id="r", channel=channel,
            at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        )  # fmt: skip

    return keep


@pytest.fixture
def project(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project of the test's own, with one pipeline, `shop`."""
    folder = tmp_path / "project"
    (folder / "dags").mkdir(parents=True)
    (folder / "dags" / "shop.yaml").write_text(
        "name: shop\ndescription: The shop.\nowner: shop-team\nstreams: [clicks]\n"
        'notifications: {slack: {channel: "#shop-alerts"}}\n'
    )
    monkeypatch.setenv("PENSTOCK_PROJECT", str(folder))
    monkeypatch.setenv("PENSTOCK_ENV", "test")
    return Settings.from_env()
