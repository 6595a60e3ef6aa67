"""A run that is triggered with the parameter `full_refresh` builds all rows anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk.exceptions import ParamValidationError

from penstock.airflow.factory import build_dag
from penstock.core.pipeline import read_pipeline
from penstock.core.settings import Settings


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({}, ["transform", "customer_events", "-o", "json"]),
        ({"full_refresh": False}, ["transform", "customer_events", "-o", "json"]),
        ({"full_refresh": True}, ["transform", "customer_events", "--full-refresh", "-o", "json"]),
    ],
)
def test_the_parameter_reaches_transform(
    conf: dict[str, bool], words: list[str], settings: Settings, penstock_stand_in: Callable[[str], Path]
) -> None:
    dag = build_dag(read_pipeline(settings.pipeline_file("customer_events")))
    calls = penstock_stand_in("print('{}')")
    params = dag.params.dump() | conf
    dag.get_task("transform").execute({"run_id": "manual__1", "params": params})
    assert [json.loads(line) for line in calls.read_text().splitlines()] == [words]


def test_anything_but_yes_or_no_is_refused_by_airflow(settings: Settings) -> None:
    dag = build_dag(read_pipeline(settings.pipeline_file("customer_events")))
    assert dag.params.dump() == {"full_refresh": False}
    with pytest.raises(ParamValidationError):
        dag.params["full_refresh"] = "tomorrow"
