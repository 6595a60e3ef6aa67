"""Questions to the ledger: what was before, what comes next, and which files may go."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from penstock.core.version_files import VersionFile
from penstock.publish.ledger import Action, Publication, next_version, on_hold, version_before
from penstock.publish.versions import next_seq, to_retire

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def history(text: str, *, hours_apart: float = 1) -> list[Publication]:
    """A ledger from words such as "p1 f1 p2 b1 s1": publish, refresh (f), rollback (b), resume (s); the last
    at NOW."""
    actions: dict[str, Action] = {"p": "publish", "f": "refresh", "b": "rollback", "s": "resume"}
    words = text.split()
    return [
        Publication(
            seq=seq, version=int(word[1:]), action=actions[word[0]], run_id="r", build_id="b",
            published_at=NOW - dt.timedelta(hours=hours_apart * (len(words) - seq)), code_version="c",
            code_dirty=False, declarations_hash="d", inputs=[], complete_until=None, marts={}, checks={},
        )
        for seq, word in enumerate(words, start=1)
    ]  # fmt: skip


def file_of(seq: int, version: int) -> VersionFile:
    return VersionFile(Path(f"{seq}-v{version}.duckdb"), seq, version)


def kept(ledger: list[Publication], *, now: dt.datetime = NOW) -> list[int]:
    """The seqs of the files that stay, if the file of each row is still there."""
    files = [file_of(row.seq, row.version) for row in ledger]
    gone = {file.seq for file in to_retire(files, ledger, now)}
    return [file.seq for file in files if file.seq not in gone]


@pytest.mark.parametrize(
    ("ledger", "before"),
    [
        ("p1", None),
        ("p1 f1 f1", None),
        ("p1 p2", 1),
        ("p1 p2 f2 f2", 1),
        ("p1 p2 p3 b2", 1),  # not 3, which was rolled back
        ("p1 p2 p3 b2 s2 p4", 2),
        ("p1 p2 p3 b1", None),
        ("p1 p2 b1 b2", 1),  # forward again
    ],
)
def test_the_version_before_is_the_one_that_was_good_before(ledger: str, before: int | None) -> None:
    assert version_before(history(ledger)) == before


@pytest.mark.parametrize(
    ("ledger", "hold"), [("", False), ("p1", False), ("p1 p2 b1", True), ("p1 p2 b1 s1", False)]
)
def test_on_hold_from_a_rollback_to_its_resume(ledger: str, hold: bool) -> None:
    assert on_hold(history(ledger)) is hold


def test_a_new_version_has_a_number_that_no_content_had() -> None:
    assert next_version([]) == 1
    assert next_version(history("p1 p2 p3 b1 s1")) == 4


def test_a_seq_is_new_to_the_ledger_and_to_the_folder() -> None:
    assert next_seq([], []) == 1
    assert next_seq([], history("p1 f1 f1")) == 4
    # 9 got its final name, but was killed before it was served.
    assert next_seq([file_of(9, 2)], history("p1 f1 f1")) == 10


def test_the_last_five_versions_are_kept() -> None:
    assert kept(history("p1 p2 p3 p4 p5 p6 p7", hours_apart=0.01)) == [3, 4, 5, 6, 7]


def test_the_newest_of_each_of_the_last_seven_days_is_kept() -> None:
    # Three versions a day for ten days, the last at 12:00 today: 4, 12 and 20 o'clock, UTC.
    ledger = history(" ".join(f"p{n}" for n in range(1, 31)), hours_apart=8)
    by_count = {26, 27, 28, 29, 30}
    newest_of_day = {30, 28, 25, 22, 19, 16, 13}
    assert set(kept(ledger)) == by_count | newest_of_day


def test_a_day_counts_in_utc_and_until_it_is_seven_days_ago() -> None:
    ledger = history("p1 p2 p3 p4 p5 p6 p7", hours_apart=0.01)
    east = dt.timezone(dt.timedelta(hours=14))
    assert 7 in kept(ledger, now=(NOW + dt.timedelta(days=9)).astimezone(east))
    old = [*history("p1", hours_apart=1), *history("p1 p2 p3 p4 p5 p6", hours_apart=0.01)[1:]]
    six_days_ago = dt.datetime(2026, 11, 14, 0, 0, tzinfo=dt.UTC)
    for published_at, stays in [(six_days_ago, True), (six_days_ago - dt.timedelta(microseconds=1), False)]:
        first = Publication(**{**old[0].__dict__, "published_at": published_at})
        assert (1 in kept([first, *old[1:]])) is stays


def test_of_refreshes_the_newest_two_are_kept() -> None:
    assert kept(history("p1 f1 f1 f1 p2 f2 f2 f2 f2", hours_apart=0.01)) == [3, 4, 8, 9]


def test_the_served_file_is_kept_whatever_the_clock_says() -> None:
    ledger = history("p1 p2 p3 p4 p5 p6 p7 b1", hours_apart=0.01)
    for now in (NOW - dt.timedelta(days=400), NOW + dt.timedelta(days=400)):
        assert kept(ledger, now=now)[-1] == 8


def test_a_file_that_was_never_served_goes() -> None:
    ledger = history("p1 p2")
    orphan = file_of(3, 3)
    assert to_retire([file_of(1, 1), file_of(2, 2), orphan], ledger, NOW) == [orphan]
