"""A real file's rows become events that say what the rows said, no more and no less."""

from __future__ import annotations

import csv
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import PenstockError
from penstock.local.rees46 import COLUMNS, event_of_row, rees46_sample
from penstock.local.sample import Message

ROW = [
    "2019-10-01 00:00:00 UTC", "view", "44600062", "2103807459595387724", "", "shiseido", "35.70",
    "541312140", "72d76fde-8bb3-4e00-8c23-a032dfed738c",
]  # fmt: skip


def written(
    folder: Path, rows: list[list[str]], name: str = "sample.csv", header: list[str] = COLUMNS
) -> Path:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    data = text.getvalue().encode("utf-8", "surrogateescape")
    file = folder / name
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return file


def events(file: Path) -> list[Message]:
    return [message for batch in rees46_sample(file).batches for message in batch.messages]


def test_a_row_becomes_its_event() -> None:
    key, value = event_of_row("day.csv.gz", 17, ROW)
    assert key == b"541312140"
    assert b'"price":35.70,' in value  # the file's own digits
    assert json.loads(value, parse_float=Decimal) == {
        "event_id": "day.csv.gz:17",
        "event_time": "2019-10-01T00:00:00Z",
        "event_type": "view",
        "product_id": 44600062,
        "category_id": 2103807459595387724,
        "category_code": None,
        "brand": "shiseido",
        "price": Decimal("35.70"),
        "user_id": 541312140,
        "user_session": "72d76fde-8bb3-4e00-8c23-a032dfed738c",
    }


def test_a_row_that_was_cut_off_lacks_what_it_lacks() -> None:
    key, value = event_of_row("day.csv", 2, ROW[:8])
    assert key == b"541312140"
    assert set(json.loads(value)) == {"event_id", *COLUMNS} - {"user_session"}


@pytest.mark.parametrize("name", ["price", "user_id", "event_time", "user_session"])
def test_an_empty_required_cell_is_left_out(name: str) -> None:
    cells = ["" if column == name else cell for column, cell in zip(COLUMNS, ROW, strict=True)]
    key, value = event_of_row("day.csv", 1, cells)
    assert name not in json.loads(value)
    assert (key is None) == (name == "user_id")


@pytest.mark.parametrize("odd", ["007", "1e5", "NaN", "12 ", "1,5", "--1", "٣"])
def test_what_json_takes_for_no_number_stays_a_text(odd: str) -> None:
    _, value = event_of_row("day.csv", 1, [*ROW[:6], odd, *ROW[7:]])
    assert json.loads(value)["price"] == odd


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=9))
def test_whatever_stands_in_the_cells_the_value_is_json_that_says_it(cells: list[str]) -> None:
    _, value = event_of_row('a "file".csv', 1, cells)
    event = json.loads(value, parse_float=str, parse_int=str)
    for name, cell in zip(COLUMNS, cells, strict=False):
        if cell and name != "event_time":
            assert event[name] == cell
        elif not cell:
            assert event.get(name) is None


@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz"])
def test_rows_keep_the_files_order_and_count_from_one(tmp_path: Path, name: str) -> None:
    made = events(written(tmp_path, [[*ROW[:7], str(user), ROW[8]] for user in range(25_000)], name))
    assert [json.loads(value)["user_id"] for _, value in made] == list(range(25_000))
    assert json.loads(made[0][1])["event_id"] == f"{name}:1"
    assert json.loads(made[-1][1])["event_id"] == f"{name}:25000"


def test_bytes_that_are_no_utf8_arrive_as_they_are(tmp_path: Path) -> None:
    (_, value), = events(written(tmp_path, [[*ROW[:5], "caf\udce9", *ROW[6:]]]))  # fmt: skip
    assert b'"brand":"caf\xe9"' in value


def test_a_missing_file_and_other_columns_are_reported_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="nowhere"):
        rees46_sample(tmp_path / "nowhere.csv")
    with pytest.raises(PenstockError, match="its columns are a,b"):
        rees46_sample(written(tmp_path, [], header=["a", "b"]))
    (tmp_path / "plain.csv.gz").write_text(",".join(COLUMNS))
    with pytest.raises(PenstockError, match="cannot be read"):
        rees46_sample(tmp_path / "plain.csv.gz")


def test_a_gzip_that_ends_in_the_middle_is_an_error(tmp_path: Path) -> None:
    whole = written(tmp_path, [[*ROW[:7], str(user * 7919), ROW[8]] for user in range(30_000)], "day.csv.gz")
    whole.write_bytes(whole.read_bytes()[:-2_000])
    with pytest.raises(PenstockError, match="after data row"):
        events(whole)


def test_a_row_with_too_many_cells_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="data row 2 has 10 cells"):
        events(written(tmp_path, [ROW, [*ROW, "more"]]))
