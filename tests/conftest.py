"""What all tests share: their own data folder each, one real broker, one real Airflow, one browser.

Servers start when the first test asks for them and serve the whole run; all of them live in one session-wide
data folder, and end with the run. `settings` gives a test a data folder of its own.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from penstock.core.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from penstock.local.services import Services

REPOSITORY = Path(__file__).resolve().parent.parent
_OURS = ("PENSTOCK_", "KAFKA_BOOTSTRAP_SERVERS", "SLACK_", "AIRFLOW_", "GIT_")

# A busy machine is no finding.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """This repository with a data folder of the test's own, also in the environment: no setting of the
    person who runs the tests gets in, and commands that the test starts see the same."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PENSTOCK_PROJECT", str(REPOSITORY))
    monkeypatch.setenv("PENSTOCK_DATA", str(tmp_path / "data"))
    return Settings.from_env()


@pytest.fixture(scope="session")
def unpack_older() -> Callable[[str, Path], None]:
    """Unpack a file of an older format (tests/older_formats) to a path."""

    def unpack(name: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = REPOSITORY / "tests/older_formats" / f"{name}.duckdb.gz"
        path.write_bytes(gzip.decompress(packed.read_bytes()))

    return unpack


@pytest.fixture
def kafka_settings(settings: Settings, broker: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """`settings` that know the broker."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker)
    return Settings.from_env()


@pytest.fixture(scope="session")
def session_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The data folder in which broker and Airflow live for the whole run."""
    return Settings(
        project=REPOSITORY,
        data=tmp_path_factory.mktemp("session") / "data",
        environment="local",
        bootstrap_servers=os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None,
    )


@pytest.fixture(scope="session")
def services(session_settings: Settings) -> Iterator[Services]:
    """The session's services; all end with the run."""
    from tests.services_of_this_run import services_of_this_run

    with services_of_this_run(session_settings) as services:
        yield services


@pytest.fixture(scope="session")
def broker(session_settings: Settings, services: Services) -> str:
    """Bootstrap servers of a real Kafka: KAFKA_BOOTSTRAP_SERVERS if set, else one started for this run."""
    from penstock.local.broker import start_broker
    from penstock.local.services import free_port

    return start_broker(session_settings, services, free_port())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
    ]
    with sync_playwright() as playwright:
        program = _system_chromium() or _playwrights_chromium(Path(playwright.chromium.executable_path))
        browser = playwright.chromium.launch(executable_path=program or _debians_chromium(), args=arguments)
        yield browser
        browser.close()


def _system_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def _playwrights_chromium(program: Path) -> str | None:
    if not program.exists():
        playwright = [sys.executable, "-m", "playwright"]
        try:
            fetched = subprocess.run([*playwright, "install", "chromium"], timeout=120, capture_output=True)
            if fetched.returncode == 0 and os.geteuid() == 0:  # else half a minute for nothing
                subprocess.run([*playwright, "install-deps", "chromium"], timeout=240, capture_output=True)
        except subprocess.TimeoutExpired:
            return None
    return str(program) if program.exists() else None


def _debians_chromium() -> str:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], timeout=120, capture_output=True)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.run(
            install, timeout=240, capture_output=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        )
    if found := _system_chromium():
        return found
    pytest.fail(
        "no browser: install Chromium (Debian: `apt-get install chromium`), or let Playwright fetch its own: "
        "`.venv/bin/playwright install chromium`"
    )
