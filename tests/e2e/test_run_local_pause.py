"""A DAG that a person paused in Airflow: run-local runs it once, and leaves it as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from penstock.core.settings import Settings
from penstock.local.airflow_api import AirflowApi
from penstock.local.run_local import PIPELINE
from penstock.monitor.slack_stand_in import SlackStandIn


def run_local(settings: Settings, airflow: AirflowApi, slack: SlackStandIn) -> str:
    """One run with one event; what it said on stderr."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "PENSTOCK_"))},
        "PENSTOCK_PROJECT": str(settings.project),
        "PENSTOCK_DATA": str(settings.data),
        "PENSTOCK_ENV": settings.environment,
        "KAFKA_BOOTSTRAP_SERVERS": str(settings.bootstrap_servers),
        "SLACK_WEBHOOK_URL": slack.webhook_url,
        "AIRFLOW_PORT": airflow.base_url.rpartition(":")[2],
    }
    words = [sys.executable, "-m", "penstock", "local", "run", "--count", "500", "--seed", "77"]
    ended = subprocess.run(words, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


@pytest.mark.timeout(1200)  # a whole run, on a machine that others use
def test_the_dag_is_afterwards_as_a_person_had_left_it(
    e2e_settings: Settings, airflow: AirflowApi, slack: SlackStandIn
) -> None:
    airflow.pause(PIPELINE)
    assert "is paused again" in run_local(e2e_settings, airflow, slack)
    assert airflow.is_paused(PIPELINE)
