"""What a page asks: the body of `POST /v1/fill`, checked whole, every mistake named.

Unknown fields are ignored, so that an old engine serves new pages; null means absent. Numbers are strict: 1.9 is no
whole number, true no number, NaN nothing. What only turns out to mean nothing (a place nobody knows, an unknown topic
or slot) is no mistake here: the page must get its answer, and `serving.scene` and the reasons say what happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate

from adengine.catalog.fields import Bounded, Whole
from adengine.counting.metrics import REFRESH_MAX
from adengine.errors import Invalid, TooLarge
from adengine.places import query
from adengine.serving.key_values import KeyValues
from adengine.serving.quick import Doubt, compile_form
from adengine.web.json_strict import parse as parse_json
from adengine.web.mistakes import mistakes_of

BYTES_MAX = 64 * 1024
SLOTS_MAX = 16
TOPICS_MAX = 50
EXCLUDED_MAX = 100
NAME_CHARS_MAX = 200
URL_CHARS_MAX = 4096
READER_CHARS_MAX = 512
USER_AGENT_CHARS_MAX = 2048
SECONDS_MIN, SECONDS_MAX = 10**9, 2**32 - 1
REFRESHES_MAX = 10**6
"""A page that stays open for days and refreshes all the time must not become a mistake."""
SEED_MAX = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact (RFC 8259, section 6)."""


class PageAsked(NamedTuple):
    url: str | None = None
    topics: tuple[str, ...] = ()
    text: str | None = None
    """Kept for the classifier of pages without topics; unused until there is one."""
    lang: str | None = None
    keys: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """The publisher's key-values of the page."""
    view: str | None = None
    """The request id of the page's first fill, sent with those for slots that load later."""
    refresh: int = 0
    """How often the slots of the request had been filled before on the page; `REFRESH_MAX` is so often or oftener."""


class ReaderAsked(NamedTuple):
    key: str | None = None
    """The publisher's own word for this reader; None also when consent is refused."""
    place: str | Mapping[str, Any] | None = None
    user_agent: str | None = None

    def __repr__(self) -> str:
        """Without what he is told by."""
        return f"ReaderAsked(place={self.place!r})"


class SlotAsked(NamedTuple):
    id: str
    """The caller's own handle; answers come in the order of the request, so that two may bear the same."""
    slot: str
    max_width_px: float | None = None
    font_px: float | None = None
    max_chars: int | None = None


class Excluded(NamedTuple):
    advertisers: tuple[str, ...] = ()
    """Public ids or names."""
    topics: tuple[str, ...] = ()


class Asked(NamedTuple):
    """One request for the slots of one page."""

    slots: tuple[SlotAsked, ...]
    page: PageAsked = PageAsked()
    reader: ReaderAsked = ReaderAsked()
    exclude: Excluded = Excluded()
    now_s: int | None = None
    seed: int | None = None
    preview: bool = False
    explain: bool = False

    @property
    def rehearsal(self) -> bool:
        """Bills, holds and counts nothing."""
        return self.preview or self.now_s is not None or self.seed is not None

    @property
    def privileged(self) -> bool:
        """Asks for what only managers may see or do."""
        return self.rehearsal or self.explain


def parse(body: bytes) -> Asked:
    """The request in `body`; raises `TooLarge`, `Malformed` (not JSON) or `Invalid` with every mistake."""
    if len(body) > BYTES_MAX:
        raise TooLarge(f"the body of a fill may have at most {BYTES_MAX} bytes; this one has {len(body)}")
    document = parse_json(body)
    try:
        asked: Asked = _QUICK(document)
    except Doubt:
        asked = _loaded(document)
    return asked


def _loaded(document: Any) -> Asked:
    try:
        asked: Asked = _FORM.load(document)
    except ValidationError as error:
        raise Invalid(mistakes_of(error.messages_dict, location="json")) from error
    return asked


class Positive(Bounded):
    """A finite number above 0."""

    def __init__(self, high: float, **kwargs: Any) -> None:
        self.described = {"type": "number", "exclusiveMinimum": 0, "maximum": high}
        super().__init__(**kwargs)
        self._high = high

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:  # noqa: ARG002
        if type(value) not in (int, float) or not math.isfinite(value) or not 0 < value <= self._high:
            raise ValidationError(f"must be a number above 0 and at most {self._high:g}")
        return float(value)


