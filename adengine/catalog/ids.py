"""The public spelling of ids: `flt_7` outside, 7 inside. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

PREFIXES: Mapping[str, str] = {
    "site": "site",
    "slot": "slot",
    "advertiser": "adv",
    "campaign": "cmp",
    "flight": "flt",
    "creative": "crt",
    "key": "key",
    "report": "rpt",
    "link": "lnk",
    "job": "job",
}
"""By noun; never changed, because pages, reports and logs hold them."""
ID_MAX = 2**31 - 1
"""What a column of both databases holds."""


def public(noun: str, id_: int) -> str:
    return f"{PREFIXES[noun]}_{id_}"


def parse(noun: str, text: str) -> int | None:
    """The id in `text`; None unless it is spelled exactly as `public` spells it."""
    matched = re.fullmatch(pattern(noun), text, re.ASCII)
    id_ = int(matched[1]) if matched else 0
    return id_ if 0 < id_ <= ID_MAX else None


def pattern(noun: str) -> str:
    return rf"^{PREFIXES[noun]}_([1-9][0-9]{{0,9}})$"
