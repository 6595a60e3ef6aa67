"""What a pipeline serves: the symlink, the file behind it with its ledger, and what lies around it."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.core.part_file import left_parts
from penstock.core.settings import Settings
from penstock.core.version_files import being_written, emptied_folders, link_to, version_files
from penstock.doctor.finding import HELD_WAIT, Finding
from penstock.doctor.locks import holders
from penstock.publish.ledger import Publication, on_hold, read_ledger


def published_findings(settings: Settings, pipeline: str) -> Iterator[Finding]:
    """All checks of one pipeline's marts."""
    wrong = _wrong_link(settings, pipeline)
    if wrong is not None:
        yield wrong
    elif not settings.marts_link(pipeline).is_symlink():
        yield Finding("info", str(settings.marts_link(pipeline)), "nothing was published yet")
    yield from _unfinished(settings, pipeline)
    if wrong is None:
        yield from _ledger_and_files(settings, pipeline)


def served_ledger(settings: Settings, pipeline: str) -> list[Publication]:
    """The served file's ledger, oldest row first; empty where nothing (or something foreign) is served."""
    link = settings.marts_link(pipeline)
    if not link.is_symlink() or _wrong_link(settings, pipeline):
        return []
    return read_ledger(link.resolve(), wait=HELD_WAIT)


def _wrong_link(settings: Settings, pipeline: str) -> Finding | None:
    """The symlink names one of the pipeline's own versions; where there is a history, it is there."""
    link, versions = settings.marts_link(pipeline), version_files(settings, pipeline)
    point = link_to(settings, pipeline, versions[-1]) if versions else f"remove {link}"
    if not link.is_symlink():
        if link.exists():
            return Finding("error", str(link), "is no symlink to a version, but a file", "move it away")
        # A first publication that was cut short before its flip leaves a file, too, but of one ledger row.
        if versions and len(read_ledger(versions[-1].path, wait=HELD_WAIT)) > 1:
            return Finding("error", str(link), f"is gone, but versions of {pipeline} are there", point)
        return None
    if link.resolve() in {file.path.resolve() for file in versions}:
        return None
    why = "which is no version of" if link.exists() else "which is not there, no version of"
    return Finding("error", str(link), f"points at {link.readlink()}, {why} {pipeline}", point)


def _unfinished(settings: Settings, pipeline: str) -> Iterator[Finding]:
    """What has no number or no file, while nobody works on the pipeline."""
    link, verdict = settings.marts_link(pipeline), settings.verdict_file(pipeline)
    left = [
        *being_written(settings, pipeline),
        link.with_name(f".{link.name}.new"),
        *(part for part in left_parts(verdict.parent) if part.name.startswith(f".{verdict.name}.")),
    ]
    if holders(settings.lock_file(pipeline)):
        return
    for file in left:
        if file.exists() or file.is_symlink():
            yield Finding(
                "warning", str(file), "was left by a stage that was cut short",
                "the next run replaces it; you may also remove it",
            )  # fmt: skip
    for emptied in emptied_folders(settings, pipeline):
        yield Finding(
            "warning", str(emptied.path.parent),
            "holds no version any more: its removal was cut short, or a reader has spilled there",
            "a later publication removes it",
        )  # fmt: skip


def _ledger_and_files(settings: Settings, pipeline: str) -> Iterator[Finding]:
    """The served file's ledger ends with that file, knows the others, and says whether we are on hold."""
    link, ledger = settings.marts_link(pipeline), served_ledger(settings, pipeline)
    known = {row.seq for row in ledger}
    if link.is_symlink():
        served, last = link.resolve(), ledger[-1] if ledger else None
        numbers = [
            (file.seq, file.version)
            for file in version_files(settings, pipeline)
            if file.path.resolve() == served
        ]
        if last is None or (last.seq, last.version) not in numbers:
            ends = f"seq {last.seq}, version {last.version}" if last else "nothing"
            yield Finding(
                "error", str(served), f"its ledger ends with {ends}, so it is another publication's file",
                f"point {link} at the right file, or publish again",
            )  # fmt: skip
    if on_hold(ledger):
        last = ledger[-1]
        yield Finding(
            "warning", str(link),
            f"on hold since {last.done_by or 'somebody'} rolled back to version {last.version}"
            f"{f' ({last.why})' if last.why else ''}: runs publish nothing",
            f"when the cause is mended: `penstock publish resume {pipeline}`",
        )  # fmt: skip
    if not holders(settings.lock_file(pipeline)):
        for file in version_files(settings, pipeline):
            if file.seq not in known:
                yield Finding(
                    "warning", str(file.path), "is not in the ledger: its publication was cut short",
                    "the next publication removes it; nobody was ever served it",
                )  # fmt: skip
