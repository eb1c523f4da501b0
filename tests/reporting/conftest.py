from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from adengine import places, topics
from adengine.catalog.nouns import Key, Scope
from adengine.reporting import api
from adengine.reporting.dimensions import World
from adengine.reporting.load import Desk, Source
from adengine.reporting.terms import Terms
from adengine.web import auth, manners, openapi, pages, problems
from adengine.wiring import ADVICE
from tests.builders import a_key
from tests.reporting.books import NOW_S, write_catalogue

TERMS = Terms(key=b"a key of tests", base_url="https://ads.example", private_webhooks=True, keep_s=86_400)
Report = Callable[..., Any]
KEYS = {
    "report": a_key(scopes=(Scope.REPORT,), site=None),
    "manage": a_key(scopes=(Scope.MANAGE,), site=None),
    "advertise": a_key(scopes=(Scope.ADVERTISE,), site=None, advertiser=2),
    "sponsor": a_key(scopes=(Scope.ADVERTISE, Scope.REPORT), site=None, advertiser=2),
    "site": a_key(scopes=(Scope.REPORT,), site=2),
    "admin": a_key(id=9, name="the bookkeeper", scopes=(Scope.ADMIN,), site=None),
    "fill": a_key(scopes=(Scope.FILL,), site=None),
}


@pytest.fixture(scope="session")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> places.Gazetteer:
    return places.load(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def world(gazetteer: places.Gazetteer) -> World:
    return World(gazetteer=gazetteer, taxonomy=topics.load(), roles={}, names={})


@pytest.fixture
def client(sqlite_engine: Engine, gazetteer: places.Gazetteer) -> FlaskClient:
    return a_client(sqlite_engine, gazetteer)


def a_client(
    engine: Engine, gazetteer: places.Gazetteer, events: Source | None = None, small_cells: int = 0
) -> FlaskClient:
    write_catalogue(engine)
    app = flask.Flask("reports", static_folder=None)
    manners.install(app)
    problems.install(app)
    keys: dict[bytes, Key] = {auth.digest(name): key for name, key in KEYS.items()}
    auth.install(app, keys.get)
    desk = Desk(engine, gazetteer, topics.load(), small_cells, events=events)
    blueprint = api.blueprint(desk, advice=ADVICE, terms=TERMS, clock=lambda: NOW_S)
    registered = openapi.install(app)
    registered.register_blueprint(blueprint)
    app.register_blueprint(pages.blueprint(registered))
    return app.test_client()
