"""What a reader holds, told from his user agent. Pure.

`ua-parser` names the operating system and the make by the uap-core rules; the rules below sort those into a few kinds.
A user agent says what it likes: an iPad that asks for desktop pages calls itself a Macintosh and counts as a desktop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import ua_parser

from adengine.catalog.nouns import Facts

KINDS = ("phone", "tablet", "desktop", "tv", "console", "bot")
"""Their numbers, from 1, stand in tokens and sums: never reorder. A token has no room for a seventh."""
EXAMPLES: Mapping[str, str] = {
    "phone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Mobile/15E148",
    "desktop": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    "tv": "Mozilla/5.0 (Web0S; Linux/SmartTV)",
    "console": "Mozilla/5.0 (PlayStation 5)",
    "bot": "a crawler",
}
"""Of each kind a user agent that tells nothing else."""
USER_AGENTS_KEPT = 4096
"""In the memory of a process, without anything of who sent them; a parse takes about 0.2 ms."""
_SPIDER = "Spider"
_PROGRAM = re.compile(
    r"(?<!cu)bot\b|crawl|spider|headless|"  # a Cubot is a phone
    r"^(curl|wget|python|go-http|java|okhttp|axios|node-fetch|libwww|ruby|php)[-/ _]",
    re.I,
)
_TV = re.compile(
    r"smart-?tv|hbbtv|apple ?tv|google ?tv|android ?tv|crkey|roku|bravia|web0s|netcast|viera|(?-i:\bAFT[A-Z0-9]+\b)",
    re.I,
)
_CONSOLE = re.compile(r"playstation|xbox|nintendo", re.I)
_TABLET = re.compile(r"ipad|tablet(?! pc)|kindle|silk/|playbook", re.I)
_PHONE_SYSTEMS = frozenset({"iOS", "Windows Phone", "KaiOS", "Symbian OS", "BlackBerry OS", "Firefox OS"})
_DESKTOP_SYSTEMS = frozenset(
    {"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD", "NetBSD"}
)


_NUMBERS = {kind: number for number, kind in enumerate(KINDS, 1)}


def number_of(user_agent: str | None) -> int:
    """What tokens and sums know the device by: its place in `KINDS`, from 1; 0: not known."""
    kind = device_of(user_agent) if user_agent else None
    return _NUMBERS[kind] if kind is not None else 0


def devices_of(facts: Facts) -> tuple[str, ...]:
    device = device_of(facts.user_agent) if facts.user_agent else None
    return (device,) if device is not None else ()


def holding(spellings: Sequence[str]) -> Callable[[Facts], tuple[str, ...]]:
    """`devices_of`, made ready where it is asked for."""
    if spellings:
        make_ready()
    return devices_of


def make_ready() -> None:
    """Compiles the rules, which takes 0.15 s and 25 MB: no request should wait for it."""
    device_of("")


@lru_cache(USER_AGENTS_KEPT)
def device_of(user_agent: str) -> str | None:
    """One of `KINDS`; None for a user agent that tells none of them."""
    parsed = ua_parser.parse(user_agent.encode("utf-8", "replace").decode())  # it refuses lone surrogates
    system = parsed.os.family if parsed.os else ""
    make = " ".join(filter(None, (parsed.device.brand, parsed.device.family))) if parsed.device else ""
    if _SPIDER in make or _PROGRAM.search(user_agent):
        return "bot"
    for kind, pattern in (("tv", _TV), ("console", _CONSOLE), ("tablet", _TABLET)):
        if pattern.search(user_agent) or pattern.search(make):
            return kind
    if system == "Android":
        return "phone" if "Mobile" in user_agent else "tablet"
    if system in _PHONE_SYSTEMS or "Smartphone" in make:
        return "phone"
    return "desktop" if system in _DESKTOP_SYSTEMS else None
