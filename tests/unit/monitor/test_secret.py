from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.monitor.secret import Secret, scrub
from penstock.monitor.slack import Slack

secrets = st.text(string.ascii_letters + string.digits + "-_/.:+%", min_size=8, max_size=60)


@given(secret=secrets, before=st.text(max_size=40), after=st.text(max_size=40))
def test_no_secret_survives_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in scrub(f"{before}{secret}{after}{secret}", [Secret(secret)])


@given(
    part=st.text(string.ascii_letters + string.digits, min_size=16, max_size=30), before=st.text(max_size=20)
)
def test_of_a_webhook_its_path_and_its_last_part_are_secret_too(part: str, before: str) -> None:
    webhook = Secret(f"https://hooks.example.com/services/T0/B0/{part}")
    for quoted in (f"/services/T0/B0/{part}", part, webhook.reveal(), f"%2F{part}"):
        assert part not in scrub(f"{before} HTTPError: '{quoted}'", [webhook])


@given(secret=secrets)
def test_a_secret_never_shows_itself(secret: str) -> None:
    wrapped = Secret(secret)
    slack = Slack(webhook_url=wrapped, bot_token=wrapped)
    shown = [repr(wrapped), str(wrapped), f"{wrapped}", f"{wrapped!r:>5}", repr(slack)]
    assert all(secret not in text for text in shown)
    assert repr(wrapped) == "***"
    with pytest.raises(TypeError):
        json.dumps(wrapped)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("token xoxb-123456-abcdef expired", "token *** expired"),
        ("xapp-1-A02-abcdefgh", "***"),
        ("POST https://hooks.slack.com/services/T1/B2/c3 failed", "POST https://hooks.slack.com/*** failed"),
        ("postgres://me:pa55@db/x", "postgres://me:***@db/x"),
        ("see https://example.com/a?b=c@d", "see https://example.com/a?b=c@d"),
        ("box-office sold 3 tickets", "box-office sold 3 tickets"),
    ],
)
def test_what_looks_like_a_secret_goes_and_the_rest_stays(text: str, scrubbed: str) -> None:
    assert scrub(text, []) == scrubbed


def test_settings_come_from_the_environment_and_blanks_count_as_unset() -> None:
    slack = Slack.from_env({"SLACK_WEBHOOK_URL": " http://x/abcdefgh\n", "SLACK_BOT_TOKEN": " "})
    assert slack.webhook_url is not None
    assert slack.webhook_url.reveal() == "http://x/abcdefgh"
    assert slack.bot_token is None


@pytest.mark.parametrize(
    ("env", "channel", "destination"),
    [
        ({}, "#a", None),
        ({"SLACK_WEBHOOK_URL": "http://x"}, "#a", "(webhook)"),
        ({"SLACK_BOT_TOKEN": "t"}, "#a", "#a"),
        ({"SLACK_BOT_TOKEN": "t"}, None, None),
        ({"SLACK_BOT_TOKEN": "t", "SLACK_CHANNEL": "#b"}, None, "#b"),
        ({"SLACK_BOT_TOKEN": "t", "SLACK_CHANNEL": "#b"}, "#a", "#a"),
        ({"SLACK_BOT_TOKEN": "t", "SLACK_WEBHOOK_URL": "http://x"}, "#a", "#a"),
        ({"SLACK_BOT_TOKEN": "t", "SLACK_WEBHOOK_URL": "http://x"}, None, "(webhook)"),
    ],
)
def test_where_a_message_goes(env: dict[str, str], channel: str | None, destination: str | None) -> None:
    assert Slack.from_env(env).destination(channel) == destination
