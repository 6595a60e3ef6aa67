"""A project that may only be read: whatever dbt writes lies in the data folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Root gives away the power to write where the rights of a folder say no.
_BOUND_BY_RIGHTS = (
    ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []
)


def test_a_project_that_may_only_be_read_is_built(
    make_shop: Callable[..., Any], own_project: Path, make_event: Callable[..., Any], tmp_path: Path
) -> None:
    """It says nothing of where dbt should write, and has no package-lock.yml: dbt would write it beside."""
    project = own_project / "dbt_project" / "customer_events"
    declared = (project / "dbt_project.yml").read_text()
    usual = re.sub(
        r"(?m)^(packages-install-path|target-path|log-path|clean-targets|flags):.*\n( .*\n)*", "", declared
    )
    assert "path" not in usual.replace("-paths:", "")
    (project / "dbt_project.yml").write_text(usual)
    (project / "package-lock.yml").unlink(missing_ok=True)
    shop = make_shop(tmp_path / "data", own_project)
    shop.landing.land([make_event("a"), make_event("b", event_type="purchase")])
    before = sorted(own_project.rglob("*"))
    for folder in (own_project, *(path for path in before if path.is_dir())):
        folder.chmod(0o555)
    command = [*_BOUND_BY_RIGHTS, sys.executable, "-m", "penstock", "transform", "customer_events"]
    try:
        done = subprocess.run(command, env=shop.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert sorted(own_project.rglob("*")) == before
        assert shop.builds() == 1
    finally:
        for folder in (own_project, *(path for path in before if path.is_dir())):
            folder.chmod(0o755)
