"""Who is asking: API keys as bearer tokens, and what their scopes allow.

A key is 256 random bits; only its SHA-256 is stored, so looking it up by digest leaks nothing by its timing, and the
same work is done for an absent, a malformed and an unknown key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from copy import deepcopy
from hashlib import sha256
from typing import Any, ParamSpec, Protocol, TypeVar

import flask

from adengine.errors import Forbidden, Unauthorized

P = ParamSpec("P")
R = TypeVar("R")
_EXTENSION = "adengine.auth"
_SCHEME = "bearer "


class KeyLike(Protocol):
    """What this module needs of a key; `catalog.nouns.Key` is one."""

    @property
    def scopes(self) -> Collection[str]: ...


Lookup = Callable[[bytes], KeyLike | None]
"""From a key's SHA-256 (32 bytes) to the living key."""


def install(app: flask.Flask, lookup: Lookup) -> None:
    app.extensions[_EXTENSION] = lookup


def requires(*scopes: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A view decorator: only keys with at least one of `scopes` pass, and `flask.g.key` is theirs.

    Put it outermost, so that a stranger's body is not even read. Raises `Unauthorized` and `Forbidden`.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            lookup: Lookup = flask.current_app.extensions[_EXTENSION]
            flask.g.key = permitted(flask.request.headers.get("Authorization"), scopes, lookup)
            return view(*args, **kwargs)

        guarded._apidoc = _documented(getattr(view, "_apidoc", {}), scopes)  # type: ignore[attr-defined]
        return guarded

    return decorate


def permitted(authorization: str | None, scopes: Collection[str], lookup: Lookup) -> Any:
    """The key in an Authorization header if it has one of `scopes`; for routes that do without the decorator."""
    key = _known(authorization, lookup)
    if not any(scope in key.scopes for scope in scopes):
        raise Forbidden(f"this needs a key with the scope {' or '.join(scopes)}")
    return key


def digest(key: str) -> bytes:
    """What is stored of a key, 32 bytes."""
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


def _known(authorization: str | None, lookup: Lookup) -> KeyLike:
    given = authorization or ""
    has_scheme = given[: len(_SCHEME)].lower() == _SCHEME
    key = lookup(digest(given[len(_SCHEME) :].strip()))
    if key is None or not has_scheme:
        raise Unauthorized("send a valid key as Authorization: Bearer <key>")
    return key


def _documented(apidoc: dict[str, Any], scopes: Collection[str]) -> dict[str, Any]:
    """The view's OpenAPI description with its security and the two refusals (flask-smorest reads `_apidoc`)."""
    described = deepcopy(apidoc)
    manual = described.setdefault("manual_doc", {})
    manual["security"] = [{"key": sorted(scopes)}]
    manual.setdefault("responses", {}).update({"401": "UNAUTHORIZED", "403": "FORBIDDEN"})
    return described
