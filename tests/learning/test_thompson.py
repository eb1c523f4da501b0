"""What is learnt of clicks: chances that add up, worths that are ratios, and campaigns that find their best line."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.evidence import Evidence
from adengine.learning.learnt import Learnt
from adengine.learning.thompson import CELL_LEAST, CELLS_MOST, EXPLORED, WORTH_MOST, learn

HERE, THERE = Cell(1, 2), Cell(3, 4)
CREATIVES = {7: (1, 2, 3)}
Counts = Mapping[int, Mapping[Cell, tuple[int, int]]]


def learnt(counts: Counts, *, campaigns: Mapping[int, tuple[int, ...]] = CREATIVES, number: int = 1) -> Learnt:
    every = frozenset(campaigns)
    return learn(Evidence(counts), campaigns, optimised=every, paced=every, number=number)


def test_before_anything_is_known_all_creatives_are_alike_and_pages_worth_the_same() -> None:
    found = learnt({})
    assert list(found.chances) == [EVERYWHERE] and not found.worths
    chances = found.chances[EVERYWHERE]
    assert sum(chances.values()) == pytest.approx(1)
    assert all(abs(chance - 1 / 3) < 0.1 for chance in chances.values()), "400 samples, 4 sigma"


def test_who_is_clicked_more_stands_more_often_and_nobody_never() -> None:
    chances = learnt({1: {HERE: (20_000, 40)}, 2: {HERE: (20_000, 400)}, 3: {HERE: (20_000, 40)}}).chances[EVERYWHERE]
    assert chances[2] == pytest.approx(1 - EXPLORED + EXPLORED / 3)
    assert chances[1] == chances[3] == pytest.approx(EXPLORED / 3)


def test_a_cell_of_its_own_mind_has_its_own_chances() -> None:
    two_minds = {
        1: {HERE: (200_000, 400), THERE: (200_000, 4000)},
        2: {HERE: (200_000, 4000), THERE: (200_000, 400)},
        3: {HERE: (CELL_LEAST, 1)},
    }
    found = learnt(two_minds)
    assert found.chances[HERE][2] > 0.95 and found.chances[THERE][1] > 0.95
    assert all(sum(row.values()) == pytest.approx(1) for row in found.chances.values())
    assert found.chance(HERE, 2) == found.chances[HERE][2]
    assert found.chance(Cell(9, 9), 2) == found.chances[EVERYWHERE][2] and found.chance(HERE, 99) is None


def test_a_cell_that_was_hardly_seen_is_as_everywhere_and_only_the_busiest_are_kept() -> None:
    assert list(learnt({1: {HERE: (CELL_LEAST - 1, 50)}}).chances) == [EVERYWHERE]
    many = {1: {Cell(n, 1): (CELL_LEAST + n, 9) for n in range(1, CELLS_MOST + 9)}}
    kept = set(learnt(many).chances) - {EVERYWHERE}
    assert kept == {Cell(n, 1) for n in range(9, CELLS_MOST + 9)}


def test_worths_are_ratios_to_the_usual_campaign() -> None:
    both = {1: (10,), 2: (20,)}
    found = learnt({10: {HERE: (10**7, 30_000)}, 20: {HERE: (10**7, 10_000)}}, campaigns=both)
    assert found.worths_in(EVERYWHERE) == pytest.approx({1: 1.5, 2: 0.5}, rel=0.01)
    assert found.cell(THERE) == EVERYWHERE and found.cell(HERE) == HERE
    tastes = {10: {HERE: (10**9, 4 * 10**6), THERE: (10**9, 0)}, 20: {HERE: (10**9, 2 * 10**6)}}
    found = learnt(tastes, campaigns=both)
    assert found.worths_in(HERE) == pytest.approx({1: 2.0, 2: 1.0}, rel=0.01)
    assert found.worths_in(THERE) == pytest.approx({1: 0.0, 2: 1.0}, abs=0.01), "of who was not there: as everywhere"
    extreme = learnt({n: {HERE: (10**8, 10**6 if n == 1 else 0)} for n in range(1, 41)},
                     campaigns={n: (n,) for n in range(1, 41)})  # fmt: skip
    assert extreme.worths_in(HERE)[1] == WORTH_MOST


def test_only_campaigns_that_ask_for_it_are_learnt_about() -> None:
    evidence = Evidence({1: {HERE: (9000, 90)}, 2: {HERE: (9000, 9)}, 5: {HERE: (9000, 9)}})
    campaigns = {7: (1, 2), 8: (5,)}
    found = learn(evidence, campaigns, optimised=frozenset({8}), paced=frozenset(), number=1)
    assert found == Learnt(number=1), "nothing to choose from, and no goal"
    found = learn(evidence, campaigns, optimised=frozenset({7, 99}), paced=frozenset({8}), number=1)
    assert set(found.chances[EVERYWHERE]) == {1, 2} and set(found.worths[EVERYWHERE]) == {8}


def test_the_same_number_gives_the_same_lots() -> None:
    some = {1: {HERE: (5000, 20)}, 2: {HERE: (5000, 25)}}
    assert learnt(some) == learnt(some) != learnt(some, number=2)


def test_most_of_the_clicks_of_the_best_lines_are_had() -> None:
    """Four creatives, 24 cells, 504 000 impressions in 168 turns, 5 seeded worlds: the clicks that are lost to one who
    knows all rates, beside those that drawing evenly loses."""
    lost = [_lost(seed, 504_000) for seed in range(5)]
    ours, even = (sum(row[side] for row in lost) for side in (0, 1))
    assert ours < 0.3 * even, f"{ours / even:.2f} of the loss of an even rotation"


def _lost(seed: int, impressions: int) -> tuple[float, float]:
    """(with learning, evenly)."""
    world = np.random.default_rng(seed)
    quality, taste = world.lognormal(0, 0.35, 4), world.lognormal(0, 0.25, (24, 4))
    rates = 0.004 * quality * taste
    often = 1 / np.arange(1, 25)
    often /= often.sum()
    cells = [Cell(n + 1, 1) for n in range(24)]
    seen, clicked = np.zeros((24, 4), np.int64), np.zeros((24, 4), np.int64)
    had = 0.0
    for turn in range(168):
        counts = {k + 1: {c: (int(seen[n, k]), int(clicked[n, k])) for n, c in enumerate(cells)} for k in range(4)}
        found = learnt(counts, campaigns={7: (1, 2, 3, 4)}, number=turn)
        for n, pages in enumerate(world.multinomial(impressions // 168, often)):
            shown = world.multinomial(pages, [found.chance(cells[n], k + 1) or 0 for k in range(4)])
            seen[n] += shown
            clicked[n] += world.binomial(shown, rates[n])
            had += float(shown @ rates[n])
    best, even = (impressions * float(often @ of) for of in (rates.max(axis=1), rates.mean(axis=1)))
    return best - had, best - even
