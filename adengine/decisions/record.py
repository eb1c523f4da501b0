"""One line of the decision log: all that a page was decided by, without anything that tells who the reader is. Pure.

Of the reader there is his id (`serving.readers`), what he had seen, his place and the kind of his device; neither his
key, address or user agent, nor a query string of the page's address. JSON, one object a line:

    request_id, at_s, engine (version), snapshot (version), compiled_at_s, site (of the key, or null),
    reader (hex, or null), terms (of the `Filler`), asked (as POST /v1/fill takes it), sheet (base64 of the pacer's),
    learnt (base64 of what the pacer had learnt of pages like this one), notes (`transcript`), body (the answer, text),
    propensities (of each slot: the chance that the creative which stands there had among those of its flight, as lots
    for a slot alone are drawn; null where nobody stands)
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from adengine.catalog.snapshot import Snapshot
from adengine.catalog.targets.devices import EXAMPLES, device_of
from adengine.decisions.transcript import Transcript
from adengine.learning.learnt import NOTHING, Learnt
from adengine.pacing.sheet import Sheet
from adengine.places.query import POINT
from adengine.serving.answered import Answered
from adengine.serving.outside import Moment, Terms
from adengine.serving.request import Asked, SlotAsked

RID = "rid"
"""What a page asks for its reader by, in the notes."""
SOMEBODY = "somebody"
"""In place of a reader's key."""


def record_of(
    *,
    engine: str,
    asked: Asked,
    site: int | None,
    moment: Moment,
    terms: Terms,
    snapshot: Snapshot,
    sheet: Sheet,
    learnt: Learnt,
    notes: Transcript,
    answered: Answered,
) -> dict[str, Any]:
    """site: of the key that the page was asked with."""
    return {
        "request_id": moment.request_id,
        "at_s": moment.now_s,
        "engine": engine,
        "snapshot": snapshot.version,
        "compiled_at_s": snapshot.compiled_at_s,
        "site": site,
        "reader": next((rid for asked_for, rid in notes.notes if asked_for == RID), None),
        "terms": terms._asdict(),
        "asked": told(asked),
        "sheet": b64encode(sheet.to_bytes()).decode("ascii"),
        "learnt": b64encode(learnt.to_bytes()).decode("ascii"),
        "notes": notes.notes,
        "body": answered.body.decode("utf-8", "surrogatepass"),
        "propensities": answered.decision.propensities() if answered.decision is not None else [],
    }


def sheet_in(record: Mapping[str, Any]) -> Sheet:
    return Sheet.from_bytes(b64decode(record["sheet"]))


def learnt_in(record: Mapping[str, Any]) -> Learnt:
    return Learnt.from_bytes(b64decode(record["learnt"])) if "learnt" in record else NOTHING


def has_point(asked: Asked) -> bool:
    """Whether the page tells where exactly its reader is."""
    place = asked.reader.place
    return isinstance(place, Mapping) and any(place.get(name) is not None for name in POINT)


def told(asked: Asked) -> dict[str, Any]:
    """The request as it is logged."""
    page, reader = asked.page, asked.reader
    device = device_of(reader.user_agent) if reader.user_agent else None
    return {
        "page": {
            "url": _without_query(page.url) if page.url is not None else None,
            "topics": list(page.topics),
            "lang": page.lang,
            "keys": {key: list(values) for key, values in page.keys.items()},
            "view": page.view,
            "refresh": page.refresh,
        },
        "reader": {
            "key": SOMEBODY if reader.key is not None else None,
            "place": reader.place,
            "user_agent": EXAMPLES[device] if device is not None else None,
        },
        "slots": [_slot(slot) for slot in asked.slots],
        "exclude": {"advertisers": list(asked.exclude.advertisers), "topics": list(asked.exclude.topics)},
        "explain": asked.explain,
    }


def _slot(slot: SlotAsked) -> dict[str, Any]:
    names = ("id", "slot", "max_width_px", "font_px", "max_chars")
    return {name: getattr(slot, name) for name in names}


def _without_query(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
