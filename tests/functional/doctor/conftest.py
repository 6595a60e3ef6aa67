"""The healthy project: two events and a reject have landed, one version is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.settings import Settings
from tests.functional.doctor.patient import Patient

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: clicks
version: 1.0.0
status: active
schema:
  - name: clicks
    physicalName: clicks
    logicalType: object
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: at, logicalType: timestamp}
"""
PIPELINE = "name: shop\ndescription: The shop.\nowner: shop-team\nstreams: [clicks]\n"


@pytest.fixture
def patient(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    project = tmp_path / "project"
    for folder, name, content in (
        ("ingest", "clicks.odcs.yaml", CONTRACT), ("dags", "shop.yaml", PIPELINE),
    ):  # fmt: skip
        (project / folder).mkdir(parents=True)
        (project / folder / name).write_text(content)
    monkeypatch.setenv("PENSTOCK_PROJECT", str(project))
    patient = Patient(Settings.from_env())
    patient.land(b'{"id": 1}', b'{"id": 2}', b"bad", first=0)
    patient.publish()
    return patient
