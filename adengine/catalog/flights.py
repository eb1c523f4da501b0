"""What may be sent and what is answered for a flight: a dated, targeted, capped share of a campaign. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from adengine.caps import windows
from adengine.catalog import dimensions
from adengine.catalog.dimensions import DIMENSIONS, Dimension, Refused
from adengine.catalog.documents import Document
from adengine.catalog.fields import Bounded, Choice, Instant, Line, Number, Ref, Strict, Whole, known
from adengine.catalog.nouns import AtEnd, Level, Roadblock, Scope, Tier, Without
from adengine.catalog.schemas import answered
from adengine.errors import Mistake

CAPS_MAX = 16
CAP_LIMIT_MAX = 10_000
WINDOW_CHARS_MAX = 32
COUNT_MAX = 10**12
BLACKOUTS_MAX = 100
EXCLUSIONS_MAX = 16
LABEL_CHARS_MAX = 64
MICROS_MAX = 10**12
"""A million of the currency; a token carries 40 bits of it."""
PRICES = ("cpm", "cpc", "flat")
OWN_TIERS = (Tier.STANDARD, Tier.NETWORK)
OWN_PRIORITY_MIN = 5
OWN_WEIGHT_MAX = 1.0
"""What an advertiser may book by himself; sponsorships, house lines and precedence are the publisher's to give."""
TERMS = ("tier", "priority", "weight", "price", "goal", "roadblock")
"""What the two sides agreed on; once booked, only the publisher changes it."""


class Member(Bounded):
    """One value of a targeting dimension."""

    def __init__(self, row: Dimension, **kwargs: Any) -> None:
        self.described = {**row.schema, "description": row.about}
        super().__init__(**kwargs)
        self._row = row

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        try:
            return self._row.accept(value, known())
        except Refused as refusal:
            raise ValidationError(str(refusal)) from refusal

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        return self._row.shown(value)


def targeting_schema(table: tuple[Dimension, ...]) -> type[Schema]:
    """The form of `targeting`, from the rows of dimensions."""
    rows: dict[str, fields.Field[Any]] = {row.name: fields.Nested(_among(row)) for row in table}
    return Strict.from_dict(rows, name="Targeting")


def _among(row: Dimension) -> type[Schema]:
    def members() -> fields.Field[Any]:
        return fields.List(Member(row), load_default=list, validate=validate.Length(max=dimensions.VALUES_MAX))

    form: dict[str, fields.Field[Any]] = {"include": members(), "exclude": members()}
    for name, choices in row.options.items():
        form[name] = Choice(choices, load_default=choices[0])
    return Strict.from_dict(form, name=f"Target{row.name.title()}")


