"""Producers that change their events, and a contract that changes under a filled file."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from penstock.core.errors import LandingError
from penstock.ingest.consume.drain import drain as run_drain
from penstock.ingest.consume.source import utc_now
from penstock.ingest.contract.model import load_contract
from tests.faults.conftest import FaultStream
from tests.faults.fault_stream import numbered
from tests.faults.witness import Witness
from tests.patience import until

# How each producer changes the good event `fields`: its text, and the reasons if it is to be rejected.
Drift = Callable[[dict[str, Any]], dict[str, Any]]
NEW = '{"score":1.10,"tags":["a",{"deep":1e400}],"big":12345678901234567890}'


def renamed(old: str, new: str) -> Drift:
    return lambda fields: {new if name == old else name: value for name, value in fields.items()}


def without(name: str) -> Drift:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


LANDS: dict[str, Drift] = {
    "as before": lambda fields: fields,
    "reordered fields": lambda fields: dict(reversed(fields.items())),
    "new field": lambda fields: fields | {"new": "NEW"},
    "optional field missing": without("brand"),
    "optional field null": lambda fields: fields | {"brand": None},
    "optional field renamed": renamed("brand", "brand_name"),
}
IS_REJECTED: dict[str, tuple[Drift, set[tuple[str, str]]]] = {
    "required field missing": (without("user_id"), {("user_id", "required")}),
    "required field null": (lambda fields: fields | {"price": None}, {("price", "required")}),
    "required field renamed": (renamed("user_id", "userId"), {("user_id", "required")}),
    "type changed: text for number": (lambda fields: fields | {"price": "12.50"}, {("price", "type")}),
    "type changed: number for text": (lambda fields: fields | {"brand": 7}, {("brand", "type")}),
    "type changed: object for text": (lambda fields: fields | {"brand": {"id": 1}}, {("brand", "type")}),
    "type changed: fraction": (lambda fields: fields | {"product_id": 7.0}, {("product_id", "type")}),
    "type changed: epoch for time": (lambda fields: fields | {"event_time": 17}, {("event_time", "type")}),
    "two fields changed": (
        lambda fields: without("user_id")(fields) | {"product_id": "7"},
        {("user_id", "required"), ("product_id", "type")},
    ),
}  # fmt: skip


@pytest.mark.fault(8, "producers add, drop, rename, reorder and retype fields between drains")
def test_what_producers_change_lands_or_is_rejected_as_the_contract_says(
    stream: FaultStream, drain: Callable[..., str], witness: Witness
) -> None:
    stream.produce_numbers(range(50))
    drain()
    sent: dict[str, bytes] = {}
    for number, (name, drift) in enumerate([*LANDS.items(), *((n, d) for n, (d, _) in IS_REJECTED.items())]):
        fields = json.loads(stream.event(100 + number, brand="acme"))
        sent[name] = json.dumps(drift(fields)).replace('"NEW"', NEW).encode()
    stream.produce(sent.values())
    shapes = {tuple(json.loads(value)) for value in in_topic(stream)}
    assert len(shapes) >= 7
    witness.saw(f"{len(shapes)} different lists of fields lie in the topic, {len(sent)} kinds of change")
    drain()

    rows = {
        row[0]: row[1:]
        for row in stream.rows(
            "SELECT event_id, brand, price, user_id, _unknown FROM raw.customer_events WHERE _commit = 2"
        )
    }
    unknown = {"new field": f'{{"new":{NEW}}}', "optional field renamed": '{"brand_name":"acme"}'}
    no_brand = {"optional field missing", "optional field null", "optional field renamed"}
    assert rows == {
        f"e{100 + n:06}": (
            None if name in no_brand else "acme", Decimal("12.50") + (100 + n) % 3, (100 + n) % 10,
            unknown.get(name),
        )
        for n, name in enumerate(LANDS)
    }  # fmt: skip
    rejects = {
        bytes(value): {(one["field"], one["rule"]) for one in reasons}
        for value, reasons in stream.rows("SELECT value, reasons FROM raw.rejects")
    }
    assert rejects == {sent[name]: reasons for name, (_, reasons) in IS_REJECTED.items()}
    account = stream.account()
    assert all(read == kept for read, kept in account.values()), account
    assert sum(read for read, _ in account.values()) == 50 + len(sent)
    witness.counted(
        f"{50 + len(sent)} events, each once: {len(LANDS)} kinds land, new fields to the letter in _unknown; "
        f"{len(IS_REJECTED)} kinds are rejects with their bytes and each reason"
    )


@pytest.mark.slow
@pytest.mark.fault(8, "half of the producers reorder their fields and add new ones")
def test_marts_do_not_see_reordered_and_new_fields(
    stream: FaultStream, drain: Callable[..., str], witness: Witness
) -> None:
    stream.produce_numbers(range(500))
    drain()
    changed = [dict(reversed(json.loads(numbered(n)).items())) for n in range(500, 1_000)]
    stream.produce(json.dumps(fields | {"new": n}).encode() for n, fields in enumerate(changed))
    drain()
    ((kept,),) = stream.rows("SELECT count(_unknown) FROM raw.customer_events")
    assert kept == 495
    witness.saw(f"{kept} rows keep the new field in _unknown")
    stream.assert_each_once(range(1_000))
    stream.assert_marts_undisturbed(range(1_000))


Change = Callable[[str], str]
BRAND = """      - name: brand
        logicalType: string
        description: The product's brand, in lower case. Not every product has one.
