"""Landing files built with plain DuckDB, as ingest would leave them, and dbt builds shared by many tests."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from penstock.core.build_record import read_builds
from penstock.core.duckdb_file import open_duckdb
from penstock.core.settings import Settings
from tests.functional.transform.compiled_marts import CompiledMarts
from tests.patience import PATIENCE

REPOSITORY = Path(__file__).resolve().parents[3]
STREAM = PIPELINE = "customer_events"
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)  # a Monday

TABLES = """
create schema raw;
create table raw.customer_events (event_id varchar not null, event_time timestamptz not null, event_type varchar not null,
    product_id bigint not null, category_id bigint not null, category_code varchar, brand varchar,
    price decimal(12, 2) not null, user_id bigint not null, user_session varchar not null, _unknown json,
    _epoch integer, _kafka_partition integer, _offset bigint, _kafka_timestamp timestamptz, _commit bigint,
    _contract_version varchar);
create table raw.rejects (epoch integer, "partition" integer, "offset" bigint, kafka_timestamp timestamptz,
    "commit" bigint, contract_version varchar, key blob, value blob, headers struct("key" varchar, "value" blob)[],
    reasons struct(field varchar, rule varchar, found varchar)[], replayed_commit bigint);
create table raw.offsets (epoch integer, "partition" integer, next_offset bigint, primary key (epoch, "partition"));
create table raw.commits ("commit" bigint primary key, "at" timestamptz, kind varchar, run_id varchar, landed bigint,
    rejected bigint);
create table raw.topics (epoch integer primary key, cluster_id varchar, topic varchar, topic_id varchar,
    since timestamptz);
create table raw.gaps (epoch integer, "partition" integer, from_offset bigint, to_offset bigint, events bigint,
    "at" timestamptz, run_id varchar);
create table raw.landing (stream varchar, environment varchar, format_version integer, complete_until timestamptz,
    huge_events boolean default false);
insert into raw.topics values (1, 'cluster', 'customer_events', 'topic', '2026-11-01 00:00:00Z');
insert into raw.landing values ('customer_events', 'local', 3, null, false);
"""  # noqa: E501

Event = dict[str, Any]
MakeEvent = Callable[..., Event]


def event(event_id: str, **fields: Any) -> Event:
    """An event of the contract; what is not said has a usual value."""
    return {
        "event_id": event_id, "event_time": NOON, "event_type": "view", "product_id": 1, "category_id": 10,
        "category_code": "electronics.smartphone", "brand": "acme", "price": "9.99", "user_id": 1,
        "user_session": "visit-1", **fields,
    }  # fmt: skip


class Landing:
    """The landing file of a data folder: `land` is one transaction of ingest."""

    def __init__(self, data: Path) -> None:
        self.path = data / "landing" / f"{STREAM}.duckdb"
        if not self.path.exists():
            with open_duckdb(self.path) as connection:
                connection.execute(TABLES)

    def land(self, events: Sequence[Event], *, partitions: int = 2, rejects: int = 0) -> int:
        """Land events as one commit: a customer's events lie in one partition, in the given order.
        Returns the commit's number."""
        rows = duckdb.connect()
        rows.execute("set TimeZone = 'UTC'")
        rows.execute(
            """create table events (event_id varchar, event_time timestamptz, event_type varchar,
               product_id bigint, category_id bigint, category_code varchar, brand varchar,
               price decimal(12, 2), user_id bigint, user_session varchar)"""
        )
        for row in events:
            rows.execute("insert into events values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", list(row.values()))
        return self.land_table(rows.table("events").to_arrow_table(), partitions=partitions, rejects=rejects)

    def land_table(self, events: Any, *, partitions: int = 2, rejects: int = 0) -> int:
        with open_duckdb(self.path) as connection:
            (commit,) = _one(connection, 'select coalesce(max("commit"), 0) + 1 from raw.commits')
            connection.execute("begin")
            connection.register("arriving", events)
            connection.execute(
                f"""insert into raw.customer_events
                    select arriving.*, null, 1, user_id % {partitions},
                        coalesce(next_offset, 0) - 1
                            + row_number() over (partition by user_id % {partitions}),
                        now(), {commit}, '1.0.0'
                    from arriving left join raw.offsets on "partition" = user_id % {partitions}"""
            )
            connection.execute(
                """insert or replace into raw.offsets
                   select 1, _kafka_partition, max(_offset) + 1
                   from raw.customer_events group by _kafka_partition"""
            )
            connection.execute(
                f"insert into raw.rejects select 1, 0, range, now(), {commit}, '1.0.0', null, 'x'::blob, "
                "null, [struct_pack(field := 'price', rule := 'required', found := null)], null "
                f"from range({rejects})"
            )
            connection.execute(
                f"insert into raw.commits values ({commit}, now(), 'batch', 'run', {len(events)}, {rejects})"
            )
            connection.execute("update raw.landing set complete_until = now()")
            connection.execute("commit")
        return int(commit)

    def land_nothing(self) -> None:
        """What a drain of an empty topic leaves: no commit, and complete until now."""
        with open_duckdb(self.path) as connection:
            connection.execute("update raw.landing set complete_until = now()")


