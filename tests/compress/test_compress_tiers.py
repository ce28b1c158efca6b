from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from freehold.compress.bounds import independent_rows, rows_needed, upper_bound
from freehold.compress.tiers import Certificate, certify, describe_curve
from freehold.engine import HeldOut
from freehold.task import Example, Passport


def held(margins: list[float], extra: list[int], *, wrong: list[int] | None = None) -> HeldOut:
    several = np.zeros(len(margins), bool), np.zeros(len(margins), bool)
    several[0][extra] = True
    several[1][extra if wrong is None else wrong] = True
    return HeldOut(np.array(margins, np.float32), *several)


@pytest.mark.parametrize(("errors", "n"), [(0, 10), (0, 598), (1, 947), (3, 40), (39, 40)])
def test_the_bound_is_where_so_few_errors_have_a_chance_of_five_percent(errors: int, n: int) -> None:
    assert binom.cdf(errors, n, upper_bound(errors, n)) == pytest.approx(0.05)


def test_all_wrong_has_no_bound_below_one() -> None:
    assert upper_bound(7, 7) == 1.0


@pytest.mark.parametrize(("allowed", "rows"), [(0.005, 598), (0.05, 59), (0.5, 5)])
def test_so_many_rows_without_an_error_are_needed(allowed: float, rows: int) -> None:
    assert rows_needed(allowed) == rows
    assert upper_bound(0, rows) <= allowed < upper_bound(0, rows - 1)


def test_one_row_of_each_text_is_independent() -> None:
    rows = [
        Example(id_, {}, {}, Passport("in", locator, author=author), "validation")
        for id_, locator, author in [
            ("c", "a#1", "Ada"),
            ("b", "a#2", "Ada"),
            ("a", "b.csv:1", "Ada"),
            ("d", "b#1", ""),
        ]
    ]
    assert independent_rows(rows, by_author=False) == [1, 2, 3]
    assert independent_rows(rows, by_author=True) == [2, 3]
    assert independent_rows([], by_author=True) == []


def test_the_surest_rows_are_accepted_up_to_what_is_certified() -> None:
    margins = [1 - n / 256 for n in range(256)]
    found = certify(held(margins, [100, 110, 120]), allowed=0.05)
    # With one error 93 rows are needed, with two 124: the second, at row 111, comes too early.
    assert (found.accepted, found.extra, found.rows) == (110, 1, 256)
    assert found.bound == upper_bound(1, 110)
    assert found.above == margins[110]
    assert sum(each > margins[110] for each in margins) == 110


def test_nothing_after_the_first_failure_is_tried() -> None:
    """Or the best of many looks would be reported as if it had been the only one."""
    margins = [1 - n / 2_000 for n in range(2_000)]
    early = certify(held(margins, [10, 20, 30]), allowed=0.05)
    assert early.above is None
    assert early.missing == 0
    assert upper_bound(3, 2_000) < 0.05


def test_equal_margins_are_accepted_together_or_not_at_all() -> None:
    margins = [3.0] * 70 + [2.0] * 70 + [1.0] * 10
    found = certify(held(margins, [139]), allowed=0.05)
    assert (found.accepted, found.above) == (150, -0.5)
    found = certify(held(margins, [71, 72, 73, 139]), allowed=0.05)
    assert (found.accepted, found.above) == (70, 2.0)


def test_rows_out_of_scope_are_never_accepted() -> None:
    found = certify(held([2.0] * 100 + [-1.0] * 20, [110]), allowed=0.05)
    assert (found.accepted, found.rows, found.above) == (100, 120, -0.5)


@pytest.mark.parametrize(("rows", "missing"), [(20, 39), (58, 1), (0, 59)])
def test_too_few_rows_say_how_many_are_missing(rows: int, missing: int) -> None:
    found = certify(held([1 - n / 1_000 for n in range(rows)], []), allowed=0.05)
    assert found == Certificate(None, 0.05, None, 0, 0, rows, missing)
    assert f"{missing:,} more validation rows are needed" in found.sentence


def test_the_last_row_that_was_missing_is_enough() -> None:
    assert certify(held([1 - n / 1_000 for n in range(59)], []), allowed=0.05).accepted == 59


def test_margins_up_to_the_least_are_never_accepted() -> None:
    margins = [1 - n / 256 for n in range(256)]
    assert certify(held(margins, []), allowed=0.05).accepted == 256
    found = certify(held(margins, []), allowed=0.05, least_margin=margins[100])
    assert (found.accepted, found.above) == (100, margins[100])
    assert certify(held(margins, []), allowed=0.05, least_margin=margins[40]).above is None


@pytest.mark.parametrize("size", [1_000, 3_000])
def test_what_is_certified_holds_nineteen_times_of_twenty(size: int) -> None:
    """Margins are uniform and an error has chance 0.2 (1 - margin)^2: a closed form for the risk above one."""
    random, broken, on, draws = np.random.default_rng(size), 0, 0, 400
    for _ in range(draws):
        margins = random.random(size).astype(np.float32)
        extra = random.random(size) < 0.2 * (1 - margins) ** 2
        found = certify(HeldOut(margins, extra, extra), allowed=0.02)
        if found.above is not None:
            reach = 1 - max(found.above, 0.0)
            on += 1
            broken += 0.2 * reach**2 / 3 > 0.02
    assert on > draws / 4
    assert broken <= binom.ppf(0.999, draws, 0.05)


def test_the_curve_goes_from_the_surest_to_all() -> None:
    points = describe_curve(held([1 - n / 100 for n in range(100)], [50, 99], wrong=[40, 50, 99]))
    assert [point["n"] for point in points] == list(range(5, 101, 5))  # type: ignore[index,call-overload]
    assert points[-1] == {"share": 1.0, "n": 100, "extra": 2, "wrong": 3, "bound": upper_bound(2, 100)}
    assert describe_curve(held([], [])) == []
