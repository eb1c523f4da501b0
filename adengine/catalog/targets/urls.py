"""Addresses by their beginning: the host, and the path by whole segments. Pure.

"news.example/sports" holds "https://news.example/sports/nba?page=2" and neither "/sportsbook" nor a subdomain. Scheme,
port, query and fragment do not count; hosts are compared without case, paths with it, after RFC 3986, section 6.2.2.

A section is the same without the host, "sports/nba" on whichever site, or what the page itself says in
`page.keys.section`, for publishers whose addresses do not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

import idna

from adengine.catalog.targets.refused import Refused, quoted

CHARS_MAX = 500
SEGMENTS_MAX = 20
SECTION_KEY = "section"
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


def accepted_section(value: Any) -> str:
    """ "/sports/nba/" -> "sports/nba"; raises `Refused`."""
    is_text = isinstance(value, str) and len(value) <= CHARS_MAX and "://" not in value and value.isprintable()
    if not is_text or any(c.isspace() or c in "?#\\" for c in value):
        raise Refused(f"must be the beginning of a path, such as sports/nba, not {quoted(value)}")
    segments = _segments(value)
    if not 0 < len(segments) <= SEGMENTS_MAX:
        raise Refused(f"must have 1 to {SEGMENTS_MAX} segments, such as sports/nba, unlike {quoted(value)}")
    return "/".join(segments)


def sections_of(url: str | None, keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """All that a page lies in by its path, and by what it says itself: "sports", "sports/nba", ..."""
    found = _parts(url) if url else None
    told = [_segments(word) for word in keys.get(SECTION_KEY, ())]
    paths = [*told, found[1]] if found is not None else told
    lengths = ((path, length) for path in paths for length in range(1, min(len(path), SEGMENTS_MAX) + 1))
    return tuple(dict.fromkeys("/".join(path[:length]) for path, length in lengths))


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
