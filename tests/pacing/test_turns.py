"""A promised share is kept within one page of any hundred."""

from __future__ import annotations

import random

import pytest

from adengine.pacing.turns import CREDIT_MAX, Turns


@pytest.mark.parametrize("share", [0.01, 0.1, 1 / 3, 0.5, 0.77, 0.99, 1.0])
def test_of_any_hundred_pages_a_lone_sponsor_has_his_share_within_one(share: float) -> None:
    turns = Turns()
    shown = [turns.take(1, share) is not None for _ in range(2000)]
    assert all(abs(sum(shown[at : at + 100]) - 100 * share) <= 1 + 1e-6 for at in range(1900))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.34, 0.33, 0.33), (0.6, 0.25, 0.1, 0.05), (0.2,) * 4])
def test_sponsors_who_share_a_slot_all_get_theirs(shares: tuple[float, ...]) -> None:
    """Whoever is owed the most stands; the others keep their turn."""
    turns, shown = Turns(), []
    for _ in range(3000):
        owed = {flight: credit for flight, share in enumerate(shares) if (credit := turns.take(flight, share))}
        first = max(owed, key=lambda flight: owed[flight], default=None)
        for flight in owed:
            if flight != first:
                turns.give_back(flight)
        shown.append(first)
    for flight, share in enumerate(shares):
        for at in range(0, 2900, 7):
            assert abs(shown[at : at + 100].count(flight) - 100 * share) <= 1 + 1e-6


def test_turns_that_were_missed_for_long_are_not_made_up_for_all_at_once() -> None:
    turns = Turns()
    for _ in range(1000):
        if turns.take(1, 0.5):
            turns.give_back(1)
    again = [turns.take(1, 0.5) is not None for _ in range(100)]
    assert 50 <= sum(again) <= 50 + CREDIT_MAX


def test_turns_that_come_to_nothing_now_and_then_are_made_up_for() -> None:
    chance, turns, shown = random.Random(1), Turns(), 0
    for _ in range(10_000):
        if turns.take(1, 0.3):
            if chance.random() < 0.2:
                turns.give_back(1)
            else:
                shown += 1
    assert abs(shown - 3000) <= CREDIT_MAX
