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
    bounds = _bounds(yaml_file, at, options) if logical_type in ("integer", "number") else ()
    _refuse_empty(yaml_file, at, options, is_whole=logical_type != "number")
    return TypeOptions(
        bounds=bounds,
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


def _refuse_empty(yaml_file: YamlFile, at: KeyPath, options: dict[str, Any], *, is_whole: bool) -> None:
    """Raise DeclarationError where no value can keep a lower and an upper limit both."""
    for lower in ("minimum", "exclusiveMinimum", "minLength"):
        for upper in ("maximum", "exclusiveMaximum", "maxLength"):
            if lower not in options or upper not in options or ("Length" in lower) != ("Length" in upper):
                continue
            room = Decimal(str(options[upper])) - Decimal(str(options[lower]))
            left_out = lower.startswith("exclusive") + upper.startswith("exclusive")
            if room < 0 or (left_out and room == 0) or (is_whole and room < left_out):
                raise yaml_file.error(
                    (*at, "logicalTypeOptions", upper),
                    f"no value keeps both {lower} {options[lower]} and {upper} {options[upper]}",
                    fix="correct one of the two, or each event will be a reject",
                )


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
