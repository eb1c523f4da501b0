"""The whole line on every kind of store: its cost, its counts, its explanations, and caps that hold under races."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from adengine.caps.claims import RESERVE
from adengine.catalog.nouns import Level, Targeting, Tier
from adengine.catalog.targets.devices import EXAMPLES, KINDS
from adengine.counting.events import Refusal, SlotOutcome
from adengine.counting.metrics import NONE
from adengine.store import keys
from tests.builders import DAY_S, NOW_S, a_cap, a_creative, a_flight, a_slot, among
from tests.serving.conftest import Open
from tests.serving.kiosk import BASE_URL, HOLD_S, flight_of, flights_of

THREE = (a_slot(1, name="a"), a_slot(2, name="b", position="rail"), a_slot(3, name="c"))


@pytest.mark.parametrize("slots", [["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "nowhere"]])
@pytest.mark.parametrize(("reader", "limit", "trips"), [("reader-1", 9, 1), ("reader-1", 1, 2), (None, 9, 1)])
def test_a_page_costs_at_most_two_round_trips_and_no_sql_whatever_its_slots(
    kiosk_at: Open, slots: list[str], reader: str | None, limit: int, trips: int
) -> None:
    """One, unless a cap refuses somebody who was drawn: his page is seated anew."""
    flights = [
        a_flight(n, campaign=n, advertiser=n, caps=(a_cap(limit), a_cap(99, Level.CAMPAIGN))) for n in range(1, 9)
    ]
    shop = kiosk_at(*flights, a_flight(9, campaign=9, advertiser=9, tier=Tier.HOUSE), slots=THREE)
    shop.store.everywhere("SCRIPT", "LOAD", RESERVE.text)
    for _ in range(8 if limit == 1 else 0):
        shop(reader=reader, slots=slots)
    with sql_statements() as statements:
        shop(reader=reader, slots=slots)
    assert shop.round_trips == trips
    assert statements == []


def test_a_page_is_the_same_whether_it_looks_at_its_reader_first(kiosk: Open) -> None:
    """300 seeded pages of 60 readers, caps of all levels and labels mixed, drawn by the same lots both ways."""
    chance = random.Random(20261128)
    flights = [
        a_flight(
            n,
            campaign=(n + 1) // 2,
            advertiser=(n + 2) // 3,
            weight=chance.uniform(0.5, 4),
            caps=tuple(a_cap(chance.randint(1, 3), level) for level in chance.sample(list(Level), n % 3)),
            exclusions=("betting",) if n % 5 == 0 else (),
        )
        for n in range(1, 13)
    ]
    house = a_flight(99, campaign=99, advertiser=99, tier=Tier.HOUSE)
    creatives = [a_creative(99, campaign=99)]
    creatives += [a_creative(3 * n + k, campaign=n, weight=1.0 + k) for n in range(1, 7) for k in range(3)]
    pages = [(f"reader-{chance.randrange(60)}", chance.sample("abc", chance.randint(1, 3))) for _ in range(300)]
    shown = []
    for wagers in (True, False):
        shop = kiosk(*flights, house, slots=THREE, creatives=creatives)
        shop.wagers = wagers
        answers = [shop(reader=f"{wagers}-{reader}", slots=slots) for reader, slots in pages]
        shown.append([[(fill.get("creative"), fill["reason"]) for fill in answer["fills"]] for answer in answers])
    assert shown[0] == shown[1]
    assert len({str(page) for page in shown[0]}) > 100 and "all_capped" in str(shown[0])


@pytest.mark.parametrize("more", [{}, {"planet": ["earth"]}, {"lat": None, "note": {"a": 1}}])
def test_what_a_place_says_beyond_its_names_is_nothing(kiosk: Open, more: dict[str, Any]) -> None:
    shop = kiosk(a_flight(targeting=Targeting(places=among(str(number_of_remer(kiosk))))))
    answer = shop(place={"city": "Remer", "region": "MN", "country": "US"} | more)
    assert answer["degraded"] is None and flights_of(answer) == [1]
    assert flights_of(shop(place={"city": "Duluth", "region": "MN", "country": "US"} | more)) == [None]


def number_of_remer(kiosk: Open) -> int:
    place = kiosk().gazetteer.resolve("Remer,MN").place
    assert place is not None
    return int(place.id)


def test_pages_of_one_place_and_topic_are_told_apart_by_all_else_that_they_say(kiosk: Open) -> None:
    """What is kept by place and topics is nothing else; one shop answers all, twice."""
    by = [("languages", "fr"), ("keys", "tag=a"), ("urls", "news.example/sport"), ("devices", "phone")]
    flights = [
        a_flight(n, campaign=n, advertiser=n, targeting=Targeting(further={name: among(value)}))
        for n, (name, value) in enumerate(by, 1)
    ]
    shop = kiosk(*flights)
    pages: list[tuple[list[int | None], dict[str, Any]]] = [
        ([None], {}),
        ([1], {"page": {"lang": "fr"}}),
        ([2], {"page": {"keys": {"tag": "a"}}}),
        ([3], {"page": {"url": "https://news.example/sport/1"}}),
        ([4], {"reader": {"user_agent": EXAMPLES["phone"]}}),
    ]
    for stands, page in pages * 2:
        assert flights_of(shop(**page)) == stands, page


@contextmanager
def sql_statements() -> Iterator[list[str]]:
    """What any engine of this process sends meanwhile."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)


