"""The dlt pipeline whose loader writes Parquet files, which DuckDB loads faster than INSERTs."""

from __future__ import annotations

from bench import dlt_pipeline
from bench.run import Task, Timed


def run(task: Task) -> Timed:
    """Load all of the topic."""
    return dlt_pipeline.run(task, file_format="parquet")
