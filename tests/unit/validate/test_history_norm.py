"""What is usual: robust, and only what is both far and large is not."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from penstock.validate.history.measures import AMOUNTS, SHARES
from penstock.validate.history.norm import Value, Weight, norm_of
from penstock.validate.history.scales import amount, amount_text, share, share_text

ROWS = st.integers(50, 100_000)


def days(*counts: int) -> list[Value]:
    return [amount(count, 1 / math.sqrt(count), unit=1.0) for count in counts]


def test_an_eighth_is_not_usual_and_a_busy_day_is() -> None:
    norm = norm_of(days(1000, 1100, 950, 1020, 980, 1300, 900, 1010))
    assert norm.judge(days(125)[0], AMOUNTS) is Weight.IMPOSSIBLE
    assert norm.judge(days(8000)[0], AMOUNTS) is Weight.IMPOSSIBLE
    assert norm.judge(days(400)[0], AMOUNTS) is Weight.UNUSUAL
    assert norm.judge(days(1500)[0], AMOUNTS) is Weight.USUAL


@given(st.lists(ROWS, min_size=7, max_size=60), st.data())
def test_where_most_values_lie_nothing_is_unusual(counts: list[int], data: st.DataObject) -> None:
    norm = norm_of(days(*counts))
    middle = sorted(counts)[len(counts) // 4 : 3 * len(counts) // 4 + 1]
    assert norm.judge(days(data.draw(st.sampled_from(middle)))[0], AMOUNTS) is not Weight.IMPOSSIBLE


def test_some_spoilt_days_do_not_make_a_spoilt_one_usual() -> None:
    norm = norm_of(days(1000, 1100, 950, 1020, 980, 40, 45, 1300, 900, 1010))
    assert norm.judge(days(45)[0], AMOUNTS) is Weight.IMPOSSIBLE


def test_of_little_data_nothing_is_far_and_of_much_a_small_effect_is_not_large() -> None:
    norm = norm_of([share(44, 1000)] * 10)
    assert norm.judge(share(0, 20), SHARES) is Weight.USUAL
    assert norm.judge(share(0, 400), SHARES) is Weight.IMPOSSIBLE
    assert norm_of([share(1_000, 1_000_000)] * 10).judge(share(2_600, 1_000_000), SHARES) is Weight.USUAL


@given(st.floats(0, 1e12), st.sampled_from([1.0, 0.01]))
def test_an_amount_reads_as_it_was(value: float, unit: float) -> None:
    text = amount_text(amount(value, 0.0, unit=unit).value, unit=unit).replace(" ", "")
    assert math.isclose(float(text), value, rel_tol=0.01, abs_tol=unit / 100)


@given(st.integers(1, 10**9), st.data())
def test_a_share_reads_as_it_was(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    percent = float(share_text(share(part, whole).value).removesuffix(" %"))
    assert math.isclose(percent, 100 * part / whole, rel_tol=0.01, abs_tol=1e-6)
