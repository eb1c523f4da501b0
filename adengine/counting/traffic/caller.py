"""Who sends a beacon, as far as its request tells. Pure; nothing of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

AHEAD = ("prefetch", "prerender", "preview")
"""Words by which browsers say that they load a page before anybody has asked for it."""
PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")


class Caller(NamedTuple):
    user_agent: str = ""
    address: str = ""
    """Empty: not known."""
    is_ahead: bool = False
    """Whether the page is loaded ahead of its reader."""
    is_head: bool = False


NOBODY = Caller()


def caller_of(environ: Mapping[str, Any], proxies: int) -> Caller:
    """environ: of WSGI.  proxies: how many of ours stand before us; each adds to X-Forwarded-For whom it saw."""
    return Caller(
        environ.get("HTTP_USER_AGENT", ""),
        _address(environ, proxies),
        any(_is_ahead(environ[name]) for name in PURPOSES if name in environ),
        environ["REQUEST_METHOD"] == "HEAD",
    )


def _address(environ: Mapping[str, Any], proxies: int) -> str:
    """Behind proxies the one that the outermost of ours saw; whatever stands before it anybody may have written."""
    peer: str = environ.get("REMOTE_ADDR") or ""
    if not proxies:
        return peer
    seen = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    return _without_port(seen[-min(proxies, len(seen))]) if seen else peer


def _without_port(text: str) -> str:
    """Some proxies add the port that they saw: 192.0.2.7:4711, [2001:db8::7]:4711."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _is_ahead(value: str) -> bool:
    return any(word in value.casefold() for word in AHEAD)
