"""Whoever sends beacons learns nothing of their verdicts: the same bytes, and the same work behind them.

For every token of ours the engine waits for the store once, whatever is decided. One that is not ours, or is of a
rehearsal, never gets there; whoever made it up knew what it is.
"""

from __future__ import annotations

import ipaddress
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from adengine.catalog.snapshot import Snapshot
from adengine.counting import api
from adengine.counting.claims import Recorder, Sighting
from adengine.counting.load import Landings
from adengine.counting.metrics import Kind
from adengine.counting.reasons import REASONS
from adengine.counting.tokens import Opened, TokenMinter, TokenReader
from adengine.counting.traffic.rules import Rules
from adengine.counting.traffic.verdicts import Traffic
from adengine.store.client import Store
from adengine.web import manners, openapi, problems
from adengine.web.hot import HotFlask
from tests.builders import a_creative, a_flight, a_snapshot
from tests.counting.books import MINTER
from tests.counting.builders import NOW_S, a_ring, a_served

IMPRESSION, VIEWABLE, CLICK = Kind
PATHS = {IMPRESSION: "/v1/i/", VIEWABLE: "/v1/v/", CLICK: "/v1/c/"}
REQUESTS = count(1000)
RULES = Rules(
    bots=True, prefetch=True, click_ms_min=60_000, reader_per_minute=1,
    internal=(ipaddress.ip_network("192.0.2.0/24"),), blocked=(ipaddress.ip_network("198.51.100.0/24"),),
    data_centres=(ipaddress.ip_network("203.0.113.0/24"),),
)  # fmt: skip
LOOPER = b"\x2alooping"
"""A reader who has had all beacons of the minute."""
NOT_OURS = {row.name for row in REASONS if not row.reported}
RATIO_MAX = 2.0
PLAIN = Sighting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A beacon, and what is sent before it."""

    kind: Kind = IMPRESSION
    served: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = "192.0.3.1"
    method: str = "POST"
    before: tuple[Kind, ...] = ()
    minter: TokenMinter = MINTER


SENT: Mapping[str, Sent] = {
    "": Sent(),
    "unknown_key": Sent(minter=TokenMinter(a_ring(secret="another secret of tests, long enough 0123456789"))),
    "preview": Sent(served={"preview": True}),
    "future": Sent(served={"issued_s": NOW_S + 10**6}),
    "expired": Sent(served={"issued_s": NOW_S - 10**6}),
    "head": Sent(method="HEAD"),
    "prefetch": Sent(headers={"Sec-Purpose": "prefetch"}),
    "bot": Sent(headers={"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}),
    "data_centre": Sent(address="203.0.113.5"),
    "internal": Sent(address="192.0.2.5"),
    "blocked": Sent(address="198.51.100.5"),
    "no_impression": Sent(kind=VIEWABLE),
    "too_fast": Sent(kind=CLICK, method="GET", before=(IMPRESSION,)),
    "rate": Sent(served={"reader": LOOPER}),
    "not_billable": Sent(served={"flight": 2}),
    "duplicate": Sent(before=(IMPRESSION,)),
    "late": Sent(served={"issued_s": NOW_S - 100, "brief": True}),
}
"""A beacon of each verdict but `forged`, which is a token that nobody minted."""
COUNTED = {VIEWABLE: Sent(kind=VIEWABLE, before=(IMPRESSION,)), CLICK: Sent(kind=CLICK, method="GET")}
FORGED = "A" * 112


class Telling(Recorder):
    """Keeps what it decided last; clients cannot see it."""

    told = ""

    def record(self, opened: Opened, kind: Kind, sighting: Sighting = PLAIN) -> str:
        self.told = super().record(opened, kind, sighting)
        return self.told


@pytest.fixture
def snapshot() -> Snapshot:
    return a_snapshot(a_flight(3), creatives=(a_creative(4, version=5),))


@pytest.fixture
def recorder(valkey: Store, snapshot: Snapshot) -> Telling:
    made = Telling(
        valkey, TokenReader(a_ring()), lambda: snapshot, hold_s=60, clock=lambda: NOW_S, traffic=Traffic(RULES)
    )
    for _ in range(3):  # the script is known then, and the looping reader has had enough
        token = MINTER.mint(a_served(next(REQUESTS), reader=LOOPER))[IMPRESSION]
        made.record(made.open(token, IMPRESSION), IMPRESSION)
    return made


@pytest.fixture(params=[True, False], ids=["hot", "flask"])
def client(request: pytest.FixtureRequest, recorder: Telling, sqlite_engine: Engine, snapshot: Snapshot) -> FlaskClient:
    app = HotFlask("beacons", static_folder=None)
    manners.install(app)
    problems.install(app)
    openapi.install(app).register_blueprint(api.blueprint(recorder, Landings(sqlite_engine, lambda: snapshot)))
    for beacon in api.hot_beacons(recorder) if request.param else ():
        app.add_hot_beacon(beacon)
    return app.test_client()


def prepared(client: FlaskClient, sent: Sent) -> str:
    """The path of the beacon, once what comes before it has come."""
    tokens = sent.minter.mint(a_served(next(REQUESTS), **sent.served))
    for kind in sent.before:
        client.open(PATHS[kind] + tokens[kind], method="POST")
    return PATHS[sent.kind] + tokens[sent.kind]


def answered(client: FlaskClient, sent: Sent, path: str) -> flask.Response:
    environ = {"REMOTE_ADDR": sent.address}
    return client.open(path, method=sent.method, headers=dict(sent.headers), environ_base=environ)  # type: ignore[return-value]


def seen(answer: flask.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer but its own request id."""
    return answer.status_code, answer.data, sorted(pair for pair in answer.headers if pair[0] != "X-Request-Id")


