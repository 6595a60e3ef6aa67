"""How far a time of an event may lie from Kafka's own timestamp: custom properties of a field.

customProperties:
  - {property: penstock.maxAhead, value: 1 h}
  - {property: penstock.maxBehind, value: 30 d}

The units are those of the standard's slaProperties.
"""

from __future__ import annotations

import datetime as dt
import re

from open_data_contract_standard.model import SchemaProperty

from penstock.core.yaml_file import KeyPath, YamlFile

PREFIX = "penstock."
TIME_LIMITS = ("penstock.maxAhead", "penstock.maxBehind")

_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_LENGTH = re.compile(r"([0-9]{1,9}) ?(s|min|h|d)")
_LONGEST = dt.timedelta(days=366 * 10_000)  # more says nothing: times lie in the years 1 to 9999


def read_time_limits(
    yaml_file: YamlFile, at: KeyPath, prop: SchemaProperty
) -> tuple[tuple[str, dt.timedelta], ...]:
    """By rule, `maxAhead` or `maxBehind`, the length that the property names. Raises DeclarationError for one
    of another field than a time, one that stands twice, and what is no length."""
    limits: dict[str, dt.timedelta] = {}
    for index, custom in enumerate(prop.customProperties or []):
        if custom.property not in TIME_LIMITS:
            continue
        where, rule = (*at, "customProperties", index), str(custom.property).removeprefix(PREFIX)
        if prop.logicalType != "timestamp":
            raise yaml_file.error(
                where,
                f"field '{prop.name}': {custom.property} is for times, logicalType is {prop.logicalType!r}",
                fix="take it out",
            )
        if rule in limits:
            raise yaml_file.error(
                where, f"field '{prop.name}': {custom.property} stands twice", fix="keep one"
            )
        limits[rule] = _length(yaml_file, where, str(custom.property), custom.value)
    return tuple(limits.items())


def _length(yaml_file: YamlFile, where: KeyPath, name: str, value: object) -> dt.timedelta:
    match = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    length = dt.timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if length is None or length > _LONGEST:
        raise yaml_file.error(
            (*where, "value"),
            f"{name} is {value!r}, which is no length of time",
            fix="write a whole number and one of s, min, h, d: 90 s, 15 min, 1 h, 30 d",
        )
    return length
