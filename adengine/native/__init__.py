"""Compiled twins of what every page does; each is None where it could not be compiled, and Python does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

from adengine.native.load import module, unbuilt


@runtime_checkable
class Reading(Protocol):
    """`native/reading.pyx`."""

    Doubt: type[Exception]

    def letters(self, id_: bytes, /) -> str: ...
    def says_each_once(self, body: bytes, value: Any, /) -> bool: ...
    def doubtful(self) -> Callable[[Any], Any]: ...
    def text(self, least: int, most: float, /) -> Callable[[Any], Any]: ...
    def listed(self, inner: Callable[[Any], Any], least: int, most: float, /) -> Callable[[Any], Any]: ...
    def own(self, deserialize: Callable[..., Any], mistake: type[Exception], /) -> Callable[[Any], Any]: ...
    def form(
        self,
        readers: Mapping[str, Callable[[Any], Any]],
        required: Sequence[str],
        make: Callable[[Any], Any],
        is_remembered: bool,
        /,
    ) -> Callable[[Any], Any]: ...


class Channel(Protocol):
    """Of `native/talk.pyx`."""

    @property
    def received(self) -> memoryview: ...
    def ask(self, question: bytes, deadline_s: float, /) -> Any: ...


@runtime_checkable
class Talk(Protocol):
    """`native/talk.pyx`."""

    UNREAD: object
    Channel: Callable[[int, int], Channel]


reading = cast(Reading | None, module("native.reading"))
talk = cast(Talk | None, module("native.talk"))

__all__ = ["Channel", "Reading", "Talk", "module", "reading", "talk", "unbuilt"]
