"""The slices put together: what comes up when something is away, and what no stranger may reach."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import flask
import pytest

from adengine import wiring
from adengine.errors import Unsafe
from adengine.settings import Settings
from tests import stores
from tests.eventually import eventually
from tests.web.engine_app import AUTHORIZED, running, seed, settings_of

AWAY = "redis://127.0.0.1:1"
PAGE = {
    "page": {"url": "https://demo.example/fantasy", "topics": ["fantasy-sports"]},
    "slots": [{"slot": "article-header"}],
}
READERS = count()
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
OPEN = {
    "/", "/demo", "/docs", "/openapi.json", "/livez", "/readyz", "/metrics", "/problems/", "/problems/<name>",
    "/static/slot.css", "/static/demo.css", "/static/demo.js", "/static/web/<path:filename>",
    "/reports", "/reports/campaign", "/reports/why-empty", "/reports/reconcile", "/methodology",
    "/static/reports/reports.css", "/static/reports/common.js",
    "/static/reports/builder.js", "/static/reports/campaign.js", "/static/reports/jobs.js",
    "/static/reports/saved.js", "/static/reports/shared.js", "/reports/shared",
    "/static/reports/filters.js", "/static/reports/why_empty.js", "/static/reports/reconcile.js",
    "/v1/places", "/v1/places/about", "/v1/topics", "/v1/i/<token>", "/v1/v/<token>", "/v1/c/<token>",
}  # fmt: skip
"""What answers without a key; everything else asks for one."""


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("wired")
    with stores.server(stores.VALKEY, folder / "store") as (url, _):
        wanted = settings_of(folder, url)
        seed(wanted)
        yield wanted


@pytest.fixture(scope="module")
def app(wanted: Settings) -> Iterator[flask.Flask]:
    with running(wanted) as made:
        yield made


def filled(app: flask.Flask) -> dict[str, object]:
    """For a reader who has seen nothing yet."""
    reader = {"key": f"reader-{next(READERS)}", "place": "Remer,MN", "consent": True}
    answer = app.test_client().post("/v1/fill", json=PAGE | {"reader": reader}, headers=AUTHORIZED)
    assert answer.status_code == 200
    return dict(answer.get_json())


def unready_parts(app: flask.Flask) -> set[str]:
    answer = app.test_client().get("/readyz")
    parts = answer.get_json()["parts"]
    assert answer.status_code == (200 if set(parts.values()) == {"ready"} else 503)
    return {name for name, state in parts.items() if state != "ready"}


def test_with_everything_there_a_page_is_filled_at_full_service(app: flask.Flask) -> None:
    answer = filled(app)
    assert answer["degraded"] is None
    assert answer["fills"][0]["creative"]["advertiser"] == "QWIKET"  # type: ignore[index]
    assert unready_parts(app) == set()


def test_an_app_comes_up_without_its_store(wanted: Settings) -> None:
    with running(replace(wanted, redis_url=AWAY)) as app:
        assert filled(app)["degraded"] == "L2"
        assert unready_parts(app) == {"store"}
        assert app.test_client().get("/livez").status_code == 200


def test_an_app_comes_up_without_its_database_on_the_last_good_catalogue(wanted: Settings, app: flask.Flask) -> None:
    filled(app)
    eventually(lambda: (wanted.data_dir / "catalogues" / "current").exists())
    without = replace(wanted, database_url=f"sqlite:///{wanted.data_dir / 'gone.sqlite3'}")
    with running(without) as orphan:
        answer = filled(orphan)
        assert answer["degraded"] == "L3"
        assert answer["fills"][0]["status"] == "filled"  # type: ignore[index]
        assert unready_parts(orphan) == {"database"}
        listed = orphan.test_client().get("/v1/campaigns", headers=AUTHORIZED)
        assert listed.status_code == 503
        assert int(listed.headers["Retry-After"]) >= 1


def test_an_app_comes_up_with_nothing_at_all(tmp_path: Path) -> None:
    with running(settings_of(tmp_path, AWAY)) as app:
        answer = filled(app)
        assert answer["degraded"] == "L4"
        assert answer["fills"][0]["status"] == "empty"  # type: ignore[index]
        assert unready_parts(app) == {"store", "database", "snapshot"}


def test_a_worker_alone_is_refused_with_the_command_to_run(wanted: Settings) -> None:
    with pytest.raises(Unsafe, match="python -m adengine serve"):
        wiring.create_app(replace(wanted, redis_url=""))


START = """
import sys
from dataclasses import replace
from pathlib import Path
from adengine import native
from tests.web.engine_app import running, settings_of
native.load._broken.extend(sys.argv[3:])
with running(replace(settings_of(Path(sys.argv[1]), "redis://127.0.0.1:1"), express=sys.argv[2])):
    pass
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["auto"], {"event": "fills_compiled"}),
        (["auto", "it is broken"], {"event": "fills_not_compiled", "why": "it is broken"}),
        (["off"], {"event": "fills_not_compiled", "why": "ADENGINE_EXPRESS is off"}),
    ],
)
def test_a_workers_log_says_whether_compiled_code_answers_fills(
    tmp_path: Path, words: list[str], said: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path), *words], capture_output=True, check=True, text=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    found = [line for line in lines if line["event"].startswith("fills_")]
    assert [line | said for line in found] == found and [line["level"] for line in found] == ["info"]


def test_an_edit_shows_in_the_worker_that_made_it_at_once(app: flask.Flask) -> None:
    client = app.test_client()
    name = {"slot": "new-slot"}
    asked = PAGE | {"slots": [name]}
    assert client.post("/v1/fill", json=asked, headers=AUTHORIZED).get_json()["fills"][0]["reason"] == "unknown_slot"
    site = client.get("/v1/sites", headers=AUTHORIZED).get_json()["items"][0]["id"]
    slot = {"site": site, "name": "new-slot", "position": "header"}
    assert client.post("/v1/slots", json=slot, headers=AUTHORIZED).status_code == 201
    assert client.post("/v1/fill", json=asked, headers=AUTHORIZED).get_json()["fills"][0]["status"] == "filled"


def test_every_route_is_open_on_purpose_or_asks_for_a_key(app: flask.Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule not in OPEN]
    assert len(rules) > 40
    client = app.test_client()
    for rule in rules:
        path = PARAMETER.sub("site_1", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            body = PAGE if path == "/v1/fill" else None
            answer = client.open(path, method=method, json=body)
            assert answer.status_code == 401, (method, rule.rule)


def test_open_routes_are_those_that_exist(app: flask.Flask) -> None:
    assert {rule.rule for rule in app.url_map.iter_rules()} >= OPEN


def test_every_api_route_is_in_the_openapi_document(app: flask.Flask) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    served = {PARAMETER.sub(r"{\1}", rule.rule) for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/")}
    assert served == set(document["paths"])


def test_the_slots_stylesheet_is_kept_by_browsers_and_asked_for_with_its_etag(app: flask.Flask) -> None:
    client = app.test_client()
    first = client.get("/static/slot.css")
    assert first.mimetype == "text/css"
    assert "max-age" in first.headers["Cache-Control"]
    again = client.get("/static/slot.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
