"""The page is the best there is: against trying everything on small pages, against an exact solver on large ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from adengine.catalog.sparse import Words
from adengine.serving.optimiser import NODES, Option, is_feasible, solve, total
from adengine.serving.page import allocate, seat
from adengine.serving.rivals import Rivals
from adengine.serving.slates import drawn_by_all
from tests.serving.books import a_book, by_class
from tests.serving.brute import Question, best, is_as_good

FLIGHT = {
    "tier": st.integers(0, 3),
    "priority": st.integers(1, 2),
    "advertiser": st.integers(1, 4),
    "weight": st.floats(0.01, 100),
    "roadblock": st.sampled_from(["none", "none", "none", "all", "companion"]),
    "labels": st.lists(st.sampled_from(["betting", "beer"]), max_size=2, unique=True),
}
CREATIVE = {
    "creative_weight": st.floats(0.01, 100),
    "categories": st.lists(st.sampled_from(["386", "1366"]), max_size=2, unique=True),
}


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Up to 4 slots, up to 8 candidates, all rules mixed."""
    flights = [
        one | {"flight": n}
        for n, one in enumerate(draw(st.lists(st.fixed_dictionaries(FLIGHT), min_size=1, max_size=8)))
    ]
    creative = st.tuples(st.sampled_from(flights), st.fixed_dictionaries(CREATIVE))
    creatives = draw(st.lists(creative, min_size=1, max_size=8))
    creatives.sort(key=lambda both: (by_class(both[0]), both[0]["flight"]))
    book = a_book(*[flight | one | {"creative": n} for n, (flight, one) in enumerate(creatives)])
    masks = draw(st.lists(st.integers(0, 255), min_size=1, max_size=4))
    lots = draw(st.lists(st.one_of(st.just(float("nan")), st.floats(-25, 45)), min_size=8, max_size=8))
    return Question(
        book=book,
        eligible=[np.array([row for row in range(len(book)) if mask >> row & 1], np.int64) for mask in masks],
        seed=draw(st.integers(0, 2**64 - 1)),
        exclusive=draw(st.sampled_from([(), ("advertiser",), ("category",), ("advertiser", "category")])),
        weights=draw(st.sampled_from([(), (1.0, 0.1, 10.0, 2.5)]))[: len(masks)],
        scores=draw(st.sampled_from([None, np.array(lots)[book.flight[: len(book)] % 8]])),
    )


@given(question=questions())
@settings(max_examples=1500, deadline=None)
def test_no_page_of_at_most_four_slots_and_eight_candidates_is_better(question: Question) -> None:
    page = allocated(question)
    assert all(row is None or row in question.eligible[slot] for slot, row in enumerate(page))
    assert page in set(question.pages()), "a page that the rules do not allow"
    event("clash" if question.scores is None else "scored")
    assert is_as_good(question.value(page, question.worths()), best(question))


@given(question=questions())
@settings(max_examples=500, deadline=None)
def test_where_only_owners_clash_the_shorter_search_is_as_good(question: Question) -> None:
    """The same pages without labels, categories, companions and roadblocks."""
    book = question.book
    no = np.zeros(len(book), bool)
    nothing = Words.of([()] * len(book))
    plain = replace(book, labels=nothing, categories=nothing, whole_page=no, companion=no)
    question = replace(question, book=plain, exclusive=tuple({"advertiser"} & set(question.exclusive)))
    rivals = Rivals(plain, question.exclusive)
    assert rivals.only_owners
    seed, scores = question.seed, question.scores
    slates = {n: drawn_by_all(plain, rows, seed, n, scores) for n, rows in enumerate(question.eligible)}
    weights = question.weights or [1.0] * len(question.eligible)
    page = tuple(seat(plain, rivals, slates, [None] * len(question.eligible), weights))
    assert page in set(question.pages()), "a page that the rules do not allow"
    assert is_as_good(question.value(page, question.worths()), best(question))


