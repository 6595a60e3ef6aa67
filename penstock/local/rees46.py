"""A real file in the REES46 layout (CSV, plain or gzip): each row becomes the event that it describes.

Nothing is mended: a row that lacks a field becomes an event that lacks it, and ingest will say so.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from penstock.core.errors import PenstockError
from penstock.local.sample import Batch, Message, Sample

COLUMNS = [
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id",
    "user_session",
]  # fmt: skip
_MAY_BE_EMPTY = {"category_code", "brand"}
_NUMBERS = {"product_id", "category_id", "price", "user_id"}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")  # what JSON takes as a number, without exponent
_UTC = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) UTC")
_BATCH = 10_000  # rows


def rees46_sample(path: Path) -> Sample:
    """The rows of `path`, in file order, keyed by `user_id`. Raises PenstockError where the file is missing
    or has other columns; a file that ends in the middle raises it while its batches are walked."""
    _check(path)
    return Sample(f"the rows of {path}", _batches(path))


def event_of_row(file_name: str, row_number: int, cells: list[str]) -> Message:
    """Key and JSON value of one row; `row_number` counts data rows from 1.

    Times become RFC 3339 and numbers JSON numbers with the file's own digits. An empty `category_code` or
    `brand` is null; any other empty or missing cell is left out.
    """
    fields = [("event_id", json.dumps(f"{file_name}:{row_number}", ensure_ascii=False))]
    for name, cell in zip(COLUMNS, cells, strict=False):  # a row that was cut off has fewer cells
        if cell:
            fields.append((name, _json_of(name, cell)))
        elif name in _MAY_BE_EMPTY:
            fields.append((name, "null"))
    user_id = cells[COLUMNS.index("user_id")] if len(cells) > COLUMNS.index("user_id") else ""
    value = "{" + ",".join(f'"{name}":{text}' for name, text in fields) + "}"
    return _bytes(user_id) or None, _bytes(value)


def _json_of(name: str, cell: str) -> str:
    if name in _NUMBERS and _NUMBER.fullmatch(cell):
        return cell
    if name == "event_time" and (time := _UTC.fullmatch(cell)):
        return f'"{time[1]}T{time[2]}Z"'
    return json.dumps(cell, ensure_ascii=False)


def _batches(path: Path) -> Iterator[Batch]:
    messages: list[Message] = []
    size = max(path.stat().st_size, 1)
    row_number = 0
    try:
        with path.open("rb") as file, _text(path, file) as text:
            rows = csv.reader(text)
            next(rows)
            for row_number, cells in enumerate(rows, start=1):
                if len(cells) > len(COLUMNS):
                    raise PenstockError(
                        f"{path}: data row {row_number} has {len(cells)} cells, not {len(COLUMNS)}"
                    )
                messages.append(event_of_row(path.name, row_number, cells))
                if len(messages) == _BATCH:
                    yield Batch(messages, file.tell() / size)
                    messages = []
    except (OSError, EOFError, zlib.error, csv.Error) as exc:
        raise PenstockError(f"{path}: cannot be read after data row {row_number}: {exc}") from exc
    yield Batch(messages, 1.0)


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file, _text(path, file) as text:
            header = next(csv.reader(text), [])
    except (OSError, EOFError, zlib.error, csv.Error) as exc:
        reason = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        raise PenstockError(
            f"{path}: cannot be read: {reason}", fix="EVENTS= takes a .csv or .csv.gz file"
        ) from exc
    if header != COLUMNS:
        raise PenstockError(
            f"{path}: its columns are {','.join(header)[:300] or 'none'}",
            fix=f"a file in the REES46 layout has: {','.join(COLUMNS)}",
        )


def _text(path: Path, file: BinaryIO) -> TextIO:
    # surrogateescape carries bytes that are no UTF-8 through to the message as they are
    opened: BinaryIO = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file  # type: ignore[assignment]
    return io.TextIOWrapper(opened, encoding="utf-8", errors="surrogateescape", newline="")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
