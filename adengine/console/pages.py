"""GET /demo: the news page that this engine was built for, served with a real fill and the reasons behind it.

The page is its own publisher: it keeps a reader key in a first-party cookie, asks for its header's slot as any renderer
would, and shows what the engine answered. It is there when the demo's site is (`python -m adengine demo`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import flask

from adengine.catalog import ids
from adengine.catalog.nouns import Key, Scope, Site
from adengine.catalog.snapshot import Snapshot
from adengine.console.static_files import served
from adengine.console.story import DOMAIN, HEADER_SLOT, PLACE, TOPICS, story_about
from adengine.errors import NotFound
from adengine.serving.fill import Filler
from adengine.serving.outside import Moment, Snapshots
from adengine.serving.reasons import BY_NAME
from adengine.serving.request import Asked, PageAsked, ReaderAsked, SlotAsked
from adengine.topics import Taxonomy, Topic

COOKIE = "demo_reader"
COOKIE_S = 30 * 86_400
PLACE_CHARS_MAX = 100
HERE = Path(__file__).resolve().parent
PLACE_NOTES = {
    "ambiguous": "That name is borne by more than one place; add its state or country. No place was taken.",
    "unknown": "No place is called that; names are taken exactly or not at all.",
}


def blueprint(filler: Filler, snapshots: Snapshots, taxonomy: Taxonomy, base_url: str) -> flask.Blueprint:
    """base_url: where beacons go, for the page's content security policy."""
    blp = flask.Blueprint("console", __name__, template_folder="templates")
    policy = _policy(base_url)

    @blp.get("/")
    def home() -> flask.typing.ResponseReturnValue:
        return flask.redirect("/demo")

    @blp.get("/demo")
    def demo() -> flask.typing.ResponseReturnValue:
        snapshot = snapshots.current()
        site_id = snapshot.site_of(DOMAIN) if snapshot is not None else None
        if snapshot is None or site_id is None:
            raise NotFound("the demo is not seeded here; run: python -m adengine demo")
        site = snapshot.sites[site_id]
        place = flask.request.args.get("place", PLACE)[:PLACE_CHARS_MAX]
        topic = taxonomy.resolve(flask.request.args.get("topic", "")) or _first_topic(taxonomy)
        here = urlencode({"place": place, "topic": topic.slug})
        if flask.request.args.get("reader") == "new":
            return _with_reader(flask.redirect(f"/demo?{here}"), secrets.token_urlsafe(12))
        reader = flask.request.cookies.get(COOKIE) or secrets.token_urlsafe(12)
        answer = filler.fill(_asked(place, topic, reader), _page_key(site), _moment()).document
        page = flask.render_template(
            "demo.html", **_shown(answer, snapshot, site, place, topic, taxonomy), same_page=here
        )
        response = _with_reader(flask.make_response(page), reader)
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-store"
        return response

    for name in ("demo.css", "demo.js"):
        blp.add_url_rule(f"/static/{name}", f"static_{name.replace('.', '_')}", served(HERE / "static" / name))
    return blp


def _asked(place: str, topic: Topic, reader: str) -> Asked:
    return Asked(
        page=PageAsked(url=f"https://{DOMAIN}/{topic.slug}", topics=(topic.id,)),
        reader=ReaderAsked(key=reader, place=place),
        slots=(SlotAsked(id=HEADER_SLOT, slot=HEADER_SLOT),),
        explain=True,
    )


def _page_key(site: Site) -> Key:
    """The demo page fills its own site's slots, and no more."""
    return Key(id=0, name="demo page", scopes=frozenset({Scope.FILL}), site=site.id, advertiser=None)


def _moment() -> Moment:
    return Moment(now_s=int(time.time()), request=flask.g.request_id_bytes, request_id=flask.g.request_id)


def _shown(
    answer: Mapping[str, Any], snapshot: Snapshot, site: Site, place: str, topic: Topic, taxonomy: Taxonomy
) -> dict[str, Any]:
    """What the template needs."""
    fill = answer["fills"][0]
    explained = answer.get("explain") or {}
    return {
        "fill": fill,
        "request_id": answer["request_id"],
        "degraded": answer["degraded"],
        "verdict": _verdict(fill),
        "candidates": [_row(entry, snapshot) for entry in fill.get("explain", {}).get("list", ())],
        "place_asked": place,
        "place_shown": place if explained.get("place") else "somewhere",
        "place_note": PLACE_NOTES.get(explained.get("place_status", "")),
        "topic": topic,
        "topics": [found for slug in dict.fromkeys((*TOPICS, topic.slug)) if (found := taxonomy.resolve(slug))],
        "story": story_about(topic.slug, topic.name),
        "today": datetime.now(ZoneInfo(site.timezone)).date(),
    }


def _verdict(fill: Mapping[str, Any]) -> str:
    if fill["status"] != "filled":
        return f"Nothing stands here. {BY_NAME[fill['reason']].sentence}"
    shown = fill["creative"]
    if fill["reason"] is None:
        return f"{shown['advertiser']} stands here, from the {shown['tier']} tier."
    return f"A house line stands in. {BY_NAME[fill['reason']].sentence}"


def _row(entry: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """One candidate's line of the table."""
    reason = BY_NAME.get(entry["reason"] or "")
    verdict = reason.sentence if reason is not None else "Stands here."
    if entry["reason"] == "all_capped":
        flight = snapshot.flights[snapshot.flight_row[ids.parse("flight", entry["flight"]) or 0]]
        caps = "; ".join(f"{cap.limit} per {cap.per.name.lower()}, window {cap.window}" for cap in flight.caps)
        verdict = f"{verdict} Its cap: {caps}."
    elif entry["detail"]:
        verdict = f"{verdict} ({entry['detail']})"
    return {
        "advertiser": entry["advertiser"],
        "tier": entry["tier"],
        "verdict": verdict,
        "won": entry["reason"] is None,
    }


def _first_topic(taxonomy: Taxonomy) -> Topic:
    first = taxonomy.resolve(TOPICS[0])
    assert first is not None
    return first


def _with_reader(response: Any, reader: str) -> flask.Response:
    made: flask.Response = flask.make_response(response)
    made.set_cookie(COOKIE, reader, max_age=COOKIE_S, httponly=True, samesite="Lax", path="/demo")
    return made


def _policy(base_url: str) -> str:
    parts = urlsplit(base_url)
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; "
        f"img-src 'self' data: {parts.scheme}://{parts.netloc}; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
