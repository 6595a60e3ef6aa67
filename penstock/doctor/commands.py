"""`penstock doctor`."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from penstock.core.command import output_option, print_result, reports_errors
from penstock.core.settings import Settings

if TYPE_CHECKING:
    from penstock.doctor.examine import Examination


@click.command()
@output_option
@reports_errors
def doctor(output: str) -> None:
    """Look at everything, change nothing: locks, offsets, topics, builds, marts, messages, disk.

    Each finding is an error (a person must act), a warning (the next run mends it, it is meant so, or a
    check could not look) or an info. Exit code 1 where there is an error, else 0.
    """
    from penstock.doctor.examine import examine

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a broker that is away is a finding
    examination = examine(Settings.from_env())
    print_result(examination, output, _as_text)
    sys.exit(1 if examination.errors else 0)


def _as_text(examination: Examination) -> str:
    lines = []
    for finding in examination.findings:
        lines.append(f"{finding.severity:<8} {finding.where}: {finding.what}")
        if finding.fix:
            lines.append(f"         Fix: {finding.fix}")
    infos = len(examination.findings) - examination.errors - examination.warnings
    return "\n".join([*lines, f"errors {examination.errors}, warnings {examination.warnings}, infos {infos}"])