class Shop:
    """A data folder with a landing file, and Penstock's command on it."""

    def __init__(self, data: Path, project: Path = REPOSITORY) -> None:
        self.data = data
        self.project = project
        self.settings = Settings(project, data, "local", None)
        self.landing = Landing(data)
        self.warehouse = self.settings.warehouse_file(PIPELINE)

    @property
    def env(self) -> dict[str, str]:
        ours = ("PENSTOCK_", "KAFKA_", "DBT_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return clean | {"PENSTOCK_PROJECT": str(self.project), "PENSTOCK_DATA": str(self.data)}

    def start(self, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "penstock", "transform", PIPELINE, "-o", "json", *words],
            env=self.env | (env or {}), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def transform(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, env=env)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def run(self, stage: str, *words: str) -> subprocess.CompletedProcess[str]:
        """`penstock <stage> customer_events`, however it ends."""
        return subprocess.run(
            [sys.executable, "-m", "penstock", stage, PIPELINE, "-o", "json", *words],
            env=self.env, text=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with open_duckdb(self.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def builds(self) -> int:
        """How many finished builds the warehouse says that it holds."""
        with open_duckdb(self.warehouse, read_only=True) as connection:
            return len(read_builds(connection))

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every candidate mart, in an order of its own."""
        names = [name for (name,) in self.query(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
        )]  # fmt: skip
        return {name: self.query(f"select * from marts.{name} order by all") for name in names}


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


@pytest.fixture(scope="session")
def real_events() -> Any:
    """The real file as an Arrow table in the contract's columns; the cut-off last row is left out."""
    path = Path(
        os.environ.get("PENSTOCK_REES46") or REPOSITORY.parent / "shared/data/rees46-2019-10-01.csv.gz"
    )
    if not path.exists():
        pytest.fail(f"{path}: no such file; these tests need real events, set PENSTOCK_REES46 to their file")
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    return connection.sql(
        """select 'rees46:' || row_number() over () as event_id,
               replace(event_time, ' UTC', 'Z')::timestamptz as event_time, event_type,
               product_id::bigint as product_id, category_id::bigint as category_id, category_code, brand,
               price::decimal(12, 2) as price, user_id::bigint as user_id, user_session
           from read_csv(?, header = true, delim = ',', all_varchar = true, null_padding = true,
               strict_mode = false)
           qualify user_session is not null""",
        params=[str(path)],
    ).to_arrow_table()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "data")


@pytest.fixture
def own_project(tmp_path: Path) -> Path:
    """A copy of what is declared for the pipeline, which a test may break."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def untested_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without dbt's tests, which are most of a build: where no test is looked at."""
    return leave_out_tests(copy_project(tmp_path_factory.mktemp("untested") / "project"))


def leave_out_tests(project: Path) -> Path:
    shutil.rmtree(project / "dbt_project/customer_events/tests")
    for file in (project / "dbt_project/customer_events/models").rglob("*.yml"):
        file.write_text(yaml.safe_dump(_without_tests(yaml.safe_load(file.read_text())), sort_keys=False))
    return project


def _without_tests(declared: Any) -> Any:
    if isinstance(declared, list):
        return [_without_tests(one) for one in declared]
    if not isinstance(declared, dict):
        return declared
    tests = ("data_tests", "unit_tests")
    return {key: _without_tests(value) for key, value in declared.items() if key not in tests}


def copy_project(project: Path) -> Path:
    for declared in ("dags/customer_events.yaml", "ingest/customer_events.odcs.yaml"):
        (project / declared).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / declared, project / declared)
    ignored = shutil.ignore_patterns("target", "logs", "dbt_packages")
    shutil.copytree(REPOSITORY / "dbt_project", project / "dbt_project", ignore=ignored)
    return project


@pytest.fixture(scope="session")
def make_event() -> MakeEvent:
    return event


@pytest.fixture(scope="session")
def make_shop() -> Callable[..., Shop]:
    return Shop


@pytest.fixture(scope="session")
def real_shop(tmp_path_factory: pytest.TempPathFactory, real_events: Any) -> Shop:
    """The real file, landed in one commit and built once. Tests only read it."""
    shop = Shop(tmp_path_factory.mktemp("real") / "data")
    shop.landing.land_table(real_events, rejects=1)
    done = shop.transform("--run-id", "real")
    assert done.returncode == 0, done.stderr
    return shop


@pytest.fixture(scope="session")
def compiled_marts(real_shop: Shop) -> CompiledMarts:
    """The SQL that built `real_shop`, for other events."""
    target = real_shop.settings.dbt_output_dir(PIPELINE) / "target"
    return CompiledMarts(target, REPOSITORY / "expectations" / PIPELINE, TABLES)
