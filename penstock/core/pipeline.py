"""The YAML of a pipeline, `dags/<pipeline>.yaml`: when it runs, what it reads, who hears of it.

This module is read where Airflow parses DAGs: it imports nothing but a YAML reader.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from penstock.core.names import name_problem
from penstock.core.settings import Settings
from penstock.core.yaml_file import KeyPath, YamlFile, read_yaml, suggestion

_KEYS = {
    "name", "description", "schedule", "owner", "tags", "retries", "streams", "ingest", "select",
    "notifications", "on_anomaly",
}  # fmt: skip
OnAnomaly = Literal["hold", "warn", "quarantine"]
_REQUIRED = ("name", "description", "owner", "streams")


@dataclass(frozen=True)
class Pipeline:
    """A pipeline. Its words are Airflow's (`schedule, owner, tags, retries`) and dbt's (`select`).

    `on_anomaly`: what comes of a build that the gate refuses. `hold`: nothing. `warn`: what the checks of
    history find stops nothing. `quarantine`: the marts are built without the commits that are new in it.
    """

    name: str
    description: str
    owner: str
    streams: tuple[str, ...]
    schedule: str | None = None
    tags: tuple[str, ...] = ()
    retries: int = 0
    ingest: Literal["drain", "follow"] = "drain"
    select: str | None = None
    on_anomaly: OnAnomaly = "hold"
    slack_channel: str | None = None
    file: Path = field(default=Path(), compare=False)


def load_pipeline(settings: Settings, name: str) -> Pipeline:
    """The pipeline declared in `dags/<name>.yaml`. Raises DeclarationError."""
    return read_pipeline(settings.pipeline_file(name))


def read_pipeline(path: Path) -> Pipeline:
    """Read and check one pipeline file. Raises DeclarationError with file, line, value and fix."""
    yaml_file = read_yaml(path)
    content = yaml_file.content
    if not isinstance(content, dict):
        raise yaml_file.error(
            (), "a pipeline is a mapping of keys", fix=f"known keys: {', '.join(sorted(_KEYS))}"
        )
    for key in content:
        if key not in _KEYS:
            raise yaml_file.error((str(key),), f"unknown key '{key}'", fix=suggestion(str(key), _KEYS))
    if yaml_file.left_empty:
        at = yaml_file.left_empty[0]
        raise yaml_file.error(at, f"{_named(at)} has no value", fix=_write_or_remove(at))
    for key in _REQUIRED:
        if content.get(key) in (None, "", []):
            raise yaml_file.error((key,), f"'{key}' is missing or empty", fix=f"add '{key}: …'")
    name = _text(yaml_file, "name")
    assert name is not None
    if problem := name_problem("pipeline", name):
        raise yaml_file.error(("name",), problem)
    if name != path.stem:
        raise yaml_file.error(
            ("name",),
            f"the name '{name}' does not match the file",
            fix=f"name it '{path.stem}', or rename the file",
        )
    ingest = content.get("ingest", "drain")
    if ingest not in ("drain", "follow"):
        raise yaml_file.error(("ingest",), f"ingest is {ingest!r}", fix="write 'drain' or 'follow'")
    retries = content.get("retries", 0)
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise yaml_file.error(("retries",), f"retries is {retries!r}", fix="write a whole number, 0 or more")
    streams = _streams(yaml_file)
    if name in [f"landing_{stream}" for stream in streams]:
        raise yaml_file.error(
            ("name",), f"'{name}' cannot name a pipeline: its models read a landing file under that name"
        )
    return Pipeline(
        name=name,
        description=_text(yaml_file, "description") or "",
        owner=_text(yaml_file, "owner") or "",
        streams=streams,
        schedule=_text(yaml_file, "schedule"),
        tags=_texts(yaml_file, "tags"),
        retries=retries,
        ingest=ingest,
        select=_text(yaml_file, "select"),
        on_anomaly=_on_anomaly(yaml_file),
        slack_channel=_slack_channel(yaml_file),
        file=path,
    )


def _streams(yaml_file: YamlFile) -> tuple[str, ...]:
    streams = _texts(yaml_file, "streams")
    for index, stream in enumerate(streams):
        if problem := name_problem("stream", stream):
            raise yaml_file.error(("streams", index), problem)
        if stream in streams[:index]:
            raise yaml_file.error(("streams", index), f"the stream '{stream}' stands twice")
    return streams


def _on_anomaly(yaml_file: YamlFile) -> OnAnomaly:
    value = yaml_file.content.get("on_anomaly", "hold")
    for known in get_args(OnAnomaly):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise yaml_file.error(
        ("on_anomaly",), f"on_anomaly is {value!r}", fix="write 'hold', 'warn' or 'quarantine'"
    )


def _slack_channel(yaml_file: YamlFile) -> str | None:
    """`notifications: {slack: {channel: "#data"}}`."""
    notifications = _mapping(yaml_file, ("notifications",), yaml_file.content.get("notifications"), {"slack"})
    slack = _mapping(yaml_file, ("notifications", "slack"), notifications.get("slack"), {"channel"})
    channel = slack.get("channel")
    if channel is not None and (not isinstance(channel, str) or not channel.strip()):
        raise yaml_file.error(
            ("notifications", "slack", "channel"), f"channel is {channel!r}", fix='write a text: "#a-channel"'
        )
    return channel


def _named(at: KeyPath) -> str:
    """`tags` for the second tag, too."""
    return str(next(part for part in reversed(at) if isinstance(part, str)))


def _write_or_remove(at: KeyPath) -> str:
    if at[-1] == "channel":
        return 'write it in quotes: channel: "#a-channel", or remove the line'
    return "write it (in quotes, where it begins with '#'), or remove the line"


def _mapping(yaml_file: YamlFile, at: KeyPath, value: Any, known: set[str]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise yaml_file.error(
            at, f"{at[-1]} is {value!r}", fix=f"write a mapping with: {', '.join(sorted(known))}"
        )
    for key in value:
        if key not in known:
            raise yaml_file.error((*at, str(key)), f"unknown key '{key}'", fix=suggestion(str(key), known))
    return value


def _text(yaml_file: YamlFile, key: str) -> str | None:
    value = yaml_file.content.get(key)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise yaml_file.error((key,), f"{key} is {value!r}", fix="write a text (in quotes, if need be)")
    return value


def _texts(yaml_file: YamlFile, key: str) -> tuple[str, ...]:
    values = yaml_file.content.get(key) or []
    texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    if not texts:
        at = next(((key, i) for i, value in enumerate(values) if not isinstance(value, str)), (key,))
        raise yaml_file.error(at, f"{key} is {values!r}", fix=f"write a list of texts: {key}: [a, b]")
    return tuple(values)
