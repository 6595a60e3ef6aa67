"""A plugin of dbt-duckdb, named in profiles.yml: the warehouse's folder exists before DuckDB opens the file.

DuckDB makes a missing file, but no missing folder, so a first `dbt build` typed by hand would fail.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):  # type: ignore[misc]  # dbt ships no types
    """dbt-duckdb looks for this name."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """Called by dbt-duckdb right before it opens `creds.path`."""
        Path(creds.path).parent.mkdir(parents=True, exist_ok=True)
