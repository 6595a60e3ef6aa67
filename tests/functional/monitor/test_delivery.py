"""Delivery against a Slack on loopback: what it received is what counts."""

from __future__ import annotations

import datetime as dt
import logging
import re
import socket
import threading
from collections.abc import Callable

import pytest
import slack_sdk.webhook  # noqa: F401 - here, so that no test's bound is spent on importing it

from penstock.monitor.delivery import Clock, Delivery, deliver
from penstock.monitor.outbox import Entry, Outbox
from penstock.monitor.secret import Secret
from penstock.monitor.slack import Slack
from penstock.monitor.slack_stand_in import Reply, SlackStandIn
from tests.patience import PATIENCE

TOKEN = "xoxb-0000-a-token-that-nobody-may-see"
Keep = Callable[..., int]


def webhook(server: SlackStandIn) -> Slack:
    return Slack(webhook_url=Secret(server.webhook_url))


def bot(server: SlackStandIn) -> Slack:
    return Slack(bot_token=Secret(TOKEN), default_channel="#default", api_url=server.api_url)


class TurnedClock:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.clock = Clock(
            now=lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=self.seconds),
            elapsed=lambda: self.seconds,
            pause=self.move,
        )

    def move(self, seconds: float) -> None:
        self.seconds += seconds


def only(outbox: Outbox) -> Entry:
    (entry,) = outbox.entries()
    return entry


