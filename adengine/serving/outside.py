"""What a page asks of the outside and is told by it: the protocols of the parts that `fill` is given. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from adengine.caps.claims import Pick
from adengine.caps.records import Seen
from adengine.catalog.snapshot import Snapshot
from adengine.serving.pace import Paces

STORE_MS = 50
"""The longest that a page waits for the store, all its calls together."""


class Snapshots(Protocol):
    """What is asked of `catalog.watch.SnapshotWatcher`."""

    @property
    def database_ok(self) -> bool: ...
    def current(self) -> Snapshot | None: ...
    def as_of(self, now_s: int, /) -> Snapshot | None:
        """The current catalogue with the caps that guard then."""
        ...


class Log(Protocol):
    """What is asked of `caps.claims.ReaderLog`."""

    def peek(self, rid: bytes, *, now_s: int, view: int, timeout_ms: int | None = None) -> Seen: ...
    def reserve(
        self,
        rid: bytes | None,
        picks: Sequence[Pick],
        *,
        bucket: int,
        view: int,
        hold_s: int,
        retention_s: int,
        event: bytes = b"",
        all_or_nothing: bool = False,
        timeout_ms: int | None = None,
    ) -> list[int]: ...


class Wagers(Protocol):
    """The same, for pages that are seated without a look at the reader."""

    def wager(
        self,
        rid: bytes,
        picks: Sequence[Pick],
        *,
        bucket: int,
        view: int,
        hold_s: int,
        retention_s: int,
        now_s: int,
        event: bytes = b"",
        timeout_ms: int | None = None,
    ) -> tuple[list[int], Seen | None]: ...


class Rids(Protocol):
    """What is asked of `readers.ReaderIds`."""

    def rid(self, site: int, reader_key: str, /) -> bytes: ...


class Terms(NamedTuple):
    """What the operator's settings say."""

    base_url: str
    """What the beacons' addresses begin with, no trailing slash."""
    hold_s: int
    store_timeout_ms: int
    """Of one call to the store."""
    store_ms: int = STORE_MS
    """Of all calls for one page together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """All that a page asks of the outside and that may answer differently next time."""

    snapshots: Snapshots
    reader_log: Log
    reader_ids: Rids
    paces: Paces
    monotonic: Callable[[], float]
    wagers: Wagers | None = None
    """None: every page looks at its reader first."""


class Moment(NamedTuple):
    """When a page is decided (as the request asks, or now), and its id."""

    now_s: int
    request: bytes
    """16 bytes."""
    request_id: str
    """The same as the caller sees it."""
