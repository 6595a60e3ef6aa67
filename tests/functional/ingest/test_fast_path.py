"""The fast path reads events as the contract's SQL reads them, to the letter, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka.consumer.fetcher import Fetcher

import penstock
from tests.functional.ingest.things import CONTRACT, GOOD, Checker
from tests.patience import PATIENCE

FULL = {
    "thing_id": '"t"', "number": "1", "small": "-7", "amount": "12.5", "share": "0.00001",
    "large": "1234567890123456.78",
    "happened": '"2024-02-29T23:59:59.123Z"', "day": '"2024-02-29"', "flag": "true", "code": '"abc"',
    "kind": '"a"', "local": '"2024-07-01T12:00:00"', "visit": '"72d76fde-8bb3-4e00-8c23-a032dfed738c"',
    "visitorId": "123456789012345678", "island": '"2024-04-07T02:00:00"',
    "the_visit_that_led_to_this_one": '"72d76fde-8bb3-4e00-8c23-a032dfed738c"',
    "a_name_so_long_that_its_key_cannot_be_read_with_one_head_of_it": '"long"',
}  # fmt: skip


ORDERS = [list(FULL), list(FULL)[::-1], sorted(FULL)]


def event(tokens: dict[str, str], *, space: str = "") -> bytes:
    pairs = (f"{json.dumps(name)}:{space}{token}" for name, token in tokens.items())
    return ("{" + f",{space}".join(pairs) + "}").encode()


@pytest.mark.parametrize("space", ["", " "])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"number": "0"},
        {"number": "-123456789012345678"},
        {"number": "999999999999999999"},
        {"amount": "0"},
        {"amount": "9999999999.99"},
        {"amount": "1.5"},
        {"large": "-1234567890123456"},
        {"large": "123456789012345.6"},
        {"share": "-0.99999"},
        {"happened": '"0001-01-01T00:00:00Z"'},
        {"happened": '"9999-12-31 23:59:59.999999z"'},
        {"happened": '"2024-01-01t12:00:00.5+05:30"'},
        {"happened": '"2024-01-01T12:00:00-14:00"'},
        {"local": '"2024-07-01T12:00:00.000001"'},
        {"local": '"2024-07-01T12:00:00+02:00"'},
        {"day": '"0001-01-01"'},
        {"day": '"9999-12-31"'},
        {"flag": "false"},
        {"visit": '"72D76FDE-8BB3-4E00-8C23-A032DFED738C"'},
        {list(FULL)[-1]: '""'},
        {"thing_id": '"twelve bytes"'},
        {"thing_id": '"more than twelve bytes"'},
        {"thing_id": json.dumps("{\u00e9, \u5c71: 😀}", ensure_ascii=False)},
        {name: "null" for name in FULL if name not in GOOD},
    ],
    ids=str,
)
def test_an_event_as_producers_write_them_takes_the_fast_path(
    checker: Checker, changed: dict[str, str], space: str
) -> None:
    rows = checker(*[event(FULL | changed, space=space)] * 3, event(FULL, space=space))
    assert [row["reasons"] for row in rows] == [None] * 4
    assert checker.fast == {0, 1, 2, 3}


@pytest.mark.parametrize(("name", "shortest"), [("thing_id", 1), (list(FULL)[-1], 0)])
def test_strings_of_all_lengths_take_the_fast_path(checker: Checker, name: str, shortest: int) -> None:
    lengths = [*range(shortest, 130), *range(440, 710), 5_000, 40_000]
    checker(*[event(FULL | {name: json.dumps("x" * length)}) for length in lengths])
    assert checker.fast == set(range(len(lengths)))


@pytest.mark.parametrize("count", [1, 10, 1000])
def test_single_records_take_the_fast_path_as_whole_batches_do(checker: Checker, count: int) -> None:
    values = [event(FULL | {"number": str(n)}) for n in range(count)]
    rows = checker(*values, None, b"{}", reader=Fetcher.PartitionRecords)
    assert checker.fast == set(range(count))
    assert rows == checker(*values, None, b"{}")


@pytest.mark.parametrize(
    "value",
    [
        b" \r\n\t" + event(FULL) + b"\n ",
        json.dumps({name: json.loads(token) for name, token in FULL.items()}, indent=2).encode(),
        event(FULL | {"number": "9223372036854775807"}),
        event(FULL | {"number": "-9223372036854775808"}),
        event(FULL | {"amount": "1E3"}),
        event(FULL | {"amount": "1.5e+0"}),
        event(FULL | {"amount": "12500e-3"}),
        event(FULL | {"amount": "-0.0"}),
        event(FULL | {"amount": "12.500000000000"}),
        event(FULL | {"thing_id": r'"\u00e9\/\\\"\b\f\n\r\t\ud83d\uDE00 and more than twelve bytes"'}),
        event(FULL | {"thing_id": r'"short\n"'}),
        event(FULL | {"more": "1"}),
        event({"more": "1"} | FULL),
        event(
            FULL
            | {
                "more": '{"a": [1, 2.50, -0, 1E3, {}], "b": {"a": [[]]}, "é": "é"}',
                "and": r'"\/\u000b\u00e9"',
            }
        ),
        event(FULL | {f"key {n}": '{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}' for n in range(60)}),
    ],
    ids=repr,
)
def test_other_shapes_take_the_fast_path_too(checker: Checker, value: bytes) -> None:
    rows = checker(event(FULL), value, event(FULL))
    assert rows[1]["reasons"] is None
    assert checker.fast == {0, 1, 2}


def test_fields_that_need_not_be_there_may_be_missing(checker: Checker) -> None:
    values = [event({name: token for name, token in FULL.items() if name != left_out}) for left_out in FULL]
    checker(event(FULL), *values)
    required = {n for n, name in enumerate(FULL, start=1) if name in GOOD}
    assert checker.fast == set(range(len(values) + 1)) - required


def test_each_of_several_usual_orders_is_found(checker: Checker) -> None:
    values = [
        event({name: FULL[name] for name in ORDERS[n % 3]}, space=" " if n % 3 == 2 else "")
        for n in range(300)
    ]
    checker(*values)
    assert checker.fast == set(range(300))


@pytest.mark.parametrize(
    "value",
    [
        event(FULL)[:-1],
        event(FULL)[:-1] + b',"number":1}',
        event(FULL | {"more": '{"a": 1, "b": 2, "a": 3}'}),
        event(FULL | {"more": "[1,]"}),
        event(FULL | {"more": "[1 2]"}),
        event(FULL | {"more": '{"a" 1}'}),
        event(FULL | {"more": '{"a": 1,}'}),
        event(FULL | {"more": "01"}),
        event(FULL | {"more": "1."}),
        event(FULL | {"more": "+1"}),
        event(FULL | {"more": "NaN"}),
        event(FULL | {"more": "[}"}),
        event(FULL | {"more": r'"\x"'}),
        event(FULL | {"more": r'"\ud800"'}),
        event(FULL | {"more": r'"\ud800\u0041"'}),
        event(FULL | {"more": "[" * 129 + "]" * 129}),
        event(FULL).replace(b",", b",,", 1),
        event(FULL).replace(b":", b"", 1),
        event(FULL).replace(b'"t"', b'"\xff"'),
        event(FULL).replace(b'"t"', b'"\x1f"'),
        event(FULL).replace(b'"t"', b'"\xed\xa0\x80"'),
        event(FULL).replace(b'"t"', b'"\xc3\x1f"'),
        event(FULL).replace(b'"t"', b'"\xc3\xa9\x1f"'),
        event(FULL | {"number": "01"}),
        event(FULL | {"number": "-0"}),
        event(FULL | {"number": ""}),
        event(FULL | {"number": "-"}),
        event(FULL | {"small": "1001"}),
        event(FULL | {"small": "2147483648"}),
        event(FULL | {"amount": ".5"}),
        event(FULL | {"amount": "5."}),
        event(FULL | {"amount": "00.5"}),
        event(FULL | {"amount": "-0.01"}),
        event(FULL | {"amount": "10000000000"}),
        event(FULL | {"large": "123456789012345678"}),
        event(FULL | {"large": "12345678901234567"}),
        event(FULL | {"large": "12345678901234567.8"}),
        event(FULL | {"share": "1"}),
        event(FULL | {"happened": '"2024-02-30T00:00:00Z"'}),
        event(FULL | {"happened": '"2024-01-01T00:00:00"'}),
        event(FULL | {"happened": '"2024-01-01T24:00:00Z"'}),
        event(FULL | {"happened": '"2024-01-01T00:00:00.Z"'}),
        event(FULL | {"happened": '"2024-01-01T00:00:00.1234567Z"'}),
        event(FULL | {"happened": '"0001-01-01T00:00:00+01:00"'}),
        event(FULL | {"local": '"2024-03-31T02:30:00"'}),
        event(FULL | {"local": '"0001-01-01T00:00:00"'}),
        event(FULL | {"day": '"2023-02-29"'}),
        event(FULL | {"day": '"2024-00-10"'}),
        event(FULL | {"day": '"2024-13-10"'}),
        event(FULL | {"day": '"0000-01-01"'}),
        event(FULL | {"flag": '"true"'}),
        event(FULL | {"flag": "True"}),
        event(FULL | {"code": '"abcde"'}),
        event(FULL | {"code": '"1ab"'}),
        event(FULL | {"kind": '"c"'}),
        event(FULL | {"kind": "nul1"}),
        event(FULL | {"visit": '"72d76fde-8bb3-4e00-8c23-a032dfed738g"'}),
        event(FULL | {"visit": '"72d76fde+8bb3-4e00-8c23-a032dfed738c"'}),
        b"{}",
        None,
    ],
    ids=repr,
)
def test_what_is_not_plain_or_not_good_is_left_to_sql(checker: Checker, value: bytes | None) -> None:
    checker(event(FULL), value, event(FULL))
    assert checker.fast == {0, 2}


def test_a_batch_of_nothing_that_is_json_has_no_usual_order(checker: Checker) -> None:
    checker(*[b"this is no JSON at all"] * 20)
    assert checker.fast == set()


texts = st.text(st.characters(codec="utf-8"), max_size=14)
near_times = st.from_regex(
    r"20(1[89]|2[0-5])-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
    r"(\.([0-9]{0,7}|[0-9]{6}0{1,24}))?(Z|z|[+-][01][0-9]:[0-9]{2})?",
    fullmatch=True,
)
near_numbers = st.from_regex(r"-?[0-9]{0,19}(\.[0-9]{0,6})?(e[0-9])?", fullmatch=True)
strings = texts.map(lambda text: json.dumps(text, ensure_ascii=False))
tokens = (
    near_numbers
    | near_times.map(json.dumps)
    | st.dates().map(lambda day: json.dumps(day.isoformat()))
    | st.uuids().map(lambda one: json.dumps(str(one)))
    | strings
    | st.integers(-(2**63) - 2, 2**63 + 2).map(str)
    | st.sampled_from(["null", "true", "false", "[]", "{}", '"a"', '"abc"', "1", "12.5", ""])
    | st.sampled_from(['"<b>"', '"$x"', '"a:b"', '"\\""', '"\\\\"', '"\'"', '"${HOME}: <i>"'])
)
usual = {
    "thing_id": strings,
    "number": st.integers(-(10**18), 10**18).map(str),
    "visitorId": st.integers(-(2**63), 2**63 - 1).map(str),
    "amount": st.decimals(0, 10**8, places=2).map(str),
    "happened": near_times.map(json.dumps),
    "local": near_times.map(json.dumps),
    "island": near_times.map(json.dumps),
    "day": st.dates().map(lambda day: json.dumps(day.isoformat())),
    "visit": st.uuids().map(lambda one: json.dumps(str(one))),
}


spaces = st.sampled_from(["", "", "", "", " ", "\n  ", "\t\r\n"])


def as_sent(draw: Any, text: str) -> str:
    """A string as some producer writes it: which of its characters are escapes is the producer's choice."""
    letters = []
    for letter in text:
        how = draw(st.integers(0, 5))
        if how == 0:
            units = letter.encode("utf-16-be").hex()
            letters.append("".join(rf"\u{units[n : n + 4]}" for n in range(0, len(units), 4)))
        elif how == 1 and letter == "/":
            letters.append(r"\/")
        else:
            letters.append(json.dumps(letter, ensure_ascii=how == 2)[1:-1])
    return '"' + "".join(letters) + '"'


