"""The rows of incremental models are all made of what is declared now, or the build does not begin."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from penstock.core.build_record import Build, read_builds
from tests.functional.transform.conftest import copy_project, leave_out_tests

pytestmark = pytest.mark.timeout(1800)  # ends a hang: each test builds many times
MODELS = "dbt_project/customer_events/models"
STAGING = f"{MODELS}/staging/stg_customer_events.sql"
FLAG = "penstock transform customer_events --full-refresh"


class Life:
    """One warehouse, and a project that changes under it."""

    def __init__(self, shop: Any, project: Path) -> None:
        self.shop, self.project = shop, project

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.project / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def record(self) -> list[Build]:
        with duckdb.connect(self.shop.warehouse, read_only=True) as connection:
            return read_builds(connection)

    def build(self, *words: str, **env: str) -> str:
        done = self.shop.transform(*words, env=env)
        assert done.returncode == 0, done.stderr
        return str(done.stderr)

    def refused(self, *words: str) -> tuple[str, str]:
        """The error and the way out; nothing in the warehouse has changed."""
        before = self.shop.warehouse.read_bytes()
        done = self.shop.transform(*words)
        assert done.returncode == 1, done.stderr
        assert self.shop.warehouse.read_bytes() == before
        error, fix = done.stderr.splitlines()[-2:]
        return error, fix


@pytest.fixture(scope="module")
def built(
    make_shop: Callable[..., Any], make_event: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Built once, from a project with a macro, a variable, a seed and an ephemeral model above staging."""
    folder = tmp_path_factory.mktemp("history") / "life"
    project = leave_out_tests(copy_project(folder / "project"))
    life = Life(make_shop(folder / "data", project), project)
    for name, content in {
        "macros/tidy.sql": "{% macro tidy(c) %}{# as is #}lower({{ c }}){% endmacro %}\n",
        "seeds/brands.csv": "brand\nacme\n",
        f"{MODELS.removeprefix('dbt_project/customer_events/')}/staging/known.sql": (
            "{{ config(materialized='ephemeral') }}\nselect brand from {{ ref('brands') }}\n"
        ),
    }.items():
        path = project / "dbt_project/customer_events" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    suffix = "{{ var('suffix', '') }}{{ env_var('DBT_SUFFIX', '') }}"
    life.edit(STAGING, "        brand,\n", f"        {{{{ tidy('brand') }}}} || $${suffix}$$ as brand,\n")
    life.edit(
        STAGING, "    from first_landed\n",
        "    from first_landed\n    where (select count(*) from {{ ref('known') }}) > 0\n",
    )  # fmt: skip
    life.shop.landing.land([make_event("a", brand="Acme")])
    life.build()
    life.shop.landing.land([make_event("b", brand="Acme")])
    return folder.rename(folder.with_name("built"))


@pytest.fixture
def life(built: Path, make_shop: Callable[..., Any]) -> Life:
    """A copy of `built`, which a test may change. It lies where that was built: in another folder dbt would
    parse all of it anew."""
    folder = built.with_name("life")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built, folder, symlinks=True)
    return Life(make_shop(folder / "data", folder / "project"), folder / "project")


def test_a_change_of_a_staging_model_is_refused_until_all_is_built_anew(
    life: Life, make_event: Callable[..., Any]
) -> None:
    record = life.record()
    life.edit(STAGING, "{{ tidy('brand') }} ||", "upper({{ tidy('brand') }}) ||")
    error, fix = life.refused()
    assert "the incremental model stg_customer_events (models/staging/stg_customer_events.sql)" in error
    assert "models/staging/stg_customer_events.sql has changed" in error
    assert FLAG in fix
    assert "`full_refresh`" in fix
    assert life.record() == record
    of_a_person = {"DBT_SUFFIX": "!", "DBT_TARGET": "nowhere"}  # the second is a setting of dbt itself
    life.build("--full-refresh", **of_a_person)
    brands = "select event_id, brand from staging.stg_customer_events order by 1"
    assert life.shop.query(brands) == [("a", "ACME!"), ("b", "ACME!")]
    life.shop.landing.land([make_event("c")])
    assert "built anew" not in life.build(**of_a_person)
    assert life.shop.query(brands)[-1] == ("c", "ACME!")
    assert "the environment variable DBT_SUFFIX has changed" in life.refused()[0]