def allocated(question: Question) -> tuple[int | None, ...]:
    return tuple(
        allocate(
            question.book,
            question.eligible,
            question.seed,
            exclusive=question.exclusive,
            weights=question.weights or None,
            scores=question.scores,
        )
    )


SLOTS, LINES = 8, 40
SEED = 20261123


@pytest.mark.parametrize(
    ("advertisers", "labels", "of_each", "least"),
    [(12, 8, (0, 1, 2), 0.9999), (20, 12, (2,), 0.995)],
    ids=["crowded", "hardly two of them fit together"],
)
def test_a_page_of_eight_slots_has_nearly_all_that_an_exact_solver_finds(
    advertisers: int, labels: int, of_each: tuple[int, ...], least: float
) -> None:
    """30 pages: together they are worth at least `least` of the best there is, each one at least 90 %."""
    chance = random.Random(SEED)
    parts = []
    for _ in range(30):
        slots = a_crowded_page(chance, advertisers, labels, of_each)
        solution = solve(slots)
        assert is_feasible(solution.picks) and total(solution.picks) == solution.value
        parts.append((solution.value, exact(slots), solution.proved))
    assert sum(value for value, *_ in parts) / sum(most for _, most, _ in parts) >= least
    assert min(value / most for value, most, _ in parts) >= 0.9
    assert all(value >= most - 2 for value, most, proved in parts if proved), "what is called proved is the best"


def a_crowded_page(
    chance: random.Random, advertisers: int, labels: int, of_each: tuple[int, ...]
) -> list[list[Option]]:
    """Eight slots for forty lines, each of one advertiser and with as many labels as one of `of_each`."""
    keys = [
        {("advertiser", chance.randrange(advertisers)), *(("label", label) for label in some)}
        for _ in range(LINES)
        for some in [chance.sample(range(labels), chance.choice(of_each))]
    ]
    bars = [sum(1 << other for other in range(LINES) if keys[line] & keys[other]) for line in range(LINES)]
    return [
        [Option(worth, line, 1 << line, bars[line]) for worth, line in zip(worths, lines, strict=True)]
        for _ in range(SLOTS)
        for lines in [chance.sample(range(LINES), 25)]
        for worths in [sorted((chance.randrange(1, 10**6) for _ in lines), reverse=True)]
    ]


