"""The nouns of the catalogue, as the rest of the engine reads them: frozen, valid or not built.

Ids are dense whole numbers (u32) inside; `catalog.ids` gives them their public spelling. Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from adengine.catalog.exclusive import BY_DEFAULT


class Tier(IntEnum):
    """Tiers are lexicographic: the lower number is served first. The number is stored and sent; never renumber."""

    SPONSORSHIP = 0
    STANDARD = 1
    NETWORK = 2
    HOUSE = 3


class Level(IntEnum):
    """What a cap counts. The number is what the reader log's scripts speak; never renumber."""

    CREATIVE = 1
    FLIGHT = 2
    CAMPAIGN = 3
    ADVERTISER = 4


class State(StrEnum):
    """Where a version of a creative stands with its reviewer."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Without(StrEnum):
    """What a capped flight does when its caps cannot be known (no reader key, or no store)."""

    SKIP = "skip"
    SERVE = "serve"


class Roadblock(StrEnum):
    """How a flight stands on a page of several slots."""

    NONE = "none"
    """In one slot."""
    ALL = "all"
    """In every slot that the page asks for, or in none."""
    COMPANION = "companion"
    """In as many slots as nobody better wants."""


class Rotation(StrEnum):
    """How the creatives of a campaign take turns."""

    EVEN = "even"
    """Each as often as the others."""
    WEIGHTED = "weighted"
    """In proportion to their weights."""
    SEQUENTIAL = "sequential"
    """Each reader sees one after another, in the order in which they were made."""
    OPTIMISE = "optimise"
    """Those that are clicked more often, as far as that is known (`pacing.thompson`)."""


class Scope(StrEnum):
    FILL = "fill"
    MANAGE = "manage"
    ADVERTISE = "advertise"
    REVIEW = "review"
    REPORT = "report"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    id: int
    name: str
    scopes: frozenset[Scope]
    site: int | None
    """The only site it may ask fills for; None: any."""
    advertiser: int | None
    """The only advertiser it may see and change; set exactly when the scope is `advertise`."""


NEARNESS = 3.0
"""A site's, unless it says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    id: int
    name: str
    domains: tuple[str, ...]
    timezone: str
    """IANA name; calendar caps begin at its midnight."""
    topics: Mapping[str, str]
    """The site's own words for topics: alias (casefolded) -> taxonomy id."""
    exclusive: tuple[str, ...] = BY_DEFAULT
    """Names of `catalog.exclusive`: what one page shows once at most."""
    nearness: float = NEARNESS
    """What each step nearer to the reader multiplies a flight's chance among its equals (`serving.closeness`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    id: int
    site: int
    name: str
    position: str
    label: str
    label_em: Mapping[str, float]
    """Advance width of the label with its colon and space, in em, by font class (`texts.FONT_CLASSES`)."""
    background: str | None
    font: str
    font_px: float
    default_topics: tuple[str, ...]
    position_weight: float = 1.0
    """What standing here is worth beside the page's other slots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One text of a creative; its variants stand in strictly growing width."""

    role: str
    text: str
    chars: int
    """Grapheme clusters."""
    cells: int
    """Terminal cells: East Asian wide characters count two."""
    width_em: Mapping[str, float]
    """Advance width in em by font class (`texts.FONT_CLASSES`), without the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Creative:
    """One approved version of a creative: what may be shown."""

    id: int
    version: int
    campaign: int
    advertiser: int
    landing_url: str
    lang: str
    variants: tuple[Variant, ...]
    categories: tuple[str, ...]
    weight: float = 1.0
    """In a campaign whose rotation is weighted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `limit` impressions per reader of the thing at `per` in `window` (a spelling of `caps.windows`)."""

    per: Level
    limit: int
    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """One targeting dimension: a request's values must meet `include` (empty: all do) and miss `exclude`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targeting:
    """AND between dimensions, OR inside one. The rows that validate and match them: `catalog.dimensions`."""

    places: Among = field(default_factory=Among)
    """Stable place ids (decimal text, `places.Place.id`); a place stands for its whole subtree."""
    topics: Among = field(default_factory=Among)
    """Taxonomy ids."""
    topic_match: str = "subtree"
    """`subtree`, `exact` or `related`, as `catalog.dimensions` explains them."""
    slots: Among = field(default_factory=Among)
    """Slot names."""
    positions: Among = field(default_factory=Among)
    further: Mapping[str, Among] = field(default_factory=dict)
    """By name, the rows of `catalog.dimensions` that have no field above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one slot's request is, as far as targeting asks."""

    places: tuple[int, ...] = ()
    """The reader's or page's place and all above it, the smallest first; empty when unknown."""
    topics: tuple[str, ...] = ()
    """Taxonomy ids the page was tagged with."""
    topics_above: tuple[str, ...] = ()
    """All that lie above `topics` in the tree, without themselves."""
    related: Callable[[str], frozenset[str]] = lambda _: frozenset()
    """From a taxonomy id to those related to it; asked only where a flight targets by them."""
    relatedness: Callable[[str, str], float] = lambda *_: 0.0
    """Of two taxonomy ids, 0 to 1."""
    slot: str
    position: str
    now_s: int = 0
    timezone: str = "UTC"
    """IANA name: that of the reader's place where it has one, else the site's."""
    point: tuple[float, float] | None = None
    """(lat, lon) of the reader in degrees: as the page gave it, or his town's; None when unknown."""
    user_agent: str | None = field(default=None, repr=False)
    lang: str | None = None
    url: str | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The page's key-values."""
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name, for the rows of `catalog.dimensions` that have no field above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    model: str
    """`cpm` (micros per 1000 impressions), `cpc` (micros per click) or `flat` (micros for the whole flight)."""
    micros: int


