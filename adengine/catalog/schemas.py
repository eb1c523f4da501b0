"""What may be sent and what is answered for sites, slots, advertisers, campaigns and keys. Pure.

`…In` is what a caller may set; nobody sets a status, an id or a time. `…Out` is the same with what the engine adds.
Flights and creatives have files of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import idna
from marshmallow import Schema, ValidationError, fields, validate

from adengine import zones
from adengine.catalog.documents import Document
from adengine.catalog.exclusive import BY_DEFAULT, EXCLUSIVE
from adengine.catalog.fields import Bounded, Choice, Instant, Line, Number, Patterned, Ref, known
from adengine.catalog.nouns import NEARNESS, Rotation, Scope
from adengine.errors import Mistake
from adengine.texts import FONT_CLASSES, check_label
from adengine.texts.lines import LENGTH_MAX

NAME_CHARS_MAX = 200
ALIAS_CHARS_MAX = 100
ALIASES_MAX = 1000
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NAME_FORM = "1 to 64 letters, digits, dots, dashes and underscores, such as article-header"


def standing(noun: str) -> dict[str, fields.Field[Any]]:
    """The fields that the engine adds to every object it answers."""
    return {
        "id": Ref(noun, required=True),
        "created_at": Instant(required=True, attribute="created_at_s"),
        "updated_at": Instant(required=True, attribute="updated_at_s"),
        "archived_at": Instant(required=True, allow_none=True, attribute="archived_at_s"),
        "etag": fields.String(required=True, metadata={"description": "For If-Match.", "example": "1"}),
    }


def answered(noun: str, form: type[Document], **further: fields.Field[Any]) -> type[Schema]:
    """The schema of an answer: what may be sent, with what the engine adds."""
    return Schema.from_dict(standing(noun) | dict(form._declared_fields) | further, name=noun.title())


class Domain(Bounded):
    """A host name; kept lower-case, in ASCII."""

    described = {"type": "string", "minLength": 1, "maxLength": 253, "example": "news.example"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        try:
            return idna.encode(value.rstrip("."), uts46=True).decode("ascii").casefold()
        except (AttributeError, UnicodeError) as error:
            raise ValidationError("must be a host name, such as news.example") from error


class Timezone(Bounded):
    described = {"type": "string", "example": "America/Chicago"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or value not in zones.names():
            raise ValidationError("must be an IANA time zone, such as America/Chicago")
        return value


class TopicRef(Bounded):
    """A topic by id, slug or name; kept as its id."""

    described = {"type": "string", "example": "386"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        topic = known().taxonomy.resolve(value) if isinstance(value, str) else None
        if topic is None:
            raise ValidationError(f"no topic has the id, slug or name {str(value)[:80]!r}")
        return topic.id


class Alias(Line):
    """A site's own word; case and outer spaces do not count."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip().casefold()