def test_the_count_of_sql_statements_sees_one(sqlite_engine: sa.Engine) -> None:
    with sql_statements() as statements, sqlite_engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert "SELECT 1" in statements


def test_pages_that_no_cap_concerns_need_one_round_trip(kiosk: Open) -> None:
    shop = kiosk(
        a_flight(), a_flight(2, campaign=2, advertiser=2, targeting=Targeting(slots=among("x")), caps=(a_cap(),))
    )
    shop(reader="a")
    shop(reader="a")
    assert shop.round_trips == 1


def test_the_answer_has_all_that_a_page_needs(kiosk: Open) -> None:
    shop = kiosk(a_flight(caps=(a_cap(),)))
    answer = shop(reader="a", slots=[{"id": "top", "slot": "article-header"}])
    (fill,) = answer["fills"]
    assert set(fill) == {
        "id", "slot", "status", "reason", "creative", "label", "text", "chosen", "variants", "html", "click_url",
        "impression_url", "viewable_url", "expires_at",
    }  # fmt: skip
    assert (fill["id"], fill["slot"], fill["status"], fill["reason"]) == ("top", "article-header", "filled", None)
    assert fill["creative"] == {
        "id": "crt_1", "version": 1, "advertiser": "Advertiser 1", "campaign": "cmp_1", "flight": "flt_1",
        "tier": "standard",
    }  # fmt: skip
    assert [variant["role"] for variant in fill["variants"]] == ["brand", "short", "long"]
    assert fill["variants"][0] == {"role": "brand", "text": "QWIKET", "chars": 6, "cells": 6, "width_em": 3.0}
    assert (fill["label"], fill["chosen"], fill["text"]) == ("Sponsor", "long", fill["variants"][2]["text"])
    for path, name in (("/v1/i/", "impression_url"), ("/v1/v/", "viewable_url"), ("/v1/c/", "click_url")):
        assert fill[name].startswith(BASE_URL + path)
    assert fill["html"].count("Sponsor: ") >= 3 and fill["click_url"] in fill["html"]
    assert fill["expires_at"] == "2025-09-07T00:01:00Z", "an impression counts as long as its hold lives"
    served = shop.served(fill)
    assert (served.site, served.slot, served.flight, served.creative, served.version) == (1, 1, 1, 1, 1)
    assert served.held and served.reader == shop.reader_ids.rid(1, "a") and not served.preview
    assert served.variant == NONE and served.price.micros == 5_000_000


def test_an_uncapped_line_is_not_held_so_that_it_may_be_seen_later(kiosk: Open) -> None:
    shop = kiosk(a_flight())
    (fill,) = shop(reader="a")["fills"]
    assert not shop.served(fill).held and fill["expires_at"] == "2025-09-07T02:00:00Z"
    rid = shop.reader_ids.rid(1, "a")
    assert len(shop.log.peek(rid, now_s=NOW_S, view=0).records) == 0


def test_an_empty_slot_has_a_reason_and_keeps_its_height(kiosk: Open) -> None:
    (fill,) = kiosk()()["fills"]
    assert set(fill) == {"id", "slot", "status", "reason", "html"}
    assert (fill["status"], fill["reason"]) == ("empty", "no_match") and "spn-empty" in fill["html"]


def test_with_limits_only_the_line_that_was_chosen_is_drawn(kiosk: Open) -> None:
    shop = kiosk(a_flight())
    (fill,) = shop(slots=[{"slot": "article-header", "max_chars": 80}])["fills"]
    assert fill["chosen"] == "short" and len(fill["variants"]) == 3
    assert fill["html"].count("Elevate") == 1 and "Reasoning" not in fill["html"]
    assert shop.served(fill).variant == 1


