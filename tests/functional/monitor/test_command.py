"""The commands as Airflow and people start them: processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.core.error_data import ErrorData, as_object
from penstock.core.settings import Settings
from penstock.monitor.outbox import Outbox, Summary
from penstock.monitor.slack_stand_in import Reply, SlackStandIn
from tests.patience import PATIENCE, until

COMMAND = [sys.executable, "-m", "penstock", "monitor"]
ERROR = json.dumps(as_object(ErrorData("GateRefused", "orders.id: 3 nulls", fix="see the rejects")))
FAILURE = [
    *COMMAND, "failure", "shop", "--stage", "validate", "--run-id", "run-1",
    "--log-url", "http://airflow/log", "--error", ERROR,
]  # fmt: skip


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def result(*command: str) -> Any:
    done = run(*command, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def webhook(project: Settings, slack_server: SlackStandIn, monkeypatch: pytest.MonkeyPatch) -> SlackStandIn:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack_server.webhook_url)
    return slack_server


def test_a_failure_reaches_slack_once(webhook: SlackStandIn) -> None:
    assert result(*FAILURE) == {"message": 1, "state": "delivered", "why": ""}
    (text,) = webhook.texts
    assert "shop: validate failed\nWhat broke: orders.id: 3 nulls\nFix: see the rejects\n" in text
    assert "Owner: shop-team\nEnvironment: test\nRun: run-1" in text
    assert result(*COMMAND, "deliver")["delivered"] == 0
    assert len(webhook.received) == 1


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("the cron job was killed", "What broke: the cron job was killed\nBI serves nothing"),
        ("one\n\x1b[31mtwo\x1b[0m\n", "What broke: one\ntwo\nBI serves nothing"),
        ("\x1b[0m", "What broke: no error was given: see the log\nBI serves nothing"),
        ("", "What broke: no error was given: see the log\nBI serves nothing"),
        ('{"error": {"kind": "GateRef', 'What broke: {"error": {"kind": "GateRef\nBI serves nothing'),
    ],
)
def test_a_sentence_does_as_well(webhook: SlackStandIn, error: str, shown: str) -> None:
    assert result(*FAILURE[:-1], error)["state"] == "delivered"
    assert shown in webhook.texts[0]


def test_what_a_command_prints_as_it_fails_is_what_people_hear(webhook: SlackStandIn) -> None:
    """As a shell script hands it on, without Airflow."""
    failed = run(sys.executable, "-m", "penstock", "validate", "shop", "-o", "json")
    assert failed.returncode == 1
    result(*FAILURE[:-1], failed.stdout)
    assert "nothing has been built yet\nFix: run: penstock transform shop\n" in webhook.texts[0]


def test_a_bot_token_uses_the_pipelines_channel(
    project: Settings, slack_server: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1234-abcdefgh")
    monkeypatch.setenv("SLACK_API_URL", slack_server.api_url.rstrip("/"))
    assert result(*FAILURE)["state"] == "delivered"
    assert slack_server.received[0].body["channel"] == "#shop-alerts"


def test_slack_being_down_fails_nothing_and_ls_shows_what_waits(webhook: SlackStandIn) -> None:
    webhook.replies.append(Reply(500, "down"))
    done = run(*FAILURE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "message 1: pending: Slack answered 500: down\n"
    shown = run(*COMMAND, "ls").stdout
    assert "pending    1 attempt  shop: validate failed" in shown
    assert "Slack answered 500: down" in shown
    assert run(*COMMAND, "deliver").stdout == "1 delivered, 0 pending\n"
    assert [entry["state"] for entry in result(*COMMAND, "ls")] == ["delivered"]


def test_nothing_configured_then_the_message_is_logged_and_counted_as_unsent(project: Settings) -> None:
    done = run(*FAILURE)
    assert done.returncode == 0
    assert done.stderr.startswith("Slack is not configured: set SLACK_WEBHOOK_URL")
    assert "What broke: orders.id: 3 nulls" in done.stderr
    assert done.stdout.startswith("message 1: unsent: not configured")
    assert Outbox(project.outbox_file).summary("run-1") == Summary(unsent=1)


def test_an_unsent_message_holds_up_no_later_one(project: Settings, slack_server: SlackStandIn) -> None:
    run(*FAILURE)
    os.environ["SLACK_WEBHOOK_URL"] = slack_server.webhook_url
    try:
        assert result(*FAILURE)["state"] == "delivered"
    finally:
        del os.environ["SLACK_WEBHOOK_URL"]
    assert len(slack_server.received) == 1


def test_no_secret_reaches_slack_the_logs_or_the_outbox(webhook: SlackStandIn, project: Settings) -> None:
    secrets = [webhook.webhook_url, "xoxb-9876-leaked-token", "pa55word"]
    said = f"POST {secrets[0]} with {secrets[1]} from db://me:{secrets[2]}@host"
    error = ErrorData("BrokerError", said, where=said, value=said, fix=said)
    done = run(*FAILURE[:-1], json.dumps(as_object(error)))
    told = [done.stdout, done.stderr, *webhook.texts, project.outbox_file.read_bytes().decode("latin-1")]
    assert "db://me:***@host" in webhook.texts[0]
    assert [secret for secret in secrets for text in told if secret in text] == []


def test_an_error_text_that_is_not_utf8_is_reported_all_the_same(webhook: SlackStandIn) -> None:
    done = subprocess.run(
        [*(word.encode() for word in FAILURE[:-1]), b"caf\xe9"], capture_output=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert "What broke: caf?" in webhook.texts[0]


def test_where_even_the_outbox_cannot_be_used_the_message_is_still_logged(project: Settings) -> None:
    project.outbox_file.mkdir(parents=True)
    done = run(*FAILURE)
    assert done.returncode == 1
    assert "What broke: orders.id: 3 nulls" in done.stderr
    assert "Error: " in done.stderr.splitlines()[-2]
    assert done.stderr.splitlines()[-1].startswith("  Fix: ")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sees a process wait through /proc")
def test_two_processes_deliver_at_once_and_each_message_arrives_once_and_in_order(
    webhook: SlackStandIn, keep: Callable[..., int]
) -> None:
    texts = [f"message {number}" for number in range(10)]
    for text in texts:
        keep(text)
    webhook.hold()
    both = [
        subprocess.Popen([*COMMAND, "deliver"]) for _ in range(2)
    ]  # begun at once: neither waits for long
    webhook.wait_for(1, PATIENCE)
    for one in both:
        until(lambda pid=one.pid: any(target.endswith(".lock") for target in open_files(pid)))
    webhook.release()
    assert [one.wait(timeout=PATIENCE) for one in both] == [0, 0]
    assert webhook.texts == texts


def test_failures_of_several_tasks_at_once_all_arrive(webhook: SlackStandIn) -> None:
    processes = [subprocess.Popen([*FAILURE[:-1], f"number {number}"]) for number in range(4)]
    assert [process.wait(timeout=PATIENCE) for process in processes] == [0, 0, 0, 0]
    assert result(*COMMAND, "deliver")["pending"] == 0
    numbers = sorted(text.split("number ")[1][0] for text in webhook.texts)
    assert numbers == ["0", "1", "2", "3"]


def open_files(pid: int) -> list[str]:
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except OSError:
            continue  # closed meanwhile
    return found
