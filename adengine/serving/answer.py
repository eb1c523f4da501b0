"""The answer to a page: for each of its slots a line with its tokens and HTML, or a reason, as JSON. Pure.

Which candidate stands where has been decided (`serving.fill`); nothing here can change it. All that a line's answer
says alike to every reader is written once per snapshot and kept (`Lines`); a page adds its tokens and times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from adengine.catalog import ids
from adengine.catalog.nouns import Creative, Flight, Slot, Tier
from adengine.catalog.snapshot import Snapshot
from adengine.counting.metrics import NONE, Kind
from adengine.counting.tokens import LIVES_S, Served, TokenMinter
from adengine.serving.request import SlotAsked
from adengine.texts import longest_that_fits, render
from adengine.web import instants

IMPRESSION_PATH, VIEWABLE_PATH, CLICK_PATH = "/v1/i/", "/v1/v/", "/v1/c/"
KEPT_MAX = 8192
"""Lines of a snapshot that are kept written, about 3 kB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A filled slot's flight and creative, and the line that the server chose."""

    flight: Flight
    creative: Creative
    chosen: int
    """Index of the longest variant that fits the caller's limits; of the longest one without limits."""
    variant: int
    """The same, but `NONE` without limits: then the browser chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one slot of the page got."""

    asked: SlotAsked
    slot: Slot | None = None
    """None: the site has none of that name."""
    row: int | None = None
    """The candidate that stands here."""
    shown: Shown | None = None
    """What that shows."""
    reason: str | None = None
    """Why the slot is empty, or why no sponsor stands where a house line does; None beside a sponsor's line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What all tokens of one page share; their fields are those of `counting.tokens.Served`."""

    issued_s: int
    request: bytes
    site: int
    place: int
    topic: int
    view: int
    reader: bytes | None
    preview: bool
    hold_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What stands behind one line's impression."""

    pick: int
    """The slot's place in the request, 0..15."""
    held: bool
    """Whether the reader log holds a place for it."""
    brief: bool
    """Whether it counts no longer than a hold lives, though nothing holds it."""
    leased: int | None
    """The window in which it was leased, if it was."""


def shown_in(asked: SlotAsked, slot: Slot, row: int, snapshot: Snapshot) -> Shown:
    creative = snapshot.creatives[snapshot.candidates.creative_row[row]]
    is_limited = asked.max_width_px is not None or asked.max_chars is not None
    chosen: int | None = len(creative.variants) - 1
    if is_limited:
        chosen = longest_that_fits(
            creative.variants,
            label=slot.label,
            label_em=slot.label_em,
            font=slot.font,
            font_px=asked.font_px or slot.font_px,
            max_width_px=asked.max_width_px,
            max_chars=asked.max_chars,
        )
    if chosen is None:
        raise AssertionError(f"creative {creative.id} was found eligible and does not fit")
    return Shown(
        flight=snapshot.flights[snapshot.candidates.flight_row[row]],
        creative=creative,
        chosen=chosen,
        variant=chosen if is_limited else NONE,
    )


HOLES = ("id", "reason", "click", "impression", "click", "impression", "viewable", "expires")
"""Where a page's own words come in a line's JSON, in their order."""


