"""A topic of its own for each test, a contract that names it, and ways to fill and count it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.core.settings import Settings
from penstock.ingest.contract.model import load_contract
from penstock.local.broker import create_topic
from tests.bare_contract import without_limits
from tests.integration.ingest.own_stream import Stream

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def stream(kafka_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stream:
    project = tmp_path / "project"
    (project / "ingest").mkdir(parents=True)
    topic = f"customer_events_{uuid.uuid4().hex[:8]}"
    declared = without_limits((REPOSITORY / "ingest" / "customer_events.odcs.yaml").read_text())
    contract_file = project / "ingest" / "customer_events.odcs.yaml"
    contract_file.write_text(declared.replace("physicalName: customer_events", f"physicalName: {topic}"))
    monkeypatch.setenv("PENSTOCK_PROJECT", str(project))
    settings = Settings.from_env()
    assert settings.bootstrap_servers is not None
    create_topic(settings.bootstrap_servers, topic, partitions=2)
    return Stream(settings, load_contract(settings, "customer_events"))


@pytest.fixture
def event() -> Callable[..., bytes]:
    def make(number: int, **changes: Any) -> bytes:
        fields: dict[str, Any] = {
            "event_id": f"e{number:06}",
            "event_time": "2024-05-01T12:00:00Z",
            "event_type": "view",
            "product_id": 7,
            "category_id": 2103807459595387724,
            "category_code": "electronics.audio",
            "brand": "acme",
            "price": 12.5,
            "user_id": number % 10,
            "user_session": f"s{number % 20}",
        }
        return json.dumps(fields | changes).encode()

    return make
