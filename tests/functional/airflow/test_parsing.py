"""DAG files as Airflow's own DagBag sees them, in a process of its own that writes down what parsing does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE

REPOSITORY = Path(__file__).resolve().parents[3]
YAML = "customer_events.yaml"

# Runs in its own process: fills a DagBag, and tells every file opened and every connection tried meanwhile.
PARSE = """
import json, os, sys, time
folder = sys.argv[1]
from airflow.dag_processing.dagbag import DagBag
import airflow.sdk, yaml
opened, connected, started = [], [], []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])
    elif event in ("socket.connect", "socket.getaddrinfo"):
        connected.append(repr(arguments))
    elif event in ("subprocess.Popen", "os.fork"):
        started.append(repr(arguments))
before = set(sys.modules)
sys.addaudithook(watch)
begin = time.process_time()  # of the processor: what else runs does not count
import penstock.airflow
seconds = time.process_time() - begin
own = opened[:]
opened.clear()
bag = DagBag(folder, bundle_path=folder)
print(json.dumps({
    "seconds": seconds, "opened": opened, "connected": connected, "started": started,
    "errors": bag.import_errors, "modules": sorted(set(sys.modules) - before),
    "dags": {
        dag.dag_id: {
            "tasks": [task.task_id for task in dag.topological_sort()],
            "schedule": getattr(dag.timetable, "expression", None),
            "tags": sorted(dag.tags), "owner": dag.owner, "catchup": dag.catchup, "doc": dag.doc_md,
            "max_active_runs": dag.max_active_runs, "description": dag.description,
            "retries": {task.task_id: task.retries for task in dag.tasks},
            "teardown": [task.task_id for task in dag.tasks if task.is_teardown],
            "commands": {task.task_id: getattr(task, "_commands", None) for task in dag.tasks},
        } for dag in bag.dags.values()
    },
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A DAGs folder with our pipeline, a second one, two broken ones, and somebody else's `ingest`."""
    dags = tmp_path_factory.mktemp("project") / "dags"
    dags.mkdir()
    ours = (REPOSITORY / "dags" / YAML).read_text()
    loader = (REPOSITORY / "dags" / "customer_events.py").read_text()
    pipelines = {
        "customer_events": ours,
        "orders": "name: orders\ndescription: Two streams.\nowner: sales\nstreams: [orders, refunds]\n"
        "ingest: follow\n",
        "misspelt": ours.replace("customer_events", "misspelt").replace("retries:", "retrys:"),
        "badly_timed": ours.replace("customer_events", "badly_timed").replace("@hourly", "61 * * * *"),
    }
    for name, text in pipelines.items():
        (dags / f"{name}.yaml").write_text(text)
        (dags / f"{name}.py").write_text(loader)
    for name in ("ingest", "publish", "transform"):
        (dags / f"{name}.py").write_text("# an unrelated airflow dag helper\nSOMEBODY_ELSES = True\n")
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(dags)], capture_output=True, text=True, timeout=PATIENCE, cwd=dags
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**result, "folder": str(dags)}


def test_the_dag_says_what_the_yaml_says(parsed: dict[str, Any]) -> None:
    dag = parsed["dags"]["customer_events"]
    assert dag["tasks"] == ["ingest", "transform", "validate", "publish", "report"]
    assert dag["teardown"] == ["report"]
    assert dag["schedule"] == "0 * * * *"
    assert dag["tags"] == ["customer", "web-store"]
    assert dag["owner"] == "customer-analytics"
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert dag["description"].startswith("Customer events of the web store")
    assert "penstock publish customer_events" in dag["doc"]
    assert dag["commands"]["ingest"] == [["ingest", "drain", "customer_events"]]


def test_a_gate_that_refused_is_not_asked_again(parsed: dict[str, Any]) -> None:
    retries = parsed["dags"]["customer_events"]["retries"]
    assert retries == {"ingest": 1, "transform": 1, "validate": 0, "publish": 1, "report": 0}


def test_several_streams_are_one_task_that_waits_for_each(parsed: dict[str, Any]) -> None:
    dag = parsed["dags"]["orders"]
    assert dag["tasks"] == ["ingest", "transform", "validate", "publish", "report"]
    assert dag["commands"]["ingest"] == [["ingest", "wait", "orders"], ["ingest", "wait", "refunds"]]


@pytest.mark.parametrize(
    ("loader", "place", "words"),
    [
        ("misspelt.py", "misspelt.yaml:7: ", "did you mean 'retries'?"),
        ("badly_timed.py", "badly_timed.yaml:5: ", "61 * * * *"),
    ],
)
def test_a_broken_yaml_is_its_own_import_error_with_file_and_line(
    parsed: dict[str, Any], loader: str, place: str, words: str
) -> None:
    assert set(parsed["errors"]) == {"misspelt.py", "badly_timed.py"}
    assert place in parsed["errors"][loader]
    assert words in parsed["errors"][loader]


def test_it_hides_no_other_dag_and_somebody_elses_modules_harm_nothing(parsed: dict[str, Any]) -> None:
    assert set(parsed["dags"]) == {"customer_events", "orders"}


def test_parsing_opens_no_file_but_the_yaml(parsed: dict[str, Any]) -> None:
    of_python = {path for path in parsed["opened"] if path.endswith(".py") or "/__pycache__/" in path}
    ours = {path for path in set(parsed["opened"]) - of_python if not path.endswith(".airflowignore")}
    yamls = {f"{parsed['folder']}/{name}.yaml" for name in
             ("customer_events", "orders", "misspelt", "badly_timed")}  # fmt: skip
    assert ours == yamls
    assert parsed["connected"] == []
    assert parsed["started"] == []


def test_parsing_imports_nothing_heavy_and_is_quick(parsed: dict[str, Any]) -> None:
    heavy = {
        "click", "dbt", "duckdb", "great_expectations", "kafka", "open_data_contract_standard", "pandas",
        "pyarrow", "rich", "slack_sdk",
    }  # fmt: skip
    assert heavy.isdisjoint({name.partition(".")[0] for name in parsed["modules"]})
    # 0.05 s; dbt, duckdb or Great Expectations alone would take longer than this.
    assert parsed["seconds"] < 0.5
