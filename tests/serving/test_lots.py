"""Drawing without looking at everybody is the same race as with all looked at (`serving.draw`)."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from adengine.serving.draw import drawn
from adengine.serving.lots import FEW, LONE_MAX, Choice, Entrants, arrivals
from adengine.serving.slates import _in_turn
from tests.serving.books import a_book
from tests.serving.test_page import FALSE_ALARM, chi_square_tail

RANK = 7
DRAWS = 6000
WEIGHTS = (1.0, 2.0, 4.0, 0.5, 10.0)
SCORES = (0.3, 0.1, 0.35, -0.2, 0.25)


def by_weight(weights: tuple[float, ...] = WEIGHTS) -> Entrants:
    return Entrants.by_weight(RANK, np.arange(len(weights)), np.array(weights))


def by_score(scores: tuple[float, ...] = SCORES) -> Entrants:
    return Entrants.by_score(RANK, np.arange(len(scores)), np.array(scores))


def order(entrants: Entrants, seed: int, *capped: int) -> list[Choice]:
    come = arrivals(entrants, seed, 0)
    return [Choice(RANK, entrants.worth(time), flight) for flight, time, _ in come if flight not in capped]


@pytest.mark.parametrize("capped", [(), (4,), (2, 4)])
@pytest.mark.parametrize("entrants", [by_weight(), by_score()], ids=["weight", "score"])
def test_the_first_two_are_drawn_by_the_same_law(entrants: Entrants, capped: tuple[int, ...]) -> None:
    """χ² of the ordered pairs that come first, against their exact chances, also where some are passed by."""
    rates = np.exp(entrants.log_rates)
    left = [n for n in range(len(rates)) if n not in capped]
    total = rates[left].sum()
    chances = {(a, b): rates[a] / total * rates[b] / (total - rates[a]) for a in left for b in left if a != b}
    pairs = [tuple(choice.row for choice in order(entrants, seed, *capped)[:2]) for seed in range(DRAWS)]
    numbers = {pair: n for n, pair in enumerate(chances)}
    counts = Counter(numbers[pair] for pair in pairs)
    assert chi_square_tail(counts, {numbers[pair]: chance for pair, chance in chances.items()}) > FALSE_ALARM


@pytest.mark.parametrize("is_scored", [False, True])
@pytest.mark.parametrize("place", [0, 1, 4])
def test_what_they_are_worth_is_spread_as_where_all_are_looked_at(is_scored: bool, place: int) -> None:
    """Kolmogorov–Smirnov between both ways; 2000 each, false alarm 1e-4."""
    book = a_book(*[{"weight": weight} for weight in WEIGHTS])
    scores = np.array(SCORES) if is_scored else None
    entrants = by_score() if is_scored else by_weight()
    ours = [order(entrants, seed)[place].worth for seed in range(2000)]
    theirs = [drawn(book, np.arange(5), seed, 0, scores)[1][place] for seed in range(2000)]
    assert ks_2samp(ours, theirs).pvalue > FALSE_ALARM
    for seed in range(50):
        worths = [choice.worth for choice in order(entrants, seed)]
        assert worths == sorted(worths, reverse=True)


@pytest.mark.parametrize("number", [1, 2, FEW, FEW + 1, LONE_MAX + 5, 300])
@pytest.mark.parametrize("spread", [1.0, 1e6])
def test_everybody_comes_once_however_many_there_are(number: int, spread: float) -> None:
    entrants = by_weight(tuple(spread ** (n / number) for n in range(number)))
    for seed in range(20):
        choices = order(entrants, seed)
        assert sorted(choice.row for choice in choices) == list(range(number))
        assert [choice.row for choice in order(entrants, seed)] == [choice.row for choice in choices]
        assert next(iter(arrivals(entrants, seed, 0)))[0] == choices[0].row


MANY, BANDS = 5000, 20


@pytest.mark.parametrize("passed_by", [0, 3], ids=["all may stand", "two of three are capped"])
def test_no_rank_is_starved_however_many_there_are(passed_by: int) -> None:
    """n = 20 000 draws among 5000 alike, seeds 0 … n-1, by twentieths of their order: χ², false alarm 1e-4.

    With two of three capped the thirds that are left share alike; nobody is lost by a scan that stops early.
    """
    entrants = by_weight((1.0,) * MANY)
    capped = {n for n in range(MANY) if passed_by and n % passed_by}
    come = (arrivals(entrants, seed, 0) for seed in range(20_000))
    bands = Counter(next(flight for flight, *_ in them if flight not in capped) * BANDS // MANY for them in come)
    assert chi_square_tail(bands, dict.fromkeys(range(BANDS), 1.0)) > FALSE_ALARM


@pytest.mark.parametrize("capped", [(), (1,), (0, 3)])
def test_creatives_take_turns_by_their_weights_where_some_are_passed_by(capped: tuple[int, ...]) -> None:
    """χ² of the first two of four that are drawn by one number, against their exact chances; 6000 numbers."""
    weights = [1.0, 2.0, 4.0, 0.5]
    left = [n for n in range(4) if n not in capped]
    total = sum(weights[n] for n in left)
    chances = {(a, b): weights[a] / total * weights[b] / (total - weights[a]) for a in left for b in left if a != b}
    numbers = {pair: n for n, pair in enumerate(chances)}
    chance = Random(20261128)
    found: Counter[int] = Counter()
    for _ in range(DRAWS):
        drawn_ones = [row - 10 for row in _in_turn(10, weights, chance.random())]
        assert sorted(drawn_ones) == [0, 1, 2, 3]
        first, second = [row for row in drawn_ones if row not in capped][:2]
        found[numbers[first, second]] += 1
    assert chi_square_tail(found, {numbers[pair]: part for pair, part in chances.items()}) > FALSE_ALARM


def test_whatever_is_drawn_about_one_the_others_come_as_they_were() -> None:
    """The lots for creatives are spent whether anybody needs them or not."""
    entrants = by_weight()
    lots = [lot for seed in range(3000) for *_, lot in arrivals(entrants, seed, 0)]
    assert kstest(lots, "uniform").pvalue > FALSE_ALARM
    assert all(order(entrants, seed, 2) == [c for c in order(entrants, seed) if c.row != 2] for seed in range(200))


def test_scores_far_apart_stay_in_order() -> None:
    entrants = by_score((40.0, 1.0, -20.0))
    assert all([choice.row for choice in order(entrants, seed)] == [0, 1, 2] for seed in range(100))
