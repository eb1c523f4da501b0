"""The beacons over HTTP: the same answer whatever was decided, and clicks that lead where they were approved to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert

from adengine.catalog import tables as catalogue
from adengine.catalog.nouns import State
from adengine.catalog.snapshot import Snapshot
from adengine.counting import api, streams
from adengine.counting.claims import Recorder
from adengine.counting.events import read_event
from adengine.counting.load import Landings
from adengine.counting.metrics import Kind
from adengine.counting.tokens import TokenReader
from adengine.store.client import Store, connect
from adengine.web import manners, metrics, openapi, problems
from adengine.web.hot import HotFlask
from tests import stores
from tests.builders import a_creative, a_flight, a_snapshot
from tests.counting.books import MINTER
from tests.counting.builders import NOW_S, a_ring, a_served

PATHS = {Kind.IMPRESSION: "/v1/i/", Kind.VIEWABLE: "/v1/v/", Kind.CLICK: "/v1/c/"}
LANDING = "https://sponsor.example/4"
SHOWN = [Kind.IMPRESSION, Kind.VIEWABLE]


def an_app(
    store: Store, engine: Engine, snapshot: Snapshot | None, now_s: int = NOW_S, *, hot: bool = True
) -> flask.Flask:
    """hot: whether beacons go past Flask."""
    app = HotFlask("beacons", static_folder=None)
    manners.install(app)
    problems.install(app)
    recorder = Recorder(store, TokenReader(a_ring()), lambda: snapshot, hold_s=60, clock=lambda: now_s)
    openapi.install(app).register_blueprint(api.blueprint(recorder, Landings(engine, lambda: snapshot)))
    for beacon in api.hot_beacons(recorder) if hot else ():
        app.add_hot_beacon(beacon)
    return app


@pytest.fixture
def snapshot() -> Snapshot:
    return a_snapshot(a_flight(3), creatives=(a_creative(4, version=5),))


@pytest.fixture(params=[True, False], ids=["hot", "flask"])
def client(request: pytest.FixtureRequest, valkey: Store, sqlite_engine: Engine, snapshot: Snapshot) -> FlaskClient:
    return an_app(valkey, sqlite_engine, snapshot, hot=request.param).test_client()


def path(kind: Kind, **served: Any) -> str:
    return PATHS[kind] + MINTER.mint(a_served(**served))[kind]


def events(store: Store, bucket: int = 1) -> list[Any]:
    return [read_event(event) for _, event in streams.entries(store, bucket)]


def seen_by_client(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer but its own request id."""
    return answer.status_code, answer.data, sorted(pair for pair in answer.headers if pair[0] != "X-Request-Id")


def refused(kind: Kind) -> Iterator[str]:
    """Beacons that do not count, each for another reason."""
    yield PATHS[kind] + "forged"
    yield PATHS[kind] + "A" * 112
    yield path(kind, request=2, issued_s=NOW_S - 10**6)
    yield path(kind, request=3, issued_s=NOW_S + 10**6)
    yield path(kind, request=4, preview=True)
    yield path(kind, request=5, held=True, reader=b"\x01" * 8)
    yield path(kind)


