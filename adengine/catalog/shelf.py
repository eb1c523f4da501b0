"""Where compiled catalogues lie: files that one process writes and all others map.

    <folder>/current              the name of the newest catalogue
    <folder>/<version>.catalogue  arrays, and {"version", "told", "texts": [name, length, digest]} (`pressed`)
    <folder>/<hash>.piece         a large array of one catalogue or of many (`pieces`)
    <folder>/<name>.texts         the nouns' bytes, one after another; only ever appended to

A catalogue is written beside its place and renamed into it, so that a reader sees the old one or the new one; one whose
bytes were changed is refused.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adengine.catalog import pressed
from adengine.catalog.pieces import Bytes, Pieces
from adengine.catalog.pressed import MAC_BYTES, Array
from adengine.errors import Unsafe

CATALOGUE, TEXTS, CURRENT, LOCK = ".catalogue", ".texts", "current", "lock"
CHUNK = 2**20
KEPT_MAX, KEPT_BYTES = 64, 2**31
"""Catalogues are kept for replays: so many, as long as they are not larger together; but always two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A compiled catalogue, mapped."""

    version: int
    told: Mapping[str, Any]
    arrays: Mapping[str, Array]
    texts: Bytes


class Texts:
    """The file that a writer appends nouns' bytes to."""

    def __init__(self, path: Path, digest: blake2b, length: int) -> None:
        """digest: keyed, of the first `length` bytes; whatever the file has behind them is nobody's, and stays."""
        self.name = path.name
        self.length = length
        self._digest = digest
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        self._file.seek(length)
        while behind := self._file.read(CHUNK):
            self._digest.update(behind)
            self.length += len(behind)

    def append(self, parts: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each begins, and its size."""
        sizes = np.array([len(part) for part in parts], np.int64)
        begins = self.length + np.cumsum(sizes) - sizes
        text = b"".join(parts)
        self._file.write(text)
        self._digest.update(text)
        self.length += len(text)
        return begins, sizes

    def told(self) -> list[Any]:
        """As the head of a catalogue names it."""
        self._file.flush()
        return [self.name, self.length, self._digest.copy().hexdigest()]

    def close(self) -> None:
        self._file.close()


class Shelf:
    """One for each reader or writer."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """key: 32 bytes that sign what lies here; whoever reads it shares them."""
        self._folder = folder
        self._key = key
        self._pieces = Pieces(folder, key)
        self._read: dict[str, tuple[Any, int, Bytes]] = {}
        """Of texts: (running digest, how far it goes, the map)."""
        self._needs: dict[tuple[str, int], _Needs] = {}
        """Of catalogues, by name and time of writing."""

    @contextmanager
    def writer(self) -> Iterator[bool]:
        """Whether this is the only writer, as long as the context lasts."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def texts(self) -> Texts:
        """A new file."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Texts(self._folder / (secrets.token_hex(8) + TEXTS), self._running(), 0)

    def texts_again(self) -> Texts | None:
        """That of the catalogue that was opened last, to be appended to; None if it has none."""
        for name, (running, length, _) in self._read.items():
            return Texts(self._folder / name, running.copy(), length)
        return None

    def put(self, version: int, told: Mapping[str, Any], arrays: Mapping[str, Array], texts: Texts) -> None:
        """Makes it the current one, and drops the oldest."""
        path = self.path(version)
        draft = path.with_name(f".{path.name}")
        pressed.write(draft, {"version": version, "told": told, "texts": texts.told()}, arrays, self._key, self._pieces)
        draft.replace(path)
        pointer = self._folder / f".{CURRENT}"
        pointer.write_text(path.name)
        pointer.replace(self._folder / CURRENT)
        self._drop_oldest(path)

    def current(self) -> str | None:
        """The name of the newest; None if there is none."""
        try:
            return (self._folder / CURRENT).read_text().strip() or None
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """All that lie here: the current one, then by falling version."""
        current = self.current()
        others = sorted((path.name for path in self._folder.glob("*" + CATALOGUE)), reverse=True)
        return [current, *(name for name in others if name != current)] if current is not None else others

    def stamp(self) -> tuple[int, int]:
        """Changes when another catalogue becomes the current one; quickly told."""
        try:
            found = (self._folder / CURRENT).stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino

    def path(self, version: int) -> Path:
        return self._folder / f"{version:012d}{CATALOGUE}"

    def open(self, name: str) -> Pressed:
        """Raises `Unsafe` for one that is damaged, was changed or was signed with another key; or is not there."""
        head, arrays = pressed.read(self._folder / name, self._key, self._pieces)
        return Pressed(version=head["version"], told=head["told"], arrays=arrays, texts=self._texts(*head["texts"]))

    def size(self, name: str) -> int:
        """Bytes of a catalogue and its pieces, without texts."""
        path = self._folder / name
        return path.stat().st_size + sum(self._needs_of(path).pieces.values())

    def _texts(self, name: str, length: int, digest: str) -> Bytes:
        """Only what was appended since this reader looked is read again."""
        if not length:
            return np.empty(0, np.uint8)
        running, so_far, _ = self._read.get(name, (self._running(), 0, None))
        if so_far > length:
            running, so_far = self._running(), 0
        try:
            mapped = np.asarray(np.memmap(self._folder / name, np.uint8, "r", shape=(length,)))
        except (OSError, ValueError) as error:
            raise Unsafe(f"{name} cannot be read: {error}") from error
        running = running.copy()
        running.update(mapped[so_far:].data)
        if not hmac.compare_digest(running.hexdigest(), digest):
            raise Unsafe(f"{name} was not written by this engine or was damaged; its catalogue is ignored")
        self._read = {name: (running, length, mapped)}
        return mapped

    def _running(self) -> blake2b:
        return blake2b(key=self._key, digest_size=MAC_BYTES)

    def _drop_oldest(self, newest: Path) -> None:
        kept: dict[Path, _Needs] = {}
        pieces: dict[str, int] = {}
        size = 0
        by_age = sorted(self._folder.glob("*" + CATALOGUE), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in [newest, *(path for path in by_age if path != newest)]:
            needs = self._needs_of(path)
            size += path.stat().st_size + sum(of for name, of in needs.pieces.items() if name not in pieces)
            if len(kept) < 2 or (len(kept) < KEPT_MAX and size <= KEPT_BYTES):
                kept[path] = needs
                pieces |= needs.pieces
            else:
                path.unlink(missing_ok=True)
        used = {needs.texts for needs in kept.values()}
        for path in self._folder.glob("*" + TEXTS):
            if path.name not in used:
                path.unlink(missing_ok=True)
        self._pieces.drop(but=pieces)
        self._needs = {key: needs for key, needs in self._needs.items() if needs in kept.values()}

    def _needs_of(self, path: Path) -> _Needs:
        """Looked at once: the heads of all that are kept are long."""
        key = path.name, path.stat().st_mtime_ns
        if key not in self._needs:
            self._needs[key] = _Needs.of(path)
        return self._needs[key]


@dataclass(frozen=True, slots=True)
class _Needs:
    """The other files that a catalogue names."""

    texts: str
    pieces: Mapping[str, int]
    """Their sizes."""

    @classmethod
    def of(cls, path: Path) -> _Needs:
        """None, of one whose head is damaged: nobody can read it."""
        try:
            head = pressed.unsigned_head(path)
            return cls(str(head["texts"][0]), pressed.pieces_in(pressed.listed_in(head)))
        except (ValueError, LookupError, TypeError):
            return cls("", {})
