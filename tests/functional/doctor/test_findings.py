"""Each illness is found, told with its severity and a way out; nothing is changed (`Patient.findings`)."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.doctor.machine import room
from penstock.monitor.message import Message
from penstock.monitor.outbox import Outbox
from penstock.publish.rollback import resume, rollback
from tests.functional.doctor.patient import NOW, Patient
from tests.patience import PATIENCE

HELD_BACK = "UPDATE raw.offsets SET next_offset = 2"
TWICE = "INSERT INTO raw.clicks SELECT * FROM raw.clicks WHERE id = 1"
LOST_ROW = "DELETE FROM raw.clicks WHERE id = 1"
LOST_REJECT = "DELETE FROM raw.rejects"
NO_COMMIT = "DELETE FROM raw.commits"
NO_OFFSET = "DELETE FROM raw.offsets"
MARKED = "UPDATE raw.rejects SET replayed_commit = 7"
GAP_ACCEPTED = """
CREATE TABLE IF NOT EXISTS raw.gaps (
    epoch INTEGER, "partition" INTEGER, from_offset BIGINT, to_offset BIGINT, events BIGINT, "at" TIMESTAMPTZ,
    run_id VARCHAR
);
INSERT INTO raw.gaps VALUES (1, 0, 3, 7, 5, '2026-11-20 12:00:00Z', 'by hand')
"""
REPLAYED = (
    MARKED
    + "; INSERT INTO raw.clicks SELECT * REPLACE (3 AS id, 2 AS _offset, 7 AS _commit) FROM raw.clicks "
    "LIMIT 1" + "; INSERT INTO raw.commits VALUES (7, now(), 'replay', 'r', 1, 0)"
)


def sql(statements: str) -> Callable[[Patient], None]:
    return lambda patient: patient.change(patient.landing, statements)


def contract(old: str, new: str) -> Callable[[Patient], None]:
    def ill(patient: Patient) -> None:
        file = patient.settings.contract_file("clicks")
        file.write_text(file.read_text().replace(old, new))

    return ill


def gap(patient: Patient) -> None:
    patient.land(b'{"id": 9}', first=8)


def left_part(of: Callable[[Patient], Path]) -> Callable[[Patient], None]:
    def ill(patient: Patient) -> None:
        gone = subprocess.Popen(["true"])
        gone.wait(timeout=PATIENCE)
        file = of(patient)
        file.with_name(f".{file.name}.{gone.pid}.penstock-part").write_bytes(b"")

    return ill


def without_tables(patient: Patient) -> None:
    patient.landing.unlink()
    patient.change(patient.landing, "SELECT 1")


def garbage(patient: Patient) -> None:
    patient.landing.write_bytes(b"precious" * 1000)


def undeclared_key(patient: Patient) -> None:
    file = patient.settings.pipeline_file("shop")
    file.write_text(file.read_text() + "retrys: 1\n")


def no_contract(patient: Patient) -> None:
    file = patient.settings.pipeline_file("shop")
    file.write_text(file.read_text().replace("[clicks]", "[clicks, carts]"))


def cut_short_build(patient: Patient) -> None:
    patient.change(patient.warehouse, "DELETE FROM _penstock.build")


def two_builds(patient: Patient) -> None:
    patient.change(patient.warehouse, "INSERT INTO _penstock.build FROM _penstock.build")


def unjudged(patient: Patient) -> None:
    patient.settings.verdict_file("shop").unlink()


def unpublished(patient: Patient) -> None:
    patient.judge(patient.build(2))


def refused(patient: Patient) -> None:
    patient.judge(patient.build(2), "refused")


def broken_verdict(patient: Patient) -> None:
    patient.settings.verdict_file("shop").write_text("{")


def on_hold(patient: Patient) -> None:
    patient.publish(2)
    rollback(patient.settings, "shop", to=None, by="ann", why="cents", run_id="r", now=NOW)


def after_resume(patient: Patient) -> None:
    on_hold(patient)
    resume(patient.settings, "shop", by="ann", why=None, run_id="r", now=NOW + dt.timedelta(days=1))


def link_to(target: str) -> Callable[[Patient], None]:
    def ill(patient: Patient) -> None:
        patient.link.unlink()
        patient.link.symlink_to(target)

    return ill


def link_gone(patient: Patient) -> None:
    patient.publish(2)
    patient.link.unlink()


def link_is_a_file(patient: Patient) -> None:
    patient.link.unlink()
    patient.link.write_bytes(b"")


def other_s_file(patient: Patient) -> None:
    shutil.copytree(patient.versions / "1-v1", patient.versions / "4-v4")
    link_to("shop/4-v4/shop.duckdb")(patient)


def unknown_version(patient: Patient) -> None:
    (patient.versions / "2-v2").mkdir()
    (patient.versions / "2-v2" / "shop.duckdb").write_bytes(b"")


def half_written(patient: Patient) -> None:
    (patient.versions / ".being-written").mkdir()


def half_removed(patient: Patient) -> None:
    (patient.versions / "0-v0").mkdir()


def half_linked(patient: Patient) -> None:
    patient.link.with_name(".shop.duckdb.new").symlink_to("shop/1-v1/shop.duckdb")


def message(unsent: str = "", then: str = "") -> Callable[[Patient], None]:
    def ill(patient: Patient) -> None:
        outbox = Outbox(patient.settings.outbox_file)
        told = Message("It broke", [])
        number = outbox.add(told, pipeline="shop", stage="s", run_id="r", channel=None, at=NOW, unsent=unsent)
        if then == "refused":
            outbox.refused(number, error="no such channel")
        elif then:
            outbox.kept(number, error=then, maybe_taken=False)

    return ill


CASES: list[tuple[Callable[[Patient], None], str, str, str]] = [
    # landing
    (sql(TWICE), "error", "partition 0", "1 events are there more than once"),
    (sql(HELD_BACK), "error", "partition 0", "event at offset 2, though the next offset is 2"),
    (sql(NO_OFFSET), "error", "partition 0", "3 events, but no next offset is stored"),
    (sql(MARKED), "error", "clicks.duckdb", "1 rejects are marked as replayed, but have no row"),
    (gap, "info", "partition 0", "5 of the offsets 0 to 8 hold no event"),
    (sql(GAP_ACCEPTED), "info", "partition 0", "by run by hand at 2026-11-20 12:00 UTC: offsets 3 to 7, 5"),
    (sql("UPDATE raw.landing SET environment = 'live'"), "error", "clicks.duckdb", "environment live;"),
    (sql("DROP TABLE raw.offsets"), "error", "clicks.duckdb", "could not be checked: CatalogException"),
    (contract("name: at", "name: seen_at"), "error", "clicks.duckdb", "the file has at TIMESTAMP"),
    (contract("logicalType: timestamp", "logicalType: date"), "error", "clicks.duckdb", "wants at DATE"),
    (garbage, "error", "clicks.duckdb", "cannot be opened as a DuckDB file"),
    (without_tables, "error", "clicks.duckdb", "is a DuckDB file, but no landing file"),
    (
        left_part(lambda patient: patient.landing),
        "warning",
        "penstock-part",
        "was left by a command that was cut short",
    ),
    (
        contract("version: 1.0.0", "version: 1.1.0"),
        "warning",
        "clicks.duckdb",
        "1.0.0 of the contract, which",
    ),
    (
        sql(LOST_ROW),
        "error",
        "clicks.duckdb",
        "commit 1 says 2 rows and 1 rejects, there are 1 rows and 1 re",
    ),
    (sql(LOST_REJECT), "error", "clicks.duckdb", "says 2 rows and 1 rejects, there are 2 rows and 0 rejects"),
    (
        sql(NO_COMMIT),
        "error",
        "clicks.duckdb",
        "commit 1 is not in raw.commits, there are 2 rows and 1 rejec",
    ),
    # declarations
    (contract("kind: DataContract", "kind: Contract"), "error", "clicks.odcs.yaml:2", "Contract"),
    (undeclared_key, "error", "shop.yaml:5", "unknown key 'retrys'"),
    (no_contract, "error", "shop.yaml", "reads the stream carts, which has no contract"),
    # build, verdict, published version
    (cut_short_build, "warning", "warehouse/shop.duckdb", "holds no finished build"),
    (cut_short_build, "warning", "verdicts/shop.json", "the warehouse does not hold any more"),
    (two_builds, "error", "warehouse/shop.duckdb", "holds 2 build records"),
    (unjudged, "warning", "verdicts/shop.json", "was not judged yet"),
    (unpublished, "warning", "marts/shop.duckdb", "passed the gate, but is not published: version 1"),
    (refused, "error", "verdicts/shop.json", "is 'refused': BI keeps the version before"),
    (broken_verdict, "error", "verdicts/shop.json", "is no verdict"),
    # marts
    (on_hold, "warning", "marts/shop.duckdb", "since ann rolled back to version 1 (cents)"),
    (after_resume, "warning", "marts/shop.duckdb", "is not published: version 1"),
    (link_to("shop/9-v9/shop.duckdb"), "error", "marts/shop.duckdb", "shop.duckdb, which is not there"),
    (link_to("/dev/null"), "error", "marts/shop.duckdb", "points at /dev/null, which is no version of shop"),
    (link_gone, "error", "marts/shop.duckdb", "is gone, but versions of shop are there"),
    (link_is_a_file, "error", "marts/shop.duckdb", "is no symlink to a version, but a file"),
    (other_s_file, "error", "shop/4-v4/shop.duckdb", "its ledger ends with seq 1, version 1"),
    (unknown_version, "warning", "shop/2-v2/shop.duckdb", "is not in the ledger"),
    (half_written, "warning", ".being-written", "was left by a stage that was cut short"),
    (
        left_part(lambda patient: patient.settings.verdict_file("shop")),
        "warning",
        ".shop.json.",
        "was left by a stage that was cut short",
    ),
    (half_removed, "warning", "shop/0-v0", "holds no version any more"),
    (half_linked, "warning", ".shop.duckdb.new", "was left by a stage that was cut short"),
    # messages
    (message(then="ratelimited"), "warning", "penstock.sqlite", "1 pending messages, the oldest since 2026"),
    (message(then="refused"), "warning", "penstock.sqlite", "1 messages that Slack will never take"),
    (message(unsent="not configured"), "info", "penstock.sqlite", "1 messages were only logged"),
]


@pytest.mark.parametrize(("make_ill", "severity", "where", "what"), CASES, ids=[case[3] for case in CASES])
def test_each_illness_is_found(
    patient: Patient, make_ill: Callable[[Patient], None], severity: str, where: str, what: str
) -> None:
    before = patient.findings()
    make_ill(patient)
    new = [finding for finding in patient.findings() if finding not in before]
    told = [finding for finding in new if what in finding.what]
    assert [(finding.severity, where in finding.where) for finding in told] == [(severity, True)], new
    assert told[0].fix or severity == "info"


def test_a_replayed_reject_with_its_row_is_one_event(patient: Patient) -> None:
    before = patient.findings()
    patient.change(patient.landing, REPLAYED)
    new = [finding for finding in patient.findings() if finding not in before]
    assert [finding for finding in new if "GiB" not in finding.what] == []  # others use the disk, too


def test_a_first_run_that_was_refused_speaks_of_no_version(patient: Patient) -> None:
    shutil.rmtree(patient.link.parent)
    refused(patient)
    told = [f"{finding.where}: {finding.what}" for finding in patient.findings()]
    about = [what.removeprefix(f"{patient.settings.data}/") for what in told if "shop" in what]
    build_id = json.loads(patient.settings.verdict_file("shop").read_text())["build_id"]
    assert about == [
        f"verdicts/shop.json: the gate's verdict on build {build_id} is 'refused': "
        "nothing is published yet, so BI has no version",
        "marts/shop.duckdb: nothing was published yet",
    ]


def test_before_the_first_run_nothing_is_wrong(patient: Patient) -> None:
    shutil.rmtree(patient.settings.data)
    found = patient.findings()
    assert {finding.severity for finding in found} == {"info"}
    assert not patient.settings.data.exists()


@pytest.mark.parametrize(
    ("gib_free", "gib_total", "severity"), [(0.9, 10, "error"), (40, 1000, "error"), (60, 1000, "info")]
)
def test_a_nearly_full_disk_is_an_error(gib_free: float, gib_total: int, severity: str) -> None:
    found = room("data", total=gib_total * 2**30, free=int(gib_free * 2**30))
    assert found.severity == severity
