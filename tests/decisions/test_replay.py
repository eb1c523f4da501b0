"""A logged page, decided again from its line in the log alone, gives the same bytes."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from adengine.catalog.compile import compile_snapshot
from adengine.catalog.nouns import Goal, Level, Roadblock, Rotation, Scope, Targeting, Tier, Unit, Without
from adengine.catalog.snapshot import Catalogue
from adengine.catalog.targets.devices import EXAMPLES, KINDS, device_of
from adengine.decisions.record import has_point, told
from adengine.decisions.replay import replayed
from adengine.decisions.transcript import Differs
from adengine.decisions.witness import Witness
from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.learnt import Learnt
from adengine.pacing.claims import Lot
from adengine.pacing.leases import Account
from adengine.serving import api
from adengine.serving.answered import Answered
from adengine.serving.request import parse
from adengine.store.client import Store
from adengine.web import request_ids
from tests.builders import DAY_S, NOW_S, a_cap, a_catalogue, a_creative, a_flight, a_key, a_slot, among
from tests.pacing.builders import a_sheet
from tests.serving.kiosk import Kiosk

SLOTS = (a_slot(1, name="a"), a_slot(2, name="b", position="rail"), a_slot(3, name="c"))
GOAL = Goal(unit=Unit.IMPRESSIONS, amount=1000)


class Shop(Kiosk):
    """A kiosk that logs every page."""

    def book_all(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.snapshot = compile_snapshot(catalogue, self.now_s)

    def logged(self, body: dict[str, Any]) -> tuple[Answered, dict[str, Any]]:
        """The answer, and its line as it stands in the log."""
        lines: list[bytes] = []
        witness = Witness(_Kept(lines), part=1)
        asked = parse(orjson.dumps(body))
        request = request_ids.new()
        moment = api.moment_of(asked, self.now_s, request)
        assert witness.wants(asked, moment)
        answered = witness.fill(self.filler, asked, self.key, moment)
        (line,) = lines
        return answered, orjson.loads(line)

    def again(self, record: dict[str, Any]) -> bytes:
        return replayed(
            record,
            compile_snapshot(self.catalogue, record["compiled_at_s"]),
            self.minter,
            self.gazetteer,
            self.taxonomy,
        )


class _Kept:
    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def append(self, _: int, record: dict[str, Any]) -> None:
        self._lines.append(orjson.dumps(record))


@pytest.fixture
def shop(valkey: Store, gazetteer: Any) -> Shop:
    made = Shop(valkey, gazetteer)
    made.key = a_key(scopes=(Scope.MANAGE,))
    return made


def a_random_catalogue(chance: random.Random) -> Catalogue:
    flights = [a_random_flight(chance, number) for number in range(1, chance.randint(2, 9))]
    creatives = tuple(
        a_creative(number * 10 + n, campaign=number, advertiser=flight.advertiser, weight=chance.choice([1.0, 3.0]))
        for number, flight in enumerate(flights, 1)
        for n in range(chance.randint(1, 3))
    )
    house = a_flight(90, campaign=90, advertiser=90, tier=Tier.HOUSE)
    lines = (*creatives, a_creative(900, campaign=90, advertiser=90))
    return a_catalogue(*flights, house, creatives=lines, slots=SLOTS)


def a_random_flight(chance: random.Random, number: int) -> Any:
    goal = chance.choice([None, None, GOAL, Goal(unit=Unit.CLICKS, amount=50), Goal(unit=Unit.SHARE, amount=0.4)])
    is_share = goal is not None and goal.unit is Unit.SHARE
    return a_flight(
        number,
        campaign=number,
        advertiser=chance.randint(1, 4),
        tier=Tier.SPONSORSHIP if is_share else chance.choice([Tier.STANDARD, Tier.NETWORK]),
        weight=chance.uniform(0.1, 5),
        goal=goal,
        targeting=Targeting(
            topics=chance.choice([among(), among("483")]),
            further={} if chance.random() < 0.8 else {"devices": among("phone")},
        ),
        caps=tuple(
            a_cap(chance.randint(1, 3), chance.choice(list(Level)), chance.choice(["1d", "page", "flight"]))
            for _ in range(chance.randrange(3))
        ),
        without_reader=chance.choice(list(Without)),
        roadblock=chance.choice([Roadblock.NONE] * 6 + [Roadblock.ALL, Roadblock.COMPANION]),
        exclusions=chance.choice([(), (), ("beer",)]),
        rotation=chance.choice(list(Rotation)),
    )


def a_random_page(chance: random.Random) -> dict[str, Any]:
    return {
        "page": {
            "url": "https://news.example/a?who=me",
            "topics": chance.choice([[], ["508"], ["386", "nonsense"]]),
            "refresh": chance.choice([None, 1, 40]),
        },
        "reader": {
            "key": chance.choice([None, "ada", "bob", "eve"]),
            "place": chance.choice([None, "Remer,MN", "Springfield"]),
            "user_agent": chance.choice([None, "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) Ada's", "x"]),
            "consent": chance.random() < 0.9,
        },
        "slots": [{"slot": name} for name in chance.sample(["a", "b", "c", "nowhere"], chance.randint(1, 3))],
        "exclude": {"advertisers": chance.choice([[], [], ["adv_1"]])},
        "explain": chance.random() < 0.3,
    }


def paced(shop: Shop) -> None:
    """A sheet for every goal, and leases for some."""
    ids = tuple(flight.id for flight in shop.catalogue.flights if flight.goal is not None)
    chance = random.Random(len(ids))
    scores = tuple(chance.choice([0.0, 0.05, 2.0, 2.1]) for _ in ids)
    shop.sheet = a_sheet(*ids, left=5, number=shop.sheet.number + 1, scores=scores or None)
    wants = shop.leases.needs([Account(flight, 5, begun=False) for flight in ids], 0)
    shop.leases.put(wants, [Lot(chance.choice([0, 1, 5]), shop.now_s // 5) for _ in wants], time.monotonic())


def learnt(shop: Shop) -> None:
    """Of some creatives and some campaigns, everywhere and where readers of Remer are."""
    chance = random.Random(len(shop.catalogue.creatives))
    minnesota = shop.gazetteer.resolve("Minnesota").place
    assert minnesota is not None
    cells = (EVERYWHERE, Cell(0, minnesota.id))
    creatives = [creative.id for creative in shop.catalogue.creatives if chance.random() < 0.8]
    shop.learnt = Learnt(
        number=shop.learnt.number + 1,
        chances={cell: {id_: chance.random() for id_ in creatives} for cell in cells},
        worths={cell: {flight.campaign: chance.uniform(0, 3) for flight in shop.catalogue.flights} for cell in cells},
    )


def test_random_pages_of_random_catalogues_are_decided_again_to_the_byte(shop: Shop) -> None:
    """30 catalogues of all kinds of flights, 8 pages each; caps fill up, leases run out, turns come round."""
    chance = random.Random(20261123)
    filled = 0
    for number in range(30):
        shop.book_all(a_random_catalogue(chance))
        paced(shop)
        learnt(shop)
        for _ in range(8):
            answered, record = shop.logged(a_random_page(chance))
            shop.now_s += chance.choice([1, 60, 3600])
            assert shop.again(record) == answered.body, f"catalogue {number}"
            filled += sum(status == "filled" for status, _ in answered.fates)
    assert filled > 200


def test_a_page_that_the_store_failed_is_decided_again_too(shop: Shop) -> None:
    shop.book_all(a_catalogue(a_flight(1, caps=(a_cap(1),)), a_flight(2, campaign=2, advertiser=2, tier=Tier.HOUSE)))
    shop.store._timeout_ms = 0
    shop.patience_ms = 0
    answered, record = shop.logged({"reader": {"key": "ada"}, "slots": [{"slot": "article-header"}]})
    assert answered.degraded == "L2"
    assert shop.again(record) == answered.body
    shop.database_ok = False
    answered, record = shop.logged({"reader": {"key": "ada"}, "slots": [{"slot": "article-header"}]})
    assert answered.degraded == "L3" and shop.again(record) == answered.body


BODY = {
    "page": {"url": "https://user:pw@news.example/a?session=s3cret#frag", "text": "an article", "keys": {"k": "v"}},
    "reader": {"key": "ada-lovelace", "ip": "192.0.2.77", "user_agent": "Mozilla/5.0 (iPhone; CPU OS) Ada/1"},
    "slots": [{"slot": "article-header"}],
}  # fmt: skip


def test_nothing_that_tells_who_the_reader_is_stands_in_the_log(shop: Shop) -> None:
    shop.book_all(a_catalogue(a_flight(1, caps=(a_cap(1),), targeting=Targeting(further={"devices": among("phone")}))))
    answered, record = shop.logged(BODY)
    text = orjson.dumps(record)
    for secret in (b"ada-lovelace", b"192.0.2.77", b"Ada/1", b"s3cret", b"an article", b"pw@"):
        assert secret not in text
    assert answered.fates[0][0] == "filled" and shop.again(record) == answered.body


def test_a_device_is_told_by_a_user_agent_that_tells_nothing_else() -> None:
    assert set(EXAMPLES) == set(KINDS)
    assert {kind: device_of(example) for kind, example in EXAMPLES.items()} == {kind: kind for kind in KINDS}


def test_pages_that_tell_where_the_reader_stands_and_rehearsals_are_not_logged(shop: Shop) -> None:
    point = {"reader": {"place": {"lat": 46.9, "lon": -93.9}}, "slots": [{"slot": "a"}]}
    assert has_point(parse(orjson.dumps(point)))
    witness = Witness(_Kept([]), part=1)
    for body in (point, {"slots": [{"slot": "a"}], "preview": True}, {"slots": [{"slot": "a"}], "seed": 1}):
        asked = parse(orjson.dumps(body))
        assert not witness.wants(asked, api.moment_of(asked, NOW_S, request_ids.new()))


def test_the_part_that_is_asked_for_is_logged() -> None:
    asked = parse(b'{"slots": [{"slot": "a"}]}')
    for part in (0.0, 0.2, 1.0):
        witness = Witness(_Kept([]), part)
        wanted = sum(witness.wants(asked, api.moment_of(asked, NOW_S, request_ids.new())) for _ in range(4000))
        assert abs(wanted / 4000 - part) < 0.03


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "a verdict": lambda record: _answer(record, "reserve", [-1]),
    "what the reader had seen": lambda record: _answer(record, "peek", [[[NOW_S, 1, 1, 1, 1, 3]], {}]),
    "the reader": lambda record: _answer(record, "rid", "00" * 8),
    "the moment": lambda record: record.update(at_s=NOW_S + 40 * DAY_S),
    "the terms": lambda record: record["terms"].update(base_url="https://elsewhere.example"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_changed_in_the_log_is_found_out(shop: Shop, what: str) -> None:
    shop.book_all(a_catalogue(a_flight(1, caps=(a_cap(1),)), a_flight(2, campaign=2, advertiser=2, tier=Tier.HOUSE)))
    answered, record = shop.logged({"reader": {"key": "ada"}, "slots": [{"slot": "article-header"}]})
    CHANGES[what](record)
    with contextlib.suppress(Differs):
        assert shop.again(record) != answered.body


def test_another_catalogue_is_found_out(shop: Shop) -> None:
    shop.book_all(a_catalogue(a_flight(1, caps=(a_cap(1),))))
    answered, record = shop.logged({"reader": {"key": "ada"}, "slots": [{"slot": "article-header"}]})
    shop.catalogue = replace(shop.catalogue, creatives=(a_creative(1, version=2),))
    assert shop.again(record) != answered.body


def test_what_is_logged_of_a_request_is_read_as_the_same_request() -> None:
    asked = parse(orjson.dumps(BODY | {"exclude": {"topics": ["508"]}}))
    again = parse(orjson.dumps(told(asked)))
    assert again.slots == asked.slots and again.exclude == asked.exclude and again.page.keys == asked.page.keys
    assert again.reader.key is not None and again.page.url == "https://news.example/a"


def _answer(record: dict[str, Any], asked: str, answer: Any) -> None:
    (at,) = [n for n, note in enumerate(record["notes"]) if note[0] == asked]
    record["notes"][at] = [asked, answer]


def test_the_log_tells_the_chance_of_each_creative(shop: Shop) -> None:
    """That of three, of two when one is capped, and none for an empty slot; as the explanation has it."""
    creatives = (a_creative(1), a_creative(2), a_creative(3), a_creative(9, campaign=2, advertiser=2))
    flight = a_flight(1, rotation=Rotation.OPTIMISE, caps=(a_cap(1, Level.CREATIVE),))
    house = a_flight(2, campaign=2, advertiser=2, tier=Tier.HOUSE)
    shop.book_all(a_catalogue(flight, house, creatives=creatives, slots=SLOTS))
    chances = {1: 0.5, 2: 0.3, 3: 0.2}
    shop.learnt = Learnt(number=1, chances={EVERYWHERE: chances})
    page = {"page": {"url": "https://news.example/a"}, "reader": {"key": "ada"}, "explain": True,
            "slots": [{"slot": "a"}, {"slot": "nowhere"}]}  # fmt: skip
    seen: list[int] = []
    for _ in range(3):
        answered, record = shop.logged(page)
        fill = answered.document["fills"][0]
        creative = int(fill["creative"]["id"].removeprefix("crt_"))
        left = sum(chance for id_, chance in chances.items() if id_ not in seen)
        assert record["propensities"] == [pytest.approx(chances[creative] / left), None]
        told = {entry["creative"]: entry["score"] for entry in fill["explain"]["list"]}
        assert told[f"crt_{creative}"] == pytest.approx(record["propensities"][0], abs=1e-6)
        seen.append(creative)
    assert sorted(seen) == [1, 2, 3]