def test_every_page_leaves_one_event_that_tells_what_became_of_each_slot(kiosk_at: Open) -> None:
    flights = [
        a_flight(1, caps=(a_cap(1),)),
        a_flight(2, campaign=2, advertiser=2, tier=Tier.HOUSE, targeting=Targeting(slots=among("a"))),
    ]
    shop = kiosk_at(*flights, slots=THREE)
    shop(reader="r", slots=["a"], place="Remer,MN", topics=["politics"])
    shop(reader="r", slots=[{"slot": "a", "max_chars": 100}, "b", "nowhere"])
    shop()
    shop(reader="r", preview=True)
    first, second, third = sorted(shop.events(), key=lambda event: event.request)
    assert (first.site, first.at_s, first.topic) == (1, NOW_S, int("386", 36))
    assert shop.gazetteer.place(first.place).name == "Remer"  # type: ignore[union-attr]
    assert first.slots == (SlotOutcome(slot=1, flight=1, creative=1, version=1, tier=1),)
    assert second.slots == (
        SlotOutcome(slot=1, reason="all_capped", flight=2, creative=2, version=1, tier=3, variant=1),
        SlotOutcome(slot=2, reason="all_capped"),
        SlotOutcome(slot=0, reason="unknown_slot"),
    )
    assert second.capped == (Refusal(slot=1, flight=1, cap="flight/1d"),), "for the slot that it had been drawn for"
    assert third.slots == (SlotOutcome(slot=0, reason="unknown_slot"),)


def test_the_event_and_the_tokens_of_a_page_tell_its_device_and_its_refresh(kiosk: Open) -> None:
    shop = kiosk(a_flight(caps=(a_cap(3),)))
    sent = [(None, None), ("phone", None), ("desktop", 0), ("bot", 1), ("tv", 2), (None, 3), ("tablet", 4000)]
    told = []
    for device, refresh in sent:
        reader = {"key": "r", "user_agent": EXAMPLES[device] if device is not None else None}
        answer = shop(reader=reader, page={"refresh": refresh}, slots=["article-header", "nowhere"])
        told += [shop.served(fill) for fill in answer["fills"][:1] if fill["status"] == "filled"]
    numbers = [(KINDS.index(device) + 1 if device is not None else 0, min(refresh or 0, 3)) for device, refresh in sent]
    assert [(served.device, served.refresh) for served in told] == numbers[:3], "the reader has then seen enough"
    assert sorted((event.device, event.refresh) for event in shop.events()) == sorted(numbers)


def test_a_rehearsal_holds_and_counts_nothing(kiosk: Open) -> None:
    shop = kiosk(a_flight(caps=(a_cap(1),)))
    for rehearsal in ({"preview": True}, {"seed": 1}, {"now_s": NOW_S}):
        for _ in range(3):
            answer = shop(reader="a", **rehearsal)
            assert flights_of(answer) == [1] and shop.served(answer["fills"][0]).preview
    assert shop.events() == []
    assert flights_of(shop(reader="a")) == [1]
    assert flights_of(shop(reader="a", preview=True)) == [None], "a rehearsal sees the caps"


def test_a_rehearsal_may_look_at_another_time(kiosk: Open) -> None:
    shop = kiosk(a_flight(starts_at_s=NOW_S + DAY_S))
    assert flights_of(shop()) == [None]
    answer = shop(now_s=NOW_S + DAY_S)
    assert flights_of(answer) == [1] and answer["fills"][0]["expires_at"] == "2025-09-08T02:00:00Z"


def test_at_another_time_the_caps_guard_that_guard_then(kiosk: Open) -> None:
    """A flight's caps guard while it runs; those of a campaign stop its other flights as long."""
    later = {"starts_at_s": NOW_S + DAY_S, "ends_at_s": NOW_S + 2 * DAY_S}
    shop = kiosk(a_flight(1), a_flight(2, caps=(a_cap(1, Level.CAMPAIGN),), **later))
    assert flights_of(shop()) == [1]
    answer = shop(now_s=NOW_S + DAY_S)
    assert flights_of(answer) == [None] and answer["fills"][0]["reason"] == "no_reader_key"
    assert flights_of(shop(now_s=NOW_S + 2 * DAY_S)) == [1]


def test_changing_a_cap_works_at_once_and_backwards(kiosk_at: Open) -> None:
    shop = kiosk_at(a_flight(caps=(a_cap(9),)))
    for _ in range(3):
        shop.show(shop(reader="a")["fills"][0])
    shop.book(a_flight(caps=(a_cap(3, Level.ADVERTISER, "7d"),)))
    assert flights_of(shop(reader="a")) == [None]
    shop.book(a_flight(caps=(a_cap(4, Level.CREATIVE, "calendar_week"),)))
    assert flights_of(shop(reader="a")) == [1]
    assert flights_of(shop(reader="a")) == [None]


def test_slots_that_load_later_belong_to_the_same_page_view(kiosk: Open) -> None:
    shop = kiosk(a_flight(caps=(a_cap(1, window="page"),)))
    first = shop(reader="a")
    assert flights_of(first) == [1]
    assert flights_of(shop(reader="a", page={"view": first["request_id"]})) == [None]
    assert flights_of(shop(reader="a")) == [1]