def test_a_webhook_gets_each_message_once_and_in_order(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    for text in ("first", "second <b>", "third"):
        keep(text)
    assert deliver(outbox, webhook(slack_server)) == Delivery(3, 0, 0, "")
    assert deliver(outbox, webhook(slack_server)) == Delivery(0, 0, 0, "")
    assert slack_server.texts == ["first", "second &lt;b&gt;", "third"]
    assert slack_server.received[0].body["blocks"][0]["text"]["text"] == "first"
    assert [(entry.state, entry.attempts, entry.maybe_taken) for entry in outbox.entries()] == [
        ("delivered", 1, False)
    ] * 3


def test_a_bot_token_posts_to_the_pipelines_channel_and_keeps_what_an_edit_will_need(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    keep("to one", channel="#one")
    keep("to default")
    deliver(outbox, bot(slack_server))
    assert [(r.path, r.body["channel"], r.body["text"]) for r in slack_server.received] == [
        ("/api/chat.postMessage", "#one", "to one"),
        ("/api/chat.postMessage", "#default", "to default"),
    ]
    assert {r.authorization for r in slack_server.received} == {f"Bearer {TOKEN}"}
    assert outbox.entries()[0].receipt == {"channel": "#one", "ts": "1700000000.000001"}


def test_a_closed_port_keeps_the_message_and_the_next_try_is_no_repeat(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        closed = Slack(
            webhook_url=Secret(f"http://127.0.0.1:{unused.getsockname()[1]}/services/abcdefghijkl")
        )
        keep("kept")
        keep("behind it")
        delivery = deliver(outbox, closed)
    assert (delivery.delivered, delivery.pending) == (0, 2)
    assert "ConnectionRefusedError" in delivery.why_pending
    assert [(entry.attempts, entry.maybe_taken) for entry in outbox.pending()] == [(1, False), (0, False)]
    deliver(outbox, webhook(slack_server))
    assert slack_server.texts == ["kept", "behind it"]


def test_a_slack_that_stalls_is_left_in_bounded_time_and_the_next_try_says_it_may_be_a_repeat(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    keep("slow")
    slack_server.hold()
    delivery = deliver(outbox, webhook(slack_server), within=3)
    assert (delivery.delivered, delivery.pending) == (0, 1)
    # What is left of the 3 s; a socket's timeout alone would take 5 s, and say so.
    assert re.fullmatch(r"no answer within [0-3]\.\d s", only(outbox).last_error)
    slack_server.wait_for(1, PATIENCE)
    assert only(outbox).maybe_taken
    slack_server.release()
    deliver(outbox, webhook(slack_server))
    assert slack_server.texts[0] == "slow"
    assert slack_server.texts[1].startswith("This may be a repeat")
    assert slack_server.texts[1].endswith("\nslow")


def test_429_is_left_alone_for_as_long_as_slack_asked(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    turned = TurnedClock()
    slack_server.replies.append(Reply(429, "rate_limited", {"Retry-After": "30"}))
    keep("limited")
    keep("behind it")
    assert deliver(outbox, webhook(slack_server), clock=turned.clock).pending == 2
    turned.move(29)
    assert deliver(outbox, webhook(slack_server), within=0.9, clock=turned.clock).delivered == 0
    assert len(slack_server.received) == 1
    turned.move(1)
    assert deliver(outbox, webhook(slack_server), clock=turned.clock).delivered == 2
    assert slack_server.texts == ["limited", "limited", "behind it"]


def test_a_short_retry_after_is_waited_for_within_the_bound(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    turned = TurnedClock()
    slack_server.replies.append(Reply(429, '{"ok": false, "error": "ratelimited"}', {"retry-after": "2"}))
    keep("limited", channel="#one")
    keep("elsewhere", channel="#two")
    assert deliver(outbox, bot(slack_server), clock=turned.clock).delivered == 2
    assert turned.seconds == 2
    assert slack_server.texts == ["limited", "elsewhere", "limited"]


@pytest.mark.parametrize(
    ("reply", "said", "maybe_taken"),
    [
        (Reply(500, "oops"), "Slack answered 500: oops", True),
        (Reply(503, "<html>\n\n down</html>"), "Slack answered 503: <html> down</html>", True),
        (Reply(404, "no_service"), "Slack answered 404: no_service", False),
        (Reply(403, "invalid_token"), "Slack answered 403: invalid_token", False),
        (Reply(200, "<html>please log in</html>"), "please log in", True),
    ],
)
def test_a_webhook_that_does_not_say_ok_has_not_taken_it(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep, reply: Reply, said: str, maybe_taken: bool
) -> None:
    slack_server.replies.append(reply)
    keep("text")
    assert deliver(outbox, webhook(slack_server)).pending == 1
    assert said in only(outbox).last_error
    assert only(outbox).maybe_taken is maybe_taken


@pytest.mark.parametrize(
    ("reply", "said", "maybe_taken"),
    [
        (Reply(200, '{"ok": false, "error": "invalid_auth"}'), "invalid_auth", False),
        (Reply(200, '{"ok": false, "error": "channel_not_found"}'), "channel_not_found", False),
        (Reply(200, '{"ok": false, "error": "fatal_error"}'), "fatal_error", True),
        (Reply(502, "bad gateway"), "502", True),
        (Reply(200, "not json"), "200", True),
        (Reply(200, "[]"), "AttributeError", True),
    ],
)
def test_a_web_api_that_does_not_say_ok_has_not_taken_it(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep, reply: Reply, said: str, maybe_taken: bool
) -> None:
    slack_server.replies.append(reply)
    keep("text")
    assert deliver(outbox, bot(slack_server)).pending == 1
    assert said in only(outbox).last_error
    assert TOKEN not in only(outbox).last_error
    assert only(outbox).maybe_taken is maybe_taken


def test_a_channel_that_does_not_take_holds_up_its_own_messages_only(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    slack_server.replies.append(Reply(200, '{"ok": false, "error": "channel_not_found"}'))
    keep("bad 1", channel="#bad")
    keep("good 1", channel="#good")
    keep("bad 2", channel="#bad")
    keep("good 2", channel="#good")
    assert deliver(outbox, bot(slack_server)).pending == 2
    assert slack_server.texts == ["bad 1", "good 1", "good 2"]
    assert deliver(outbox, bot(slack_server)).pending == 0
    assert slack_server.texts[3:] == ["bad 1", "bad 2"]


def test_a_message_that_slack_will_never_take_is_set_aside_and_seen(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    slack_server.replies.append(Reply(400, "invalid_blocks"))
    keep("malformed")
    keep("fine")
    assert deliver(outbox, webhook(slack_server)) == Delivery(1, 1, 0, "")
    assert [(entry.state, entry.last_error) for entry in outbox.entries()] == [
        ("refused", "Slack answered 400: invalid_blocks"),
        ("delivered", ""),
    ]


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1/services/very secret\tpath", "file:///services/verysecretpath", "verysecretpath"],
)
def test_no_error_names_the_webhook_not_even_a_malformed_one(
    outbox: Outbox, keep: Keep, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    keep("text")
    deliver(outbox, Slack(webhook_url=Secret(address)))
    assert only(outbox).last_error
    out, err = capfd.readouterr()
    for told in (only(outbox).last_error, out, err, outbox.path.read_bytes().decode("latin-1")):
        assert "secret" not in told


def test_no_log_names_a_secret_even_where_all_is_logged(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack_server.replies.extend([Reply(500, "down"), Reply(500, "down")])
    for slack in (webhook(slack_server), bot(slack_server)) * 2:
        keep("text")
        deliver(outbox, slack)
    assert len(slack_server.received) >= 4
    assert [secret for secret in (slack_server.webhook_url, TOKEN, "api/chat") if secret in caplog.text] == []


def test_pending_messages_stay_pending_where_nothing_is_configured(outbox: Outbox, keep: Keep) -> None:
    keep("kept")
    delivery = deliver(outbox, Slack())
    assert (delivery.delivered, delivery.pending) == (0, 1)
    assert "Slack is not configured: set SLACK_WEBHOOK_URL" in delivery.why_pending
    assert only(outbox).attempts == 0


def test_while_another_delivers_this_one_waits_its_bound_and_sends_nothing(
    slack_server: SlackStandIn, outbox: Outbox, keep: Keep
) -> None:
    keep("one")
    slack_server.hold()
    first = threading.Thread(target=deliver, args=(outbox, webhook(slack_server)))
    first.start()
    slack_server.wait_for(1, PATIENCE)
    second = deliver(outbox, webhook(slack_server), within=0.05)
    assert (second.delivered, second.pending) == (0, 1)
    assert "held by the delivery of messages (PID " in second.why_pending
    slack_server.release()
    first.join(PATIENCE)
    assert slack_server.texts == ["one"]
