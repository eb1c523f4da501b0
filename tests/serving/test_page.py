"""Who stands in which slot: tiers, priorities, shares, and no advertiser twice."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.catalog.snapshot import Candidates
from adengine.serving.draw import uniforms_of, weighted_order
from adengine.serving.page import allocate

HOUSE = 3


def a_book(*several: dict) -> Candidates:
    """One candidate per dict: tier, priority, flight, creative, advertiser, weight, creative_weight (all optional)."""
    rows = [
        {"tier": 1, "priority": 5, "flight": n, "creative": n, "advertiser": n, "weight": 1.0, "creative_weight": 1.0}
        | c
        for n, c in enumerate(several)
    ]
    assert [by_class(row) for row in rows] == sorted(by_class(row) for row in rows), "a snapshot has them in this order"

    def column(name: str, kind: type) -> np.ndarray:
        return np.array([row[name] for row in rows], kind)

    return Candidates(
        flight_row=np.unique(column("flight", np.int64), return_inverse=True)[1],
        creative_row=np.arange(len(rows)),
        rank=(column("tier", np.int16) * 16 + column("priority", np.int16)).astype(np.int16),
        house=column("tier", np.int64) == HOUSE,
        flight=column("flight", np.int64),
        creative=column("creative", np.int64),
        advertiser=column("advertiser", np.int64),
        flight_weight=column("weight", np.float64),
        creative_weight=column("creative_weight", np.float64),
        whole_page=np.array([row.get("roadblock") == "all" for row in rows], bool),
        companion=np.array([row.get("roadblock") == "companion" for row in rows], bool),
        labels=tuple({row["flight"]: row.get("labels", ()) for row in sorted(rows, key=lambda r: r["flight"])}.values()),
        categories=tuple(row.get("categories", ()) for row in rows),
    )


def by_class(row: dict) -> tuple[int, int]:
    return row.get("tier", 1), row.get("priority", 5)


def everywhere(book: Candidates, slots: int = 1) -> list[np.ndarray]:
    return [np.arange(book.rank.size)] * slots


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


ONE = st.fixed_dictionaries(
    {
        "tier": st.integers(0, 3),
        "priority": st.integers(1, 2),
        "advertiser": st.integers(1, 4),
        "weight": st.floats(0.01, 100),
    }
)


@given(
    candidates=st.lists(ONE, min_size=1, max_size=8),
    masks=st.lists(st.integers(0, 255), min_size=1, max_size=4),
    seed=st.integers(0, 2**64 - 1),
)
@settings(max_examples=300, deadline=None)
def test_every_page_is_feasible_and_each_class_fills_as_much_as_brute_force_can(
    candidates: list[dict], masks: list[int], seed: int
) -> None:
    book = a_book(*sorted(candidates, key=by_class))
    eligible = [np.array([n for n in range(len(candidates)) if mask >> n & 1], np.int64) for mask in masks]
    page = allocate(book, eligible, seed)
    assert all(row is None or row in eligible[slot] for slot, row in enumerate(page))
    assert feasible(book, page)
    open_slots = list(range(len(eligible)))
    kept: list[int | None] = [None] * len(eligible)
    for rank in sorted({int(r) for r in book.rank}):
        filled = [slot for slot in open_slots if page[slot] is not None and book.rank[page[slot]] == rank]
        assert len(filled) == most(book, eligible, kept, open_slots, rank)
        for slot in filled:
            kept[slot] = page[slot]
        open_slots = [slot for slot in open_slots if slot not in filled]


def feasible(book: Candidates, page: list[int | None]) -> bool:
    sponsors = [int(book.advertiser[row]) for row in page if row is not None and not book.house[row]]
    return len(sponsors) == len(set(sponsors))


def most(book: Candidates, eligible: list[np.ndarray], kept: list[int | None], open_slots: list[int], rank: int) -> int:
    """By trying everything: how many open slots candidates of this rank can fill beside those already kept."""
    choices = [[None, *(int(r) for r in eligible[slot] if book.rank[r] == rank)] for slot in open_slots]
    best = 0
    for picks in itertools.product(*choices):
        page = list(kept)
        for slot, row in zip(open_slots, picks, strict=True):
            page[slot] = row
        if feasible(book, page):
            best = max(best, sum(row is not None for row in picks))
    return best


def chi_square_tail(counts: dict[int, int], shares: dict[int, float]) -> float:
    """The chance that a fair draw strays from `shares` at least as far (Wilson & Hilferty, PNAS 17, 1931)."""
    n, total = sum(counts.values()), sum(shares.values())
    statistic = sum((counts.get(k, 0) - n * s / total) ** 2 / (n * s / total) for k, s in shares.items())
    freedom = len(shares) - 1
    z = ((statistic / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return 0.5 * math.erfc(z / math.sqrt(2))


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
    weights = np.array([1.0, 5.0, 2.0, 0.1])
    uniforms = np.array([0.3, 0.9, 0.5, 0.99])
    order = weighted_order(weights, uniforms).tolist()
    kept = np.array([0, 2, 3])
    assert kept[weighted_order(weights[kept], uniforms[kept])].tolist() == [n for n in order if n != 1]
