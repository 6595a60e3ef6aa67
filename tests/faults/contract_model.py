"""What a contract promises for an event, in plain Python: a second opinion on the engine's SQL.

Written from the documents alone (docs/contracts.md and the rule that typing is lossless or a reject). It uses
`json`, `decimal`, `datetime` and `zoneinfo`, and nothing of Penstock.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import threading
import unicodedata
import uuid
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from tests.patience import PATIENCE

LARGEST = 8 * 1024 * 1024
DEEPEST = 128
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})0*)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_INTEGERS = {"BIGINT": 63, "INTEGER": 31}
_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
}

Reason = tuple[str | None, str]
DUPLICATE: Reason = (None, "duplicateKey")


class Number(str):
    """A JSON number as it was written."""


class _Broken(Exception):
    """The field's value breaks this rule."""


@dataclass(frozen=True)
class Verdict:
    """`values` and `unknown` of an event that lands; `reasons` of one that does not."""

    values: dict[str, Any] | None
    unknown: dict[str, Any] | None
    reasons: frozenset[Reason]


class ContractModel:
    """The rules of one contract, read from its YAML."""

    def __init__(self, contract: str) -> None:
        self.fields: list[dict[str, Any]] = yaml.safe_load(contract)["schema"][0]["properties"]

    def check(self, value: bytes | None) -> Verdict:
        parsed, repeats, rule = read_event(value)
        if rule is not None:
            return _rejected({(None, rule)})
        keys = {_key(field) for field in self.fields}
        values: dict[str, Any] = {}
        reasons: set[Reason] = {DUPLICATE} if repeats else set()
        for field in self.fields:
            name, found = field["name"], parsed.get(_key(field))
            values[name] = None
            if found is None:
                if field.get("required"):
                    reasons.add((name, "required"))
                continue
            try:
                values[name] = _typed(field, found)
            except _Broken as broken:
                reasons.add((name, str(broken)))
            else:
                reasons |= {(name, broken) for broken in _broken_rules(field, values[name])}
        if reasons:
            return _rejected(reasons)
        unknown = {key: item for key, item in parsed.items() if key not in keys}
        return Verdict(values, unknown or None, frozenset())


def _key(field: dict[str, Any]) -> str:
    return str(field.get("physicalName", field["name"]))


def _rejected(reasons: set[Reason]) -> Verdict:
    return Verdict(None, None, frozenset(reasons))


def difference(verdict: Verdict, row: dict[str, Any] | None, reject: dict[str, Any] | None) -> str | None:
    """What the engine did otherwise than the documents say; None where they agree. `reject`: its reasons."""
    if verdict.values is None:
        if reject is None:
            return f"should be rejected for {set(verdict.reasons)}, landed as {row}"
        reasons = {(one["field"], one["rule"]) for one in reject["reasons"]}
        # Which of two values a repeated key means nobody can say, so no more is asked of its reasons.
        agree = DUPLICATE in reasons if DUPLICATE in verdict.reasons else reasons == verdict.reasons
        return (
            None if agree else f"reasons {sorted(verdict.reasons, key=str)}, told {sorted(reasons, key=str)}"
        )
    if row is None:
        assert reject is not None
        return f"should land, rejected for {reject['reasons']}"
    wrong = {
        name: (value, row[name])
        for name, value in verdict.values.items()
        if row[name] != (str(value) if isinstance(row[name], str) else value)  # of a UUID either is given
    }
    unknown = None if row["_unknown"] is None else read_json(row["_unknown"])
    if unknown != verdict.unknown:
        wrong["_unknown"] = (verdict.unknown, unknown)
    return f"(sent, landed): {wrong}" if wrong else None


def read_event(value: bytes | None) -> tuple[dict[str, Any], bool, str | None]:
    """The event's object, whether a key stands twice in one object, and why it cannot be read at all."""
    if value is None:
        return {}, False, "tombstone"
    if not value:
        return {}, False, "empty"
    if len(value) > LARGEST:
        return {}, False, "size"
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return {}, False, "utf8"
    repeated: list[str] = []
    try:
        parsed = read_json(text, repeated)
    except ValueError:
        return {}, False, "json"
    if _depth(text) > DEEPEST:
        return {}, False, "depth"
    if not isinstance(parsed, dict):
        return {}, False, "null" if parsed is None else "object"
    return parsed, bool(repeated), None


