"""Penstock: Kafka events to published DuckDB marts, each event once, no bad data published."""

__version__ = "0.1.0"
