"""The streams and pipelines that the project declares, and what is wrong with their files."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.core.declared_files import declared_files
from penstock.core.disk import fix_for
from penstock.core.errors import PenstockError
from penstock.core.pipeline import Pipeline, read_pipeline
from penstock.core.settings import Settings
from penstock.doctor.finding import Finding, of_error
from penstock.ingest.contract.model import Contract, read_contract


@dataclass
class Declared:
    """What could be read; a broken file is a finding, and what it declares is not looked at further."""

    contracts: list[Contract] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_declared(settings: Settings) -> Declared:
    """All of `ingest/*.odcs.yaml` and `dags/*.yaml`."""
    declared = Declared()
    for file in declared_files(settings.project / "ingest", ".odcs.yaml"):
        try:
            declared.contracts.append(read_contract(file))
        except (PenstockError, OSError) as exc:
            declared.findings.append(_broken(str(file), exc))
    for file in declared_files(settings.project / "dags", ".yaml"):
        try:
            declared.pipelines.append(read_pipeline(file))
        except (PenstockError, OSError) as exc:
            declared.findings.append(_broken(str(file), exc))
    declared.findings += _streams_without_contract(settings, declared.pipelines)
    if not declared.contracts and not declared.pipelines and not declared.findings:
        declared.findings.append(
            Finding(
                "warning", str(settings.project), "declares no stream and no pipeline",
                "go to the project's folder, or set PENSTOCK_PROJECT",
            )
        )  # fmt: skip
    return declared


def _streams_without_contract(settings: Settings, pipelines: list[Pipeline]) -> list[Finding]:
    return [
        Finding(
            "error", str(pipeline.file), f"reads the stream {stream}, which has no contract",
            f"write {settings.contract_file(stream)}, or correct the name",
        )
        for pipeline in pipelines
        for stream in pipeline.streams
        if not settings.contract_file(stream).exists()
    ]  # fmt: skip


def _broken(where: str, exc: PenstockError | OSError) -> Finding:
    if isinstance(exc, PenstockError):
        return of_error(where, exc)
    return Finding("error", where, f"cannot be read: {exc.strerror}", fix_for(exc) or "make it readable")
