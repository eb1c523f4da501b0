"""The catalogue's collections: one row for each noun of the management API.

What a row says is all that telling them apart takes; reading, writing and HTTP loop over the table. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import Schema

from adengine.catalog.creatives.schema import CreativeIn, CreativeOut
from adengine.catalog.documents import Document
from adengine.catalog.flights import FlightIn, FlightOut
from adengine.catalog.nouns import Scope
from adengine.catalog.schemas import (
    AdvertiserIn,
    AdvertiserOut,
    CampaignIn,
    CampaignOut,
    KeyIn,
    KeyOut,
    SiteIn,
    SiteOut,
    SlotIn,
    SlotOut,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    noun: str
    plural: str
    """In addresses and of tables."""
    about: str
    form: type[Document]
    answer: type[Schema]
    readers: tuple[Scope, ...]
    writers: tuple[Scope, ...]
    parent: str | None = None
    """The noun it hangs on, a field of its form: lists can be narrowed to one, and it is archived with it."""


COLLECTIONS: tuple[Collection, ...] = (
    Collection(
        noun="site",
        plural="sites",
        about="A publisher's property that asks for fills.",
        form=SiteIn,
        answer=SiteOut,
        readers=(Scope.MANAGE, Scope.ADVERTISE),
        writers=(Scope.MANAGE,),
    ),
    Collection(
        noun="slot",
        plural="slots",
        about="A named place on a site's page.",
        form=SlotIn,
        answer=SlotOut,
        readers=(Scope.MANAGE, Scope.ADVERTISE),
        writers=(Scope.MANAGE,),
        parent="site",
    ),
    Collection(
        noun="advertiser",
        plural="advertisers",
        about="Who sponsors.",
        form=AdvertiserIn,
        answer=AdvertiserOut,
        readers=(Scope.MANAGE, Scope.ADVERTISE),
        writers=(Scope.MANAGE,),
    ),
    Collection(
        noun="campaign",
        plural="campaigns",
        about="One agreement with an advertiser.",
        form=CampaignIn,
        answer=CampaignOut,
        readers=(Scope.MANAGE, Scope.ADVERTISE),
        writers=(Scope.MANAGE, Scope.ADVERTISE),
        parent="advertiser",
    ),
    Collection(
        noun="flight",
        plural="flights",
        about="A dated, targeted, capped share of a campaign, in one tier.",
        form=FlightIn,
        answer=FlightOut,
        readers=(Scope.MANAGE, Scope.ADVERTISE),
        writers=(Scope.MANAGE, Scope.ADVERTISE),
        parent="campaign",
    ),
    Collection(
        noun="creative",
        plural="creatives",
        about="One message in several lengths and its landing page, reviewed in versions.",
        form=CreativeIn,
        answer=CreativeOut,
        readers=(Scope.MANAGE, Scope.ADVERTISE, Scope.REVIEW),
        writers=(Scope.MANAGE, Scope.ADVERTISE),
        parent="campaign",
    ),
    Collection(
        noun="key",
        plural="keys",
        about="An API key; the key itself is shown once, when it is made.",
        form=KeyIn,
        answer=KeyOut,
        readers=(Scope.ADMIN,),
        writers=(Scope.ADMIN,),
    ),
)
BY_NOUN = {row.noun: row for row in COLLECTIONS}
