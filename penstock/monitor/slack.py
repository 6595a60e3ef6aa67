"""Slack, as an incoming webhook or through a bot token: one message sent once, and what came of it."""

from __future__ import annotations

import http.client
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.error import URLError

from penstock.monitor.secret import Secret, scrub

_SOCKET_TIMEOUT = 5  # seconds, for connecting and for each read
_LONGEST_ERROR = 300
_WEBHOOK = "(webhook)"  # no channel is called so
# Slack names these when the message itself is at fault: sending it again can never succeed.
_MESSAGE_AT_FAULT = {
    "invalid_payload", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long",
    "no_text", "too_many_attachments",
}  # fmt: skip
# With these, Slack says itself, it may have posted the message all the same.
_UNCLEAR = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}


@dataclass(frozen=True)
class Answer:
    """What came of one attempt.

    - taken: Slack has it. `receipt` names channel and ts, where Slack returned them (a bot token only).
    - kept: not taken now; try again, after `retry_after` seconds where Slack asked for that. `unclear`
      means that Slack may have taken it all the same.
    - refused: Slack will never take this message.
    """

    kind: Literal["taken", "kept", "refused"]
    error: str = ""
    retry_after: float | None = None
    unclear: bool = False
    receipt: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slack:
    """How to reach Slack. A bot token with a channel goes before a webhook: it can name channels."""

    webhook_url: Secret | None = None
    bot_token: Secret | None = None
    default_channel: str | None = None
    api_url: str = "https://slack.com/api/"

    @staticmethod
    def from_env(env: Mapping[str, str] = os.environ) -> Slack:
        """Read `SLACK_WEBHOOK_URL`, `SLACK_BOT_TOKEN`, `SLACK_CHANNEL` (for pipelines that name none) and
        `SLACK_API_URL` (Slack's Web API, or what stands in for it)."""

        def secret(name: str) -> Secret | None:
            value = env.get(name, "").strip()
            return Secret(value) if value else None

        return Slack(
            webhook_url=secret("SLACK_WEBHOOK_URL"),
            bot_token=secret("SLACK_BOT_TOKEN"),
            default_channel=env.get("SLACK_CHANNEL", "").strip() or None,
            api_url=env.get("SLACK_API_URL", "").strip() or "https://slack.com/api/",
        )

    def destination(self, channel: str | None) -> str | None:
        """Where a message for `channel` (a pipeline's; None where it names none) goes: its channel, or
        `(webhook)` (Slack knows its channel), or None: nothing is configured."""
        if self.bot_token is not None and (channel or self.default_channel):
            return channel or self.default_channel
        return _WEBHOOK if self.webhook_url is not None else None

    @property
    def what_is_missing(self) -> str:
        """For people: what to set, where `destination` is None."""
        if self.bot_token is not None:
            return "SLACK_BOT_TOKEN is set, but no channel: name one in the pipeline, or set SLACK_CHANNEL"
        return "set SLACK_WEBHOOK_URL, or SLACK_BOT_TOKEN and a channel"

    def scrubbed(self, text: str) -> str:
        """`text` without any of these secrets."""
        return scrub(text, [secret for secret in (self.webhook_url, self.bot_token) if secret])

    def send(self, payload: dict[str, Any], destination: str, *, within: float) -> Answer:
        """Post `payload` once, in at most `within` seconds, whatever Slack, a proxy or a name server does.

        Never raises for what happens out there; no error text holds a secret.
        """
        answers: list[Answer] = []
        post = self._post_to_webhook if destination == _WEBHOOK else self._post_as_bot
        # A socket's timeout bounds each read, not the whole, and no name look-up. A thread that is left
        # behind ends with the process; it may still be heard by Slack, hence `unclear`.
        thread = threading.Thread(target=lambda: answers.append(self._try(post, payload, destination)))
        thread.daemon = True
        thread.start()
        thread.join(within)
        return answers[0] if answers else Answer("kept", f"no answer within {within:.1f} s", unclear=True)

    def _try(
        self, post: Callable[[dict[str, Any], str], Answer], payload: dict[str, Any], destination: str
    ) -> Answer:
        try:
            return post(payload, destination)
        except (
            Exception
        ) as exc:  # whatever a broken network or answer makes a library raise: reported, and the message kept
            reason = exc.reason if isinstance(exc, URLError) else exc
            error = self._one_line(f"{type(reason).__name__}: {reason}")
            return Answer("kept", error, unclear=not _was_never_sent(exc))

    def _post_to_webhook(self, payload: dict[str, Any], _destination: str) -> Answer:
        from slack_sdk.webhook import WebhookClient

        assert self.webhook_url is not None
        client = WebhookClient(
            self.webhook_url.reveal(), timeout=_SOCKET_TIMEOUT, logger=_silent(), retry_handlers=[]
        )
        client.proxy = None  # urllib knows the proxy variables, too, and honours NO_PROXY besides
        response = client.send_dict(body={**payload, "unfurl_links": False})
        said = response.body.strip()
        if response.status_code == 200 and said == "ok":
            return Answer("taken")
        return self._not_taken(response.status_code, said, dict(response.headers))

    def _post_as_bot(self, payload: dict[str, Any], destination: str) -> Answer:
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError

        assert self.bot_token is not None
        client = WebClient(
            self.bot_token.reveal(),
            base_url=self.api_url.rstrip("/") + "/",
            timeout=_SOCKET_TIMEOUT,
            logger=_silent(),
            retry_handlers=[],
        )
        client.proxy = None
        try:
            response = client.chat_postMessage(channel=destination, unfurl_links=False, **payload)
        except SlackApiError as exc:
            error = str(exc.response.get("error") or "no error was named")
            return self._not_taken(exc.response.status_code, error, dict(exc.response.headers))
        return Answer("taken", receipt={"channel": str(response["channel"]), "ts": str(response["ts"])})

    def _not_taken(self, status: int, said: str, headers: Mapping[str, str]) -> Answer:
        error = self._one_line(f"Slack answered {status}: {said}")
        if said in _MESSAGE_AT_FAULT:
            return Answer("refused", error)
        if status == 429 or said in ("ratelimited", "rate_limited"):
            return Answer("kept", error, retry_after=_retry_after(headers))
        # A 200 that is not Slack's "ok" came from something between: who knows what became of the message.
        named = said.replace("_", "").isalnum() and said not in _UNCLEAR
        return Answer("kept", error, unclear=status >= 500 or (status == 200 and not named))

    def _one_line(self, text: str) -> str:
        return " ".join(self.scrubbed(text).split())[:_LONGEST_ERROR]


def _was_never_sent(exc: Exception) -> bool:
    """Whether the request surely reached nobody: no connection came about, or none was tried."""
    from slack_sdk.errors import SlackRequestError

    if isinstance(exc, URLError):  # urllib's word for what happens before it waits for an answer
        return not isinstance(exc.reason, ConnectionResetError | BrokenPipeError)
    return isinstance(exc, SlackRequestError | http.client.InvalidURL)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that Slack asks us to wait; a minute where it does not say, a day at most."""
    value = {name.lower(): text for name, text in headers.items()}.get("retry-after", "").strip()
    return float(min(max(int(value), 1), 86_400)) if value.isdecimal() else 60.0


def _silent() -> logging.Logger:
    """slack_sdk logs addresses and bodies, errors with the webhook's path among them: not here."""
    logger = logging.Logger("penstock.slack", level=logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger
