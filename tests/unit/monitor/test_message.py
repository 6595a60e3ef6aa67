from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from penstock.core.error_data import ErrorData
from penstock.monitor.message import Failure, escaped, failure_message, readable, slack_payload

AT = dt.datetime(2026, 11, 23, 18, 5, 9, tzinfo=dt.UTC)


def failure(**changed: Any) -> Failure:
    facts: dict[str, Any] = {
        "pipeline": "shop", "stage": "validate", "run_id": "scheduled__1", "environment": "prod", "at": AT,
        "owner": "shop-team", "error": ErrorData("GateRefused", "orders.id: 3 nulls", fix="see the rejects"),
        "served": "BI still serves version 7, complete until 2026-11-23 17:00:00 UTC.",
        "log_url": "http://airflow/log?a=1&b=2",
    }  # fmt: skip
    return Failure(**(facts | changed))


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_the_message_says_all_that_a_person_needs_in_text_and_in_blocks() -> None:
    message = failure_message(failure(docs="/data/docs/index.html"))
    assert message.text.splitlines() == [
        "shop: validate failed",
        "What broke: orders.id: 3 nulls",
        "Fix: see the rejects",
        "BI still serves version 7, complete until 2026-11-23 17:00:00 UTC.",
        "Owner: shop-team",
        "Environment: prod",
        "Run: scheduled__1",
        "Failed at: 2026-11-23 18:05:09 UTC",
        "Airflow log: http://airflow/log?a=1&b=2",
        "Data Docs: /data/docs/index.html",
    ]
    in_blocks = "\n".join(strings(message.blocks))
    for said in (
        "shop: validate failed",
        "orders.id: 3 nulls",
        "see the rejects",
        "version 7",
        "shop-team",
        "prod",
    ):
        assert said in in_blocks
    assert "<http://airflow/log?a=1&amp;b=2|Airflow log>" in in_blocks
    assert "Data Docs: /data/docs/index.html" in in_blocks


def test_no_fix_no_links_then_none_are_shown() -> None:
    message = failure_message(failure(error=ErrorData("Text", "boom"), log_url=""))
    assert "Fix" not in message.text
    assert "Airflow log" not in json.dumps(message.blocks)


def test_a_failure_without_a_word_says_so() -> None:
    message = failure_message(failure(error=ErrorData("Text", "")))
    assert "What broke: no error was given: see the log" in message.text


def test_foreign_text_can_neither_mention_nor_link() -> None:
    evil = ErrorData("Text", "<!channel> & <http://evil|click>")
    message = failure_message(
        failure(error=evil, pipeline="<!here>", owner="<@U1>", log_url="javascript:<x>")
    )
    body = slack_payload(message.text, message.blocks, repeat=False)
    assert all("<" not in text and ">" not in text for text in strings(body))
    assert "&lt;!channel&gt; &amp; &lt;http://evil|click&gt;" in body["text"]


def test_a_link_cannot_be_broken_out_of() -> None:
    blocks = failure_message(failure(log_url="http://a/|x>*<!channel>")).blocks
    assert "<http://a/%7Cx%3E*%3C!channel%3E|Airflow log>" in strings(blocks)


@pytest.mark.parametrize("character", ["x", "&", "é"])
def test_over_long_texts_are_cut_within_slacks_limits_and_say_so(character: str) -> None:
    long = character * 50_000
    message = failure_message(
        failure(
            error=ErrorData("Text", long, fix=long),
            owner=long,
            served=long,
            log_url="http://a/" + long,
            docs=long,
        )
    )
    body = slack_payload(message.text, message.blocks, repeat=True)
    assert len(body["text"]) < 40_000
    for block in body["blocks"]:
        limit = 2000 if "fields" in block else 3000
        assert all(len(text) <= limit for text in strings(block))
    assert "… (cut: " in body["text"]
    cut = int(message.text.split("What broke: ")[1].split("(cut: ")[1].split(" ")[0])
    assert cut + message.text.split("What broke: ")[1].split(" …")[0].count(character) == 50_000


def test_what_slack_and_sqlite_cannot_take_is_made_readable() -> None:
    assert readable("a\x00b\x1b[1;31mc\x1b[0m\udcffd\te\r\nf") == "abc?d\te\n\nf"


def test_a_repeat_says_first_that_it_may_be_one_and_a_first_try_does_not() -> None:
    message = failure_message(failure())
    first = slack_payload(message.text, message.blocks, repeat=False)
    again = slack_payload(message.text, message.blocks, repeat=True)
    assert "repeat" not in json.dumps(first)
    assert again["text"].startswith("This may be a repeat")
    assert "This may be a repeat" in strings(again["blocks"][0])[2]
    assert again["blocks"][1:] == first["blocks"]


def test_escaping_is_slacks() -> None:
    assert escaped("a & b < c > d &amp;") == "a &amp; b &lt; c &gt; d &amp;amp;"
