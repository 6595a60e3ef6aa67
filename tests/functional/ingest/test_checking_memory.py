"""The check's memory follows the bytes of a batch, wherever in it a long event stands."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from penstock.ingest.check.checker import open_checker
from penstock.ingest.check.compiler import compile_contract
from penstock.ingest.contract.model import read_contract
from penstock.ingest.decode.record_batches import HEADERS
from tests.functional.ingest.own_orders import CONTRACT

MOST_GROWTH = 200  # MB over what the imports take


def test_a_long_field_in_front_of_many_broken_events_is_not_copied_for_each(tmp_path: Path) -> None:
    from tests.patience import PATIENCE  # this file as a program does not find it

    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], check=True, capture_output=True, timeout=PATIENCE
    )
    assert int(done.stdout) < MOST_GROWTH


def _judge_a_long_event_and_many_broken_ones(folder: Path) -> None:
    """Print by how many MB that raised this process's peak."""
    file = folder / "orders.odcs.yaml"
    file.write_text(CONTRACT)
    compiled = compile_contract(read_contract(file))
    values = [b'{"id": 1, "price": 1, "note": "' + b"x" * 1_000_000 + b'"}'] + [b"broken"] * 2_000
    rows = len(values)
    batch = pa.table(
        {
            "partition": pa.array([0] * rows, pa.int32()),
            "offset": pa.array(range(rows), pa.int64()),
            "kafka_timestamp": pa.nulls(rows, pa.timestamp("ms", tz="UTC")),
            "key": pa.nulls(rows, pa.binary_view()),
            "value": pa.array(values, pa.binary_view()),
            "headers": pa.nulls(rows, HEADERS),
        }
    )
    with open_checker(compiled) as checker:
        before = _peak()
        assert checker.check(batch).rejects.num_rows == len(values) - 1
        print(_peak() - before)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    _judge_a_long_event_and_many_broken_ones(Path(sys.argv[1]))
