"""Why a slot is empty, holds a house line, or refused a candidate: the one table of reasons.

The rows stand in the order in which a candidate is asked (`serving.eligibility`, then the caps, then the page), so a
later row means that it got further. A slot's reason is that of the candidates who got furthest: the answer to "what
would have to change first". Explanations use the same words for single candidates.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    name: str
    """What answers, counts and reports carry; never renamed."""
    sentence: str
    """For a person who asks why."""
    remedy: str
    """What would change it."""


REASONS = (
    Reason(
        name="catalogue_unavailable",
        sentence="The engine has no catalogue yet: the database is away and no saved snapshot was found.",
        remedy="Restore the database; the engine takes it up by itself.",
    ),
    Reason(
        name="internal_fault",
        sentence="The engine failed on this page; nothing was held or counted.",
        remedy="The operator finds the fault in the log by the request_id.",
    ),
    Reason(
        name="unknown_site",
        sentence="Neither the key nor the page's address names a site that we know.",
        remedy="Bind the key to a site, or add the page's domain to the site's domains.",
    ),
    Reason(
        name="unknown_slot",
        sentence="The site has no slot of this name.",
        remedy="Create the slot, or correct the name in the request.",
    ),
    Reason(
        name="no_match",
        sentence="No flight's targeting admits this slot of this page and reader, here and now.",
        remedy="Book a flight for it, or widen one's targeting; `explain` names the dimension that refused.",
    ),
    Reason(
        name="out_of_dates",
        sentence="Flights match, but none of them runs now.",
        remedy="Look at the flights' starts_at and ends_at.",
    ),
    Reason(
        name="excluded",
        sentence="What matches was excluded by the page's request: its advertiser or one of its categories.",
        remedy="Look at `exclude` in the request.",
    ),
    Reason(
        name="no_variant_fits",
        sentence="Even the shortest line of what matches is wider than the slot's limits.",
        remedy="Give a larger max_width_px or max_chars, or add a shorter variant.",
    ),
    Reason(
        name="goal_reached",
        sentence="What matches has reached its goal, or its limit of the day.",
        remedy="Raise the goal or the daily limit, or book more.",
    ),
    Reason(
        name="paced_out",
        sentence="What matches waits for its turn: it is ahead of its schedule, or its budget gives nothing just now.",
        remedy="Nothing needs doing; GET /v1/flights/<id>/pacing shows the schedule.",
    ),
    Reason(
        name="no_reader_key",
        sentence="What matches is capped per reader, and the request named no reader or had no consent.",
        remedy="Send reader.key, or set the flight's without_reader to serve.",
    ),
    Reason(
        name="store_unavailable",
        sentence="What matches is capped, and the store that knows the caps did not answer in time.",
        remedy="Restore the store, or set the flight's cap_on_outage to serve.",
    ),
    Reason(
        name="all_capped",
        sentence="This reader has seen everything that matches as often as its caps allow.",
        remedy="Loosen a cap, or book more; `explain` names the cap.",
    ),
    Reason(
        name="reader_log_full",
        sentence="This reader was shown more lines than any person sees; capped flights wait until the log empties.",
        remedy="Probably a robot; nothing needs doing.",
    ),
    Reason(
        name="roadblock_incomplete",
        sentence="What matches stands in every slot of the page or in none, and could not have all of them.",
        remedy="Make it fit every slot of the page, or set the flight's roadblock to companion.",
    ),
    Reason(
        name="flight_on_page",
        sentence="The only flights left stand in another slot of the same page, and stand in one only.",
        remedy="Book another flight for this slot, or set the flight's roadblock to companion.",
    ),
    Reason(
        name="advertiser_on_page",
        sentence="The only sponsors left stand in another slot of the same page.",
        remedy="Book another advertiser for this slot.",
    ),
    Reason(
        name="competitor_on_page",
        sentence="The only sponsors left share an exclusion label or a category with one in another slot of the page.",
        remedy="Book a sponsor that does not compete; look at the flight's exclusions and the site's exclusive.",
    ),
    Reason(
        name="outranked",
        sentence="It could have stood here; another one was chosen by tier, priority or the weighted draw.",
        remedy="Raise its tier, priority or weight.",
    ),
)  # fmt: skip

NAMES = tuple(reason.name for reason in REASONS)
BY_NAME = {reason.name: reason for reason in REASONS}
