"""What a flight can be targeted by: one row per dimension, for booking, matching, explaining and documenting.

AND between rows, OR inside one, exclude wins. Pure. The schema of a flight, the compiled snapshot, explanations and the
OpenAPI document loop over `DIMENSIONS`; a new dimension is one more row (and, if pages must send something for it, its
name in `Facts.further`). What a dimension's values mean is in `catalog.targets`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adengine.catalog.known import Known
from adengine.catalog.nouns import Among, Facts, Targeting
from adengine.catalog.targets import circles, devices, hours, keyvalues, languages, places, topics, urls
from adengine.catalog.targets.refused import Refused, one_of

VALUES_MAX = 1000

__all__ = ["DIMENSIONS", "VALUES_MAX", "Dimension", "Refused", "dimension", "targeting_of"]


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
    holding: Callable[[Sequence[str]], Callable[[Facts], tuple[str, ...]]] | None
    """Instead of `values`, where a request is too much to list: from all that flights want, each once, to what of it
    holds for a request. Called once per snapshot; what it gives, once per slot of a request."""
    wanted: Callable[[Targeting], Among]
    """What a flight wants, in the spelling of `values`."""
    part_of: Callable[[str], str] | None
    """Parts the values that a flight includes: OR inside a part, AND between them. None: all are one part."""
    schema: Mapping[str, Any]
    """What a value may be in JSON, as JSON Schema tells it."""
    shown: Callable[[str], Any]
    """From what is stored to what is answered; `accept` reads it back."""
    alike: Callable[[Facts], Hashable] | None
    """Something quickly told that is the same for two requests only if `values` is; None: `values` itself."""
    options: Mapping[str, tuple[str, ...]]
    """Further members beside include and exclude, each with what it may be, the default first."""
    nearness: Callable[[Facts, str], float] | None
    """How many steps nearer to the reader than anywhere a value of a request is; a flight's nearest one counts."""
    relatedness: Callable[[Facts, str], float] | None
    """How related a value is to the request's own, in (0, 1]; the most related that a flight includes counts."""
    settled: bool
    """Whether the page's place and topics and the slot alone decide `values`: then they are worked out once for all
    pages with the same ones, and asked of each page otherwise."""


def dimension(
    name: str,
    *,
    about: str,
    refusal: str,
    accept: Callable[[Any, Known], str],
    values: Callable[[Facts], tuple[str, ...]] | None = None,
    holding: Callable[[Sequence[str]], Callable[[Facts], tuple[str, ...]]] | None = None,
    wanted: Callable[[Targeting], Among] | None = None,
    part_of: Callable[[str], str] | None = None,
    schema: Mapping[str, Any] | None = None,
    shown: Callable[[str], Any] = str,
    alike: Callable[[Facts], Hashable] | None = None,
    options: Mapping[str, tuple[str, ...]] | None = None,
    nearness: Callable[[Facts, str], float] | None = None,
    relatedness: Callable[[Facts, str], float] | None = None,
    settled: bool = False,
) -> Dimension:
    """A row; without `values` and `wanted`, those of `Facts.further` and `Targeting.further` under its name."""
    return Dimension(
        name=name,
        about=about,
        refusal=refusal,
        accept=accept,
        values=values or (lambda facts: facts.further.get(name, ())),
        holding=holding,
        wanted=wanted or (lambda targeting: targeting.further.get(name, Among())),
        part_of=part_of,
        schema=schema or {"type": "string"},
        shown=shown,
        alike=alike,
        options=options or {},
        nearness=nearness,
        relatedness=relatedness,
        settled=settled,
    )


def targeting_of(document: Mapping[str, Any], table: Iterable[Dimension]) -> Targeting:
    """The noun for a stored `targeting` document."""
    by_name = {
        row.name: Among(include=tuple(wanted.get("include", ())), exclude=tuple(wanted.get("exclude", ())))
        for row in table
        if (wanted := document.get(row.name))
    }
    own = {name: by_name.pop(name) for name in ("places", "topics", "slots", "positions") if name in by_name}
    match = document.get("topics", {}).get("match", topics.MATCHES[0])
    return Targeting(**own, topic_match=match, further=by_name)


def _device(value: Any, _: Known) -> str:
    return one_of(value, frozenset(devices.KINDS), "no device is called")


def _weekday(value: Any, _: Known) -> str:
    return one_of(value, frozenset(hours.WEEKDAYS), "no day of the week is called")


