"""A reader who is forgotten is told to the decision logs of all machines, for as long as they keep anything."""

from __future__ import annotations

from adengine.decisions.forgotten import Forgotten
from adengine.decisions.log import DAY_S
from adengine.store.client import Store
from tests.builders import NOW_S
from tests.serving.conftest import Open
from tests.serving.kiosk import KEY

ADA, BOB = b"\x01" * 8, b"\xff" * 8


def test_who_was_forgotten_is_told_with_when_he_was_last(store: Store) -> None:
    here, there = Forgotten(store, keep_days=7), Forgotten(store, keep_days=7)
    assert there.all() == {}
    here.add(ADA, NOW_S)
    here.add(BOB, NOW_S + 1)
    here.add(ADA, NOW_S + 2)
    assert there.all() == {ADA.hex(): NOW_S + 2, BOB.hex(): NOW_S + 1}


def test_when_no_log_can_hold_him_any_more_he_is_forgotten_here_too(store: Store) -> None:
    forgotten = Forgotten(store, keep_days=7)
    forgotten.add(ADA, NOW_S)
    forgotten.add(BOB, NOW_S + 8 * DAY_S)
    assert forgotten.all() == {BOB.hex(): NOW_S + 8 * DAY_S}


def test_the_api_tells_whom_it_forgot(kiosk: Open) -> None:
    shop = kiosk()
    answer = shop.client().post("/v1/readers/forget", json={"key": "ada"}, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    assert shop.forgotten == [(shop.reader_ids.rid(1, "ada"), NOW_S)]