class Window(Bounded):
    described = {  # noqa: RUF012
        "type": "string",
        "pattern": f"^({'|'.join(window.spelling for window in windows.WINDOWS)})$",
        "maxLength": WINDOW_CHARS_MAX,
        "description": "; ".join(f"{window.spelling}: {window.meaning}" for window in windows.WINDOWS),
        "example": "1d",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or len(value) > WINDOW_CHARS_MAX:
            raise ValidationError("must be text such as 1d, 24h or calendar_day")
        try:
            windows.parse(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return value


class CapIn(Strict):
    per = Choice([level.name.lower() for level in Level], required=True)
    limit = Whole(1, CAP_LIMIT_MAX, required=True, metadata={"description": "Impressions per reader."})
    window = Window(required=True)


class Exclusion(Line):
    """A label of competitors; neither case nor how many spaces there are counts."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        label = " ".join(super()._deserialize(value, attr, data, **kwargs).lower().split())
        if len(label) > LABEL_CHARS_MAX:
            raise ValidationError(f"may have at most {LABEL_CHARS_MAX} characters")
        return label


class PriceIn(Strict):
    model = Choice(PRICES, required=True)
    micros = Whole(
        0,
        MICROS_MAX,
        required=True,
        metadata={"description": "Millionths of the currency, for 1000 impressions, one click, or the whole flight."},
    )


class GoalIn(Strict):
    """Exactly one of its members."""

    impressions = Whole(1, COUNT_MAX)
    clicks = Whole(1, COUNT_MAX)
    spend_micros = Whole(1, MICROS_MAX, metadata={"description": "By the price: cpm or cpc."})
    share = Number(
        0.01, 1, metadata={"description": "Of the pages that it matches; for sponsorships, which need no other goal."}
    )

    @validates_schema(skip_on_field_errors=True)
    def _check_one(self, given: Mapping[str, Any], **_: Any) -> None:
        if len(given) != 1:
            raise ValidationError("must have exactly one of impressions, clicks, spend_micros and share")


class BlackoutIn(Strict):
    """A span of time in which the flight is not shown."""

    since = Instant(required=True, data_key="from", attribute="from_s")
    until = Instant(required=True, data_key="to", attribute="to_s")

    @validates_schema(skip_on_field_errors=True)
    def _check_order(self, given: Mapping[str, Any], **_: Any) -> None:
        if given["from_s"] >= given["to_s"]:
            raise ValidationError("must lie after from", "to")


class TierName(Choice):
    """The tier's name outside, its number inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__([tier.name.lower() for tier in Tier], **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return int(Tier[super()._deserialize(value, attr, data, **kwargs).upper()])

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:  # noqa: ARG002
        return Tier(value).name.lower()


class FlightIn(Document):
    fixed = ("campaign",)

    campaign = Ref("campaign", required=True)
    starts_at = Instant(required=True, attribute="starts_at_s")
    ends_at = Instant(load_default=None, allow_none=True, attribute="ends_at_s")
    tier = TierName(load_default=int(Tier.STANDARD))
    priority = Whole(1, 10, load_default=5, metadata={"description": "Inside its tier, 1 first."})
    weight = Number(0.001, 1000, load_default=1.0, metadata={"description": "Its share among equals."})
    goal = fields.Nested(GoalIn, load_default=None, allow_none=True)
    daily_limit = Whole(
        1, COUNT_MAX, load_default=None, allow_none=True, metadata={"description": "Impressions in a day at most."}
    )
    pacing = Choice(
        ("even", "front", "asap"),
        load_default="even",
        metadata={"description": "How a goal is spread from start to end; without an end it is as soon as possible."},
    )
    at_end = Choice(
        [end.value for end in AtEnd],
        load_default=AtEnd.STOP.value,
        metadata={
            "description": "What happens when ends_at comes before the goal: stop; extend runs on until it is reached; "
            "makegood runs on, and charges nothing for what it shows then."
        },
    )
    blackouts = fields.List(fields.Nested(BlackoutIn), load_default=list, validate=validate.Length(max=BLACKOUTS_MAX))
    targeting = fields.Nested(targeting_schema(DIMENSIONS), load_default=dict)
    caps = fields.List(fields.Nested(CapIn), load_default=list, validate=validate.Length(max=CAPS_MAX))
    without_reader = Choice([w.value for w in Without], load_default=Without.SKIP.value)
    cap_on_outage = Choice([w.value for w in Without], load_default=Without.SKIP.value)
    exclusions = fields.List(
        Exclusion(LABEL_CHARS_MAX),
        load_default=list,
        validate=validate.Length(max=EXCLUSIONS_MAX),
        metadata={"description": "Labels, such as betting: two flights that share one never stand on one page."},
    )
    roadblock = Choice(
        [r.value for r in Roadblock],
        load_default=Roadblock.NONE.value,
        metadata={
            "description": "all: in every slot of the page or in none; companion: in several, where nobody is better."
        },
    )
    price = fields.Nested(PriceIn, load_default=lambda: {"model": "flat", "micros": 0})

    def judge(self, given: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Mistake]:
        own = [] if Scope.MANAGE in known().scopes else _terms(given, current)
        return [*_dates(given, current or {}), *_repeated(given.get("caps", ())), *_goal(given, current or {}), *own]


def _dates(given: Mapping[str, Any], current: Mapping[str, Any]) -> list[Mistake]:
    dates = {name: given.get(name, current.get(name)) for name in ("starts_at_s", "ends_at_s")}
    starts, ends = dates.values()
    if starts is None or ends is None or starts < ends or not set(dates) & set(given):
        return []
    return [Mistake("/ends_at", "must lie after starts_at")]


def _goal(given: Mapping[str, Any], current: Mapping[str, Any]) -> list[Mistake]:
    """What a goal asks of the rest of the flight."""
    whole = {**current, **given}
    goal, tier, price = whole.get("goal"), whole.get("tier", Tier.STANDARD), whole.get("price")
    if not goal or not {"goal", "tier", "price"} & set(given):
        return []
    unpaid = "spend_micros" in goal and price is not None and (price["model"] == "flat" or not price["micros"])
    too_little = not unpaid and _buys_nothing(goal, price)
    rules = (
        ("/goal", "a house line has no goal", tier == Tier.HOUSE),
        ("/goal/share", "is for sponsorships", "share" in goal and tier not in (Tier.SPONSORSHIP, Tier.HOUSE)),
        ("/goal/spend_micros", "needs a price by cpm or cpc", unpaid),
        ("/goal/spend_micros", "does not pay for a single one at this price", too_little),
    )
    return [Mistake(pointer, sentence) for pointer, sentence, broken in rules if broken]


def _buys_nothing(goal: Mapping[str, Any], price: Mapping[str, Any] | None) -> bool:
    """Whether the money is less than one impression or click costs."""
    if "spend_micros" not in goal or price is None:
        return False
    return bool(goal["spend_micros"] * (1 if price["model"] == "cpc" else 1000) < price["micros"])


def _repeated(caps: list[dict[str, Any]]) -> list[Mistake]:
    said = [(cap["per"], cap["window"]) for cap in caps]
    return [
        Mistake(f"/caps/{index}", f"there is a cap per {per} in {window} already")
        for index, (per, window) in enumerate(said)
        if (per, window) in said[:index]
    ]


def _terms(given: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Mistake]:
    """What of a flight an advertiser may not set himself."""
    if current is not None:
        changed = [name for name in TERMS if name in given and given[name] != current[name]]
        return [Mistake(f"/{name}", "is agreed with the publisher, who alone changes it") for name in changed]
    mistakes = []
    if given.get("tier", Tier.STANDARD) not in OWN_TIERS:
        mistakes.append(Mistake("/tier", "an advertiser books standard or network; ask the publisher for others"))
    if given.get("priority", OWN_PRIORITY_MIN) < OWN_PRIORITY_MIN:
        mistakes.append(
            Mistake("/priority", f"an advertiser books {OWN_PRIORITY_MIN} to 10; ask the publisher for others")
        )
    if given.get("roadblock", Roadblock.NONE) != Roadblock.NONE:
        mistakes.append(Mistake("/roadblock", "a page of one advertiser is the publisher's to give; ask him"))
    if given.get("weight", OWN_WEIGHT_MAX) > OWN_WEIGHT_MAX:
        mistakes.append(Mistake("/weight", "an advertiser books at most 1; ask the publisher for more"))
    return mistakes


FlightOut = answered("flight", FlightIn)
