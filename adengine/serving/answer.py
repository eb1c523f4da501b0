"""The answer to a page: for each of its slots a line with its tokens and HTML, or a reason, as JSON. Pure.

Which candidate stands where has been decided (`serving.fill`); nothing here can change it. All that a line's answer
says alike to every reader is written once per snapshot and kept (`Lines`); a page adds its tokens and times.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from adengine.catalog import ids
from adengine.catalog.nouns import Creative, Flight, Slot, Tier
from adengine.catalog.snapshot import Snapshot
from adengine.counting.events import SlotOutcome, slot_bytes
from adengine.counting.metrics import NONE, Kind
from adengine.counting.tokens import LIVES_S, Served, TokenMinter
from adengine.serving.request import SlotAsked
from adengine.texts import longest_that_fits, render
from adengine.web import instants

IMPRESSION_PATH, VIEWABLE_PATH, CLICK_PATH = "/v1/i/", "/v1/v/", "/v1/c/"
KEPT_MAX = 8192
"""Lines of a snapshot that are kept written, about 3 kB each."""


class Shown:
    """A filled slot's flight and creative, the line that the server chose, and what is written of it once."""

    __slots__ = ("chosen", "creative", "event", "flight", "pieces", "slot", "variant")

    def __init__(self, slot: Slot, flight: Flight, creative: Creative, chosen: int, variant: int) -> None:
        self.slot = slot
        self.flight = flight
        self.creative = creative
        self.chosen = chosen
        """Index of the longest variant that fits the caller's limits; of the longest one without limits."""
        self.variant = variant
        """The same, but `NONE` without limits: then the browser chooses."""
        self.event = slot_bytes(self.outcome())
        """As a fill's event has it, without a reason."""
        self.pieces: tuple[bytes, ...] = ()
        """The slot's JSON, cut at each of `HOLES`; see `Lines.pieces`."""

    def outcome(self, reason: str = "") -> SlotOutcome:
        flight, creative = self.flight, self.creative
        return SlotOutcome(self.slot.id, reason, flight.id, creative.id, creative.version, flight.tier, self.variant)


class Outcome(NamedTuple):
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

    @property
    def event(self) -> bytes:
        """As a fill's event has it."""
        if self.shown is None:
            return slot_bytes(SlotOutcome(slot=self.slot.id if self.slot is not None else 0, reason=self.reason or ""))
        return self.shown.event if self.reason is None else slot_bytes(self.shown.outcome(self.reason))


class Stamp(NamedTuple):
    """What all tokens of one page share; their fields are those of `counting.tokens.Served`."""

    issued_s: int
    request: bytes
    site: int
    place: int
    topic: int
    view: int
    reader: bytes | None
    preview: bool
    device: int
    refresh: int
    hold_s: int


class Claim(NamedTuple):
    """What stands behind one line's impression."""

    pick: int
    """The slot's place in the request, 0..15."""
    held: bool
    """Whether the reader log holds a place for it."""
    brief: bool
    """Whether it counts no longer than a hold lives, though nothing holds it."""
    leased: int | None
    """The window in which it was leased, if it was."""


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
        self._shown: dict[Hashable, Shown] = {}

    def shown(self, asked: SlotAsked, slot: Slot, row: int) -> Shown:
        """What a candidate shows in a slot."""
        named = (row, slot.id, asked.max_width_px, asked.font_px, asked.max_chars)
        found = self._shown.get(named)
        if found is None:
            if len(self._shown) >= KEPT_MAX:
                self._shown.clear()
            found = self._shown[named] = _shown_in(asked, slot, row, self.snapshot)
        return found

    def filled(self, stamp: Stamp, outcome: Outcome, claim: Claim) -> bytes:
        """The JSON of a slot with a line."""
        asked, _, _, shown, reason = outcome
        assert shown is not None
        impression, viewable, click = self._minter.mint(_served(stamp, shown, claim))
        expires_s = stamp.issued_s + (
            stamp.hold_s if claim.held or claim.brief else LIVES_S[Kind.IMPRESSION]
        )  # as long as its hold lives or, without one, its token
        seen, gone = impression.encode("ascii"), click.encode("ascii")
        words = (
            quoted(asked.id), quoted(reason), gone, seen, gone, seen, viewable.encode("ascii"), rfc_3339(expires_s)
        )  # fmt: skip
        first, *pieces = self.pieces(shown)
        return first + b"".join([part for both in zip(words, pieces, strict=True) for part in both])

    def pieces(self, shown: Shown) -> tuple[bytes, ...]:
        """The JSON of a slot with a line, between the words of one page; written once."""
        if not shown.pieces:
            shown.pieces = self._write(shown)
        return shown.pieces

    def _write(self, shown: Shown) -> tuple[bytes, ...]:
        text = orjson.dumps(self._document(shown))
        found = [mark.decode("ascii").strip('"') for mark in self._hole.findall(text)]
        if found != [self._marks[name] for name in HOLES]:
            raise AssertionError("a line's JSON has not the holes that it should have")
        return tuple(self._hole.split(text))

    def _document(self, shown: Shown) -> dict[str, Any]:
        slot, creative, flight = shown.slot, shown.creative, shown.flight
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


def _served(stamp: Stamp, shown: Shown, claim: Claim) -> Served:
    issued_s, request, site, place, topic, view, reader, preview, device, refresh, _ = stamp
    pick, held, brief, leased = claim
    flight, creative = shown.flight, shown.creative
    return Served(
        issued_s, request, pick, site, shown.slot.id, flight.id, creative.id, creative.version, flight.tier,
        flight.price_at(issued_s), view, reader, held, brief, preview, leased, shown.variant, place, topic,
        device, refresh,
    )  # fmt: skip


def _shown_in(asked: SlotAsked, slot: Slot, row: int, snapshot: Snapshot) -> Shown:
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
    flight = snapshot.flights[snapshot.candidates.flight_row[row]]
    return Shown(slot, flight, creative, chosen, chosen if is_limited else NONE)


@lru_cache(maxsize=64)
def rfc_3339(at_s: int) -> bytes:
    return instants.spelled(at_s).encode("ascii")


def _variants(creative: Creative, font: str) -> Sequence[dict[str, Any]]:
    return [
        {"role": v.role, "text": v.text, "chars": v.chars, "cells": v.cells, "width_em": v.width_em[font]}
        for v in creative.variants
    ]
