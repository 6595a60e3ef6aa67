"""One real Airflow for all end-to-end tests, over a copy of this project, a real broker and a Slack of ours.

The copy has more pipelines than the project: `misspelt` (its YAML is broken) and `held` (waits for events
that nobody lands). Its topics are its own, so that a broker that had other events before serves as well.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.local.airflow_api import AirflowApi
from penstock.local.airflow_up import start_airflow
from penstock.local.services import Services, free_port
from penstock.monitor.slack_stand_in import SlackStandIn
from tests.patience import PATIENCE, until

REPOSITORY = Path(__file__).resolve().parents[2]
MADE_BY_TOOLS = shutil.ignore_patterns("target", "logs", "dbt_packages", "package-lock.yml", ".user.yml")


@pytest.fixture(scope="session")
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as slack:
        yield slack


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy of the project's declarations."""
    copy = tmp_path_factory.mktemp("e2e") / "project"
    for folder in ("ingest", "dbt_project", "expectations", "dags"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=MADE_BY_TOOLS)
    contract = (copy / "ingest" / "customer_events.odcs.yaml").read_text()
    named = "physicalName: customer_events"
    assert named in contract
    own = uuid.uuid4().hex[:8]
    (copy / "ingest" / "customer_events.odcs.yaml").write_text(contract.replace(named, f"{named}_{own}"))
    held = contract.replace(named, f"physicalName: held_{own}").replace("name: customer_events", "name: held")
    (copy / "ingest" / "held.odcs.yaml").write_text(held)
    hourly = (copy / "dags" / "customer_events.yaml").read_text()
    assert 'schedule: "@hourly"' in hourly
    yaml = hourly.replace("@hourly", "@yearly")  # no run but the tests' comes at the full hour
    (copy / "dags" / "customer_events.yaml").write_text(yaml)
    loader = (copy / "dags" / "customer_events.py").read_text()
    held_yaml = yaml.replace("customer_events", "held").replace("ingest: drain", "ingest: follow")
    misspelt_yaml = yaml.replace("name: customer_events", "name: misspelt").replace("retries:", "retrys:")
    for name, text in {"held": held_yaml, "misspelt": misspelt_yaml}.items():
        (copy / "dags" / f"{name}.yaml").write_text(text)
        (copy / "dags" / f"{name}.py").write_text(loader)
    return copy


@pytest.fixture(scope="session")
def e2e_settings(project: Path, session_settings: Settings, broker: str) -> Settings:
    """The copy, the session's data folder, the broker."""
    return replace(session_settings, project=project, bootstrap_servers=broker)


@pytest.fixture(scope="session")
def airflow(e2e_settings: Settings, services: Services, slack: SlackStandIn) -> AirflowApi:
    """A real Airflow that has seen the copy's DAGs, all of them paused."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("SLACK_BOT_TOKEN", raising=False)
        environment.setenv("SLACK_WEBHOOK_URL", slack.webhook_url)
        airflow = start_airflow(e2e_settings, services, free_port())
    for dag_id in ("customer_events", "held"):
        airflow.wait_until_dag_is_seen(dag_id, seconds=PATIENCE)
    return airflow


def begin_anew(settings: Settings, airflow: AirflowApi, name: str) -> None:
    """As on a fresh machine: no events in the topic, no file of the pipeline and stream `name`."""
    until(lambda: airflow.active_runs(name) == [])
    airflow.pause(name)
    topic = load_contract(settings, name).topic
    admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    if topic in admin.list_topics():
        admin.delete_topics([topic])
        until(lambda: topic not in admin.list_topics())
    admin.close()
    for path in (
        settings.landing_file(name), settings.warehouse_file(name), settings.marts_link(name),
        settings.verdict_file(name),
    ):  # fmt: skip
        path.unlink(missing_ok=True)
    for folder in (settings.versions_dir(name), settings.dbt_output_dir(name)):
        shutil.rmtree(folder, ignore_errors=True)
