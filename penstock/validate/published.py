"""What the candidates are compared with: the last published version, attached as `published`.

A check in SQL may read it (`select … from published.purchases`), which is how a suite says that volume must
not drop. Before the first publication, and for a mart or a column that is new, there is nothing to compare
with: such a check is skipped, and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from penstock.core.build_record import Mart, candidate_table
from penstock.core.duckdb_file import literal, quoted
from penstock.core.errors import GateError, first_line
from penstock.core.verdict import Skipped
from penstock.validate.sql_check import SQL_CHECK, SQL_KEY, counted, filled
from penstock.validate.suites import Check, Suite


def attach_published(connection: duckdb.DuckDBPyConnection, link: Path) -> bool:
    """Attach the version now published, read-only, as `published`; False where nothing is published yet.

    Raises GateError for a link that leads nowhere, or a file that DuckDB cannot read.
    """
    if not link.is_symlink() and not link.exists():
        return False
    try:
        file = link.resolve(strict=True)
        connection.execute(f"attach {literal(str(file))} as published (read_only)")
    except (OSError, duckdb.Error) as exc:
        raise GateError(
            f"{link}: the published version cannot be read: {first_line(exc)}",
            fix="see `penstock publish ls`, and roll back to a version that is whole",
            where=link,
        ) from exc
    return True


def published_as_marts(connection: duckdb.DuckDBPyConnection, link: Path) -> list[str]:
    """In a database in memory, the published marts in the place of candidates, and their names.

    Raises GateError where nothing that can be read is published.
    """
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
    attach_published(connection, link)
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'published' AND schema_name = 'main' "
        "AND table_name <> 'mart_status' ORDER BY table_name"
    ).fetchall()
    for (mart,) in rows:
        connection.execute(f"CREATE VIEW {candidate_table(mart)} AS FROM published.main.{quoted(mart)}")
    return [mart for (mart,) in rows]


def check_sql(connection: duckdb.DuckDBPyConnection, suites: Iterable[Suite], marts: Iterable[Mart]) -> None:
    """Bind every check in SQL, before anything runs, against the candidates and a `published` of their shape.

    Raises DeclarationError (file, line, DuckDB's reason) for SQL that names an unknown table or column.
    """
    with _empty_published(connection, marts):
        for suite in suites:
            for check in suite.checks:
                if check.type == SQL_CHECK and (problem := _binding_problem(connection, suite.mart, check)):
                    raise check.error(
                        "kwargs", SQL_KEY,
                        message=f"the SQL cannot run: {first_line(problem)}",
                        fix="candidates are marts.<mart> or {batch}, the last version is published.<mart>; "
                        "of braces, only {batch} is filled in",
                    )  # fmt: skip


def skip_incomparable(
    connection: duckdb.DuckDBPyConnection, suites: Iterable[Suite], *, published: bool
) -> tuple[tuple[Suite, ...], tuple[Skipped, ...]]:
    """The suites without the checks for which nothing is published yet, and those checks.

    Call it after `check_sql`: what binds against the candidates' shape but not against what is published
    compares with something that no reader has seen yet.
    """
    kept, skipped = [], []
    for suite in suites:
        checks = []
        for check in suite.checks:
            problem = _binding_problem(connection, suite.mart, check) if check.type == SQL_CHECK else None
            if isinstance(problem, duckdb.CatalogException | duckdb.BinderException):
                reason = "nothing is published yet"
                if published:
                    reason = f"not published yet: {first_line(problem)}"
                skipped.append(Skipped(suite.mart, check.type, check.description, reason))
            else:
                checks.append(check)  # where anything else is wrong, the check raises and the gate says so
        kept.append(Suite(suite.mart, tuple(checks), suite.meta, suite.notes))
    return tuple(kept), tuple(skipped)


def query_of(check: Check, mart: str) -> str:
    """A check's SQL, one SELECT, with `{batch}` being the candidate. Raises duckdb.Error."""
    return filled(str(check.kwargs.get(SQL_KEY, "")), candidate_table(mart))


def _binding_problem(connection: duckdb.DuckDBPyConnection, mart: str, check: Check) -> duckdb.Error | None:
    try:
        connection.execute(f"explain {counted(query_of(check, mart))}")
    except duckdb.Error as exc:
        return exc
    return None


@contextmanager
def _empty_published(connection: duckdb.DuckDBPyConnection, marts: Iterable[Mart]) -> Iterator[None]:
    # In memory, beside the warehouse that is open read-only; gone again before the real one is attached.
    connection.execute("attach ':memory:' as published (read_write)")
    try:
        for mart in marts:
            connection.execute(
                f"create table published.{quoted(mart.name)} as from {candidate_table(mart.name)} limit 0"
            )
        yield
    finally:
        connection.execute("detach published")
