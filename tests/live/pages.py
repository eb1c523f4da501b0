"""What a page renderer sends, with defaults, and what it does with the answer."""

from __future__ import annotations

import json
import secrets
import threading
from typing import Any

from tests.eventually import eventually
from tests.live.engine import Engine

QUIET_S = 1.0
"""Several turns of the consumer."""
DEMO_PAGE = "https://demo.example/fantasy"


def a_page(reader: str | None = "reader-1", **changes: Any) -> dict[str, Any]:
    """The body of a fill request for the demo's header slot: Remer,MN, fantasy sports."""
    body: dict[str, Any] = {
        "page": {"url": DEMO_PAGE, "topics": ["fantasy-sports"]},
        "reader": {"key": reader, "place": "Remer,MN", "consent": True},
        "slots": [{"slot": "article-header"}],
    }
    return body | changes


def shown(engine: Engine, reader: str | None = "reader-1", **changes: Any) -> dict[str, Any]:
    """The first fill of one page view."""
    return dict(engine.post("/v1/fill", a_page(reader, **changes), "fill")["fills"][0])


def is_sponsor(fill: dict[str, Any]) -> bool:
    return fill["status"] == "filled" and fill["creative"]["tier"] != "house"


def warmed(engine: Engine) -> Engine:
    """The engine, once a page of nobody in particular has got its sponsor."""
    eventually(lambda: is_sponsor(shown(engine, secrets.token_hex(8))), within_s=20)
    return engine


def acknowledge(engine: Engine, url: str) -> bool:
    """Sends one beacon; True when the engine has acknowledged it."""
    return engine.call("POST", url)[0] == 204


def settled(engine: Engine) -> dict[str, int]:
    """The same once nothing is on its way to the counts any more, such as what an earlier test has shown."""

    def quiet() -> dict[str, int] | None:
        before = delivered(engine)
        threading.Event().wait(QUIET_S)
        return before if delivered(engine) == before else None

    return eventually(quiet, within_s=20)


def delivered(engine: Engine, metrics: str = "impressions,clicks,invalid,gross") -> dict[str, int]:
    """The totals of everything counted so far."""
    status, answer, _ = engine.get(f"/v1/reports/delivery?from=2026-01-01&to=2100-01-01&metrics={metrics}", "report")
    assert status == 200, answer
    return dict(json.loads(answer)["totals"])
