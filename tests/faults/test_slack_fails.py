"""Slack is down, slow or refuses: a failed run stays what it is, and its messages arrive later."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from penstock.core.settings import Settings
from penstock.local.services import free_port
from penstock.monitor.slack_stand_in import Reply, SlackStandIn
from tests.faults.marts_by_hand import PIPELINE
from tests.faults.witness import Witness
from tests.patience import PATIENCE, until

COMMAND = [sys.executable, "-m", "penstock"]
REPEAT = "This may be a repeat: an earlier attempt to post it ended without a clear answer.\n"
# How each stage fails by itself where nothing has landed: its result, which Slack must not change.
FAILS = {
    "transform": "nothing has landed",
    "validate": "nothing has been built yet",
    "publish": "nothing was built",
}


@dataclass(frozen=True)
class Fault:
    """What Slack does. `unclear`: after it nobody knows whether Slack has the message."""

    reply: Reply | None = None
    listens: bool = True
    as_bot: bool = False
    unclear: bool = False
    pause: float = 0.0  # seconds that Slack asked for


FAULTS = [
    pytest.param(Fault(listens=False), id="down"),
    pytest.param(Fault(unclear=True), id="slow", marks=pytest.mark.slow),
    pytest.param(
        Fault(Reply(429, "rate_limited", {"Retry-After": "15"}), pause=15),
        id="429 with Retry-After 15", marks=pytest.mark.slow,
    ),
    pytest.param(Fault(Reply(500, "oops"), unclear=True), id="500"),
    pytest.param(
        Fault(Reply(200, '{"ok": false, "error": "invalid_auth"}'), as_bot=True),
        id="invalid token", marks=pytest.mark.slow,
    ),
    pytest.param(Fault(Reply(403, "invalid_token")), id="webhook refused", marks=pytest.mark.slow),
]  # fmt: skip


@pytest.fixture
def slack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    """A Slack on loopback that takes every message; the environment names it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackStandIn() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook_url)
        yield slack


def finished(*words: str) -> tuple[int, str, str]:
    """Run `penstock <words>` to its end: exit code, stdout, stderr."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def told(*words: str) -> Any:
    """Run `penstock monitor <words>`, which must succeed whatever Slack does; returns its result."""
    code, stdout, stderr = finished("monitor", *words, "-o", "json")
    assert (code, stderr) == (0, "")
    return json.loads(stdout)


def fail_and_tell(stage: str) -> Any:
    """The stage fails as it always does here; then people are told, as Airflow's callback does."""
    code, stdout, stderr = finished(stage, PIPELINE, "-o", "json")
    assert code == 1
    assert FAILS[stage] in json.loads(stdout)["error"]["message"]
    assert stderr.startswith("Error: ")
    return told("failure", PIPELINE, "--stage", stage, "--run-id", "run-1", "--error", stdout)


def begin(fault: Fault, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    if not fault.listens:
        port = free_port()
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"http://127.0.0.1:{port}/services/T0/B0/nobodyListens")
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", port))
    elif fault.reply is None:
        slack.hold()
    else:
        slack.replies.extend([fault.reply] * 100)
    if fault.as_bot:
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-0000-revoked")
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)


def end(slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    slack.replies.clear()
    slack.release()
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook_url)


def stages_told(texts: list[str]) -> list[str]:
    """Which stage's failure each message tells."""
    return [text.removeprefix(REPEAT).split(" failed")[0].removeprefix(f"{PIPELINE}: ") for text in texts]


def assert_at_least_once_in_order(slack: SlackStandIn, *, unclear: bool, already: int = 0) -> None:
    """Every failure has arrived, in order; a copy says that it may be one where an earlier attempt may have
    succeeded, and only there. The first `already` requests came to nothing."""
    stages = stages_told(slack.texts)
    assert stages[already:] == list(FAILS)
    for number, text in enumerate(slack.texts):
        again = stages[number] in stages[:number]
        assert text.startswith(REPEAT) == (again and unclear), slack.texts


@pytest.mark.fault(19, "three stages fail while Slack is")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_run_stays_what_it_is_and_its_messages_come_later(
    fault: Fault, slack: SlackStandIn, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(fault, slack, monkeypatch)
    results = [fail_and_tell(stage) for stage in FAILS]
    assert [result["state"] for result in results] == ["pending"] * 3
    report = told("deliver")  # what the task `report` does
    assert (report["delivered"], report["pending"]) == (0, 3)
    why = results[0]["why"]
    assert why
    tried = len(slack.received)
    if not fault.listens:
        assert tried == 0
        witness.saw(f"connection refused to a client of the test; {why}")
    else:
        assert set(stages_told(slack.texts)) == {"transform"}  # later ones wait for it: order
        witness.saw(f"{tried} requests reached Slack, none was taken: {why}")

    end(slack, monkeypatch)
    until(lambda: told("deliver")["pending"] == 0)
    assert_at_least_once_in_order(slack, unclear=fault.unclear, already=tried)
    if fault.pause:
        pause = slack.received[tried].at - slack.received[tried - 1].at
        assert pause >= fault.pause
        witness.saw(f"Slack was left alone for {pause:.1f} s")
    assert [entry["state"] for entry in told("ls")] == ["delivered"] * 3
    witness.counted(
        f"exit codes and errors of 3 failing stages unchanged; 3 messages delivered, in order, "
        f"{tried} attempts before"
    )


@pytest.mark.fault(19, "the delivering process is killed with signal 9 between send and mark, twice")
def test_a_delivery_that_dies_after_sending_sends_again_and_says_so(
    slack: SlackStandIn, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(Fault(listens=False), slack, monkeypatch)
    for stage in FAILS:
        fail_and_tell(stage)
    end(slack, monkeypatch)
    for _ in range(2):
        slack.hold()
        process = subprocess.Popen([*COMMAND, "monitor", "deliver"])
        slack.wait_for(len(slack.received) + 1, PATIENCE)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=PATIENCE) == -signal.SIGKILL
        slack.release()
    witness.saw("twice, with Slack's answer held back, the sender died of signal 9")
    assert told("deliver") == {"delivered": 3, "refused": 0, "pending": 0, "why_pending": ""}
    assert_at_least_once_in_order(slack, unclear=True, already=2)
    witness.counted("3 messages delivered, in order; both repeats of the first say that they may be one")