@st.composite
def any_json(draw: Any, depth: int = 3) -> str:
    """A JSON value, now and then one that is not quite."""
    kind = draw(st.integers(0, 9 if depth else 5))
    if kind <= 1:
        return draw(
            near_numbers | st.integers(-(2**64), 2**64).map(str) | st.floats(allow_nan=False).map(repr)
        )
    if kind <= 3:
        return as_sent(draw, draw(texts))
    if kind <= 5:
        return draw(
            st.sampled_from(["true", "false", "null", "[]", "{}", "1E3", "-0.0", "1e999", "NaN", "", "[ ]"])
        )
    parts = [draw(any_json(depth - 1)) for _ in range(draw(st.integers(0, 3)))]
    if kind <= 7:
        inner, brackets = parts, "[]"
    else:
        keys = draw(st.lists(st.sampled_from(["a", "b", "é", "", "number", "a b"]), min_size=3, max_size=3))
        inner = [f'"{key}"{draw(spaces)}:{part}' for key, part in zip(keys, parts, strict=False)]
        brackets = "{}"
    return brackets[0] + ",".join(draw(spaces) + part + draw(spaces) for part in inner) + brackets[1]


@st.composite
def events(draw: Any) -> list[bytes]:
    """Events of any order and shape; in some a field is something else, or missing, or a byte is another."""
    values = []
    for _ in range(draw(st.integers(1, 12))):
        sent = {name: FULL[name] for name in draw(st.sampled_from(ORDERS) | st.permutations(list(FULL)))}
        for name in draw(st.lists(st.sampled_from(list(FULL)), max_size=3)):
            sent[name] = draw(usual.get(name, tokens) | tokens)
        for name in draw(st.lists(st.sampled_from(list(FULL)), max_size=3, unique=True)):
            del sent[name]
        for name in draw(st.lists(texts, max_size=3)):
            sent[name] = draw(any_json())
        if draw(st.booleans()):
            sent["thing_id"] = as_sent(draw, draw(texts))
        pairs = [
            f"{draw(spaces)}{json.dumps(n)}{draw(spaces)}:{draw(spaces)}{token}" for n, token in sent.items()
        ]
        value = bytearray((draw(spaces) + "{" + ",".join(pairs) + "}" + draw(spaces)).encode())
        for at in draw(st.lists(st.integers(0, len(value) - 1), max_size=1)):
            value[at] = draw(st.integers(0, 255))
        values.append(bytes(value))
    return values


