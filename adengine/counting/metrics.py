"""What is counted, by number: rows of `rollup` say which in their `metric`."""

from __future__ import annotations

from enum import IntEnum


class Metric(IntEnum):
    """Stored; never renumber."""

    PAGE = 0
    """In `seen` only: a whole fill; its `n` is its slots, each of which is a FILL or an EMPTY."""
    FILL = 1
    EMPTY = 2
    IMPRESSION = 3
    VIEWABLE = 4
    MEASURABLE = 5
    CLICK = 6
    INVALID_IMPRESSION = 7
    INVALID_VIEWABLE = 8
    INVALID_CLICK = 9
    CAPPED = 10


class Kind(IntEnum):
    """What a beacon reports. Inside tokens; never renumber."""

    IMPRESSION = 0
    VIEWABLE = 1
    CLICK = 2


NONE = 255
"""In `tier` and `variant`: none, or not known."""
REFRESH_MAX = 3
"""In `refresh`, which says how often the slots had been filled before on the page: so often or oftener."""
QUARTER_S = 900

COUNTED = {Kind.IMPRESSION: Metric.IMPRESSION, Kind.VIEWABLE: Metric.VIEWABLE, Kind.CLICK: Metric.CLICK}
INVALID = {
    Kind.IMPRESSION: Metric.INVALID_IMPRESSION,
    Kind.VIEWABLE: Metric.INVALID_VIEWABLE,
    Kind.CLICK: Metric.INVALID_CLICK,
}
