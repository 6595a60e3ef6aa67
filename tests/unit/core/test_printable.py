from __future__ import annotations

import pytest

from penstock.core.printable import on_one_line, printable


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31mred\x1b[0m", r"\u001b[31mred\u001b[0m"),
        ("\x9b2J\x7f\x07", r"\u009b2J\u007f\u0007"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("over\rwritten", r"over\u000dwritten"),
        ("a\u2028b\x85c", r"a\u2028b\u0085c"),
        ("half \ud800", r"half \ud800"),
        ("ünïcode 漢字 🙂 \u200d nbsp\xa0", "ünïcode 漢字 🙂 \u200d nbsp\xa0"),
    ],
)
def test_what_steers_a_terminal_is_written_out(text: str, seen: str) -> None:
    assert printable(text) == seen
    assert on_one_line(text) == seen


def test_line_ends_and_tabs_stay_where_there_may_be_lines() -> None:
    assert printable("a\tb\nc") == "a\tb\nc"
    assert on_one_line("a\tb\nc") == r"a\tb\nc"