@given(events())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_ways_say_the_same_of_any_event(checker: Checker, values: list[bytes]) -> None:
    checker(*values)  # which compares them


def test_an_event_that_is_cut_off_takes_nothing_from_the_next(checker: Checker) -> None:
    whole = event(FULL)
    checker(*(part for end in range(len(whole)) for part in (whole[:end], whole[end:])), whole)
    assert checker.fast == {1, 2 * len(whole)}


def test_a_text_that_closes_in_the_next_event_is_not_read(checker: Checker) -> None:
    usual_order = event({name: FULL[name] for name in ("number", "thing_id", "small")})
    values = [usual_order, b'{"number":1,"thing_id":"}', b'{","small":5,' + b" " * 99 + b"}", usual_order]
    checker(*values)
    assert checker.fast == {0, 3}
    for chunk in checker.parsed(checker.fetched(values)).to_batches():
        chunk.validate(full=True)  # between the two stand bytes that are no text


def test_what_an_earlier_layout_left_is_no_text_that_is_none(checker: Checker) -> None:
    usual, another = event({name: FULL[name] for name in ORDERS[0]}), event({n: FULL[n] for n in ORDERS[1]})
    broken = usual.replace(b'"t"', b'"\xff is no UTF-8"').replace(b'"number":1', b'"number":"1"')
    values = [usual] * 6 + [broken] + [another] * 4
    checker(*values)
    assert checker.fast == set(range(len(values))) - {6}
    for chunk in checker.parsed(checker.fetched(values)).to_batches():
        chunk.validate(full=True)