class Flag(Bounded):
    """true or false; neither 1 nor "yes"."""

    described = {"type": "boolean"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        if type(value) is not bool:
            raise ValidationError("must be true or false")
        return value


class PlaceWords(fields.Field[Any]):
    """A place in words, in fields or as a point; an object that says nothing of these is no place."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        if isinstance(value, dict) and all(value.get(name) is None for name in (*query.NAMES, *query.POINT)):
            return None
        found = query.mistakes(value, "")
        if found:
            raise ValidationError({mistake.pointer.lstrip("/") or "_schema": [mistake.detail] for mistake in found})
        return value


class _Form(Schema):
    """Null is as good as absent, everywhere."""

    is_remembered = False

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _without_nulls(self, given: Any, **_: Any) -> Any:
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


def _text(chars_max: int, about: str, chars_min: int = 0) -> fields.String:
    return fields.String(
        allow_none=True, validate=validate.Length(chars_min, chars_max), metadata={"description": about}
    )


def _words(chars_max: int, most: int, about: str) -> fields.List[Any]:
    word = fields.String(validate=validate.Length(0, chars_max), metadata={"description": about})
    return fields.List(word, allow_none=True, validate=validate.Length(max=most))


def _place_object(is_point: bool) -> dict[str, Any]:
    """The JSON schema of a place in fields, or as a point."""
    words = {name: {"type": ["string", "null"], "maxLength": query.CHARS_MAX} for name in query.NAMES}
    if not is_point:
        return {"type": "object", "properties": words | {name: {"type": "null"} for name in query.POINT}}
    degrees = {name: {"type": "number", "minimum": -most, "maximum": most} for name, most in query.POINT.items()}
    return {"type": "object", "properties": words | degrees, "required": [*query.POINT]}


class PageForm(_Form):
    url = _text(URL_CHARS_MAX, "The page's address; names the site where the key does not.")
    topics = _words(NAME_CHARS_MAX, TOPICS_MAX, "A taxonomy id, slug or name, or a site's alias.")
    text = fields.String(allow_none=True, metadata={"description": "The article's text."})
    lang = _text(35, "BCP 47 tag.")
    keys = KeyValues(allow_none=True)
    view = _text(64, "The request_id of this page view's first fill, for slots that load later.")
    refresh = Whole(
        0, REFRESHES_MAX, allow_none=True,
        metadata={"description": "How often these slots were filled before in this page view; by default 0."},
    )  # fmt: skip

    @post_load
    def _make(self, values: dict[str, Any], **_: Any) -> PageAsked:
        values["topics"] = tuple(values.get("topics", ()))
        if "refresh" in values:
            values["refresh"] = min(values["refresh"], REFRESH_MAX)
        return PageAsked(**values)


class ReaderForm(_Form):
    key = _text(READER_CHARS_MAX, "The publisher's own, opaque id of the reader. Only an HMAC of it is kept.", 1)
    place = PlaceWords(
        allow_none=True,
        metadata={
            "description": 'Where the reader is: "Remer,MN", "56672", {"country", "region", "city", "postal"} or '
            '{"lat", "lon"}. A place that nobody knows, or that may be several, is no place.',
            "anyOf": [
                {"type": "string", "maxLength": query.CHARS_MAX},
                _place_object(is_point=False),
                _place_object(is_point=True),
                {"type": "null"},
            ],
        },
    )
    ip = _text(64, "The reader's address; never stored.")
    user_agent = _text(USER_AGENT_CHARS_MAX, "Tells the device; never stored.")
    consent = Flag(allow_none=True, metadata={"description": "false: the reader is treated as unknown."})

    @post_load
    def _make(self, values: dict[str, Any], **_: Any) -> ReaderAsked:
        key = values.get("key") if values.get("consent", True) else None
        return ReaderAsked(key=key, place=values.get("place"), user_agent=values.get("user_agent"))


class SlotForm(_Form):
    is_remembered = True
    """Most pages of a site ask for the same slots, and what is the same object is soon found to be equal."""

    id = _text(NAME_CHARS_MAX, "The caller's own handle; by default the slot's name.", 1)
    slot = fields.String(
        required=True,
        validate=validate.Length(1, NAME_CHARS_MAX),
        metadata={"description": "A slot of the site, by name."},
    )
    max_width_px = Positive(100_000, allow_none=True, metadata={"description": "Longest line, label included."})
    font_px = Positive(1_000, allow_none=True, metadata={"description": "By default the slot's."})
    max_chars = Whole(
        1, 100_000, allow_none=True, metadata={"description": "Most graphemes of the line, label included."}
    )

    @post_load
    def _make(self, values: dict[str, Any], **_: Any) -> SlotAsked:
        values.setdefault("id", values["slot"])
        return SlotAsked(**values)


class ExcludeForm(_Form):
    advertisers = _words(NAME_CHARS_MAX, EXCLUDED_MAX, "An advertiser's id or name.")
    topics = _words(NAME_CHARS_MAX, EXCLUDED_MAX, "As in page.topics.")

    @post_load
    def _make(self, values: dict[str, Any], **_: Any) -> Excluded:
        return Excluded(**{name: tuple(words) for name, words in values.items()})


class FillForm(_Form):
    """One request for all slots of a page."""

    page = fields.Nested(PageForm, allow_none=True)
    reader = fields.Nested(ReaderForm, allow_none=True)
    slots = fields.List(fields.Nested(SlotForm), required=True, validate=validate.Length(1, SLOTS_MAX))
    exclude = fields.Nested(ExcludeForm, allow_none=True)  # type: ignore[assignment]  # the name of an option of Schema too
    now_s = Whole(
        SECONDS_MIN, SECONDS_MAX, allow_none=True, metadata={"description": "Decide as if it were then (scope manage)."}
    )
    seed = Whole(0, SEED_MAX, allow_none=True, metadata={"description": "Draw the same lots again (scope manage)."})
    preview = Flag(allow_none=True, metadata={"description": "Bill, hold and count nothing (scope manage)."})
    explain = Flag(
        allow_none=True, metadata={"description": "List every candidate with its reason or score (scope manage)."}
    )

    @post_load
    def _make(self, values: dict[str, Any], **_: Any) -> Asked:
        values["slots"] = tuple(values["slots"])
        return Asked(**values)


_FORM = FillForm()
_QUICK = compile_form(_FORM, (PlaceWords,))