def exact(slots: Sequence[Sequence[Option]]) -> float:
    """The same by HiGHS, as a whole-number programme: one per slot, and never two that bar each other."""
    seats = [(slot, option) for slot, options in enumerate(slots) for option in options]
    rows: list[list[int]] = [[n for n, (at, _) in enumerate(seats) if at == slot] for slot in range(len(slots))]
    for member in range(LINES):
        for other in range(member, LINES):
            both = [n for n, (_, option) in enumerate(seats) if option.thing in (member, other)]
            if any(option.thing == member and option.bars >> other & 1 for _, option in seats):
                rows.append(both)
    places = [(row, n) for row, members in enumerate(rows) for n in members]
    matrix = coo_array((np.ones(len(places)), tuple(np.array(places).T)), shape=(len(rows), len(seats)))
    solved = milp(
        c=[-float(option.value) for _, option in seats],
        constraints=LinearConstraint(matrix, ub=1),
        integrality=1,
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    assert solved.success
    return float(-solved.fun)


@pytest.mark.parametrize("slots", [8, 16])
def test_the_work_for_a_page_is_bounded(slots: int) -> None:
    """Lines that nearly all exclude each other: the search gives up in time, and its page is still in order."""
    chance = random.Random(SEED)
    bars: list[int] = [0] * 60
    for a in range(60):
        for b in range(a, 60):
            if a == b or chance.random() < 0.6:
                bars[a] |= 1 << b
                bars[b] |= 1 << a
    page = [
        sorted((Option(chance.randrange(1, 100), line, 1 << line, bars[line]) for line in range(60)), reverse=True)
        for _ in range(slots)
    ]
    solution = solve(page)
    assert not solution.proved and solution.nodes <= NODES + 1 and is_feasible(solution.picks)
    taken = [option for option in solution.picks if option is not None]
    for slot, pick in enumerate(solution.picks):
        others = [option for option in taken if option is not pick]
        better = [option for option in page[slot] if option.value > (pick.value if pick else 0)]
        assert not any(is_feasible([option, *others]) for option in better), "a better line would have fitted"


def test_one_rule_at_a_time() -> None:
    """What the property test mixes, once each where it decides."""

    def page(*lines: dict[str, Any], slots: int = 2, **rules: Any) -> list[int | None]:
        book = a_book(*lines)
        return allocate(book, [np.arange(len(book))] * slots, 1, **rules)

    labelled = ({"labels": ("betting",)}, {"labels": ("betting", "beer")})
    assert page(*labelled).count(None) == 1
    assert page(*labelled, {"labels": ("beer",)}).count(None) == 0
    shared = ({"categories": ("386",)}, {"categories": ("386", "1")})
    assert page(*shared).count(None) == 0
    assert page(*shared, exclusive=("advertiser", "category")).count(None) == 1
    same = ({"advertiser": 7}, {"advertiser": 7})
    assert page(*same).count(None) == 1
    assert page(*same, exclusive=()).count(None) == 0
    assert page({"roadblock": "companion"}, slots=3) == [0, 0, 0]
    assert page({"roadblock": "all"}, slots=3) == [0, 0, 0]
    assert page({}, slots=3) == [0, None, None]
    assert page({}, slots=3, weights=[1.0, 1.0, 1.5]) == [None, None, 0], "the one line stands where it is worth most"


def test_house_lines_stand_beside_everybody() -> None:
    house = {"tier": 3, "labels": ("betting",), "categories": ("386",), "advertiser": 1}
    book = a_book({"labels": ("betting",), "categories": ("386",), "advertiser": 1}, house)
    only_second = [np.array([1]), np.array([0, 1])]
    assert allocate(book, only_second, 1, exclusive=("advertiser", "category")) == [1, 0]
    assert allocate(book, [np.array([1])] * 3, 1) == [1, 1, 1]


@pytest.mark.parametrize("roadblock", ["all", "companion"])
def test_a_whole_page_never_shuts_out_a_better_tier_or_priority(roadblock: str) -> None:
    for better in ({"tier": 0}, {"priority": 4}):
        book = a_book(better, {"roadblock": roadblock, "weight": 1000.0})
        for seed in range(50):
            page = allocate(book, [np.arange(2)] * 3, seed)
            assert page.count(0) == 1 and page.count(1) == (2 if roadblock == "companion" else 0)


def test_a_whole_page_needs_every_slot() -> None:
    book = a_book({"roadblock": "all"}, {"tier": 3})
    assert allocate(book, [np.array([0, 1]), np.array([1])], 1) == [1, 1]
    assert allocate(book, [np.array([0, 1]), np.array([0, 1])], 1) == [0, 0]
    assert allocate(book, [np.array([0, 1]), None], 1) == [0, None], (
        "a slot that the site has not is no slot of the page"
    )
    assert allocate(book, [np.array([0, 1]), np.array([0, 1])], 1, kept=[None, 1]) == [1, 1]


def test_a_whole_page_shows_as_many_of_its_creatives_as_it_can() -> None:
    creatives = [{"flight": 1, "creative": n, "advertiser": 1, "roadblock": "all"} for n in range(3)]
    book = a_book(*creatives)
    assert all(sorted(allocate(book, [np.arange(3)] * 3, seed)) == [0, 1, 2] for seed in range(20))
    assert allocate(book, [np.array([0]), np.array([0, 1]), np.array([0, 1, 2])], 1) == [0, 1, 2]