@given(events())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_columns_are_sound_whatever_the_events_hold(checker: Checker, values: list[bytes]) -> None:
    for chunk in checker.parsed(checker.fetched(values)).to_batches():
        chunk.validate(full=True)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("America/New_York", "9999-12-31T23:59:59.999999"),
        ("America/New_York", "9999-12-31T19:00:00"),
        ("Europe/Berlin", "0001-01-01T00:53:27"),
        ("Asia/Kolkata", "0001-01-01T00:00:00"),
    ],
)
def test_a_local_time_whose_instant_is_of_another_year_is_a_reject_both_ways(
    tmp_path: Path, zone: str, text: str
) -> None:
    at = "{name: local, logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Europe/Berlin}}"
    checker = Checker(tmp_path, CONTRACT.replace(at, at.replace("Europe/Berlin", zone)))
    assert checker.reasons(event(FULL | {"local": f'"{text}"'})) == [("local", "timestamp", f'"{text}"')]
    assert checker.fast == set()


def test_a_contract_of_more_fields_than_the_scanner_has_slots_is_left_to_sql(tmp_path: Path) -> None:
    fields = "".join(f"\n      - {{name: field_{n}, logicalType: integer}}" for n in range(1100))
    checker = Checker(tmp_path, CONTRACT[: CONTRACT.index("      - {name: number")].rstrip() + fields)
    assert checker.parsed(checker.fetched([b'{"thing_id":"t","field_7":7}'])).num_rows == 0


