"""Airflow for your laptop: its parts one by one, on SQLite, listening on loopback alone, without a password.

Not `airflow standalone`: that serves logs to the whole network, and leaves children behind when it ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from penstock.core.errors import PenstockError
from penstock.core.settings import Settings
from penstock.local.airflow_api import AirflowApi
from penstock.local.services import Service, Services

_READY = 120.0  # seconds; usually 10 to 15
_PAUSED = "paused"
# What tasks inherit from the scheduler: another value needs another Airflow.
_TASKS_INHERIT = ("PENSTOCK_", "KAFKA_", "SLACK_")


def start_airflow(
    settings: Settings, services: Services, port: int, *, hold: Sequence[str] = ()
) -> AirflowApi:
    """Airflow on 127.0.0.1:`port`, healthy; what of it runs already is reused.

    `hold` names DAGs that start nothing until they are unpaused; `release` makes them what they were. After
    a longer stop their schedule is overdue: a run of its own would otherwise stand in the way of the one that
    is wanted now.
    Raises PenstockError with the end of the log of the part that did not come up.
    """
    home = settings.data / "local" / "airflow"
    env = _environment(settings, home, port)
    api = AirflowApi(env["AIRFLOW__API__BASE_URL"])
    knows_dags = (home / "airflow.db").exists()  # in a new database every DAG starts paused
    if any(services.running(f"airflow-{part}") for part in ("api", "dag-processor", "scheduler")):
        _refuse_other_environment(home, env)
    else:
        _migrate(home, env)
        _remember_environment(home, env)

    server = _start(services, "api", ["api-server"], env, home, port)
    parser = _start(services, "dag-processor", ["dag-processor"], env, home)
    if hold and knows_dags:
        services.wait_until_ready(server, api.is_up, seconds=_READY)
    for dag_id in hold:
        _note_pause(home, dag_id, paused=knows_dags and api.is_paused(dag_id))
        if knows_dags:
            api.pause_if_known(dag_id)
    scheduler = _start(services, "scheduler", ["scheduler", "--skip-serve-logs"], env, home)
    services.wait_until_ready(server, api.is_up, seconds=_READY)
    services.wait_until_ready(scheduler, api.is_healthy, seconds=_READY)
    for dag_id in hold:  # parsed anew, it knows which hour is overdue
        api.wait_until_dag_is_seen(dag_id, newer_than=parser.started)
    return api


def release(settings: Settings, port: int, dag_id: str) -> bool:
    """Make a DAG that `start_airflow` held what a person had made it: True where that is paused.

    Airflow not answering raises nothing: the note stays, and the next run-local knows.
    """
    note = _pause_note(settings.data / "local" / "airflow", dag_id)
    if not note.exists():
        return False
    api = AirflowApi(f"http://127.0.0.1:{port}")
    paused = note.read_text(encoding="utf-8") == _PAUSED
    try:
        if paused:
            api.pause_if_known(dag_id)
        else:
            api.unpause(dag_id)
    except PenstockError:
        return False
    note.unlink()
    return paused


def _note_pause(home: Path, dag_id: str, *, paused: bool) -> None:
    """Before it is held. A note that is there is of a run that was interrupted: the pause is its own."""
    note = _pause_note(home, dag_id)
    if not note.exists():
        note.write_text(_PAUSED if paused else "unpaused", encoding="utf-8")


def _pause_note(home: Path, dag_id: str) -> Path:
    return home / f"before_hold_{dag_id}"


def _start(
    services: Services, part: str, words: list[str], env: dict[str, str], home: Path, port: int | None = None
) -> Service:
    name = f"airflow-{part}"
    if there := services.running(name):
        return there
    return services.start(name, _airflow(*words), env=env, port=port, cwd=home)


def _airflow(*words: str) -> list[str]:
    """`airflow <words>`. -P: no module of the current folder gets in its way."""
    return [sys.executable, "-P", "-m", "airflow", *words]


def _environment(settings: Settings, home: Path, port: int) -> dict[str, str]:
    base_url = f"http://127.0.0.1:{port}"
    broker = {"KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers} if settings.bootstrap_servers else {}
    return {
        **broker,
        "PENSTOCK_PROJECT": str(settings.project),
        "PENSTOCK_DATA": str(settings.data),
        "PENSTOCK_ENV": settings.environment,
        "PYTHONUTF8": "1",  # Airflow reads and writes its files as the locale says
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",  # no password: loopback only
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # no name server is asked
        # Without it, tasks look for the server on port 8080 whatever the port is.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base_url}/execution/",
        "AIRFLOW__API__BASE_URL": base_url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "10",  # a mart's first event makes its asset visible
        # A scheduler started after another was killed takes over its tasks in seconds, not in five minutes.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        # An edited YAML is seen soon, a finished task's follower starts soon, a marked task ends soon.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    }


def _migrate(home: Path, env: Mapping[str, str]) -> None:
    """Make or upgrade Airflow's database: 6 s, so only once for each version of Airflow."""
    done, now = home / "migrated_to", version("apache-airflow")
    if done.exists() and done.read_text(encoding="utf-8") == now and (home / "airflow.db").exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        _airflow("db", "migrate"), env={**os.environ, **env}, cwd=home, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if run.returncode:
        raise PenstockError(f"airflow db migrate ended with {run.returncode}", fix=_tail(run.stdout))
    done.write_text(now, encoding="utf-8")


def _remember_environment(home: Path, env: Mapping[str, str]) -> None:
    (home / "started_with.json").write_text(json.dumps(_fingerprints(env)), encoding="utf-8")


def _refuse_other_environment(home: Path, env: Mapping[str, str]) -> None:
    """Raises PenstockError, naming the variables, where the running Airflow was started with others."""
    file = home / "started_with.json"
    try:
        then = dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, FileNotFoundError):
        raise PenstockError(
            f"{file}: missing or damaged: it is not known with what Airflow was started",
            fix="`make stop`, then start again",
        ) from None
    now = _fingerprints(env)
    if changed := sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name)):
        raise PenstockError(
            f"Airflow runs already, but was started with another {', '.join(changed)}",
            fix="`make stop`, then start again",
        )


def _fingerprints(env: Mapping[str, str]) -> dict[str, str]:
    """Variable → hash: some are secrets."""
    everything = {**os.environ, **env}
    names = {name for name in everything if name.startswith(_TASKS_INHERIT)} | {"AIRFLOW__API__PORT"}
    return {name: hashlib.sha256(os.fsencode(everything[name])).hexdigest() for name in sorted(names)}


def _tail(text: str) -> str:
    return "\n".join(["its output ends so:", *(f"  | {line}" for line in text.splitlines()[-15:])])
