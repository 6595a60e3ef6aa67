"""Where a pipeline's published versions lie: publish writes them, doctor looks at them.

`data/marts/<pipeline>.duckdb` → `<pipeline>/<seq>-v<version>/<pipeline>.duckdb`. Each version has a folder of
its own, and its file is never written again: a process that still holds an old file would get that file's
instance, not the new content, if the path were the same. The file has the pipeline's name, because DuckDB
(1.5 and newer) names a database after the file behind a symlink, and BI tools store that name.

An older Penstock made no such folders: its files, `<pipeline>/<seq>-v<version>.duckdb`, are versions like any
other, until they are retired.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from penstock.core.settings import Settings

BEING_WRITTEN = ".being-written"  # the folder of a version that has no number yet
_FOLDER = re.compile(r"(?P<seq>\d+)-v(?P<version>\d+)")
_FILE_OF_OLDER_LAYOUT = re.compile(_FOLDER.pattern + r"\.duckdb")


@dataclass(frozen=True)
class VersionFile:
    """One published file. `seq` is the number of the publication, `version` that of its content."""

    path: Path
    seq: int
    version: int


def version_folder(settings: Settings, pipeline: str, *, seq: int, version: int) -> Path:
    """The folder of one version."""
    return settings.versions_dir(pipeline) / f"{seq}-v{version}"


def version_files(settings: Settings, pipeline: str) -> list[VersionFile]:
    """The pipeline's published files, oldest first. What has another name is nobody's business here."""
    return [file for file in numbered(settings, pipeline) if file.path.is_file()]


def emptied_folders(settings: Settings, pipeline: str) -> list[VersionFile]:
    """Folders of versions whose file is gone: a removal was cut short, or a reader has left something there.

    A folder that holds a database of another name is not ours.
    """
    gone = [file for file in numbered(settings, pipeline) if not file.path.exists()]
    return [file for file in gone if not any(file.path.parent.glob("*.duckdb"))]


def being_written(settings: Settings, pipeline: str) -> list[Path]:
    """What an unfinished publication has written so far: a folder; in the older layout files."""
    return sorted(settings.versions_dir(pipeline).glob(f"{BEING_WRITTEN}*"))


def link_to(settings: Settings, pipeline: str, file: VersionFile) -> str:
    """The command by which a person makes `file` the one that is served."""
    link = settings.marts_link(pipeline)
    return shlex.join(["ln", "-sfn", str(file.path.relative_to(link.parent)), str(link)])


def numbered(settings: Settings, pipeline: str) -> list[VersionFile]:
    """All that has the name of a version, oldest first, whether its file is there or not."""
    folder = settings.versions_dir(pipeline)
    found = []
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_dir() and (name := _FOLDER.fullmatch(path.name)):
            found.append(VersionFile(path / f"{pipeline}.duckdb", int(name["seq"]), int(name["version"])))
        elif name := _FILE_OF_OLDER_LAYOUT.fullmatch(path.name):
            found.append(VersionFile(path, int(name["seq"]), int(name["version"])))
    return sorted(found, key=lambda file: file.seq)