def test_readers_do_not_share_their_caps_nor_do_sites(kiosk: Open) -> None:
    shop = kiosk(a_flight(caps=(a_cap(1),)))
    assert [flights_of(shop(reader=reader)) for reader in "aabb"] == [[1], [None], [1], [None]]
    assert shop.reader_ids.rid(1, "a") != shop.reader_ids.rid(2, "a")


def test_lots_are_drawn_by_weight_through_the_whole_line(kiosk: Open) -> None:
    """n = 2000 page views with fixed request ids; a fair draw of fresh ones would fail with probability 1e-4."""
    weights = {1: 1.0, 2: 3.0, 3: 6.0}
    shop = kiosk(*[a_flight(n, campaign=n, advertiser=n, weight=w) for n, w in weights.items()])
    counts = Counter(flight_of(shop(preview=True)["fills"][0]) for _ in range(2000))
    statistic = sum((counts[n] - 200 * w) ** 2 / (200 * w) for n, w in weights.items())
    assert statistic < 18.42, "χ² with 2 degrees of freedom, 1e-4"


def test_racing_pages_of_one_reader_never_pass_a_cap(kiosk_at: Open) -> None:
    """8 threads, 320 pages of three slots at one instant: exactly as much is held as the caps have room for."""
    flights = [
        a_flight(n, campaign=n, advertiser=n, caps=(a_cap(5), a_cap(3, Level.CREATIVE, "1h"))) for n in (1, 2, 3, 4)
    ]
    creatives = tuple(a_creative(10 * n + k, campaign=n, advertiser=n) for n in (1, 2, 3, 4) for k in (1, 2))
    shop = kiosk_at(*flights, slots=THREE, creatives=creatives)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: shop(reader=f"reader-{n % 2}", slots=["a", "b", "c"]), range(320)))
    assert {answer["degraded"] for answer in answers} == {None}
    shown = Counter(
        (n % 2, fill["creative"]["flight"], fill["creative"]["id"])
        for n, answer in enumerate(answers)
        for fill in answer["fills"]
        if fill["status"] == "filled"
    )
    by_flight = Counter[tuple[int, str]]()
    for (reader, flight, _), times in shown.items():
        by_flight[reader, flight] += times
    assert max(shown.values()) <= 3
    assert by_flight == {(reader, f"flt_{n}"): 5 for reader in (0, 1) for n in (1, 2, 3, 4)}
    assert len(shop.events()) == len(answers), "a page that had to choose again was counted twice or not at all"


def test_caps_hold_over_days_of_pages_with_late_and_missing_beacons(kiosk_at: Open) -> None:
    """600 pages of two readers at random instants of two days; a third of the beacons never comes, some come late."""
    draw = random.Random(7)
    caps = (a_cap(2, Level.FLIGHT, "3h"), a_cap(3, Level.CAMPAIGN, "1d"))
    house = a_flight(3, campaign=3, advertiser=3, tier=Tier.HOUSE)
    shop = kiosk_at(a_flight(1, caps=caps), a_flight(2, caps=(a_cap(1, Level.CREATIVE, "1h"),)), house)
    shown: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}
    for at_s in sorted(draw.randrange(2 * DAY_S) for _ in range(600)):
        reader = draw.choice("ab")
        shop.now_s = NOW_S + at_s
        (fill,) = shop(reader=reader)["fills"]
        shop.now_s += draw.choice([0, 0, HOLD_S - 1, HOLD_S + 1])
        if fill["creative"]["tier"] != "house" and draw.random() < 0.67 and shop.show(fill) == 1:
            shown[reader].append((shop.now_s, flight_of(fill) or 0))
    for seen in shown.values():
        assert len(seen) > 4
        for at_s, _ in seen:
            within = [(other_s, flight) for other_s, flight in seen if at_s - DAY_S < other_s <= at_s]
            assert len(within) <= 3, "per campaign and day"
            assert sum(flight == 1 and other_s > at_s - 3 * 3600 for other_s, flight in within) <= 2
            assert sum(other_s > at_s - 3600 for other_s, _ in within) <= 1, "per creative and hour"


def test_nothing_of_the_reader_is_in_the_store(kiosk_at: Open) -> None:
    shop = kiosk_at(a_flight(caps=(a_cap(),)))
    told = {"key": "a-reader-key-7f3a", "ip": "203.0.113.77", "user_agent": "Mozilla/5.0 of nobody"}
    answer = json.dumps(shop(reader=told | {"consent": True}))
    kept = shop.everything()
    assert keys.reader_text(shop.reader_ids.rid(1, told["key"])).encode() in kept
    for secret in told.values():
        assert secret.encode() not in kept and secret not in answer