class Aliases(fields.Dict):
    """Alias -> topic; two aliases that differ in case alone are a mistake, not one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(keys=Alias(ALIAS_CHARS_MAX), values=TopicRef(), **kwargs)
        self.metadata = {"maxProperties": ALIASES_MAX, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[Any, Any]:
        if isinstance(value, dict) and len(value) > ALIASES_MAX:
            raise ValidationError(f"may hold at most {ALIASES_MAX} aliases")
        try:
            aliases: dict[Any, Any] = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            said = {alias: [*sides.get("key", ()), *sides.get("value", ())] for alias, sides in error.messages.items()}
            raise ValidationError(said) from error
        if len(aliases) < len(value):
            raise ValidationError("two aliases differ in nothing but case or spaces")
        return aliases


class SiteIn(Document):
    name = Line(NAME_CHARS_MAX, required=True)
    domains = fields.List(Domain(), load_default=list, validate=validate.Length(max=100))
    timezone = Timezone(load_default="UTC", metadata={"description": "Its calendar days begin at its midnight."})
    topics = Aliases(
        load_default=dict,
        metadata={"description": "The site's own words for topics: alias -> a topic's id, slug or name."},
    )
    exclusive = fields.List(
        Choice([row.name for row in EXCLUSIVE]),
        load_default=lambda: list(BY_DEFAULT),
        validate=validate.Length(max=len(EXCLUSIVE)),
        metadata={"description": "; ".join(f"{row.name}: {row.meaning}" for row in EXCLUSIVE)},
    )
    nearness = Number(
        1,
        10,
        load_default=NEARNESS,
        metadata={
            "description": "By how much each step nearer (country, region, county, town) multiplies the chance of a "
            "flight that is aimed there, among its equals; 1: it makes no difference."
        },
    )


class Label(Bounded):
    described = {  # noqa: RUF012
        "type": "string",
        "minLength": 1,
        "maxLength": LENGTH_MAX["brand"],
        "description": "Stands before every line, with a colon.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or not value:
            raise ValidationError("must be text: readers are always told that the line is paid for")
        mistakes = check_label(value)
        if mistakes:
            raise ValidationError([mistake.detail for mistake in mistakes])
        return value


class SlotIn(Document):
    fixed = ("site",)

    site = Ref("site", required=True)
    name = Patterned(NAME_PATTERN, NAME_FORM, required=True, metadata={"description": "Unique on its site."})
    position = Patterned(NAME_PATTERN, NAME_FORM, required=True, metadata={"example": "header"})
    label = Label(load_default="Sponsor")
    background = Patterned(
        r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$",
        "#rgb or #rrggbb",
        load_default=None,
        allow_none=True,
        metadata={"description": "The solid colour behind the line; null: unknown."},
    )
    font = Choice(FONT_CLASSES, load_default="system-ui")
    font_px = Number(6, 200, load_default=16.0)
    default_topics = fields.List(TopicRef(), load_default=list, validate=validate.Length(max=50))
    position_weight = Number(
        0.1, 10, load_default=1.0, metadata={"description": "What standing here is worth beside other slots."}
    )


class AdvertiserIn(Document):
    name = Line(NAME_CHARS_MAX, required=True)


class CampaignIn(Document):
    fixed = ("advertiser", "currency")

    advertiser = Ref("advertiser", required=True)
    name = Line(NAME_CHARS_MAX, required=True)
    currency = Patterned(r"^[A-Z]{3}$", "an ISO 4217 code, such as USD", required=True, metadata={"example": "USD"})
    rotation = Choice(
        [way.value for way in Rotation],
        load_default=Rotation.EVEN.value,
        metadata={
            "description": "How its creatives take turns. even: each as often. weighted: by their weights. sequential: "
            "each reader sees one after another. optimise: those that are clicked more often by place and topic."
        },
    )


class KeyIn(Document):
    fixed = ("scopes", "site", "advertiser")

    name = Line(NAME_CHARS_MAX, required=True)
    scopes = fields.List(
        Choice([scope.value for scope in Scope]), required=True, validate=validate.Length(1, len(Scope))
    )
    site = Ref(
        "site", load_default=None, allow_none=True, metadata={"description": "The only site it may ask fills for."}
    )
    advertiser = Ref(
        "advertiser", load_default=None, allow_none=True, metadata={"description": "Whose it is; with scope advertise."}
    )

    def judge(self, given: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Mistake]:
        if current is not None or not {"scopes", "site", "advertiser"} <= set(given):
            return []
        scopes, advertiser = set(given["scopes"]), given["advertiser"]
        advertise = Scope.ADVERTISE in scopes
        rules = (
            ("/advertiser", "a key with scope advertise needs its advertiser", advertise and advertiser is None),
            ("/advertiser", "is only for keys with scope advertise", not advertise and advertiser is not None),
            (
                "/scopes",
                "advertise goes with report alone",
                advertise and not scopes <= {Scope.ADVERTISE, Scope.REPORT},
            ),
            ("/site", "is only for keys whose one scope is fill", given["site"] is not None and scopes != {Scope.FILL}),
        )
        return [Mistake(pointer, sentence) for pointer, sentence, broken in rules if broken]


SiteOut = answered("site", SiteIn)
SlotOut = answered("slot", SlotIn)
AdvertiserOut = answered("advertiser", AdvertiserIn)
CampaignOut = answered("campaign", CampaignIn)
KeyOut = answered(
    "key", KeyIn, prefix=fields.String(required=True, metadata={"description": "Its first letters, to tell it by."})
)
KeyMade = Schema.from_dict(
    dict(KeyOut._declared_fields)
    | {"key": fields.String(required=True, metadata={"description": "The key itself. It is never shown again."})},
    name="KeyMade",
)
