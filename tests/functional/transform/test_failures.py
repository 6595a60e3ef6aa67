"""What a person reads when a build fails or may not begin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from penstock.core.errors import BusyError, DeclarationError, LandingError
from penstock.core.settings import Settings
from penstock.transform.transform import transform
from tests.functional.transform.conftest import leave_out_tests
from tests.patience import PATIENCE, lines, next_line

HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_a_broken_model_is_named_with_its_file_and_the_first_error(
    make_shop: Callable[..., Any], own_project: Path, make_event: Callable[..., Any], tmp_path: Path
) -> None:
    models = own_project / "dbt_project/customer_events/models"
    sessions = models / "marts/sessions.sql"
    sessions.write_text(
        sessions.read_text().replace("min(event_time) as started_at", "min(tume) as started_at")
    )
    shop = make_shop(tmp_path / "data", own_project)
    shop.landing.land([make_event("a"), make_event("b", event_type="purchase")])
    done = shop.transform()
    assert done.returncode == 1
    as_data = json.loads(done.stdout)["error"]
    error, fix = done.stderr.splitlines()[-2:]
    assert error.startswith("Error: pipeline customer_events: unit test a_se")
    assert 'Referenced column "tume" not found' in error
    assert re.search(r" of model sessions \(models/marts/sessions\.yml:\d+\) failed: Binder Error: ", error)
    assert error.endswith(" skipped)")
    assert fix.startswith("  Fix: ")
    assert (f"Error: {as_data['message']}", f"  Fix: {as_data['fix']}") == (error, fix)
    assert re.fullmatch(rf"{models}/marts/sessions\.yml:\d+", as_data["where"])
    assert as_data["kind"] == "TransformError"
    assert shop.builds() == 0


def test_an_ephemeral_model_that_does_not_compile_is_named(
    make_shop: Callable[..., Any], own_project: Path, make_event: Callable[..., Any], tmp_path: Path
) -> None:
    models = leave_out_tests(own_project) / "dbt_project/customer_events/models"
    (models / "staging/known.sql").write_text(
        "{{ config(materialized='ephemeral') }}\n"
        "{% if execute %}select * from {{ ref('purchases') }}{% else %}select 1 as a{% endif %}\n"
    )
    mart = models / "marts/products.sql"
    mart.write_text(f"-- {{{{ ref('known') }}}}\n{mart.read_text()}")
    shop = make_shop(tmp_path / "data", own_project)
    shop.landing.land([make_event("a")])
    done = shop.transform()
    assert done.returncode == 1
    error = done.stderr.splitlines()[-2]
    assert "model known (models/staging/known.sql" in error
    assert "unable to infer all dependencies" in error


def test_a_project_that_dbt_cannot_read_is_one_line(
    make_shop: Callable[..., Any], own_project: Path, make_event: Callable[..., Any], tmp_path: Path
) -> None:
    (own_project / "dbt_project/customer_events/models/marts/lost.sql").write_text(
        "select * from {{ ref('nowhere') }}"
    )
    shop = make_shop(tmp_path / "data", own_project)
    shop.landing.land([make_event("a")])
    done = shop.transform()
    assert done.returncode == 1
    error, fix = done.stderr.splitlines()[-2:]
    assert error.startswith("Error: pipeline customer_events: dbt could not build: ")
    assert "nowhere" in error
    assert fix.startswith("  Fix: ")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "marts/funnel_daily.sql", "select", "select\n    {% if %}",
            "dbt could not build: model funnel_daily (models/marts/funnel_daily.sql:",
        ),
        (
            "marts/products.yml", "data_type: bigint", "data_type: varchar",
            "model products (models/marts/products.sql) failed: it breaks its contract: column product_id is "
            "BIGINT, the contract says VARCHAR",
        ),
    ],
)  # fmt: skip
def test_the_one_line_names_what_matters(
    file: str,
    old: str,
    new: str,
    told: str,
    make_shop: Callable[..., Any],
    own_project: Path,
    make_event: Callable[..., Any],
    tmp_path: Path,
) -> None:
    path = leave_out_tests(own_project) / "dbt_project/customer_events/models" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    shop = make_shop(tmp_path / "data", own_project)
    shop.landing.land([make_event("a")])
    done = shop.transform()
    assert done.returncode == 1
    assert told in done.stderr.splitlines()[-2]


def test_broken_yaml_of_the_project_itself_is_reported_with_its_line(
    own_project: Path, tmp_path: Path
) -> None:
    file = own_project / "dbt_project/customer_events/dbt_project.yml"
    file.write_text(file.read_text() + "vars:\n  a: [1\nb: 2\n")
    lines = len(file.read_text().splitlines())
    with pytest.raises(DeclarationError, match=rf"dbt_project\.yml:{lines}: not valid YAML"):
        transform(Settings(own_project, tmp_path / "data", "local", None), "customer_events", run_id="r")


def test_declarations_that_changed_under_a_build_leave_no_record(
    make_shop: Callable[..., Any], own_project: Path, make_event: Callable[..., Any], tmp_path: Path
) -> None:
    shop = make_shop(tmp_path / "data", leave_out_tests(own_project))
    shop.landing.land([make_event("a")])
    process = shop.start()
    for line in lines(process.stderr):
        if "START hook" in line:
            with (own_project / "dags/customer_events.yaml").open("a") as pipeline:
                pipeline.write("# changed\n")
        if line.startswith("Error:"):
            assert line == "Error: pipeline customer_events: its declarations changed while dbt built it\n"
    assert process.wait(timeout=PATIENCE) == 1
    assert shop.builds() == 0


def test_an_event_whose_commit_is_not_noted_stops_the_build(
    make_shop: Callable[..., Any], untested_project: Path, make_event: Callable[..., Any], tmp_path: Path
) -> None:
    """Nobody knows when it landed. It must not fall out of the marts without a word."""
    shop = make_shop(tmp_path / "data", untested_project)
    shop.landing.land([make_event("a")])
    shop.landing.land([make_event("b")])
    with duckdb.connect(shop.landing.path) as connection:
        connection.execute('delete from raw.commits where "commit" = 1')
    done = shop.transform()
    assert done.returncode == 1
    assert "model stg_customer_events (models/staging/stg_customer_events.sql)" in done.stderr
    assert "NOT NULL constraint failed: stg_customer_events._landed_at" in done.stderr


def test_a_writer_that_stays_is_named(shop: Any, make_event: Callable[..., Any]) -> None:
    shop.landing.land([make_event("a")])
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(shop.landing.path)],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as writer:  # fmt: skip
        next_line(writer.stdout)
        with pytest.raises(BusyError, match=rf"customer_events\.duckdb: held by .+ \(PID {writer.pid}\)"):
            transform(shop.settings, "customer_events", run_id="r", patience=0.2)
        writer.communicate("", timeout=PATIENCE)


def test_a_missing_landing_file_names_the_command_that_makes_it(settings: Settings) -> None:
    with pytest.raises(LandingError) as caught:
        transform(settings, "customer_events", run_id="r")
    assert "stream customer_events: nothing has landed" in caught.value.message
    assert caught.value.fix == "run `penstock ingest drain customer_events`"
    assert not settings.warehouse_file("customer_events").exists()


def test_a_landing_file_of_another_environment_is_refused(shop: Any, make_event: Callable[..., Any]) -> None:
    shop.landing.land([make_event("a")])
    elsewhere = Settings(shop.project, shop.data, "production", None)
    with pytest.raises(LandingError, match="filled in the environment 'local', this is 'production'"):
        transform(elsewhere, "customer_events", run_id="r")


def test_a_landing_file_that_was_never_complete_is_refused(shop: Any) -> None:
    with pytest.raises(LandingError, match="was never complete"):
        transform(shop.settings, "customer_events", run_id="r")


def test_a_source_that_is_no_stream_of_the_pipeline_is_an_error_with_its_line(
    own_project: Path, tmp_path: Path
) -> None:
    sources = own_project / "dbt_project/customer_events/models/staging/_sources.yml"
    sources.write_text(
        sources.read_text().replace("- name: customer_events\n    desc", "- name: orders\n    desc")
    )
    with pytest.raises(DeclarationError) as caught:
        transform(Settings(own_project, tmp_path / "data", "local", None), "customer_events", run_id="r")
    assert f"{sources}:2: the dbt source 'orders' is no stream of the pipeline" in caught.value.message


def test_a_stream_without_a_source_is_an_error(own_project: Path, tmp_path: Path) -> None:
    pipeline = own_project / "dags/customer_events.yaml"
    pipeline.write_text(pipeline.read_text().replace("[customer_events]", "[customer_events, orders]"))
    with pytest.raises(DeclarationError, match="no dbt source is named 'orders'"):
        transform(Settings(own_project, tmp_path / "data", "local", None), "customer_events", run_id="r")
