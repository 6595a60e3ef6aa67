"""What a failure's message says: pure functions from facts to text and Slack blocks."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penstock.core.error_data import ErrorData

Blocks = list[dict[str, Any]]

# Slack refuses a block's text above 3000 characters, a field above 2000, a message's text above 40 000.
_LONG, _SHORT = 2500, 300
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# Control characters of both sets, other line ends than \n, and what turns the direction of reading.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NO_MESSAGE = "no error was given: see the log"
_REPEAT = "This may be a repeat: an earlier attempt to post it ended without a clear answer."


@dataclass(frozen=True)
class Failure:
    """What is known of a failed stage, each a sentence or a name, ready to be read."""

    pipeline: str
    stage: str
    run_id: str
    environment: str
    at: dt.datetime  # UTC; a message kept during an outage arrives later
    owner: str
    error: ErrorData
    served: str  # what BI still serves, one sentence
    log_url: str = ""
    docs: str = ""  # address or path of the Data Docs page
    docs_label: str = "Data Docs"


@dataclass(frozen=True)
class Message:
    """A message: `text` is plain (for logs, notifications and search), `blocks` are Slack's Block Kit."""

    text: str
    blocks: Blocks


@dataclass(frozen=True)
class Notice:
    """Something that people should hear of, and that is no failure: what is said of it, by label."""

    title: str
    said: dict[str, str]
    facts: dict[str, str]


def failure_message(failure: Failure) -> Message:
    """The message of a failure, within Slack's limits: what was cut says so."""
    facts = {
        "Owner": failure.owner,
        "Environment": failure.environment,
        "Run": failure.run_id,
        "Failed at": f"{failure.at:%Y-%m-%d %H:%M:%S} UTC",
    }
    said = {"What broke": failure.error.message or _NO_MESSAGE, "Fix": failure.error.fix or ""}
    links = {"Airflow log": failure.log_url, failure.docs_label: failure.docs}
    title = f"{failure.pipeline}: {failure.stage} failed"
    return _message(":rotating_light:", title, said, failure.served, facts, links)


def notice_message(notice: Notice, scrubbed: Callable[[str], str]) -> Message:
    """The message of a notice, each text freed of secrets by `scrubbed`, within Slack's limits."""

    def clean(texts: dict[str, str]) -> dict[str, str]:
        return {label: scrubbed(readable(text)) for label, text in texts.items()}

    title = scrubbed(readable(notice.title))
    return _message(":warning:", title, clean(notice.said), "", clean(notice.facts), {})


def _message(
    icon: str, title: str, said: dict[str, str], sentence: str, facts: dict[str, str], links: dict[str, str]
) -> Message:
    """What is empty is left out."""
    title, sentence = _cut(title, _SHORT), _cut(sentence, _LONG)
    said = {label: _cut(value, _LONG) for label, value in said.items() if value}
    facts = {label: _cut(value, _SHORT) for label, value in facts.items()}
    links = {label: target for label, target in links.items() if target}

    lines = [title, *(f"{label}: {value}" for label, value in said.items()), *filter(None, [sentence])]
    lines += [f"{label}: {value}" for label, value in facts.items()]
    lines += [f"{label}: {_cut(target, _LONG)}" for label, target in links.items()]
    blocks: Blocks = [_section(f"{icon} *{escaped(title)}*")]
    blocks += [_section(f"*{label}:* {escaped(value)}") for label, value in said.items()]
    blocks += [_section(escaped(sentence))] if sentence else []
    fields = [_markdown(f"*{label}:* {escaped(value)}") for label, value in facts.items()]
    blocks.append({"type": "section", "fields": fields})
    blocks += [_section(_link(label, target)) for label, target in links.items()]
    return Message("\n".join(lines), blocks)


def readable(text: str) -> str:
    """`text` without colour codes, control characters and half characters, which neither SQLite nor Slack
    takes. Line ends and tabs stay."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("", _ANSI.sub("", text).replace("\r", "\n"))


def escaped(text: str) -> str:
    """`text` with Slack's three control characters escaped, so that it can neither link nor mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_payload(text: str, blocks: Blocks, *, repeat: bool) -> dict[str, Any]:
    """The body that Slack gets. A repeat says at its top that it may be one."""
    if repeat:
        text = f"{_REPEAT}\n{text}"
        blocks = [{"type": "context", "elements": [_markdown(_REPEAT)]}, *blocks]
    return {"text": escaped(text), "blocks": blocks}


def _cut(text: str, limit: int) -> str:
    """`text` so that its escaped form has at most `limit` characters; says how much is missing."""
    if len(escaped(text)) <= limit:
        return text
    room = limit - len(f" … (cut: {len(text)} more characters)")
    size = 0
    for kept, character in enumerate(text):
        size += len(escaped(character))
        if size > room:
            return f"{text[:kept]} … (cut: {len(text) - kept} more characters)"
    return text


def _link(label: str, target: str) -> str:
    """A link where `target` is a web address; else the target as text (a path on the machine)."""
    address = escaped(target.replace("<", "%3C").replace(">", "%3E").replace("|", "%7C"))
    if re.match(r"https?://\S+$", target) and len(address) <= _LONG:
        return f"<{address}|{escaped(label)}>"
    return f"{escaped(label)}: {escaped(_cut(target, _LONG))}"


def _section(markdown: str) -> dict[str, Any]:
    return {"type": "section", "text": _markdown(markdown)}


def _markdown(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # verbatim: foreign text makes no links
