"""Hostile messages without a broker: the fast path, and the SQL alone, say of each what the documents say."""

from __future__ import annotations

import os
import random

import pytest

from tests.faults.contract_model import ContractModel, Verdict, difference, with_deep_stack
from tests.faults.hostile_events import Hostile, Message
from tests.faults.hostile_values import CONTRACT
from tests.functional.ingest.things import Checker

MESSAGES = 1_500


def test_they_agree_with_a_model_in_python(tmp_path_factory: pytest.TempPathFactory) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    print(f"SEED={seed}")
    contract = CONTRACT.format(topic="things")
    reader = Checker(tmp_path_factory.mktemp("hostile"), contract)
    generator = Hostile(seed)
    assert_agree(reader, ContractModel(contract), generator.messages(MESSAGES))
    plain = generator.plain(MESSAGES)
    assert_agree(reader, ContractModel(contract), plain)
    assert len(reader.fast) > MESSAGES / 20, "many are written as most producers write"


def assert_agree(reader: Checker, model: ContractModel, messages: list[Message]) -> None:
    verdicts: list[Verdict] = with_deep_stack(lambda: [model.check(message.value) for message in messages])
    rows = reader(*(message.value for message in messages))  # which compares the reader with the SQL
    assert len(rows) == len(messages)
    differing = [
        f"{message.what}: {found}\n    {(message.value or b'')[:1_500]!r}"
        for message, verdict, row in zip(messages, verdicts, rows, strict=True)
        if (found := difference(verdict, *((None, row) if row["reasons"] else (row, None))))
    ]
    assert not differing, f"{len(differing)} differ:\n" + "\n".join(differing[:5])
