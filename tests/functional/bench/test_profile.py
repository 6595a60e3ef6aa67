"""Where the time goes: each step is a function of Penstock's, which may be renamed one day."""

from __future__ import annotations

from bench.profile import profiled
from penstock.ingest.check.checker import Checker


def test_each_step_is_wrapped_while_it_is_measured_and_no_longer() -> None:
    parse = Checker.read
    with profiled():
        assert Checker.read is not parse
    assert Checker.read is parse