DIMENSIONS: tuple[Dimension, ...] = (
    dimension(
        "places",
        about='A place and all it holds: "Remer,MN", "Minnesota, US", "56672", the id that /v1/places gives, '
        '{"country", "region", "county", "city", "postal"} or {"lat", "lon"}. Exact or refused.',
        refusal="place",
        accept=lambda value, known: str(places.resolved(value, known).id),
        values=lambda facts: tuple(map(str, facts.places)),
        wanted=lambda targeting: targeting.places,
        schema={"type": ["string", "object"]},
        shown=lambda stored: f"p{stored}",
        alike=lambda facts: facts.places,
        nearness=places.steps_nearer,
        settled=True,
    ),
    dimension(
        "topics",
        about="A topic of the taxonomy by id, slug or name; with match subtree all below it too, with related all that "
        "is near it in the tree.",
        refusal="topic",
        accept=topics.accepted,
        values=topics.values_of,
        holding=topics.holding,
        wanted=topics.wanted,
        alike=lambda facts: facts.topics,
        options={"match": topics.MATCHES},
        relatedness=topics.relatedness,
        settled=True,
    ),
    dimension(
        "slots",
        about="A slot by its name, on any site.",
        refusal="slot",
        accept=lambda value, known: one_of(value, known.slot_names, "no slot is called"),
        values=lambda facts: (facts.slot,),
        wanted=lambda targeting: targeting.slots,
        alike=lambda facts: facts.slot,
        settled=True,
    ),
    dimension(
        "positions",
        about="A position on the page, as slots give it.",
        refusal="position",
        accept=lambda value, known: one_of(value, known.positions, "no slot has the position"),
        values=lambda facts: (facts.position,),
        wanted=lambda targeting: targeting.positions,
        alike=lambda facts: facts.position,
        settled=True,
    ),
    dimension(
        "devices",
        about="A kind of device, told from reader.user_agent.",
        refusal="device",
        accept=_device,
        values=devices.devices_of,
        holding=devices.holding,
        schema={"type": "string", "enum": [*devices.KINDS]},
    ),
    dimension(
        "languages",
        about='A BCP 47 tag; "en" admits "en-US" too. Compared with page.lang.',
        refusal="language",
        accept=lambda value, _: languages.accepted(value),
        values=lambda facts: languages.ranges_of(facts.lang),
        schema={"type": "string", "pattern": languages.PATTERN},
        alike=lambda facts: facts.lang,
    ),
    dimension(
        "weekdays",
        about="A day of the week where the reader is, or else in the site's time zone.",
        refusal="weekday",
        accept=_weekday,
        values=hours.weekday_of,
        schema={"type": "string", "enum": [*hours.WEEKDAYS]},
    ),
    dimension(
        "dayparts",
        about='Times of day where the reader is, or else in the site\'s time zone: "06:00-10:00" to before ten; '
        '"22:00-02:00" runs over midnight.',
        refusal="daypart",
        accept=lambda value, _: hours.accepted_daypart(value),
        holding=hours.holding_dayparts,
        schema={"type": "string", "pattern": hours.PATTERN},
    ),
    dimension(
        "keys",
        about='A key-value that pages send in page.keys: "section=sports". OR between the values of a key, '
        "AND between keys.",
        refusal="key",
        accept=lambda value, _: keyvalues.accepted(value),
        values=lambda facts: keyvalues.pairs_of(facts.keys),
        part_of=keyvalues.key_of,
    ),
    dimension(
        "urls",
        about='The host of page.url, and the beginning of its path by whole segments: "news.example/sports/".',
        refusal="url",
        accept=lambda value, _: urls.accepted(value),
        values=lambda facts: urls.prefixes_of(facts.url),
        schema={"type": "string", "maxLength": urls.CHARS_MAX},
    ),
    dimension(
        "sections",
        about='The beginning of page.url\'s path by whole segments on any host, or of page.keys.section: "sports/nba".',
        refusal="section",
        accept=lambda value, _: urls.accepted_section(value),
        values=lambda facts: urls.sections_of(facts.url, facts.keys),
        schema={"type": "string", "maxLength": urls.CHARS_MAX},
    ),
    dimension(
        "radius",
        about='A circle around a point or a place: {"lat", "lon", "km"} or {"place", "km"}; kept as a point.',
        refusal="radius",
        accept=circles.accepted,
        holding=circles.holding,
        schema={"type": "object"},
        shown=circles.shown,
        nearness=circles.steps_nearer,
        settled=True,
    ),
)
