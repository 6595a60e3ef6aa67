"""A BI tool that asks for every mart through the link, again and again, until its stdin is closed.

    python bi_reader.py <link>

Says "reading" after its first look. At the end, one line of JSON: how many looks it took, what did not fit
together (a mart without the rows that mart_status tells, two versions in one look, a publication before the
last one seen), and by version each different content that it saw.
"""

from __future__ import annotations

import json
import select
import sys
from typing import Any

import duckdb

PAUSE = 0.05  # seconds between two looks: leaves the stages some processor


def look(link: str) -> tuple[int, int, dict[str, Any]]:
    """Version, seq and rows of what is served now. Raises ValueError where it does not fit together."""
    with duckdb.connect(link, read_only=True) as connection:
        status = connection.execute(
            "SELECT mart, version, row_count FROM mart_status ORDER BY mart"
        ).fetchall()
        seq, rows = connection.execute("SELECT max(seq), count(*) FROM _penstock.publications").fetchall()[0]
        marts = {
            mart: connection.execute(f'SELECT * FROM "{mart}" ORDER BY ALL').fetchall()
            for mart, _, _ in status
        }
    versions = {version for _, version, _ in status}
    if len(versions) != 1 or not rows:
        raise ValueError(f"versions {versions}, {rows} publications in the ledger")
    for mart, _, told in status:
        if len(marts[mart]) != told:
            raise ValueError(f"{mart}: {len(marts[mart])} rows, mart_status tells {told}")
    return versions.pop(), seq, marts


def main(link: str) -> None:
    looks, last = 0, 0
    failures: list[str] = []
    seen: dict[int, list[Any]] = {}
    stopping = False
    while not stopping:
        stopping = bool(select.select([sys.stdin], [], [], PAUSE)[0])  # asked first: one look follows the end
        try:
            version, seq, marts = look(link)
        except Exception as exc:
            failures.append(f"{type(exc).__name__}: {exc}")
        else:
            if seq < last:
                failures.append(f"publication {seq} after {last}")
            last = seq
            content = json.loads(json.dumps(marts, default=str))
            if content not in seen.setdefault(version, []):
                seen[version].append(content)
        looks += 1
        if looks == 1:
            print("reading", flush=True)
    print(json.dumps({"looks": looks, "failures": failures[:5], "seen": seen}))


if __name__ == "__main__":
    main(sys.argv[1])
