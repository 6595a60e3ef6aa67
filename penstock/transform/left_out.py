"""The commits in quarantine, which a build leaves out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from penstock.core.build_record import Input
from penstock.core.errors import LandingError, TransformError
from penstock.core.landing_format import landed_at
from penstock.core.pipeline import Pipeline
from penstock.core.quarantine import Commits, commits_text, in_quarantine, newest_moves, read_moves, runs_of
from penstock.core.settings import Settings


class LeftOut:
    """What builds of `pipeline` leave out from now on: `commits`, by stream."""

    def __init__(self, settings: Settings, pipeline: Pipeline) -> None:
        self._settings, self._pipeline = settings, pipeline.name
        self._moves = [
            move
            for move in read_moves(settings.quarantine_file(pipeline.name))
            if move.stream in pipeline.streams
        ]
        self.commits: Commits = in_quarantine(self._moves)

    def moved_since(self, read: Iterable[Input]) -> str | None:
        """Of the commits that the warehouse has `read`, those that it did not leave out, and those that it
        did and which are released, for people; None where there are none. Its rows are to be made anew."""
        said = []
        for one in read:
            now = self.commits.get(one.stream, frozenset())
            known = frozenset(commit for commit in now if commit <= one.landed_commit)
            for commits, what in ((known - one.left_out, "in quarantine"), (one.left_out - now, "released")):
                if commits:
                    said.append(f"{commits_text(one.stream, runs_of(commits))}: {what}")
        return "; ".join(said) or None

    def refuse_other_commits(self) -> None:
        """They must be those of these landing files: one that was made anew gives the same numbers to other
        events, which nobody wanted to leave out. Raises LandingError."""
        newest = newest_moves(self._moves)
        for stream, commits in self.commits.items():
            path = self._settings.landing_file(stream)
            landed = landed_at(path)
            for move in dict.fromkeys(newest[stream][commit] for commit in sorted(commits)):
                if landed.get(move.last_commit) != dt.datetime.fromisoformat(move.landed_at):
                    run = (move.first_commit, move.last_commit)
                    raise LandingError(
                        f"{path}: does not hold {commits_text(stream, [run])} of {move.landed_at}, in "
                        f"quarantine since {move.at}: the file was replaced or restored",
                        fix="bring the file back; or, to leave nothing of this one out, run: penstock "
                        f"quarantine release {self._pipeline} {stream} {run[0]}-{run[1]} --why …",
                        where=path,
                    )

    def refuse_ignored(self, read: Iterable[Input]) -> None:
        """The build must have left them out: a project may have an older `_shared`, which cannot. Raises
        TransformError."""
        for one in read:
            asked = self.commits.get(one.stream, frozenset())
            missed = frozenset(commit for commit in asked if commit <= one.landed_commit) - one.left_out
            if missed:
                raise TransformError(
                    f"pipeline {self._pipeline}: {commits_text(one.stream, runs_of(missed))}: in quarantine, "
                    "and this build did not leave it out",
                    fix="bring dbt_project/_shared up to date with this Penstock",
                )