def test_its_code_is_kept_in_the_data_folder_where_the_package_may_not_be_written(tmp_path: Path) -> None:
    package = tmp_path / "site" / "penstock"
    shutil.copytree(Path(penstock.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        folder.chmod(0o555)
    code = (
        "import sys, pathlib; from penstock.ingest.parse.fast_path import load; "
        "load(pathlib.Path(sys.argv[1]))"
    )
    bound_by_rights = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    env = {"PYTHONPATH": str(package.parent), "HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*bound_by_rights, sys.executable, "-c", code, tmp_path / "data"],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "data" / "numba").rglob("*.nbc"))
    assert not list(package.rglob("*.nbc"))


def test_its_code_is_made_anew_when_a_file_of_what_it_calls_changes(tmp_path: Path) -> None:
    package = tmp_path / "penstock"
    shutil.copytree(Path(penstock.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import numpy; from penstock.ingest.parse.strings import close_of; "
        "text = numpy.frombuffer(b'abc\"' + bytes(12), numpy.uint8); "
        "print(close_of(text.ctypes.data, text.ctypes.data + 4)[0] - text.ctypes.data)"
    )

    def found() -> int:
        done = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]},
            cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        return int(done.stdout)

    assert found() == 3
    words = package / "ingest/parse/words.py"
    words.write_text(words.read_text().replace("""b'"' * 8""", "b'c' * 8"))
    assert found() == 2
