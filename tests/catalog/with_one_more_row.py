"""Run by test_dimensions.py in a process of its own with the plugin `one_more_row`; not collected by itself.

What is proved: everything that a row is for follows from it alone, through the API, the database and a fill.
"""

from __future__ import annotations

from adengine.catalog.compile import compile_snapshot
from adengine.catalog.load import rows_of
from adengine.catalog.rows import catalogue_of
from tests.catalog.desk import NOW_S, Desk
from tests.catalog.one_more_row import NAME, ROW
from tests.serving.conftest import Open, kiosk
from tests.serving.kiosk import Kiosk

__all__ = ["kiosk"]


def told(shop: Kiosk, mood: str | None) -> tuple[str, str | None, str | None]:
    """(status, reason, detail) of the flight on a page."""
    keys = {"mood": mood} if mood else {}
    answer = shop(explain=True, page={"url": "https://news.example/a", "keys": keys})
    (candidate,) = answer["fills"][0]["explain"]["list"]
    return answer["fills"][0]["status"], candidate["reason"], candidate["detail"]


def test_a_row_is_booked_validated_documented_matched_and_explained(sqlite_desk: Desk, kiosk: Open) -> None:
    desk = sqlite_desk
    desk.a_slot()
    flight = desk.a_flight(starts_at="2025-01-01T00:00:00Z", targeting={NAME: {"include": ["red"]}})
    assert flight["targeting"][NAME] == {"include": ["red"], "exclude": []}
    refused = desk("PATCH", f"/v1/flights/{flight['id']}", {"targeting": {NAME: {"include": ["green"]}}}, If_Match="*")
    assert refused.status == 422
    assert refused.body["errors"] == [{"pointer": f"/targeting/{NAME}/include/0", "detail": "must be red or blue"}]
    assert ROW.about in repr(desk.api.spec.to_dict())
    desk.an_approved(campaign=flight["campaign"])
    shop = kiosk()
    shop.snapshot = compile_snapshot(catalogue_of(rows_of(desk.engine, NOW_S)), NOW_S)
    assert told(shop, "red") == ("filled", None, None)
    assert told(shop, "blue") == ("empty", "no_match", "mood")
    assert told(shop, None) == ("empty", "no_match", "mood")
