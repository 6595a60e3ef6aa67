"""The machine and what all stages share: room on the disk, and messages that nobody has taken."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from penstock.core.settings import Settings
from penstock.doctor.finding import HELD_WAIT, Finding

_GIB = 2**30
_FOLDERS = ("landing", "warehouse", "marts", "dbt", "verdicts", "docs", "locks")
_PLACE = "run as the user who may, give this one the right, or choose another folder (PENSTOCK_DATA)"
_LEAST_FREE, _LEAST_SHARE = 1 * _GIB, 0.05


def disk_findings(settings: Settings) -> Iterator[Finding]:
    """Room on the disk of the data folder, or of where it would be made, and the right to write there."""
    folder = settings.data
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    yield room(str(settings.data), total=usage.total, free=usage.free)
    yield from _refused(settings, folder)


def _refused(settings: Settings, nearest: Path) -> Iterator[Finding]:
    """Folders in which this user may not write. `nearest`: the data folder, or where it would be made."""
    for folder in (nearest, *(settings.data / name for name in _FOLDERS)):
        if folder.exists() and not folder.is_dir():
            yield Finding("error", str(folder), "is a file where a folder must be", "move it away")
        elif folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            problem = f"this user (uid {os.geteuid()}) may not write in it, so no stage can run"
            yield Finding("error", str(folder), problem, _PLACE)


def room(where: str, *, total: int, free: int) -> Finding:
    """What so many free bytes of so many mean: less than 1 GiB, or less than 5 %, is an error."""
    room = f"{free / _GIB:.1f} GiB of {total / _GIB:.1f} GiB are free"
    if free < _LEAST_FREE or free < total * _LEAST_SHARE:
        return Finding(
            "error", where, f"the disk is nearly full: {room}",
            "make room, or move the data folder to a larger disk (PENSTOCK_DATA)",
        )  # fmt: skip
    return Finding("info", where, room)


def outbox_findings(settings: Settings) -> Iterator[Finding]:
    """Messages to people that did not arrive."""
    file = settings.outbox_file
    if not file.exists():
        return
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=HELD_WAIT)) as outbox:
        counts = dict(outbox.execute("select state, count(*) from messages group by state").fetchall())
        oldest = outbox.execute(
            "select created_at, last_error from messages where state = 'pending' order by id limit 1"
        ).fetchone()
    if oldest:
        since, why = oldest
        yield Finding(
            "warning", str(file),
            f"{counts['pending']} pending messages, the oldest since {since}{f': {why}' if why else ''}",
            "mend what keeps Slack from taking them, then run `penstock monitor deliver`",
        )  # fmt: skip
    if refused := counts.get("refused"):
        yield Finding(
            "warning", str(file), f"{refused} messages that Slack will never take",
            "read them with `penstock monitor ls`, and correct the channel or the token",
        )  # fmt: skip
    if unsent := counts.get("unsent"):
        yield Finding(
            "info", str(file), f"{unsent} messages were only logged: Slack is not configured",
            "set SLACK_WEBHOOK_URL, or SLACK_BOT_TOKEN and SLACK_CHANNEL",
        )  # fmt: skip