class AtEnd(StrEnum):
    """What a flight does that has not reached its goal when its time is over."""

    STOP = "stop"
    EXTEND = "extend"
    """It runs on until the goal is reached."""
    MAKEGOOD = "makegood"
    """It runs on until the goal is reached; what it shows then costs nothing."""


class Unit(StrEnum):
    """What a goal counts."""

    IMPRESSIONS = "impressions"
    CLICKS = "clicks"
    SPEND = "spend_micros"
    SHARE = "share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    unit: Unit
    amount: float
    """Whole, but for a share: that lies in (0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """Not shown in [from_s, to_s), epoch s."""

    from_s: int
    to_s: int


FREE = Price(model="flat", micros=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    id: int
    campaign: int
    advertiser: int
    tier: Tier
    priority: int
    """1..10, 1 first, inside its tier."""
    weight: float
    starts_at_s: int
    ends_at_s: int | None
    targeting: Targeting
    caps: tuple[Cap, ...]
    without_reader: Without
    cap_on_outage: Without
    price: Price
    exclusions: tuple[str, ...] = ()
    """Labels, lower-case: no other flight with one of them stands on the same page."""
    roadblock: Roadblock = Roadblock.NONE
    goal: Goal | None = None
    daily_limit: int | None = None
    """Impressions a day, in the time zone of the settings."""
    pacing: str = "even"
    """`even`, `front` or `asap`: how a goal is spread; without an end it is always as soon as possible."""
    at_end: AtEnd = AtEnd.STOP
    blackouts: tuple[Blackout, ...] = ()
    rotation: Rotation = Rotation.EVEN
    """Its campaign's."""

    @property
    def share(self) -> float | None:
        """Of the pages that it matches, of a sponsorship that was promised one."""
        return self.goal.amount if self.goal is not None and self.goal.unit is Unit.SHARE else None

    @property
    def target(self) -> tuple[Unit, int] | None:
        """What its goal comes to in impressions or clicks, by its price if the goal is money; None without such a goal.

        Whole impressions and clicks that the money still pays in full.
        """
        if self.goal is None or self.goal.unit is Unit.SHARE:
            return None
        amount = int(self.goal.amount)
        if self.goal.unit is not Unit.SPEND:
            return self.goal.unit, amount
        if self.price.model == "cpc":
            return Unit.CLICKS, amount // self.price.micros
        return Unit.IMPRESSIONS, amount * 1000 // self.price.micros

    @property
    def is_budgeted(self) -> bool:
        """Whether each of its impressions must be leased first: it has a goal of impressions, or a daily limit."""
        target = self.target
        return self.daily_limit is not None or (target is not None and target[0] is Unit.IMPRESSIONS)

    @property
    def runs_until_s(self) -> int | None:
        """When it ends whatever happens, epoch s; None: never by the clock alone."""
        runs_on = self.at_end is not AtEnd.STOP and self.target is not None
        return None if runs_on else self.ends_at_s

    def price_at(self, now_s: int) -> Price:
        """What is charged for what is shown then."""
        is_over = self.ends_at_s is not None and now_s >= self.ends_at_s
        return FREE if is_over and self.at_end is AtEnd.MAKEGOOD else self.price
