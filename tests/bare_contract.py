"""The example's contract for tests whose events are not the shop's: the same fields, without its limits."""

from __future__ import annotations

import re

_LIMITS = (
    r"    quality:\n(      - .*\n|        .*\n)+?(?=    properties:\n)",  # the share of rejects
    r"        customProperties:.*\n(          - .*\n)+",  # how far a time may lie from Kafka's
    r"        logicalTypeOptions:\n          minimum: 1\n",  # ids from 1 on
)


def without_limits(contract: str) -> str:
    """`contract` (the YAML of `customer_events`) without what limits ids, times and the share of rejects."""
    for limit in _LIMITS:
        contract, found = re.subn(limit, "", contract)
        assert found, f"the contract has no {limit!r}"
    return contract
