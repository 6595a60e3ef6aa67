"""The result as Markdown: the page in the docs, and what a terminal shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.machine import Machine
from bench.page_parts import (
    file_size_text,
    history_text,
    idle_text,
    memory_text,
    pairs_text,
    profile_text,
    variations_text,
)
from bench.result import Result
from bench.shapes_text import shapes_text

_PARTS: dict[str, Callable[[Any], str]] = {
    "pairs": pairs_text,
    "shapes": shapes_text,
    "profile": profile_text,
    "variations": variations_text,
    "memory": memory_text,
    "idle": idle_text,
    "file_size": file_size_text,
    "history": history_text,
}


def page(result: Result) -> str:
    """Tables of what was run."""
    parts = [text(part) for name, text in _PARTS.items() if (part := getattr(result, name)) is not None]
    return "\n\n".join([_head(result), *parts, _machine(result.machine)]) + "\n"


def _head(result: Result) -> str:
    return (
        "# How fast landing is\n"
        f"Made by `make bench` in {result.minutes:g} minutes on one machine, which the broker shares. Events "
        "come from a real Kafka: unless a line says otherwise, JSON of some 300 bytes with 13 typed columns, "
        "two of them UUIDs, 0.1 % of the events bad, 4 partitions, zstd. All checks of the contract are on; "
        "rows, rejects and offsets are one transaction. The clock runs from first poll to last commit."
    )


def _machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        "## The machine\n"
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB; {machine.system}; Python "
        f"{machine.python}; Kafka {machine.kafka}; {versions}. Load when the bench began: {machine.load:g}."
    )
