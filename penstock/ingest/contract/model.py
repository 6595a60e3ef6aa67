"""What a stream's contract means to Penstock: the topic, the fields, and how each is typed.

ODCS words that we would have to ignore are refused, so that nobody relies on a rule that nothing checks.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from penstock.core.names import name_problem
from penstock.core.settings import Settings
from penstock.core.yaml_file import KeyPath, YamlFile
from penstock.ingest.contract.odcs import read_odcs
from penstock.ingest.contract.reject_limit import RejectLimit, read_reject_limit
from penstock.ingest.contract.time_limits import read_time_limits
from penstock.ingest.contract.type_options import read_options
from penstock.ingest.contract.valid_values import read_valid_values

Kind = Literal["string", "uuid", "integer", "decimal", "boolean", "timestamp", "date"]

INTEGER_TYPES = {"BIGINT": (-(2**63), 2**63 - 1), "INTEGER": (-(2**31), 2**31 - 1)}
_DECIMAL_TYPE = re.compile(r"DECIMAL\((\d+), ?(\d+)\)|NUMERIC\((\d+), ?(\d+)\)", re.IGNORECASE)
_KINDS: dict[str, Kind] = {
    "string": "string", "integer": "integer", "number": "decimal", "boolean": "boolean",
    "timestamp": "timestamp", "date": "date",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A contract's property: a key of the JSON event and a column of `raw.<stream>`.

    `physical_name`: the key, where it is not the name. `bounds` maps minimum, maximum, exclusiveMinimum,
    exclusiveMaximum to numbers; `lengths` maps minLength and maxLength to characters. `default_timezone` is
    None where a time without a zone is a reject. `time_limits` maps maxAhead and maxBehind to how far a time
    may lie from Kafka's own timestamp. `may_be_blank`: false where a text without a visible character is a
    reject.
    """

    name: str
    kind: Kind
    sql_type: str
    required: bool
    primary_key: bool = False
    precision: int = 0
    scale: int = 0
    bounds: tuple[tuple[str, Decimal], ...] = ()
    lengths: tuple[tuple[str, int], ...] = ()
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    default_timezone: str | None = None
    physical_name: str | None = None
    time_limits: tuple[tuple[str, dt.timedelta], ...] = ()
    may_be_blank: bool = True

    @property
    def key(self) -> str:
        """The key of the JSON event; the column is `name`."""
        return self.name if self.physical_name is None else self.physical_name


@dataclass(frozen=True)
class Contract:
    """One stream: `topic` is consumed into `raw.<stream>`; `version` is the contract's own. `reject_limit`:
    None where a run may have any number of rejects."""

    stream: str
    topic: str
    version: str
    fields: tuple[Field, ...]
    file: Path
    reject_limit: RejectLimit | None = None


def load_contract(settings: Settings, stream: str) -> Contract:
    """The contract `ingest/<stream>.odcs.yaml`. Raises DeclarationError (file:line, value, fix)."""
    return read_contract(settings.contract_file(stream))


def read_contract(path: Path) -> Contract:
    """Read one contract file. Raises DeclarationError (file:line, value, fix)."""
    yaml_file, contract = read_odcs(path)
    objects = contract.schema_ or []
    if len(objects) != 1:
        raise yaml_file.error(
            ("schema",),
            f"{len(objects)} objects in 'schema'",
            fix="one contract describes one stream: keep one",
        )
    stream = _stream(yaml_file, objects[0])
    properties = objects[0].properties or []
    fields = tuple(_field(yaml_file, prop, index) for index, prop in enumerate(properties))
    _refuse_ambiguous_names(yaml_file, fields)
    if not any(field.primary_key for field in fields):
        raise yaml_file.error(
            ("schema", 0, "properties"),
            "no field is the primary key, so nothing says when two events are the same",
            fix="add 'primaryKey: true' and 'required: true' to the field that identifies an event",
        )
    return Contract(
        stream=stream,
        topic=objects[0].physicalName or stream,
        version=str(contract.version),
        fields=fields,
        file=path,
        reject_limit=read_reject_limit(yaml_file, objects[0]),
    )


def _stream(yaml_file: YamlFile, schema: SchemaObject) -> str:
    at: KeyPath = ("schema", 0, "name")
    stream = str(schema.name)
    if problem := name_problem("stream", stream):
        raise yaml_file.error(at, problem)
    expected = yaml_file.path.name.removesuffix(".odcs.yaml")
    if stream != expected:
        raise yaml_file.error(
            at,
            f"the stream '{stream}' does not match the file's name",
            fix=f"name it '{expected}', or rename the file to {stream}.odcs.yaml",
        )
    if schema.physicalName == "":
        raise _empty_name(yaml_file, ("schema", 0), "the topic's name")
    return stream


