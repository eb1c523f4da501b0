"""The answer to a page: for each of its slots a line with its tokens and HTML, or a reason. Pure.

Which candidate stands where has been decided (`serving.fill`); nothing here can change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adengine.catalog import ids
from adengine.catalog.nouns import Creative, Flight, Slot, Tier
from adengine.catalog.snapshot import Snapshot
from adengine.counting.metrics import NONE, Kind
from adengine.counting.tokens import LIVES_S, Served, TokenMinter
from adengine.serving.request import SlotAsked
from adengine.texts import longest_that_fits, render
from adengine.web import instants

IMPRESSION_PATH, VIEWABLE_PATH, CLICK_PATH = "/v1/i/", "/v1/v/", "/v1/c/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one slot of the page got."""

    asked: SlotAsked
    slot: Slot | None = None
    """None: the site has none of that name."""
    row: int | None = None
    """The candidate that stands here."""
    reason: str | None = None
    """Why the slot is empty, or why no sponsor stands where a house line does; None beside a sponsor's line."""
    held: bool = False
    """Whether the reader log holds a place for its impression."""
    brief: bool = False
    """Whether its impression counts no longer than a hold lives, though nothing holds it."""
    leased: int | None = None
    """The window in which its impression was leased, if it was."""


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


def shown_in(outcome: Outcome, snapshot: Snapshot) -> Shown | None:
    """None for an empty slot."""
    if outcome.row is None or outcome.slot is None:
        return None
    creative = snapshot.creatives[snapshot.candidates.creative_row[outcome.row]]
    asked, slot = outcome.asked, outcome.slot
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
        flight=snapshot.flights[snapshot.candidates.flight_row[outcome.row]],
        creative=creative,
        chosen=chosen,
        variant=NONE if asked.max_width_px is None and asked.max_chars is None else chosen,
    )


def filled(
    outcome: Outcome, shown: Shown, snapshot: Snapshot, urls: tuple[str, str, str], expires_at_s: int
) -> dict[str, Any]:
    """urls: impression, viewable, click."""
    slot, creative, flight = outcome.slot, shown.creative, shown.flight
    assert slot is not None
    impression_url, viewable_url, click_url = urls
    draw = render.house if flight.tier is Tier.HOUSE else render.filled
    lines = creative.variants if shown.variant == NONE else creative.variants[shown.chosen : shown.chosen + 1]
    return {
        "id": outcome.asked.id,
        "slot": slot.name,
        "status": "filled",
        "reason": outcome.reason,
        "creative": {
            "id": ids.public("creative", creative.id),
            "version": creative.version,
            "advertiser": snapshot.advertisers[flight.advertiser],
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
        "viewable_url": viewable_url,
        "expires_at": _rfc_3339(expires_at_s),
    }


def empty(asked: SlotAsked, reason: str) -> dict[str, Any]:
    return {"id": asked.id, "slot": asked.slot, "status": "empty", "reason": reason, "html": render.empty()}


def urls_of(
    minter: TokenMinter, base_url: str, stamp: Stamp, outcome: Outcome, shown: Shown, pick: int
) -> tuple[str, str, str]:
    """Where the page reports this line's impression, its being viewable, and where its click goes.

    pick: the slot's place in the request, 0..15.
    """
    assert outcome.slot is not None
    tokens = minter.mint(
        Served(
            issued_s=stamp.issued_s,
            request=stamp.request,
            pick=pick,
            site=stamp.site,
            slot=outcome.slot.id,
            flight=shown.flight.id,
            creative=shown.creative.id,
            version=shown.creative.version,
            tier=shown.flight.tier,
            price=shown.flight.price_at(stamp.issued_s),
            view=stamp.view,
            reader=stamp.reader,
            held=outcome.held,
            brief=outcome.brief,
            preview=stamp.preview,
            leased=outcome.leased,
            variant=shown.variant,
            place=stamp.place,
            topic=stamp.topic,
        )
    )
    paths = (IMPRESSION_PATH, VIEWABLE_PATH, CLICK_PATH)
    impression, viewable, click = (f"{base_url}{path}{token}" for path, token in zip(paths, tokens, strict=True))
    return impression, viewable, click


def expires_at_s(stamp: Stamp, outcome: Outcome) -> int:
    """Until when this line's impression counts: as long as its hold lives or, without one, its token."""
    return stamp.issued_s + (stamp.hold_s if outcome.held or outcome.brief else LIVES_S[Kind.IMPRESSION])


@lru_cache(maxsize=64)
def _rfc_3339(at_s: int) -> str:
    return instants.spelled(at_s)


def _variants(creative: Creative, font: str) -> Sequence[dict[str, Any]]:
    return [
        {"role": v.role, "text": v.text, "chars": v.chars, "cells": v.cells, "width_em": v.width_em[font]}
        for v in creative.variants
    ]