@pytest.mark.parametrize("kind", SHOWN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_answer_is_the_same_whatever_was_decided(client: FlaskClient, kind: Kind, method: str) -> None:
    client.post(path(Kind.IMPRESSION))
    counted = seen_by_client(client.open(path(kind, request=9), method=method))
    answers = [seen_by_client(client.open(other, method=method)) for other in refused(kind)]
    assert counted[0] == 204 and counted[1] == b"" and ("Cache-Control", "no-store") in counted[2]
    assert answers == [counted] * len(answers)


@pytest.mark.parametrize("kind", SHOWN)
def test_an_image_tag_gets_the_same_image_whatever_was_decided(client: FlaskClient, kind: Kind) -> None:
    accept = {"Accept": "image/avif,image/webp,*/*;q=0.8"}
    answers = [seen_by_client(client.get(other, headers=accept)) for other in refused(kind)]
    assert answers[0][:2] == (200, api.PIXEL) and ("Content-Type", "image/gif") in answers[0][2]
    assert answers == [answers[0]] * len(answers)


@pytest.mark.parametrize("kind", Kind)
def test_head_does_not_count(client: FlaskClient, valkey: Store, kind: Kind) -> None:
    answer = client.head(path(kind))
    assert answer.status_code == (302 if kind is Kind.CLICK else 204)
    assert [event.reason for event in events(valkey)] == ["head"]


def test_beacons_are_counted_once_with_what_the_page_says(client: FlaskClient, valkey: Store) -> None:
    client.get(path(Kind.IMPRESSION) + "?v=2")
    client.post(path(Kind.IMPRESSION) + "?v=2")
    client.post(path(Kind.VIEWABLE))
    client.get(path(Kind.CLICK))
    assert [(event.kind, event.reason, event.variant, event.is_measurable) for event in events(valkey)] == [
        (Kind.IMPRESSION, "", 2, False),
        (Kind.IMPRESSION, "duplicate", 2, False),
        (Kind.VIEWABLE, "", 255, True),
        (Kind.CLICK, "", 255, False),
    ]


@pytest.mark.parametrize("said", ["-1", "3", "999999999999999999", "x", "", "٣", "1.0", "254"])
def test_an_impossible_variant_is_ignored(client: FlaskClient, valkey: Store, said: str) -> None:
    assert client.post(path(Kind.IMPRESSION), query_string={"v": said}).status_code == 204
    assert [(event.reason, event.variant) for event in events(valkey)] == [("", 255)]


def test_a_script_can_measure_and_an_image_cannot(client: FlaskClient, valkey: Store) -> None:
    client.post(path(Kind.IMPRESSION))
    client.get(path(Kind.IMPRESSION, pick=1))
    assert [event.is_measurable for event in events(valkey)] == [True, False]


def test_a_click_leads_to_the_approved_landing_and_is_counted(client: FlaskClient, valkey: Store) -> None:
    client.post(path(Kind.IMPRESSION))
    answer = client.get(path(Kind.CLICK))
    assert (answer.status_code, answer.location) == (302, LANDING)
    assert answer.headers["Cache-Control"] == "no-store"
    assert [event.kind for event in events(valkey)] == [Kind.IMPRESSION, Kind.CLICK]


@pytest.mark.parametrize(
    "asked", ["?to=https://evil.example", "?url=//evil.example", "?dest=https://evil.example", "?landing_url=x"]
)
def test_nothing_in_the_request_moves_the_landing(client: FlaskClient, asked: str) -> None:
    headers = {"Host": "evil.example", "Referer": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    assert client.get(path(Kind.CLICK) + asked, headers=headers).location == LANDING


def test_old_repeated_and_unproved_clicks_are_sent_on_too(client: FlaskClient) -> None:
    clicks = [
        path(Kind.CLICK),
        path(Kind.CLICK),
        path(Kind.CLICK, issued_s=NOW_S - 10**6),
        path(Kind.CLICK, preview=True),
    ]
    assert [client.get(click).location for click in clicks] == [LANDING] * 4


def test_a_forged_click_has_no_destination(client: FlaskClient) -> None:
    impression = MINTER.mint(a_served())[Kind.IMPRESSION]
    for token in ("forged", "A" * 112, impression):
        answer = client.get(PATHS[Kind.CLICK] + token)
        assert (answer.status_code, answer.content_type, answer.location) == (404, "application/problem+json", None)


@pytest.mark.parametrize("snapshot", [None])
def test_the_database_knows_landings_that_the_snapshot_has_dropped(
    valkey: Store, engine: Engine, snapshot: Snapshot | None
) -> None:
    now = {"created_at_s": 1, "updated_at_s": 1, "revision": 1}
    version = {"creative": 4, "created_at_s": 1, "lang": "en", "variants": [], "categories": [], "warnings": []}
    with engine.begin() as connection:
        connection.execute(insert(catalogue.advertisers), [{"id": 1, "name": "A"} | now])
        connection.execute(
            insert(catalogue.campaigns), [{"id": 1, "advertiser": 1, "name": "C", "currency": "USD"} | now]
        )
        connection.execute(
            insert(catalogue.creatives), [{"id": 4, "campaign": 1, "paused": False, "latest_version": 6} | now]
        )
        for number, state in ((5, State.APPROVED), (6, State.PENDING)):
            landing = {"version": number, "state": state.value, "landing_url": f"https://sponsor.example/v{number}"}
            connection.execute(insert(catalogue.creative_versions), [version | landing])
    client = an_app(valkey, engine, snapshot).test_client()
    assert client.get(path(Kind.CLICK, version=5)).location == "https://sponsor.example/v5"
    assert client.get(path(Kind.CLICK, version=6)).status_code == 404


def test_without_a_store_beacons_may_come_again_and_clicks_are_sent_on(
    sqlite_engine: Engine, snapshot: Snapshot
) -> None:
    nowhere = connect(f"redis://127.0.0.1:{stores.free_port()}", timeout_ms=50)
    client = an_app(nowhere, sqlite_engine, snapshot).test_client()
    for kind in SHOWN:
        answer = client.post(path(kind))
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert client.get(path(Kind.CLICK)).location == LANDING


@pytest.mark.parametrize(
    ("kind", "method"), [(Kind.CLICK, "POST"), (Kind.IMPRESSION, "PUT"), (Kind.VIEWABLE, "DELETE")]
)
def test_other_methods_are_refused_by_name(client: FlaskClient, kind: Kind, method: str) -> None:
    answer = client.open(path(kind), method=method)
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]


QUERIES = ("", "v=2", "v=", "v=07", "v=999", "v=abc", "w=1", "v=1&v=2", "v=%31", "v=1234567890123")


@pytest.mark.parametrize("kind", SHOWN)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_both_ways_answer_and_count_alike(
    valkey: Store, sqlite_engine: Engine, snapshot: Snapshot, kind: Kind, method: str
) -> None:
    """Every query and token, as an image and not; the same answers, the same events, the same measures."""
    told = {}
    for hot in (True, False):
        client = an_app(valkey, sqlite_engine, snapshot, hot=hot).test_client()
        before = len(events(valkey))
        counted = measured(kind, method)
        answers = [
            seen_by_client(
                client.open(path(kind, request=20 + n + 50 * hot) + f"?{query}", method=method, headers=headers)
            )
            for n, query in enumerate(QUERIES)
            for headers in ({}, {"Accept": "image/webp,*/*"}, {"Accept": "text/html"})
        ]
        seen = [(event.kind, event.variant, event.is_measurable) for event in events(valkey)[before:]]
        answers += [seen_by_client(client.open(other, method=method)) for other in refused(kind)]
        told[hot] = (answers, seen, measured(kind, method) - counted)
    assert told[True] == told[False]


def measured(kind: Kind, method: str) -> float:
    series = metrics.series("adengine_requests", PATHS[kind] + "<token>", method, "204")
    return float(series._value.get())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_store_that_is_away_is_asked_once_by_the_hot_way(
    sqlite_engine: Engine, snapshot: Snapshot, method: str
) -> None:
    """What may have been executed is not repeated; the answer is the view's 503."""
    away = connect("redis://127.0.0.1:1", timeout_ms=20)
    said = [
        an_app(away, sqlite_engine, snapshot, hot=hot).test_client().open(path(Kind.IMPRESSION), method=method)
        for hot in (True, False)
    ]
    assert away.round_trips == 2
    assert [answer.status_code for answer in said] == [503, 503]
    assert sorted(said[0].headers.keys()) == sorted(said[1].headers.keys())
