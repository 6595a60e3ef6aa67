"""A check in SQL: `unexpected_rows_expectation`, whose SQL DuckDB reads as it stands in the suite.

In it `{batch}` is the candidate. Great Expectations wants every other brace written twice. SQL that does not
do so (`{'a': 1}`, a regular expression's `{2}`) means its braces as they stand.
"""

from __future__ import annotations

from string import Formatter

import duckdb

SQL_CHECK = "unexpected_rows_expectation"
SQL_KEY = "unexpected_rows_query"
_BATCH = "{batch}"
_EXAMPLES = 3


def with_doubled_braces(sql: str) -> str:
    """`sql` as Great Expectations writes it: each brace twice, but for those of `{batch}`."""
    try:
        fields = [(name, spec, how) for _, name, spec, how in Formatter().parse(sql) if name is not None]
    except ValueError:  # a brace without its partner
        fields = [("", "", None)]
    if all(field == ("batch", "", None) for field in fields):
        return sql
    return _BATCH.join(part.replace("{", "{{").replace("}", "}}") for part in sql.split(_BATCH))


def filled(sql: str, table: str) -> str:
    """The one SELECT that `sql` is, with `table` for `{batch}`, and no semicolon at its end.

    Raises duckdb.ParserException where it is no SQL, or not exactly one statement.
    """
    text = with_doubled_braces(sql).format(batch=table)
    statements = duckdb.extract_statements(text)
    if len(statements) != 1:
        raise duckdb.ParserException(f"{len(statements)} statements, where one SELECT is expected")
    return _without_last_semicolon(text)


def counted(query: str) -> str:
    """SQL of the number of rows of `query`. The new lines end a comment that the query may end with."""
    return f"select count(*) from (\n{query}\n) as unexpected_rows"


def first_rows(query: str) -> str:
    """SQL of the first rows of `query`, some examples."""
    return f"select * from (\n{query}\n) as unexpected_rows limit {_EXAMPLES}"


def _without_last_semicolon(sql: str) -> str:
    """`sql`, one statement, up to the semicolon that ends it: one that DuckDB reads as such, and not one in a
    text or in a comment."""
    code = sql.lstrip("; \t\r\n").encode()
    ends = [place for place, _ in duckdb.tokenize(code.decode()) if code[place : place + 1] == b";"]
    return code[: ends[0] if ends else None].decode()