def test_all_that_the_rows_stand_on_counts_and_nothing_else(life: Life) -> None:
    project = "dbt_project/customer_events"
    changes = [
        (f"{project}/macros/tidy.sql", "lower(", "upper(", "the macro tidy (macros/tidy.sql) has changed"),
        (f"{project}/seeds/brands.csv", "acme", "acme\nother", "seeds/brands.csv has changed"),
        (f"{MODELS}/staging/known.sql", "select brand", "select upper(brand) as brand", "known.sql has changed"),  # noqa: E501
        (f"{project}/dbt_project.yml", "flags:", "vars: {suffix: x}\nflags:", "the variable suffix (dbt_pro"),
        (
            f"{MODELS}/staging/stg_customer_events.yml", "data_type: decimal(12,2)", "data_type: decimal(14,2)",  # noqa: E501
            "the configuration of stg_customer_events (models/staging/stg_customer_events.sql) has changed",
        ),
        (STAGING, "_commit > {{", "_commit >= {{", "models/staging/stg_customer_events.sql has changed"),
    ]  # fmt: skip
    for some in (changes[:3], changes[3:]):  # an error names three
        for file, old, new, _ in some:
            life.edit(file, old, new)
        error, _ = life.refused()
        assert [change for *_, change in some if change not in error] == []
        assert "…" not in error
        for file, old, new, _ in some:
            life.edit(file, new, old)
    life.edit(STAGING, "-- New is what landed", "-- A new remark.\n\n-- New is what landed")
    life.edit(f"{project}/macros/tidy.sql", "{# as is #}", "{# as it was #}")
    life.edit(f"{MODELS}/marts/sessions.sql", "-- ", "-- Changed. ")
    assert "built anew" not in life.build()


def test_a_dropped_note_of_what_was_read_passes_for_no_older_one(life: Life) -> None:
    life.edit(STAGING, "            \"{{ penstock_shared.record_input('customer_events') }}\",\n", "")
    done = life.shop.transform()
    assert done.returncode == 1
    error, fix = done.stderr.splitlines()[-2:]
    assert "no model of this build noted what it read of the stream customer_events" in error
    assert "penstock_shared.record_input('customer_events')" in fix
    assert life.record() == []


def test_a_new_incremental_model_is_built_in_full_and_then_counts(life: Life) -> None:
    mart = life.project / MODELS / "marts/named_brands.sql"
    mart.write_text(
        "{{ config(materialized='incremental', access='protected', contract={'enforced': false}) }}\n"
        "select brand, _commit from {{ ref('stg_customer_events') }}\n"
        "{% if is_incremental() %}where _commit > (select max(_commit) from {{ this }}){% endif %}\n"
    )
    assert "built anew" not in life.build()
    assert life.shop.query("select count(*) from marts.named_brands") == [(2,)]
    life.edit(f"{MODELS}/marts/named_brands.sql", "select brand,", "select upper(brand) as brand,")
    assert "the incremental model named_brands (models/marts/named_brands.sql)" in life.refused()[0]


def test_a_full_build_that_was_cut_short_and_a_build_by_hand_are_built_anew(life: Life) -> None:
    killed = life.shop.transform("--full-refresh", env={"PENSTOCK_KILL_AT": "transform.dbt_ended"})
    assert killed.returncode == -9
    assert "nobody noted what the rows of stg_customer_events were made of" in life.build()
    done = life.shop.transform()
    assert "built anew" not in done.stderr
    assert json.loads(done.stdout)["new_commits"] == 0