def test_every_verdict_is_sent() -> None:
    assert SENT.keys() | {"forged"} == {"", *(row.name for row in REASONS)}


@pytest.mark.parametrize("verdict", SENT)
def test_every_token_of_ours_costs_one_round_trip_and_gets_the_same_bytes(
    client: FlaskClient, recorder: Telling, valkey: Store, verdict: str
) -> None:
    sent = SENT[verdict]
    counted = COUNTED.get(sent.kind, SENT[""])
    wanted = seen(answered(client, counted, prepared(client, counted)))
    path = prepared(client, sent)
    before = valkey.round_trips
    answer = answered(client, sent, path)
    assert recorder.told == verdict
    assert seen(answer) == wanted
    assert valkey.round_trips - before == (0 if verdict in NOT_OURS else 1)


@pytest.mark.parametrize("kind", [IMPRESSION, VIEWABLE])
def test_a_token_that_nobody_minted_gets_the_same_bytes(
    client: FlaskClient, recorder: Telling, valkey: Store, kind: Kind
) -> None:
    counted = COUNTED.get(kind, SENT[""])
    wanted = seen(answered(client, counted, prepared(client, counted)))
    before = valkey.round_trips
    assert seen(answered(client, counted, PATHS[kind] + FORGED)) == wanted
    assert (recorder.told, valkey.round_trips) == ("forged", before)


@pytest.mark.proof
@pytest.mark.parametrize("rounds", [400])
def test_no_verdict_takes_much_longer_than_another(client: FlaskClient, rounds: int) -> None:
    """Medians of interleaved answers, impressions alone: the slowest at most twice the fastest of tokens of ours."""
    alike = {name: sent for name, sent in SENT.items() if sent.kind is IMPRESSION and sent.method == "POST"}
    took: dict[str, list[float]] = {name: [] for name in alike}
    for _ in range(rounds):
        for name, sent in alike.items():
            path = prepared(client, sent)
            begin = time.perf_counter()
            answered(client, sent, path)
            took[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(each) for name, each in took.items()}
    print({name or "counts": f"{1e6 * median:.0f} µs" for name, median in medians.items()})  # noqa: T201
    ours = [median for name, median in medians.items() if name not in NOT_OURS]
    assert max(ours) <= RATIO_MAX * min(ours), medians
