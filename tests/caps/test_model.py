"""Random lives of a reader: scripts and peek answer as the model does, and no window is ever over its cap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adengine.caps.claims import RESERVED, Confirmation, Pick, ReaderLog, Scripts
from adengine.caps.windows import LIFETIME
from adengine.store.client import Store
from tests.caps.checker import Promise, broken, calendar, lifetime, page, rolling, since
from tests.caps.defences import Defence
from tests.caps.model import Model

NOW_S = 1_800_000_000
HOLD_S = 60
FRESH = count()
DEFENCES = (
    Defence("a confirmed impression has a new time", "log_key, at, struct.pack('>I4', now_s)", "log_key, at, ''"),
    Defence("a hold counts up to its deadline", "(pending and ts < now)", "(pending and ts <= now)"),
    Defence("all or nothing undoes", "if refused and ARGV[6] ~= '0'", "if refused and ARGV[6] == '2'"),
    Defence("a hold given back counts no more", "struct.pack('>I4', 0)", "''"),
)


@dataclass(frozen=True, slots=True)
class Act:
    """A page, and what came of the holds of this and earlier pages."""

    later_s: int
    view: int
    creatives: tuple[int, ...]
    all_or_nothing: bool
    confirmed: tuple[tuple[int, int], ...]
    """(which hold, how long after the page, s)."""
    released: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Life:
    promises: tuple[Promise, ...]
    retention_s: int
    acts: tuple[Act, ...]


levels, limits = st.integers(1, 4), st.integers(1, 4)
rollings = st.builds(rolling, levels, st.sampled_from([30, 120, 600]), limits)
others = st.one_of(
    st.builds(calendar, levels, st.just(900), limits),
    st.builds(since, levels, st.just(NOW_S + 100), limits),
    st.builds(page, levels, limits),
    st.builds(lifetime, levels, limits),
)
acts = st.builds(
    Act,
    later_s=st.sampled_from([0, 1, 2, 28, 29, 30, 31, 58, 59, 60, 61, 119, 120, 121, 600, 601]),
    view=st.integers(1, 3),
    creatives=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    all_or_nothing=st.sampled_from([False, False, True]),
    confirmed=st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0, 0, 1, 5])), max_size=4).map(tuple),
    released=st.lists(st.integers(0, 12), max_size=1).map(tuple),
)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """With rolling caps alone the log reaches back no further than the longest; with others as far as they look."""
    promises = draw(st.lists(rollings, min_size=1, max_size=3))
    retention_s = max(promise.wire(NOW_S) for promise in promises)
    if draw(st.booleans()):
        promises += draw(st.lists(others, min_size=1, max_size=3, unique_by=lambda one: (one.level, one.name)))
        retention_s = 86_400
    return Life(tuple(promises), retention_s, tuple(draw(st.lists(acts, min_size=1, max_size=14))))


def a_pick(creative: int, promises: tuple[Promise, ...], now_s: int) -> Pick:
    """Two creatives a flight, and all of one campaign; a lifetime is that of the first flight that booked it."""
    flight = (creative + 1) // 2
    caps = tuple(promise.cap(1 if promise.level > 2 else flight, now_s) for promise in promises)
    return Pick(creative=creative, flight=flight, campaign=1, advertiser=1, caps=caps)


class Reader:
    """One reader on a store and in the model; whatever differs fails."""

    def __init__(self, store: Store, life: Life, scripts: Scripts) -> None:
        self.now_s = NOW_S
        self.log = ReaderLog(store, scripts)
        self.rid = next(FRESH).to_bytes(8, "big")
        self.model = Model(hold_s=HOLD_S, retention_s=life.retention_s)
        self._promises = life.promises
        self._holds: list[tuple[Pick, int]] = []

    def live(self, act: Act) -> None:
        self.now_s += act.later_s
        picks = [a_pick(creative, self._promises, self.now_s) for creative in act.creatives]
        self._peek(picks, act.view)
        self._reserve(picks, act)
        for which, later_s in act.confirmed:
            self.now_s += later_s
            if which < len(self._holds):
                self._confirm(*self._holds[which])
        for which in act.released:
            if which < len(self._holds):
                pick, view = self._holds[which]
                was_held = self.log.release(self.rid, pick.creative, pick.flight, view, now_s=self.now_s)
                assert was_held == self.model.release(pick, view, self.now_s)

    def _peek(self, picks: list[Pick], view: int) -> None:
        seen = self.log.peek(self.rid, now_s=self.now_s, view=view)
        for pick in picks:
            ids = (pick.creative, pick.flight, pick.campaign, pick.advertiser)
            for cap in pick.caps:
                id_ = ids[cap.level - 1]
                counted = seen.count(cap.level, id_, cap.window, cap.owner)
                assert counted == self.model.count(cap, ids, self.now_s, view)
                assert counted == 0 or id_ in seen.things(cap.level)

    def _reserve(self, picks: list[Pick], act: Act) -> None:
        verdicts = self.log.reserve(
            self.rid, picks, bucket=self.rid[0], view=act.view, hold_s=HOLD_S, now_s=self.now_s,
            retention_s=self.model.retention_s, all_or_nothing=act.all_or_nothing,
        )  # fmt: skip
        assert verdicts == self.model.reserve(picks, self.now_s, act.view, all_or_nothing=act.all_or_nothing)
        self._holds += [(pick, act.view) for pick, verdict in zip(picks, verdicts, strict=True) if verdict == RESERVED]

    def _confirm(self, pick: Pick, view: int) -> None:
        ids = (pick.creative, pick.flight, pick.campaign, pick.advertiser)
        lifetimes = [(cap.owner, cap.level, ids[cap.level - 1]) for cap in pick.caps if cap.window == LIFETIME]
        became, counts = self.log.confirm(self.rid, pick.creative, pick.flight, view, lifetimes, now_s=self.now_s)
        was_held = self.model.confirm(pick, view, self.now_s)
        assert (became is Confirmation.CONFIRMED) == was_held
        expected = [self.model.totals[lifetime] for lifetime in lifetimes]
        assert counts == (expected if was_held else [])


def live(store: Store, life: Life, scripts: Scripts) -> None:
    reader = Reader(store, life, scripts)
    for act in life.acts:
        reader.live(act)
    assert broken(life.promises, reader.model.shown) == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives())
def test_the_scripts_agree_with_the_model_and_no_window_is_over(store: Store, life: Life) -> None:
    live(store, life, Scripts())


@pytest.mark.parametrize("defence", DEFENCES, ids=str)
def test_the_model_sees_what_a_missing_defence_changes(valkey: Store, defence: Defence) -> None:
    scripts = defence.removed_from(Scripts())

    @settings(max_examples=500, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(lives())
    def lived(life: Life) -> None:
        live(valkey, life, scripts)

    with pytest.raises(AssertionError):
        lived()
