"""The demo paper: its domain, its header's slot, and article stubs in our own words. Pure."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "demo.example"
HEADER_SLOT = "article-header"
PLACE = "Remer,MN"
TOPICS = (
    "fantasy-sports", "fishing-sports", "gardening", "personal-finance", "politics", "war-and-conflicts", "weather",
    "travel", "pets",
)  # fmt: skip
"""Slugs that the page offers; the first is where a visitor begins."""


@dataclass(frozen=True, slots=True)
class Story:
    title: str
    lead: str
    body: str


STORIES = {
    "fantasy-sports": Story(
        "The league that meets above the hardware store",
        "Twelve teams, one coffee pot, and a waiver wire that opens when the last truck is unloaded.",
        "Every Tuesday the standings go up on the corkboard by the stairs. Nobody has traded a goalkeeper since March, "
        "and nobody will say why. The commissioner, who also cuts keys, keeps the minutes in a ledger.",
    ),
    "gardening": Story(
        "Frost on the first of June, and what lived",
        "Row covers, old bedsheets and one canoe: how a street kept its tomatoes.",
        "The thermometer by the bridge read thirty-one at five in the morning. By six, half the street was outside "
        "with watering cans, and by noon the beans had decided to go on.",
    ),
    "personal-finance": Story(
        "A dock, a loan, and a very patient brother-in-law",
        "What a season on the lake costs when nobody rounds down.",
        "Cedar is up, anchors are not, and the ice takes what it wants. Three families opened their books to us, and "
        "one opened its boathouse.",
    ),
}


def story_about(slug: str, name: str) -> Story:
    """The stub for a topic; one that says so where none was written."""
    return STORIES.get(slug) or Story(
        f"Notes on {name.lower()}",
        f"A page about {name.lower()}, as far as the sponsors above are concerned.",
        "The rest of this column is kept for the reader's own news. Change the place or the topic below and watch the "
        "line above: it is chosen anew for every page.",
    )
