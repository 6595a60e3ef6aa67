"""A bound that the column's type does not hold as it stands means what it says, and stops no batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.ingest.things import HEADER, Checker

CONTRACT = (
    HEADER
    + """\
      - {{name: thing_id, logicalType: integer, primaryKey: true, required: true}}
      - {{name: it, {it}}}
"""
)
_NINES = "9" * 38


@pytest.mark.parametrize(
    ("kind", "rule", "bound", "good", "bad"),
    [
        ("DECIMAL(38,0)", "minimum", "0.5", ["1", _NINES], ["0", f"-{_NINES}"]),
        ("DECIMAL(38,2)", "exclusiveMaximum", "0.005", ["0", "-0.01", "0.00"], ["0.01", _NINES[2:]]),
        ("DECIMAL(38,38)", "maximum", "1", ["0.5", "0." + _NINES], []),
        ("DECIMAL(38,38)", "minimum", "1", [], ["0.5", "0." + _NINES]),
        ("DECIMAL(5,2)", "exclusiveMinimum", "1.50", ["1.51"], ["1.5"]),
        ("DECIMAL(5,2)", "exclusiveMinimum", "1.505", ["1.51"], ["1.5"]),
        ("DECIMAL(5,2)", "exclusiveMaximum", "-1.505", ["-1.51"], ["-1.5"]),
        ("DECIMAL(5,2)", "maximum", "9" * 60, ["999.99"], []),
        ("BIGINT", "maximum", str(2**127), ["1"], []),
        ("BIGINT", "maximum", str(2**128), ["1"], []),
        ("BIGINT", "maximum", "1.0e+39", [str(2**63 - 1)], []),
        ("BIGINT", "minimum", "1.0e+39", [], [str(2**63 - 1)]),
        ("BIGINT", "exclusiveMaximum", str(2**63 - 1), ["1", str(2**63 - 2)], [str(2**63 - 1)]),
        ("INTEGER", "exclusiveMinimum", "-0.5", ["0"], ["-1"]),
    ],
)
def test_a_bound_holds_for_every_value_of_the_type(
    tmp_path: Path, kind: str, rule: str, bound: str, good: list[str], bad: list[str]
) -> None:
    logical = "number" if kind.startswith("DECIMAL") else "integer"
    options = f'logicalType: {logical}, physicalType: "{kind}", logicalTypeOptions: {{{rule}: {bound}}}'
    checker = Checker(tmp_path, CONTRACT.format(it=options))
    rows = checker(b'{"thing_id":1}', *[f'{{"thing_id":1,"it":{token}}}'.encode() for token in [*good, *bad]])
    found = [[reason["rule"] for reason in row["reasons"] or []] for row in rows]
    assert found == [[]] * (1 + len(good)) + [[rule]] * len(bad)