class Lines:
    """The lines of one snapshot, written as far as all readers get them alike. Shared by all threads, without a lock:
    the worst of a race is that a line is written twice."""

    def __init__(self, snapshot: Snapshot, base_url: str, minter: TokenMinter) -> None:
        """base_url: what the beacons' addresses begin with."""
        self.snapshot = snapshot
        self._base_url = base_url
        self._minter = minter
        self._marks = {name: f"{name}{minter.word(name)}" for name in HOLES}
        """Stand for a page's own words; nobody could have written them into a catalogue."""
        quoted = (f'"{mark}"' if name in ("id", "reason") else mark for name, mark in self._marks.items())
        self._hole = re.compile("|".join(quoted).encode("ascii"))
        self._written: dict[tuple[int, int, int, int], bytes] = {}

    def filled(self, stamp: Stamp, outcome: Outcome, claim: Claim) -> bytes:
        """The JSON of a slot with a line."""
        shown, slot = outcome.shown, outcome.slot
        assert shown is not None and slot is not None and outcome.row is not None
        named = (outcome.row, slot.id, shown.chosen, shown.variant)
        written = self._written.get(named)
        if written is None:
            if len(self._written) >= KEPT_MAX:
                self._written.clear()
            written = self._written[named] = self._write(shown, slot)
        impression, viewable, click = self._minter.mint(_served(stamp, shown, slot, claim))
        expires_s = stamp.issued_s + (
            stamp.hold_s if claim.held or claim.brief else LIVES_S[Kind.IMPRESSION]
        )  # as long as its hold lives or, without one, its token
        seen, gone = impression.encode("ascii"), click.encode("ascii")
        return written % (
            quoted(outcome.asked.id), quoted(outcome.reason), gone, seen, gone, seen, viewable.encode("ascii"),
            _rfc_3339(expires_s),
        )  # fmt: skip

    def _write(self, shown: Shown, slot: Slot) -> bytes:
        """The same with a `%b` for each of `HOLES`."""
        text = orjson.dumps(self._document(shown, slot))
        found = [mark.decode("ascii").strip('"') for mark in self._hole.findall(text)]
        if found != [self._marks[name] for name in HOLES]:
            raise AssertionError("a line's JSON has not the holes that it should have")
        return self._hole.sub(b"%b", text.replace(b"%", b"%%"))

    def _document(self, shown: Shown, slot: Slot) -> dict[str, Any]:
        creative, flight = shown.creative, shown.flight
        marks = self._marks
        click_url = f"{self._base_url}{CLICK_PATH}{marks['click']}"
        impression_url = f"{self._base_url}{IMPRESSION_PATH}{marks['impression']}"
        draw = render.house if flight.tier is Tier.HOUSE else render.filled
        lines = creative.variants if shown.variant == NONE else creative.variants[shown.chosen : shown.chosen + 1]
        return {
            "id": marks["id"],
            "slot": slot.name,
            "status": "filled",
            "reason": marks["reason"],
            "creative": {
                "id": ids.public("creative", creative.id),
                "version": creative.version,
                "advertiser": self.snapshot.advertisers[flight.advertiser],
                "campaign": ids.public("campaign", flight.campaign),
                "flight": ids.public("flight", flight.id),
                "tier": flight.tier.name.lower(),
            },
            "label": slot.label,
            "text": creative.variants[shown.chosen].text,
            "chosen": creative.variants[shown.chosen].role,
            "variants": _variants(creative, slot.font),
            "html": draw(slot.label, lines, click_url=click_url, impression_url=impression_url, lang=creative.lang),
            "click_url": click_url,
            "impression_url": impression_url,
            "viewable_url": f"{self._base_url}{VIEWABLE_PATH}{marks['viewable']}",
            "expires_at": marks["expires"],
        }


def empty(asked: SlotAsked, reason: str) -> bytes:
    """The JSON of a slot without a line."""
    return orjson.dumps(
        {"id": asked.id, "slot": asked.slot, "status": "empty", "reason": reason, "html": render.empty()}
    )


def page(request_id: str, degraded: str | None, fills: Sequence[bytes], explanation: Any = None) -> bytes:
    """The JSON of the whole answer."""
    head = b'{"request_id":%b,"degraded":%b,"fills":[' % (quoted(request_id), quoted(degraded))
    tail = b"]}" if explanation is None else b'],"explain":%b}' % orjson.dumps(explanation)
    return head + b",".join(fills) + tail


def explained(fill: bytes, explanation: Any) -> bytes:
    """The JSON of a slot with its explanation."""
    return b'%b,"explain":%b}' % (fill[:-1], orjson.dumps(explanation))


def quoted(word: str | None) -> bytes:
    """As JSON."""
    return b"null" if word is None else orjson.dumps(word)


def _served(stamp: Stamp, shown: Shown, slot: Slot, claim: Claim) -> Served:
    return Served(
        issued_s=stamp.issued_s,
        request=stamp.request,
        pick=claim.pick,
        site=stamp.site,
        slot=slot.id,
        flight=shown.flight.id,
        creative=shown.creative.id,
        version=shown.creative.version,
        tier=shown.flight.tier,
        price=shown.flight.price_at(stamp.issued_s),
        view=stamp.view,
        reader=stamp.reader,
        held=claim.held,
        brief=claim.brief,
        preview=stamp.preview,
        leased=claim.leased,
        variant=shown.variant,
        place=stamp.place,
        topic=stamp.topic,
    )


@lru_cache(maxsize=64)
def _rfc_3339(at_s: int) -> bytes:
    return instants.spelled(at_s).encode("ascii")


def _variants(creative: Creative, font: str) -> Sequence[dict[str, Any]]:
    return [
        {"role": v.role, "text": v.text, "chars": v.chars, "cells": v.cells, "width_em": v.width_em[font]}
        for v in creative.variants
    ]
