"""What a page of a site shows once at most: the rows of a site's `exclusive`. Pure.

What each does to a page is in `serving.rivals`; every row has its line there, and a test that books it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusive:
    name: str
    meaning: str


EXCLUSIVE = (
    Exclusive(name="advertiser", meaning="no advertiser stands twice on a page"),
    Exclusive(name="category", meaning="no two flights on a page show creatives that share a category"),
)

ADVERTISER, CATEGORY = (row.name for row in EXCLUSIVE)
BY_DEFAULT = (ADVERTISER,)
