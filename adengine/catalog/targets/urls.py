"""Addresses by their beginning: the host, and the path by whole segments. Pure.

"news.example/sports" holds "https://news.example/sports/nba?page=2" and neither "/sportsbook" nor a subdomain. Scheme,
port, query and fragment do not count; hosts are compared without case, paths with it, after RFC 3986, section 6.2.2.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

import idna

from adengine.catalog.targets.refused import Refused, quoted

CHARS_MAX = 500
SEGMENTS_MAX = 20
_SUBDELIMS = "!$&'()*+,;=:@"


def accepted(value: Any) -> str:
    """ "https://News.example/sports/" -> "news.example/sports"; raises `Refused`."""
    if not isinstance(value, str) or len(value) > CHARS_MAX or any(c.isspace() or c in "?#@\\" for c in value):
        raise Refused(f"must be a host and the beginning of a path, such as news.example/sports/, not {quoted(value)}")
    found = _parts(value if "://" in value else f"https://{value}")
    if found is None or "." not in found[0].strip("."):
        raise Refused(f"must begin with a host such as news.example, unlike {quoted(value)}")
    host, segments = found
    if len(segments) > SEGMENTS_MAX:
        raise Refused(f"may have at most {SEGMENTS_MAX} segments")
    return "/".join((host, *segments))


def prefixes_of(url: str | None) -> tuple[str, ...]:
    """All that a page at `url` lies in: "news.example", "news.example/sports", ...; none for what is no address."""
    found = _parts(url) if url else None
    if found is None:
        return ()
    host, segments = found
    return tuple("/".join((host, *segments[:length])) for length in range(min(len(segments), SEGMENTS_MAX) + 1))


def _parts(url: str) -> tuple[str, list[str]] | None:
    """(host, segments of the path) of an address with a scheme."""
    try:
        split = urlsplit(url)
        host = (split.hostname or "").rstrip(".")
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode()
    except (ValueError, UnicodeError):
        return None
    if split.scheme not in ("http", "https") or not host:
        return None
    return host, _segments(split.path)


def _segments(path: str) -> list[str]:
    """Without empty ones, dots resolved, escaped alike."""
    found: list[str] = []
    for segment in path.split("/"):
        plain = unquote_to_bytes(segment.encode("utf-8", "surrogatepass"))
        if plain == b"..":
            del found[-1:]
        elif plain not in (b"", b"."):
            found.append(quote_from_bytes(plain, safe=_SUBDELIMS))
    return found
