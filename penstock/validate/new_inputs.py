"""What the candidates are made of, and the published marts are not: commits and offsets that came since, and
commits that were released from quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from penstock.core.build_record import Build
from penstock.core.quarantine import commits_of, runs_of
from penstock.core.verdict import NewInput

_SHOWN = 4  # partitions


def new_inputs(connection: duckdb.DuckDBPyConnection, build: Build) -> tuple[NewInput, ...]:
    """Of each stream that has more than when `published` was published: what came since. None of them where
    nothing is published, or where the file keeps no inputs."""
    try:
        rows = connection.execute(
            "SELECT inputs FROM published._penstock.publications ORDER BY seq DESC LIMIT 1"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return ()
    known = {one["stream"]: one for one in json.loads(rows[0][0])} if rows else {}
    return tuple(_since(known, build))


def _since(known: dict[str, dict[str, Any]], build: Build) -> Iterator[NewInput]:
    for now in build.inputs:
        before = known.get(now.stream)
        if before is None:
            continue
        for first, last in runs_of(_left_out_before(before) - now.left_out):
            yield NewInput(now.stream, first, last, [])  # released since
        newer = _runs_between(before["landed_commit"], now.landed_commit, now.left_out)
        if not newer:
            continue
        ends = {(one["epoch"], one["partition"]): one["next_offset"] for one in before["offsets"]}
        offsets = [
            {
                "epoch": one["epoch"], "partition": one["partition"],
                "from_offset": ends.get((one["epoch"], one["partition"]), 0),
                "next_offset": one["next_offset"],
            }
            for one in now.offsets
        ]  # fmt: skip
        moved = [one for one in offsets if one["from_offset"] < one["next_offset"]]
        for first, last in newer:
            yield NewInput(now.stream, first, last, moved)


def _runs_between(after: int, newest: int, left_out: frozenset[int]) -> list[tuple[int, int]]:
    """The runs of numbers above `after` up to `newest`, without those that are left out. Numbers may leap: by
    a million millions, where a landing file was restored."""
    runs, first = [], after + 1
    for commit in [*sorted(one for one in left_out if after < one <= newest), newest + 1]:
        if first < commit:
            runs.append((first, commit - 1))
        first = commit + 1
    return runs


def _left_out_before(published: dict[str, Any]) -> frozenset[int]:
    """The commits that the published version left out; up to the newest that it knew."""
    commits = commits_of(published.get("quarantined", []))  # an older Penstock left nothing out
    return frozenset(commit for commit in commits if commit <= published["landed_commit"])


def new_inputs_text(inputs: tuple[NewInput, ...]) -> str:
    """One line: the commits of each stream, and where they begin in its partitions."""
    return "; ".join(_text(one) for one in inputs)


def _text(new: NewInput) -> str:
    commits = f"commit {new.last_commit}"
    if new.first_commit < new.last_commit:
        commits = f"commits {new.first_commit} to {new.last_commit}"
    places = [f"{one['partition']} from offset {one['from_offset']}" for one in new.offsets[:_SHOWN]]
    if len(new.offsets) > _SHOWN:
        places.append(f"and {len(new.offsets) - _SHOWN} more")
    where = f", partition {', '.join(places)}" if places else ""
    return f"{new.stream} {commits}{where}"
