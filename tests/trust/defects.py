"""What goes wrong in the last three of the two weeks' days, each in a strong and in a mild form.

`named` are words of which one must stand in what a person reads, so that a run is not stopped for another
reason than the defect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tests.trust.spoiling import (
    Spoil,
    again,
    ahead,
    in_1970,
    is_purchase,
    keep,
    loud,
    midnight,
    of_second_day,
    of_type,
    one_price,
    other_category,
    own_session,
    own_user,
    some,
    times,
)

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Defect:
    """One way to spoil good events."""

    number: int | None  # of the twenty, None of others
    what: str
    strong: tuple[str, Spoil]
    mild: tuple[str, Spoil]
    named: Sequence[str]
    mild_missed: str = ""  # why the mild form is not seen


ONE_USER, ONE_SESSION = 541312140, "72d76fde-8bb3-4e00-8c23-a032dfed738c"

DEFECTS = [
    Defect(
        1,
        "empty session",
        ("all", some(1, user_session="")),
        ("2 %", some(0.02, user_session="")),
        ["user_session: blank"],
    ),
    Defect(
        2, "user 0", ("a third", some(1 / 3, user_id=0)), ("2 %", some(0.02, user_id=0)), ["user_id: minimum"]
    ),
    Defect(
        3,
        "prices × 100",
        ("all", some(1, price=times(100))),
        ("all × 3", some(1, price=times(3))),
        ["revenue", "latest_price"],
    ),
    Defect(
        4,
        "prices × 100 in half",
        ("half", some(0.5, price=times(100))),
        ("5 %", some(0.05, price=times(100))),
        ["revenue", "latest_price"],
        "of some 13 purchases a day, one is a hundred times as dear: an expensive one does as much",
    ),
    Defect(
        5,
        "free purchases",
        ("all", of_type("purchase", some(1, price=Decimal(0)))),
        ("a fifth", of_type("purchase", some(0.2, price=Decimal(0)))),
        ["revenue"],
    ),
    Defect(
        6,
        "purchases at 0.01",
        ("all", of_type("purchase", some(1, price=CENT))),
        ("a third", of_type("purchase", some(1 / 3, price=CENT))),
        ["revenue"],
    ),
    Defect(
        7,
        "one absurd price",
        ("999 999 999.99", one_price("999999999.99")),
        ("99 999.99", one_price("99999.99")),
        ["revenue"],
    ),
    Defect(
        8,
        "a year ahead",
        ("all", some(1, at=ahead(days=365))),
        ("2 %", some(0.02, at=ahead(days=365))),
        ["event_time: maxAhead"],
    ),
    Defect(
        9, "1970", ("all", some(1, at=in_1970)), ("2 %", some(0.02, at=in_1970)), ["event_time: maxBehind"]
    ),
    Defect(
        10,
        "all times at midnight",
        ("all", some(1, at=midnight)),
        ("a third", some(1 / 3, at=midnight)),
        ["full_hours", "hours", "duration"],
    ),
    Defect(
        11,
        "the whole batch again under new ids",
        ("all", again(1)),
        ("a tenth", again(0.1)),
        ["copies", "mean(events)", "mean(views)"],
        "a tenth more events in a visit is usual, and of 40 purchases 3 are copies",
    ),
    Defect(
        12,
        "eight times as many",
        ("8 times", again(7, user_session=own_session, user_id=own_user)),
        ("twice", again(1, user_session=own_session, user_id=own_user)),
        ["rows"],
    ),
    Defect(13, "one in twenty", ("1 in 20", keep(0.05)), ("1 in 3", keep(1 / 3)), ["rows", "mean(events)"]),
    Defect(
        14,
        "no purchases for a day",
        ("a day", keep(0, lambda e: is_purchase(e) and of_second_day(e))),
        ("two thirds gone", keep(1 / 3, is_purchase)),
        ["purchase", "rows", "revenue"],
        "of 13 purchases a day, 4 are left: days from 10 to 26 are usual",
    ),
    Defect(
        15,
        "only purchases",
        ("all", keep(0, lambda e: not is_purchase(e))),
        ("1 in 3 of the others", keep(1 / 3, lambda e: not is_purchase(e))),
        ["views", "purchase", "rows"],
    ),
    Defect(
        16,
        "one user did everything",
        ("all", some(1, user_id=ONE_USER)),
        ("15 %", some(0.15, user_id=ONE_USER)),
        ["user_id"],
    ),
    Defect(
        17,
        "one session did everything",
        ("all", some(1, user_id=ONE_USER, user_session=ONE_SESSION)),
        ("15 %", some(0.15, user_id=ONE_USER, user_session=ONE_SESSION)),
        ["rows of", "(events)", "(user_session)"],
    ),
    Defect(
        18,
        "brands upper case with a blank",
        ("all", some(1, brand=loud)),
        ("a fifth", some(0.2, brand=loud)),
        ["brand"],
    ),
    Defect(
        19,
        "products change category",
        ("all", other_category(1)),
        ("15 %", other_category(0.15)),
        ["category"],
    ),
    Defect(
        20,
        "a third of events rejected",
        ("a third", some(1 / 3, event_type="viewed")),
        ("3 %", some(0.03, event_type="viewed")),
        ["event_type: enum"],
    ),
]