"""
PRICE = "        physicalType: DECIMAL(12,2)\n        required: true\n"


def instead(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert text.count(old) == 1
        return text.replace(old, new)

    return change


def swapped(text: str) -> str:
    """brand stands where category_code stood, and the other way round."""
    aside = text.replace("name: brand", "name: *").replace("name: category_code", "name: brand")
    return aside.replace("name: *", "name: category_code")


# How the contract changes, and what the error names.
CONTRACT_CHANGES: dict[str, tuple[Change, str]] = {
    "a field more": (instead(BRAND, "      - {name: colour, logicalType: string}\n" + BRAND),
                     "brand VARCHAR where the contract wants colour VARCHAR"),
    "a field less": (instead(BRAND, ""), "brand VARCHAR where the contract wants price"),
    "a field renamed": (instead("name: brand\n", "name: maker\n"), "the contract wants maker VARCHAR"),
    "fields reordered": (swapped, "category_code VARCHAR where the contract wants brand VARCHAR"),
    "another type": (instead("DECIMAL(12,2)", "DECIMAL(14,2)"), "the contract wants price DECIMAL(14,2)"),
    "no longer required": (instead(PRICE, PRICE.replace("true", "false")), "wants price DECIMAL(12,2)"),
}  # fmt: skip


@pytest.mark.fault(8, "the contract's columns change under a filled file")
def test_a_contract_with_other_columns_is_refused_and_the_file_stays(
    stream: FaultStream, drain: Callable[..., str], failed_drain: Callable[..., str], witness: Witness
) -> None:
    stream.produce_numbers(range(100))
    drain()
    stream.produce_numbers(range(100, 200))
    file, contract = stream.settings.landing_file("customer_events"), stream.contract.file
    whole, declared = file.read_bytes(), contract.read_text()
    for number, (change, named) in enumerate(CONTRACT_CHANGES.values()):
        contract.write_text(change(declared))
        error = failed_drain() if number == 0 else error_here(stream)  # one from outside; a process is slow
        assert f"{file}: raw.customer_events does not fit {contract} (version 1.0.0)" in error
        assert named in error
        assert file.read_bytes() == whole
    witness.saw(f"{len(CONTRACT_CHANGES)} contracts with other columns refused; the file's bytes stay")

    stricter = declared.replace("minimum: 0", "minimum: 13").replace("version: 1.0.0", "version: 1.1.0")
    contract.write_text(stricter)
    drain()  # the same columns: a rule may change at any time, and each row says which version judged it
    by_version = stream.rows(
        "SELECT _contract_version, count(*), min(price) FROM raw.customer_events GROUP BY ALL ORDER BY ALL"
    )
    cheap = sum(12.5 + n % 3 < 13 for n in range(100, 200) if n % 100 != 99)
    assert by_version == [("1.0.0", 99, Decimal("12.50")), ("1.1.0", 99 - cheap, Decimal("13.50"))]
    account = stream.account()
    assert all(read == kept for read, kept in account.values()), account
    assert sum(read for read, _ in account.values()) == 200
    witness.counted(
        f"200 events, each once; {99 - cheap} judged by version 1.1.0, {cheap} more rejects by its rule"
    )


def error_here(stream: FaultStream) -> str:
    """What a drain in this process fails with."""
    contract = load_contract(stream.settings, stream.contract.stream)
    with pytest.raises(LandingError) as error:
        run_drain(stream.settings, contract, run_id="test", clock=utc_now)
    return error.value.message


def in_topic(stream: FaultStream) -> list[bytes]:
    """The values that the topic holds, as any consumer finds them."""
    consumer = KafkaConsumer(
        bootstrap_servers=stream.settings.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    try:
        consumer.assign([TopicPartition(stream.topic, partition) for partition in (0, 1)])
        ends = consumer.end_offsets(list(consumer.assignment()))
        values: list[bytes] = []

        def are_all_read() -> bool:
            values.extend(one.value for part in consumer.poll(1_000).values() for one in part)
            return all(consumer.position(place) >= end for place, end in ends.items())

        until(are_all_read)
        return values
    finally:
        consumer.close()
