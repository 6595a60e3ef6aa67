"""Which streams a dbt project reads: its sources, compared with the pipeline's YAML before anything runs."""

from __future__ import annotations

from pathlib import Path

from penstock.core.declared_files import dbt_files
from penstock.core.errors import DeclarationError
from penstock.core.pipeline import Pipeline
from penstock.core.settings import Settings
from penstock.core.yaml_file import read_yaml, suggestion

_MADE_BY_DBT = {"target", "logs", "dbt_packages"}


def check_sources(settings: Settings, pipeline: Pipeline) -> None:
    """The names of the dbt project's sources are the pipeline's streams, all of them and no others.

    Raises DeclarationError: no dbt project, YAML that cannot be read (dbt would name no file), a source that
    is no stream of the pipeline, a stream without one.
    """
    project = settings.dbt_project_dir(pipeline.name)
    if not (project / "dbt_project.yml").exists():
        raise DeclarationError(
            f"the pipeline {pipeline.name} has no dbt project", file=project / "dbt_project.yml",
            fix="create it; one dbt project per pipeline, named like the pipeline",
        )  # fmt: skip
    for file in _yaml_files(project):
        read_yaml(file)
    found = {name for file in _property_files(project) for name in _sources(file, pipeline)}
    for stream in pipeline.streams:
        if stream not in found:
            raise DeclarationError(
                f"no dbt source is named '{stream}', a stream of the pipeline", file=project,
                fix=f"declare it in a YAML file of models/, or take it from `streams` in {pipeline.file}",
            )  # fmt: skip


def _yaml_files(project: Path) -> list[Path]:
    files = (file for pattern in ("*.yml", "*.yaml") for file in sorted(project.rglob(pattern)))
    return [file for file in files if file.relative_to(project).parts[0] not in _MADE_BY_DBT]


def _property_files(project: Path) -> list[Path]:
    return [
        file for file in dbt_files(project) if file.suffix in (".yml", ".yaml") and file.parent != project
    ]


def _sources(file: Path, pipeline: Pipeline) -> list[str]:
    yaml_file = read_yaml(file)
    content = yaml_file.content
    sources = content.get("sources") if isinstance(content, dict) else None
    names = []
    for index, source in enumerate(sources if isinstance(sources, list) else []):
        if not isinstance(source, dict):
            continue  # dbt says what is wrong with it
        name = str(source.get("name"))
        if name not in pipeline.streams:
            raise yaml_file.error(
                ("sources", index, "name"),
                f"the dbt source '{name}' is no stream of the pipeline {pipeline.name}",
                fix=f"{suggestion(name, pipeline.streams)} Or add it to `streams` in {pipeline.file}",
            )
        names.append(name)
    return names
