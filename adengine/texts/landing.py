"""Where a creative's click may lead: a public https page whose address means the same to every reader and browser.

Pure: nothing is looked up. Browsers read addresses by the WHATWG URL standard, which forgives much (tabs, backslashes,
numbers for hosts); here everything that would have to be forgiven is refused, so that one reading is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import idna

from adengine.errors import Mistake
from adengine.texts import letters

POINTER = "/landing_url"
CHARS_MAX = 2048
HOST_CHARS_MAX = 253
PORTS = {"https": "443", "http": "80"}
# Names that never lead to a public page (RFC 6761, 6762, 7686, 8375, 9476, ICANN's `.internal`, and old habits).
PRIVATE_SUFFIXES = frozenset(
    {"local", "localhost", "localdomain", "internal", "intranet", "lan", "home", "corp", "private"}
    | {"arpa", "invalid", "onion", "alt"}
)

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_REST = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
# The host parser's test for an IPv4 address: its last label is a number in any base.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    """The pieces of an address, as written."""

    scheme: str
    authority: str
    host: str
    port: str | None
    rest: str


def check_landing_url(url: str, allow_http: bool) -> list[Mistake]:
    """Every reason why `url` may not be a landing page; empty when it may. Pointer `/landing_url`.

    allow_http: whether `http` is accepted beside `https`.
    """
    return [Mistake(POINTER, sentence) for sentence in _faults(url, allow_http)]


def landing_remarks(url: str) -> list[Mistake]:
    """What a reviewer should see of a sound landing URL: both spellings of an international host, and look-alikes."""
    host = _split(url).host.lower()
    shown, sent = _unicode_host(host), _ascii_host(host)
    if shown == sent:
        return []
    said = [f"the host {shown} is sent as {sent}"]
    said += [f"{word} in the host looks like a Latin word but is not" for word in letters.imitations(shown)]
    return [Mistake(POINTER, sentence) for sentence in said]


def ascii_url(url: str) -> str:
    """A sound landing URL as it is sent in a `Location` header: scheme and host in lower-case ASCII."""
    parts = _split(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{_ascii_host(parts.host)}{port}{parts.rest}"


def _faults(url: str, allow_http: bool) -> list[str]:
    if len(url) > CHARS_MAX:
        return [f"is {len(url)} characters long; at most {CHARS_MAX} are allowed"]
    said = ["holds a space, a control character or a backslash"] if _ODD.search(url) else []
    schemes = ("https", "http") if allow_http else ("https",)
    if not _PARTS.fullmatch(url) or _split(url).scheme not in schemes:
        return [*said, f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"]
    parts = _split(url)
    if "@" in parts.authority:
        said.append("must not hold a user name or password (an @ before the path)")
    if parts.port is not None and parts.port != PORTS[parts.scheme]:
        said.append(f"must not name a port other than {PORTS[parts.scheme]}")
    said += _host_faults(parts.host)
    if not said and not _REST.fullmatch(parts.rest):
        said.append("holds a character after the host that must be percent-encoded")
    return said


def _split(url: str) -> _Address:
    """The pieces of `url`, which must match `_PARTS`. A bracketed host keeps its brackets."""
    found = _PARTS.fullmatch(url)
    assert found is not None
    scheme, authority, rest = found.groups()
    host = authority.rpartition("@")[2]
    port = None
    if ":" in host and not host.endswith("]"):
        host, _, port = host.rpartition(":")
    return _Address(scheme=scheme.lower(), authority=authority, host=host, port=port, rest=rest)


def _host_faults(host: str) -> list[str]:
    if not host:
        return ["names no host"]
    if len(host) > HOST_CHARS_MAX:
        return [f"names a host of {len(host)} characters; at most {HOST_CHARS_MAX} are allowed"]
    if "[" in host or ":" in host:
        return ["must name its host, not an IP address"]
    try:
        sent = _ascii_host(host)
        shown = _unicode_host(host)
    except UnicodeError as error:
        return [f"names a host that the standard for domain names (IDNA 2008) does not allow: {error}"]
    labels = sent.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return ["must name its host, not an IP address"]
    if len(labels) < 2 or labels[-1] in PRIVATE_SUFFIXES or not labels[-1]:
        return [f"must lead to a public host; {sent} is not one"]
    return [f"names a host that {fault}" for fault in letters.faults(shown)]


def _ascii_host(host: str) -> str:
    return idna.encode(host, uts46=True, std3_rules=True).decode("ascii").lower()


def _unicode_host(host: str) -> str:
    return idna.decode(host, uts46=True, std3_rules=True)