def _refuse_ambiguous_names(yaml_file: YamlFile, fields: tuple[Field, ...]) -> None:
    """Each column and each key once, and no key that is another field's name: a person would take one for the
    other."""
    for index, field in enumerate(fields):
        at: KeyPath = ("schema", 0, "properties", index)
        for other in fields[:index]:
            if other.name == field.name:
                raise yaml_file.error(at, f"the field '{field.name}' stands twice")
        for other in fields[:index] + fields[index + 1 :]:
            if field.physical_name is None or field.key not in (other.name, other.key):
                continue
            what = "is the name" if field.key == other.name else "is the key"
            raise yaml_file.error(
                (*at, "physicalName"),
                f"field '{field.name}': physicalName {field.key!r} {what} of the field '{other.name}', too",
                fix="write the key under which events have this field; one key is one field",
            )


def _field(yaml_file: YamlFile, prop: SchemaProperty, index: int) -> Field:
    at: KeyPath = ("schema", 0, "properties", index)
    name = str(prop.name)
    if problem := name_problem("column", name):
        raise yaml_file.error((*at, "name"), problem)
    if prop.logicalType not in _KINDS:
        raise yaml_file.error(
            (*at, "logicalType"),
            f"field '{name}': logicalType is {prop.logicalType!r}",
            fix=f"use one of: {', '.join(_KINDS)}; or leave the field out: it is then kept in _unknown",
        )
    if prop.physicalName == "":
        raise _empty_name(yaml_file, at, f"field '{name}': the key of the event")
    if prop.semanticType == "measure":
        raise yaml_file.error(
            (*at, "semanticType"),
            f"field '{name}': landing computes no measure, it lands what events hold",
            fix="take it out, and compute the measure in a model in dbt_project/",
        )
    kind = _KINDS[prop.logicalType]
    if kind == "string" and (prop.physicalType or "").strip().upper() == "UUID":
        kind = "uuid"
    options = read_options(yaml_file, at, prop, is_uuid=kind == "uuid")
    if prop.primaryKey and not prop.required:
        raise yaml_file.error(
            at, f"field '{name}' is the primary key but not required", fix="add 'required: true'"
        )
    sql_type, precision, scale = _sql_type(yaml_file, at, prop, kind)
    enum = read_valid_values(yaml_file, at, prop)
    return Field(
        name=name,
        kind=kind,
        sql_type=sql_type,
        required=bool(prop.required),
        primary_key=bool(prop.primaryKey),
        precision=precision,
        scale=scale,
        bounds=options.bounds,
        lengths=options.lengths,
        pattern=options.pattern,
        enum=enum,
        default_timezone=options.default_timezone,
        physical_name=None if prop.physicalName == name else prop.physicalName,
        time_limits=read_time_limits(yaml_file, at, prop),
        may_be_blank=not _must_speak(prop, kind, enum) or ("minLength", 0) in options.lengths,
    )


def _must_speak(prop: SchemaProperty, kind: Kind, enum: tuple[str, ...]) -> bool:
    """Of a text that must be there, an empty one says as little as a null."""
    return kind == "string" and bool(prop.required) and not enum


def _sql_type(yaml_file: YamlFile, at: KeyPath, prop: SchemaProperty, kind: Kind) -> tuple[str, int, int]:
    """The column's type, and a decimal's precision and scale."""
    declared = (prop.physicalType or "").strip()
    if kind == "decimal":
        match = _DECIMAL_TYPE.fullmatch(declared)
        precision, scale = (int(digits) for digits in match.groups() if digits) if match else (0, 0)
        if not 1 <= precision <= 38 or scale > precision:
            raise yaml_file.error(
                (*at, "physicalType"),
                f"field '{prop.name}': a number needs an exact type, physicalType is {prop.physicalType!r}",
                fix="write physicalType: DECIMAL(p,s), with p digits (38 at most), s of them decimals",
            )
        return f"DECIMAL({precision},{scale})", precision, scale
    known = {
        "string": ("VARCHAR", "TEXT", "STRING", "UUID"), "uuid": ("UUID",), "integer": tuple(INTEGER_TYPES),
        "boolean": ("BOOLEAN",), "timestamp": ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"), "date": ("DATE",),
    }[kind]  # fmt: skip
    if declared and declared.upper() not in known:
        raise yaml_file.error(
            (*at, "physicalType"),
            f"field '{prop.name}': physicalType is {declared!r}",
            fix=f"the type '{prop.logicalType}' lands as one of: {', '.join(known)}",
        )
    return declared.upper() if kind == "integer" and declared else known[0], 0, 0


def _empty_name(yaml_file: YamlFile, at: KeyPath, what: str) -> Exception:
    return yaml_file.error(
        (*at, "physicalName"),
        f"physicalName, {what}, is empty",
        fix="write it, or take the line out: it is then 'name'",
    )
