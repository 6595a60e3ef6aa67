"""A disk that can really be full: a tmpfs over a folder, in a namespace that only a test's commands enter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE, next_line

# Ends when its input ends, and the disk with it.
MOUNT = """
set -eu
mount -t tmpfs -o size="$1" tmpfs "$2"
cp -a "$3"/. "$2"
echo mounted
cat
"""


@dataclass(frozen=True)
class SmallDisk:
    """What lies in `folder` on the small disk; outside of the namespace the folder is as it was."""

    folder: Path
    holder: subprocess.Popen[str]

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command that sees the disk."""
        enter = ["nsenter", "--target", str(self.holder.pid), "--user", "--mount", "--preserve-credentials"]
        return subprocess.Popen(
            [*enter, "--", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*command)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def penstock(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "penstock", *words)

    def refused_for_space(self, *words: str) -> str:
        """A command of Penstock that fails, and says in one line that the disk is full; returns the line."""
        done = self.penstock(*words)
        assert done.returncode == 1, done.stderr
        told, fix = done.stderr.splitlines()[-2:]
        assert told.startswith("Error: "), done.stderr
        assert "No space left on device" in told
        assert str(self.folder) in told + fix
        assert fix.startswith("  Fix: ")
        return told

    def fill(self, *, leave: int = 0) -> str:
        """Have dd write until it cannot; then leave so many bytes. Returns what dd said."""
        filler = str(self.folder / "filler")
        dd = self.run("dd", "if=/dev/zero", f"of={filler}", "bs=4k")
        assert dd.returncode == 1
        if leave:
            assert self.run("truncate", f"--size=-{leave}", filler).returncode == 0
        (said,) = [line for line in dd.stderr.splitlines() if "No space" in line]
        return said.rpartition(": ")[2]

    def free(self) -> None:
        """Remove what `fill` wrote."""
        assert self.run("rm", str(self.folder / "filler")).returncode == 0

    def resize(self, size: str) -> None:
        done = self.run("mount", "-o", f"remount,size={size}", str(self.folder))
        assert done.returncode == 0, done.stderr

    def names(self) -> list[str]:
        """All that lies in the folder, but the filler."""
        return sorted(set(self.run("ls", "-A", str(self.folder)).stdout.split()) - {"filler"})


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[SmallDisk]:
    """Lay a disk of `size` over `folder`, with its content. After the block the folder has the disk's."""
    folder.mkdir(parents=True, exist_ok=True)
    outside = folder.with_name(f"{folder.name}.outside")
    shutil.copytree(folder, outside, symlinks=True)
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    holder = subprocess.Popen(
        [*unshare, "sh", "-c", MOUNT, "sh", size, str(folder), str(outside)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holder:
        assert next_line(holder.stdout) == "mounted\n"
        disk = SmallDisk(folder, holder)
        yield disk
        shutil.rmtree(outside)
        assert disk.run("cp", "-a", str(folder), str(outside)).returncode == 0
        holder.communicate(timeout=PATIENCE)
    shutil.rmtree(folder)
    outside.rename(folder)