def read_json(text: str, repeated: list[str] | None = None) -> Any:
    """JSON as RFC 8259 has it, numbers as they were written. Raises ValueError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs) and repeated is not None:
            repeated.append("")
        return made

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    parsed = json.loads(
        text, object_pairs_hook=unique, parse_constant=refuse, parse_int=Number, parse_float=Number
    )
    for string in _STRING.findall(text) if "\\u" in text else ():
        json.loads(string).encode()  # half a surrogate pair is no text
    return parsed


def with_deep_stack(work: Callable[[], Any]) -> Any:
    """Run `work` where `json` may go 10 000 deep."""
    result: list[Any] = []
    limit, size = sys.getrecursionlimit(), threading.stack_size(512 * 1024 * 1024)
    sys.setrecursionlimit(100_000)
    try:
        thread = threading.Thread(target=lambda: result.append(work()))
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    return result[0]


def _depth(text: str) -> int:
    deepest = depth = 0
    for letter in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if letter in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _typed(field: dict[str, Any], found: Any) -> Any:
    kind = field["logicalType"]
    if kind == "boolean":
        return _of(bool, found)
    if kind in ("integer", "number"):
        number = str(_of(Number, found))
        return _integer(field, number) if kind == "integer" else _decimal(field, number)
    if isinstance(found, Number):
        raise _Broken("type")
    text = _of(str, found)
    if field.get("physicalType") == "UUID":
        return _uuid(text)
    if kind == "date":
        return _date(text)
    return _instant(field, text) if kind == "timestamp" else text


def _of(kind: type, found: Any) -> Any:
    if not isinstance(found, kind):
        raise _Broken("type")
    return found


def _integer(field: dict[str, Any], number: str) -> int:
    if not re.fullmatch("-?[0-9]+", number):
        raise _Broken("type")
    bound = 2 ** _INTEGERS[field.get("physicalType", "BIGINT")]
    if len(number) > 40 or not -bound <= int(number) < bound:
        raise _Broken("overflow")
    return int(number)


def _decimal(field: dict[str, Any], number: str) -> Decimal:
    precision, scale = (int(digits) for digits in re.findall("[0-9]+", field["physicalType"]))
    match = _NUMBER.fullmatch(number)
    assert match is not None, number
    sign, whole, fraction, exponent = (part or "" for part in match.groups())
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return Decimal(0)
    point = int(exponent or 0) - len(fraction) + len(digits)  # digits before the point; below 0: zeros after
    digits = digits.rstrip("0")
    if point > precision - scale:
        raise _Broken("overflow")
    if len(digits) - point > scale:
        raise _Broken("scale")
    return Decimal((bool(sign), tuple(int(digit) for digit in digits), point - len(digits)))


def _uuid(text: str) -> uuid.UUID:
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise _Broken("uuid")
    return uuid.UUID(text)


def _date(text: str) -> dt.date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise _Broken("date")
    try:
        return dt.date(*(int(part) for part in text.split("-")))
    except ValueError:
        raise _Broken("date") from None


def _instant(field: dict[str, Any], text: str) -> dt.datetime:
    match = _TIME.fullmatch(text)
    zone = field.get("logicalTypeOptions", {}).get("defaultTimezone")
    if match is None or (match[8] is None and zone is None):
        raise _Broken("timestamp")
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        microsecond = int((match[7] or "").ljust(6, "0"))
        local = dt.datetime(year, month, day, hour, minute, second, microsecond, tzinfo=dt.UTC)
        if match[8] is None:
            return _in_zone(local, zone)
        if match[8] in "Zz":
            return local
        hours, minutes = int(match[8][1:3]), int(match[8][4:])
        if hours > 23 or minutes > 59:
            raise _Broken("timestamp")
        ahead = dt.timedelta(hours=hours, minutes=minutes) * (1 if match[8][0] == "+" else -1)
        return local - ahead
    except (ValueError, OverflowError):
        raise _Broken("timestamp") from None


def _in_zone(local: dt.datetime, zone: str) -> dt.datetime:
    """An hour that the clocks skip or repeat is no one instant."""
    first, second = (
        local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).astimezone(dt.UTC) for fold in (0, 1)
    )
    if first != second:
        raise _Broken("timestamp")
    return first


def _broken_rules(field: dict[str, Any], value: Any) -> Iterator[str]:
    options = field.get("logicalTypeOptions", {})
    for rule, keeps in _BOUNDS.items():
        if rule in options and not keeps(value, Decimal(str(options[rule]))):
            yield rule
    if len(value) < options["minLength"] if "minLength" in options else False:
        yield "minLength"
    if len(value) > options["maxLength"] if "maxLength" in options else False:
        yield "maxLength"
    # RE2's $ is the very end of the text, which Python writes \Z
    if "pattern" in options and not re.search(options["pattern"].replace("$", r"\Z"), value):
        yield "pattern"
    for check in field.get("quality", []):
        if value not in check["arguments"]["validValues"]:
            yield "enum"
    must_speak = field.get("required") and field["logicalType"] == "string" and "quality" not in field
    if must_speak and field.get("physicalType") != "UUID" and "minLength" not in options and _is_blank(value):
        yield "blank"


def _is_blank(text: str) -> bool:
    """Nothing of it can be seen: white space of any script, and what only steers."""
    return all(
        letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf", "Zs", "Zl", "Zp") for letter in text
    )
