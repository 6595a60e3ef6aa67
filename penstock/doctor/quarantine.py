"""What is left out of a pipeline's marts."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.core.quarantine import commits_text
from penstock.core.settings import Settings
from penstock.doctor.finding import Finding
from penstock.quarantine.by_hand import listed


def quarantine_findings(settings: Settings, pipeline: str) -> Iterator[Finding]:
    """A warning for each run of commits that the marts are built without."""
    for one in listed(settings, pipeline).inside:
        commits = commits_text(one.stream, [(one.first_commit, one.last_commit)])
        yield Finding(
            "warning",
            str(settings.quarantine_file(pipeline)),
            f"{commits} ({one.events:,} events) are left out of the marts since {one.since}, by {one.by}: "
            f"{one.why}",
            f'where they are right: penstock quarantine release {pipeline} --why "…"',
        )
