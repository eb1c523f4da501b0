"""Alive and ready are two questions."""

from __future__ import annotations

from adengine.errors import DatabaseUnavailable, StoreUnavailable
from adengine.web.health import Part
from tests.web.small_app import an_app


def fine() -> None:
    """A part that answers."""


def store_away() -> None:
    raise StoreUnavailable("the store did not answer in 25 ms")


def database_away() -> None:
    raise DatabaseUnavailable("the database did not answer")


def test_an_engine_whose_parts_all_answer_is_ready() -> None:
    client = an_app(parts=(Part(name="store", probe=fine), Part(name="database", probe=fine))).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ready", "parts": {"store": "ready", "database": "ready"}}


def test_readiness_names_every_part_that_is_away() -> None:
    parts = (Part(name="store", probe=store_away), Part(name="database", probe=database_away))
    answer = an_app(parts=(*parts, Part(name="snapshot", probe=fine))).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["parts"] == {
        "store": "the store did not answer in 25 ms",
        "database": "the database did not answer",
        "snapshot": "ready",
    }


def test_a_process_is_alive_whatever_is_away() -> None:
    answer = an_app(parts=(Part(name="store", probe=store_away),)).test_client().get("/livez")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
