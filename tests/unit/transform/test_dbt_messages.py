"""dbt's own texts, as it gave them for projects that were broken on purpose, and what a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.transform.dbt_messages import dbt_error

FILES = {
    "dbt_project.yml": "name: toy\nprofile: toy\n",
    "profiles.yml": "other:\n  target: w\n",
    "packages.yml": "packages:\n  - local: ../nowhere\n",
    "macros/good.sql": "{% macro good() %}\n{% endmacro %}\n",
    "macros/m.sql": "-- one\n{% macro m() %}\n select 1\n{% endmacr %}\n",
    "models/a.yml": "models:\n  - name: a\n    description: \"{{ doc('lost') }}\"\n",
    "models/b.sql": (
        "select *\nfrom {{ ref('nowhere') }}\nwhere where x\n  and {{ env_var('NOPE_X') }}\n"
        "  and {{ var('nope') }} and nmae\n"
    ),
    "models/c.sql": "{{ config(materialized='table') }}\nselect 1\n",
    "models/d.sql": "\n{{ config(materialized=3) }}\nselect 1\n",
    "models/e.sql": b"select 1\n  as x, '\xff'\n",
}
CONTRACT = """Compilation Error in model a (models/a.sql)
  This model has an enforced contract that failed.
  Please ensure the name, data_type, and number of columns in your contract match the columns in your model's definition.

  | column_name | definition_type | contract_type | mismatch_reason       |
  | ----------- | --------------- | ------------- | --------------------- |
  | id          | BIGINT          | INTEGER       | data type mismatch    |
  | name        |                 | VARCHAR       | missing in definition |
  | more        | DATE            |               | missing in contract   |


  > in macro assert_columns_equivalent (macros/relations/column/columns_spec_ddl.sql)
  > called by model a (models/a.sql)"""  # noqa: E501
OTHER_COLUMNS = """Compilation Error in model b (models/b.sql)

                The source and target schemas on this incremental model are out of sync!
                They can be reconciled in several ways:
                  - set the `on_schema_change` config to either append_new_columns or sync_all_columns
                Additional troubleshooting context:
                   Source columns not in target: [<DuckDBColumn y (INTEGER)>]
                   Target columns not in source: []

  > in macro check_for_schema_changes (macros/x.sql)"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path


@pytest.mark.parametrize(
    ("message", "where", "what"),
    [
        (
            "Compilation Error in model b (models/b.sql)\n  unexpected '}'\n    line 4\n      {% if %}",
            "model b (models/b.sql:4)",
            "unexpected '}' line 4 {% if %}",
        ),
        (
            "Compilation Error\n  Model 'model.toy.b' (models/b.sql) depends on a node named 'nowhere' which was "  # noqa: E501
            "not found",
            "models/b.sql:2",
            "Model 'model.toy.b' (models/b.sql) depends on a node named 'nowhere' which was not found",
        ),
        (
            "Compilation Error in model b (models/b.sql)\n  Required var 'nope' not found in config:\n  Vars "
            "supplied to b = {}",
            "model b (models/b.sql:5)",
            "Required var 'nope' not found in config:",
        ),
        (
            "Parsing Error\n  Env var required but not provided: 'NOPE_X'",
            "models/b.sql:4",
            "Env var required but not provided: 'NOPE_X'",
        ),
        (
            "Runtime Error in model b (models/b.sql)\n  Parser Error: syntax error at or near \"where\"\n  \n  "  # noqa: E501
            "LINE 12: where where x\n                 ^^^^^",
            "model b (models/b.sql:3)",
            'Parser Error: syntax error at or near "where"',
        ),
        (
            'Runtime Error in model b (models/b.sql)\n  Binder Error: Referenced column "nmae" not found in FROM '  # noqa: E501
            'clause!\n  Candidate bindings: "name"',
            "model b (models/b.sql:5)",
            'Binder Error: Referenced column "nmae" not found in FROM clause!',
        ),
        (
            CONTRACT,
            "model a (models/a.sql)",
            "it breaks its contract: column id is BIGINT, the contract says INTEGER; column name (VARCHAR) is "  # noqa: E501
            "missing in definition; column more (DATE) is missing in contract",
        ),
        (
            OTHER_COLUMNS,
            "model b (models/b.sql)",
            "its columns are not those of the table that is there: Source columns not in target: "
            "[<DuckDBColumn y (INTEGER)>] Target columns not in source: []",
        ),
        (
            "Compilation Error\n  Documentation for 'model.toy.a' depends on doc 'lost'  which was not found",
            "models/a.yml:3",
            "Documentation for 'model.toy.a' depends on doc 'lost'  which was not found",
        ),
        (
            "Compilation Error\n  Reached EOF without finding a close tag for macro (searched from line 2)",
            "macros/m.sql:2",
            "Reached EOF without finding a close tag for macro (searched from line 2)",
        ),
        ("Found a cycle: model.toy.b --> model.toy.c", "models/b.sql", "Found a cycle: model.toy.b --> model.toy.c"),  # noqa: E501
        (
            "Parsing Error\n  at path ['materialized']: 3 is not of type 'string'",
            "models/d.sql:2",
            "at path ['materialized']: 3 is not of type 'string'",
        ),
        (
            "'utf-8' codec can't decode byte 0xff in position 19: invalid start byte",
            "models/e.sql:2",
            "'utf-8' codec can't decode byte 0xff in position 19: invalid start byte",
        ),
        ("Runtime Error\n  Could not find profile named 'toy'", "profiles.yml", "Could not find profile named 'toy'"),  # noqa: E501
        (
            "Compilation Error in operation toy-on-run-end-0 (./dbt_project.yml)\n  'nope' is undefined.",
            "operation toy-on-run-end-0 (dbt_project.yml)",
            "'nope' is undefined.",
        ),
        (
            "\n\n\x1b[32mactual\x1b[0m differs from \x1b[31mexpected\x1b[0m:\n\n@@,id\r\n→,3→2\r\n",
            "",
            "actual differs from expected: @@,id →,3→2",
        ),
    ],
)  # fmt: skip
def test_a_message_says_where_and_what(message: str, where: str, what: str, project: Path) -> None:
    read = dbt_error(message, project)
    assert (read.where, read.what) == (where, what)
