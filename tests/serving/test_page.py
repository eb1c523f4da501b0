"""Who stands in which slot: tiers, priorities, shares, and no advertiser twice."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from adengine.serving.draw import drawn, uniforms_of
from adengine.serving.page import allocate
from tests.serving.books import HOUSE, a_book, everywhere


def test_the_better_tier_wins_whatever_the_weights() -> None:
    book = a_book({"tier": 1, "priority": 10}, {"tier": 2, "weight": 1e6}, {"tier": 3, "weight": 1e6})
    assert {tuple(allocate(book, everywhere(book), seed)) for seed in range(200)} == {(0,)}


def test_the_better_priority_wins_inside_a_tier() -> None:
    book = a_book({"priority": 1}, {"priority": 2, "weight": 1e6})
    assert {tuple(allocate(book, everywhere(book), seed)) for seed in range(200)} == {(0,)}


def test_a_slot_without_candidates_stays_open() -> None:
    book = a_book({})
    assert allocate(book, [np.array([], np.int64), np.array([0])], 1) == [None, 0]
    assert allocate(book, [], 1) == []


def test_an_advertiser_stands_once_on_a_page_but_house_lines_may_repeat() -> None:
    sponsors = a_book({"advertiser": 7}, {"advertiser": 7})
    for seed in range(50):
        assert allocate(sponsors, everywhere(sponsors, 2), seed).count(None) == 1
    house = a_book({"advertiser": 7, "tier": HOUSE})
    assert allocate(house, everywhere(house, 3), 1) == [0, 0, 0]


def test_a_lower_tier_does_not_bring_an_advertiser_a_second_time() -> None:
    book = a_book({"advertiser": 7, "tier": 0}, {"advertiser": 7, "tier": 2}, {"advertiser": 8, "tier": 3})
    assert all(sorted(allocate(book, everywhere(book, 2), seed)) == [0, 2] for seed in range(50))  # type: ignore[type-var]


def test_an_earlier_slot_moves_over_where_a_later_one_would_stay_empty() -> None:
    book = a_book({"advertiser": 1, "weight": 1e9}, {"advertiser": 2})
    for seed in range(50):
        assert allocate(book, [np.array([0, 1]), np.array([0])], seed) == [1, 0]


def test_what_already_stands_stays_and_takes_its_advertiser_with_it() -> None:
    book = a_book({"advertiser": 7}, {"advertiser": 7}, {"advertiser": 8})
    for seed in range(50):
        assert allocate(book, everywhere(book, 2), seed, kept=[None, 1]) == [2, 1]
    assert allocate(book, everywhere(book, 1), 1, kept=[0]) == [0]


def test_the_same_seed_gives_the_same_page_and_another_edit_does_not_change_it() -> None:
    book = a_book(*[{} for _ in range(40)])
    page = allocate(book, everywhere(book, 4), 99)
    assert allocate(book, everywhere(book, 4), 99) == page
    longer = a_book(*[{} for _ in range(40)], {"priority": 9})
    assert allocate(longer, everywhere(longer, 4), 99) == page
    assert len({tuple(allocate(book, everywhere(book, 4), seed)) for seed in range(20)}) > 15


def chi_square_tail(counts: dict[int, int], shares: dict[int, float]) -> float:
    """The chance that a fair draw strays from `shares` at least as far."""
    part = sum(counts.values()) / sum(shares.values())
    return float(chisquare([counts.get(n, 0) for n in shares], [part * share for share in shares.values()]).pvalue)


# n = 20 000 draws with seeds 0 … n-1; the draws are fixed, so a pass stays a pass. Had the seeds been drawn afresh, a
# fair draw would fail each of these with probability 1e-4.
DRAWS = 20_000
FALSE_ALARM = 1e-4


def test_flights_are_drawn_in_proportion_to_their_weights() -> None:
    weights = {0: 1.0, 1: 2.0, 2: 4.0, 3: 0.5, 4: 10.0}
    book = a_book(*[{"weight": w} for w in weights.values()])
    counts = Counter(allocate(book, everywhere(book), seed)[0] for seed in range(DRAWS))
    assert chi_square_tail(counts, weights) > FALSE_ALARM
    assert chi_square_tail(counts, dict.fromkeys(weights, 1.0)) < FALSE_ALARM


def test_the_draw_stays_in_proportion_when_some_are_capped() -> None:
    weights = {0: 1.0, 1: 2.0, 2: 4.0, 3: 0.5, 4: 10.0}
    book = a_book(*[{"weight": w} for w in weights.values()])
    left = np.array([0, 1, 3])
    counts = Counter(allocate(book, [left], seed)[0] for seed in range(DRAWS))
    assert chi_square_tail(counts, {n: weights[n] for n in (0, 1, 3)}) > FALSE_ALARM


@pytest.mark.parametrize("capped", [(), (1,), (0, 3)])
def test_a_flights_share_does_not_depend_on_how_many_creatives_it_has_left(capped: tuple[int, ...]) -> None:
    shares = {0: 3.0, 1: 1.0, 2: 4.0, 3: 2.0}  # creative weights; flight 1 (weight 1): 0, 1, 2; flight 2 (weight 3): 3
    book = a_book(
        *[{"flight": 1 if n < 3 else 2, "weight": 1 if n < 3 else 3, "creative_weight": w} for n, w in shares.items()]
    )
    left = np.array([n for n in shares if n not in capped])
    counts = Counter(allocate(book, [left], seed)[0] for seed in range(DRAWS))
    first = sum(shares[n] for n in (0, 1, 2) if n not in capped)
    fair = {n: shares[n] / first if n < 3 else 3.0 for n in shares if n not in capped}
    assert chi_square_tail(counts, fair) > FALSE_ALARM


def test_slots_draw_independently_of_each_other() -> None:
    book = a_book({"tier": HOUSE}, {"tier": HOUSE})
    counts = Counter(2 * a + b for a, b in (allocate(book, everywhere(book, 2), seed) for seed in range(DRAWS)))  # type: ignore[operator]
    assert chi_square_tail(counts, dict.fromkeys(range(4), 1.0)) > FALSE_ALARM


def test_draws_are_uniform_over_candidates_and_over_requests() -> None:
    ids = np.arange(100_000)
    for uniforms in (
        uniforms_of(1, 0, np.zeros_like(ids), ids),
        uniforms_of(1, 0, ids, np.zeros_like(ids)),
        np.array([uniforms_of(seed, 3, ids[:1], ids[:1])[0] for seed in range(5000)]),
    ):
        assert uniforms.min() > 0 and uniforms.max() < 1
        counts = Counter((uniforms * 50).astype(int).tolist())
        assert chi_square_tail(counts, dict.fromkeys(range(50), 1.0)) > FALSE_ALARM


def test_dropping_entries_leaves_the_order_of_the_rest() -> None:
    book = a_book(*[{"weight": weight} for weight in (1.0, 5.0, 2.0, 0.1)])
    kept = np.array([0, 2, 3])
    for seed in range(200):
        order = drawn(book, np.arange(4), seed, 0, None)[0].tolist()
        assert drawn(book, kept, seed, 0, None)[0].tolist() == [row for row in order if row != 1]
