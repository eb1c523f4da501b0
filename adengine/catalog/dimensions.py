"""What a flight can be targeted by: one row per dimension, for booking, matching, explaining and documenting.

AND between rows, OR inside one, exclude wins. Pure. The schema of a flight, the compiled snapshot, explanations and the
OpenAPI document loop over `DIMENSIONS`; a new dimension is one more row (and, if pages must send something for it, its
name in `Facts.further`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adengine.catalog.known import Known
from adengine.catalog.nouns import Among, Facts, Targeting
from adengine.places import query as places

CANDIDATES_NAMED = 5
VALUES_MAX = 1000
MATCHES = ("subtree", "exact")
"""How a flight's topics may be matched."""
EXACTLY = "="
"""Marks a topic that must be a page's own tag, not one above it."""


class Refused(ValueError):
    """A value that means nothing in its dimension; the message says what would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    name: str
    """As under `targeting` in a flight."""
    about: str
    """What a value may be."""
    refusal: str
    """Why a flight is not shown, for explanations."""
    accept: Callable[[Any, Known], str]
    """From what was sent to what is stored; raises `Refused`."""
    values: Callable[[Facts], tuple[str, ...]]
    """What a request is here: it is admitted by a flight that wants one of these."""
    wanted: Callable[[Targeting], Among]
    """What a flight wants, in the spelling of `values`."""
    json_types: tuple[str, ...]
    """What a value may be in JSON."""
    shown: Callable[[str], str]
    """From what is stored to what is answered; `accept` reads it back."""
    options: Mapping[str, tuple[str, ...]]
    """Further members beside include and exclude, each with what it may be, the default first."""


def dimension(
    name: str,
    *,
    about: str,
    refusal: str,
    accept: Callable[[Any, Known], str],
    values: Callable[[Facts], tuple[str, ...]] | None = None,
    wanted: Callable[[Targeting], Among] | None = None,
    json_types: tuple[str, ...] = ("string",),
    shown: Callable[[str], str] = str,
    options: Mapping[str, tuple[str, ...]] | None = None,
) -> Dimension:
    """A row; without `values` and `wanted`, those of `Facts.further` and `Targeting.further` under its name."""
    return Dimension(
        name=name,
        about=about,
        refusal=refusal,
        accept=accept,
        values=values or (lambda facts: facts.further.get(name, ())),
        wanted=wanted or (lambda targeting: targeting.further.get(name, Among())),
        json_types=json_types,
        shown=shown,
        options=options or {},
    )


def targeting_of(document: Mapping[str, Any], table: Iterable[Dimension]) -> Targeting:
    """The noun for a stored `targeting` document."""
    by_name = {
        row.name: Among(include=tuple(wanted.get("include", ())), exclude=tuple(wanted.get("exclude", ())))
        for row in table
        if (wanted := document.get(row.name))
    }
    own = {name: by_name.pop(name) for name in ("places", "topics", "slots", "positions") if name in by_name}
    match = document.get("topics", {}).get("match", MATCHES[0])
    return Targeting(**own, topic_match=match, further=by_name)


def _place(value: Any, known: Known) -> str:
    strange = sorted(map(str, set(value) - {*places.NAMES, *places.POINT})) if isinstance(value, Mapping) else []
    said = [f"nothing of a place is called {name[:40]!r}" for name in strange]
    said += [f"{mistake.pointer} {mistake.detail}".strip() for mistake in places.mistakes(value, "")]
    if said:
        raise Refused("; ".join(said))
    found = known.gazetteer.resolve(value)
    if found.place is not None:
        return str(found.place.id)
    if not found.candidates:
        raise Refused(f"no place is called {_quoted(value)}")
    named = "; ".join(f"{', '.join(reversed(p.path))} ({p.spelling})" for p in found.candidates[:CANDIDATES_NAMED])
    raise Refused(f"{_quoted(value)} may be several places: {named}")


def _topic(value: Any, known: Known) -> str:
    topic = known.taxonomy.resolve(value) if isinstance(value, str) else None
    if topic is not None:
        return topic.id
    near = known.taxonomy.search(value, CANDIDATES_NAMED) if isinstance(value, str) and value.strip() else []
    hint = f"; perhaps {', '.join(f'{topic.slug} ({topic.id})' for topic in near)}" if near else ""
    raise Refused(f"no topic has the id, slug or name {_quoted(value)}{hint}")


def _slot(value: Any, known: Known) -> str:
    return _one_of(value, known.slot_names, "no slot is called")


def _position(value: Any, known: Known) -> str:
    return _one_of(value, known.positions, "no slot has the position")


def _one_of(value: Any, names: frozenset[str], none: str) -> str:
    if isinstance(value, str) and value in names:
        return value
    some = ", ".join(sorted(names)[:20]) or "none yet"
    raise Refused(f"{none} {_quoted(value)}; there are: {some}")


def _quoted(value: Any) -> str:
    return repr(str(value)[:80])


def _wanted_topics(targeting: Targeting) -> Among:
    """Matched exactly, a topic is marked; what is excluded always covers its subtree."""
    if targeting.topic_match != "exact":
        return targeting.topics
    marked = tuple(EXACTLY + topic for topic in targeting.topics.include)
    return Among(include=marked, exclude=targeting.topics.exclude)


def _topics_of(facts: Facts) -> tuple[str, ...]:
    return (*facts.topics, *facts.topics_above, *(EXACTLY + topic for topic in facts.topics))


DIMENSIONS: tuple[Dimension, ...] = (
    dimension(
        "places",
        about='A place and all it holds: "Remer,MN", "Minnesota, US", "56672", the id that /v1/places gives, '
        '{"country", "region", "county", "city", "postal"} or {"lat", "lon"}. Exact or refused.',
        refusal="place",
        accept=_place,
        values=lambda facts: tuple(map(str, facts.places)),
        wanted=lambda targeting: targeting.places,
        json_types=("string", "object"),
        shown=lambda stored: f"p{stored}",
    ),
    dimension(
        "topics",
        about="A topic of the taxonomy by id, slug or name; with match subtree all below it too.",
        refusal="topic",
        accept=_topic,
        values=_topics_of,
        wanted=_wanted_topics,
        options={"match": MATCHES},
    ),
    dimension(
        "slots",
        about="A slot by its name, on any site.",
        refusal="slot",
        accept=_slot,
        values=lambda facts: (facts.slot,),
        wanted=lambda targeting: targeting.slots,
    ),
    dimension(
        "positions",
        about="A position on the page, as slots give it.",
        refusal="position",
        accept=_position,
        values=lambda facts: (facts.position,),
        wanted=lambda targeting: targeting.positions,
    ),
)

LATER: tuple[str, ...] = ("devices", "dayparts", "keys", "radius")
"""Dimensions that the contract names and that are not there yet: accepted only when they say nothing."""
