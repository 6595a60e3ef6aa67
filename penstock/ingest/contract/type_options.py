"""The `logicalTypeOptions` of a contract's property: what its values must keep beyond their type."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
from open_data_contract_standard.model import SchemaProperty

from penstock.core.yaml_file import KeyPath, YamlFile
from penstock.ingest.contract.odcs_words import option_refusal


@dataclass(frozen=True)
class TypeOptions:
    """As `contract.Field` has them."""

    bounds: tuple[tuple[str, Decimal], ...]
    lengths: tuple[tuple[str, int], ...]
    pattern: str | None
    default_timezone: str | None


def read_options(yaml_file: YamlFile, at: KeyPath, prop: SchemaProperty, *, is_uuid: bool) -> TypeOptions:
    """What a property asks of its values beyond the type. Raises DeclarationError for an option that landing
    does not heed, and for a value that means nothing."""
    logical_type, options = str(prop.logicalType), dict(prop.logicalTypeOptions or {})
    for option in options:
        where = (*at, "logicalTypeOptions", option)
        if is_uuid:
            raise yaml_file.error(
                where, f"landing does not check '{option}' of a UUID, which always has the same form",
                fix="take it out",
            )  # fmt: skip
        if refused := option_refusal(logical_type, option):
            raise yaml_file.error(where, refused.why, fix=refused.fix)
    return TypeOptions(
        bounds=_bounds(yaml_file, at, options) if logical_type in ("integer", "number") else (),
        lengths=tuple((key, int(options[key])) for key in ("maxLength", "minLength") if key in options),
        pattern=_pattern(yaml_file, at, options),
        default_timezone=_default_timezone(yaml_file, at, options),
    )


def _bounds(yaml_file: YamlFile, at: KeyPath, options: dict[str, Any]) -> tuple[tuple[str, Decimal], ...]:
    for option, bound in options.items():
        if not Decimal(str(bound)).is_finite():
            raise yaml_file.error(
                (*at, "logicalTypeOptions", option),
                f"{option} is {bound}, which is no bound",
                fix="write a number, or take it out",
            )
    return tuple((option, Decimal(str(options[option]))) for option in sorted(options))


def _pattern(yaml_file: YamlFile, at: KeyPath, options: dict[str, Any]) -> str | None:
    pattern = options.get("pattern")
    if pattern is not None:
        try:
            with duckdb.connect() as connection:
                connection.execute("SELECT regexp_matches('', $1)", [pattern])
        except duckdb.Error as exc:
            raise yaml_file.error((*at, "logicalTypeOptions", "pattern"), f"bad pattern: {exc}") from exc
    return pattern


def _default_timezone(yaml_file: YamlFile, at: KeyPath, options: dict[str, Any]) -> str | None:
    zone = options.get("defaultTimezone")
    if zone is not None and zone not in zoneinfo.available_timezones():
        raise yaml_file.error(
            (*at, "logicalTypeOptions", "defaultTimezone"),
            f"unknown time zone {zone!r}",
            fix="write an IANA name",
        )
    has_zone = options.get("timezone")
    if has_zone is not None and has_zone == (zone is not None):
        raise yaml_file.error(
            (*at, "logicalTypeOptions", "timezone"),
            "timezone: true says that each time has its own zone, defaultTimezone that it may have none"
            if has_zone
            else "timezone: false says that times have no zone, and no defaultTimezone says which is meant",
            fix="take one of the two out" if has_zone else "add defaultTimezone",
        )
    return zone
