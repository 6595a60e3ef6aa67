"""All checks, one after the other. Each looks by itself; none needs that another found nothing."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.core.settings import Settings
from penstock.doctor.builds import build_findings
from penstock.doctor.declared import read_declared
from penstock.doctor.finding import Finding, Severity, findings_of
from penstock.doctor.landing import landing_findings, left_findings
from penstock.doctor.locks import lock_findings
from penstock.doctor.machine import disk_findings, outbox_findings
from penstock.doctor.published import published_findings
from penstock.doctor.quarantine import quarantine_findings
from penstock.doctor.topics import topic_findings


@dataclass(frozen=True)
class Examination:
    """What was found, the gravest first."""

    errors: int
    warnings: int
    findings: list[Finding]


_WEIGHT: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


def examine(settings: Settings) -> Examination:
    """Look at everything that the project declares. Changes nothing, and raises nothing."""
    data = str(settings.data)
    declared = read_declared(settings)
    findings = [
        *declared.findings,
        *findings_of(data, disk_findings, settings),
        *findings_of(str(settings.data / "locks"), lock_findings, settings),
    ]
    findings += findings_of(str(settings.data / "landing"), left_findings, settings)
    for contract in declared.contracts:
        where = str(settings.landing_file(contract.stream))
        findings += findings_of(where, landing_findings, settings, contract)
    findings += findings_of("Kafka", topic_findings, settings, declared.contracts)
    for pipeline in declared.pipelines:
        marts, warehouse = settings.marts_link(pipeline.name), settings.warehouse_file(pipeline.name)
        findings += findings_of(str(warehouse), build_findings, settings, pipeline.name)
        in_quarantine = str(settings.quarantine_file(pipeline.name))
        findings += findings_of(in_quarantine, quarantine_findings, settings, pipeline.name)
        findings += findings_of(str(marts), published_findings, settings, pipeline.name)
    findings += findings_of(str(settings.outbox_file), outbox_findings, settings)
    findings.sort(key=lambda finding: _WEIGHT[finding.severity])  # stable: else in the order of the flow
    counts = [finding.severity for finding in findings]
    return Examination(counts.count("error"), counts.count("warning"), findings)
