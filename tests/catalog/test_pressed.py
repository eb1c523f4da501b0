"""A catalogue's files: what was written is read, whatever was changed is refused, what is equal is written once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.catalog import pressed
from adengine.catalog import shelf as shelves
from adengine.catalog.load import version_of
from adengine.catalog.press import Press
from adengine.catalog.shelf import Shelf
from adengine.catalog.watch import SnapshotWatcher
from adengine.errors import Unsafe
from tests.catalog.desk import NOW_S, Desk

KEY = bytes(range(32))
KINDS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "f8", "?")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a book of a few flights has pieces."""
    monkeypatch.setattr(pressed, "PIECE_BYTES", 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


def some_arrays() -> dict[str, np.ndarray]:
    return {
        "large": np.arange(1000),
        "other": np.arange(1000)[::-1],
        "alike": np.arange(1000).astype("u8"),
        "small": np.arange(3, dtype=np.int8),
        "one": np.full(50, np.nan),
        "none": np.empty(0, np.float64),
        "wide": np.arange(12, dtype=np.uint16).reshape(4, 3),
        "spread": np.broadcast_to(2.5, 7),
    }


def put(folder: Path, arrays: dict[str, np.ndarray], version: int = 1, shelf: Shelf | None = None) -> Shelf:
    shelf = shelf or Shelf(folder, KEY)
    shelf.put(version, {"some": "words"}, arrays, shelf.texts())
    return shelf


def pieces(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.piece")}


def opened(folder: Path) -> dict[str, np.ndarray]:
    shelf = Shelf(folder, KEY)
    return dict(shelf.open(shelf.current() or "").arrays)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_arrays_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("shelf")
    arrays: dict[str, np.ndarray] = {}
    for number in range(data.draw(st.integers(1, 5))):
        kind = np.dtype(data.draw(st.sampled_from(KINDS)))
        shape = data.draw(st.sampled_from([(0,), (1,), (2,), (7,), (300,), (5, 3), (0, 3)]))
        several = data.draw(st.sampled_from([[0, 1, 2, 255], [1], [0.0, -0.0], [float("nan")], [float("nan"), 1.0]]))
        if kind.kind != "f":
            several = [1] if any(value != value for value in several) else [int(value) % 128 for value in several]
        arrays[f"a{number}"] = np.resize(np.array(several, np.float64), shape).astype(kind)
    put(folder, arrays)
    found = opened(folder)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes(), "to the bit"


def flipped(path: Path, at: int) -> None:
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)


CHANGES: dict[str, Callable[[Path], object]] = {
    "first byte": lambda path: flipped(path, 0),
    "a byte inside": lambda path: flipped(path, path.stat().st_size // 2),
    "last byte": lambda path: flipped(path, -1),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "gone": Path.unlink,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "of the same size": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("has_read", [False, True], ids=["anew", "once more"])
def test_whatever_of_its_files_is_changed_the_catalogue_is_refused(folder: Path, change: str, has_read: bool) -> None:
    """By one who reads it for the first time, and by one who has read it as it was."""
    put(folder, some_arrays())
    name = Shelf(folder, KEY).current() or ""
    files = [path for path in folder.iterdir() if path.suffix in (".piece", ".catalogue")]
    assert len(files) == 1 + 3, "alike arrays are one piece, and one value throughout is none"
    for path in files:
        reader = Shelf(folder, KEY)
        if has_read:
            reader.open(name)
        kept = folder.with_name("kept")
        shutil.copytree(folder, kept)
        CHANGES[change](path)
        with pytest.raises(Unsafe):
            reader.open(name)
        shutil.rmtree(folder)
        kept.rename(folder)
        assert reader.open(name).arrays["large"].sum() == 499_500, "as it was, it is read again"


def test_any_byte_of_a_catalogue_counts(folder: Path) -> None:
    put(folder, some_arrays())
    path = folder / (Shelf(folder, KEY).current() or "")
    body = path.read_bytes()
    for at in range(len(body)):
        path.write_bytes(body[:at] + bytes([body[at] ^ 64]) + body[at + 1 :])
        with pytest.raises(Unsafe):
            Shelf(folder, KEY).open(path.name)


def test_a_piece_is_not_taken_for_another_one(folder: Path) -> None:
    put(folder, some_arrays())
    large, other = sorted(folder.glob("*.piece"), key=lambda path: -path.stat().st_size)[:2]
    assert large.stat().st_size == other.stat().st_size
    other.write_bytes(large.read_bytes())
    with pytest.raises(Unsafe):
        opened(folder)


def test_a_head_that_names_other_pieces_is_not_signed(folder: Path) -> None:
    """Somebody who can write files but has not the key."""
    put(folder, some_arrays())
    path = folder / (Shelf(folder, KEY).current() or "")
    head = pressed.unsigned_head(path)
    names = list(pressed.pieces_in(pressed.listed_in(head)))
    for signed in (path.read_bytes()[: pressed.MAC_BYTES], bytes(pressed.MAC_BYTES)):
        text = orjson.dumps(head).replace(names[0].encode(), names[1].encode())
        path.write_bytes(signed + np.array([len(text)], "<u8").tobytes() + text)
        with pytest.raises(Unsafe):
            Shelf(folder, KEY).open(path.name)


def test_pieces_of_another_key_are_refused(folder: Path) -> None:
    shelf = put(folder, some_arrays())
    with pytest.raises(Unsafe):
        Shelf(folder, bytes(32)).open(shelf.current() or "")


def test_what_did_not_change_is_neither_written_nor_mapped_again(folder: Path) -> None:
    arrays = some_arrays()
    shelf, reader = put(folder, arrays), Shelf(folder, KEY)
    first, before = reader.open(shelf.current() or ""), pieces(folder)
    put(folder, arrays | {"other": np.arange(1000)[::-1] + 1}, 2, shelf)
    second, after = reader.open(shelf.current() or ""), pieces(folder)
    assert len(after.items() - before.items()) == 1 and before.items() <= after.items()
    assert np.shares_memory(first.arrays["large"], second.arrays["large"])
    assert first.arrays["other"][0] == 999 and second.arrays["other"][0] == 1000
    assert shelf.size(shelf.current() or "") < sum(path.stat().st_size for path in folder.iterdir())


def test_a_writer_mends_a_piece_that_was_damaged(folder: Path) -> None:
    shelf = put(folder, some_arrays())
    for path in folder.glob("*.piece"):
        flipped(path, 0)
    put(folder, some_arrays(), 2, shelf)
    assert opened(folder)["large"].tolist() == list(range(1000))


def test_pieces_last_as_long_as_a_catalogue_names_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "KEPT_MAX", 3)
    shelf = Shelf(folder, KEY)
    folder.mkdir()
    for version in range(1, 8):
        (folder / f".{version}.piece").write_bytes(b"of a killed writer")
        put(folder, some_arrays() | {"large": np.arange(1000) + version // 2}, version, shelf)
        names = Shelf(folder, KEY).names()
        assert len(names) == min(version, 3)
        assert [Shelf(folder, KEY).open(name).arrays["large"][0] for name in names] == [
            number // 2 for number in range(version, max(version - 3, 0), -1)
        ]
    used = {pressed.unsigned_head(folder / name)["arrays"][0][-1] for name in Shelf(folder, KEY).names()}
    assert len(used) == 2 and len(pieces(folder)) == len(used) + 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.piece"))


def test_a_damaged_head_among_the_kept_does_not_stop_the_writer(folder: Path) -> None:
    shelf = put(folder, some_arrays())
    for number, body in enumerate((b"", b"too short", b"\0" * 100, b"\xff" * 100)):
        (folder / f"00000000009{number}.catalogue").write_bytes(body)
    put(folder, some_arrays() | {"small": np.arange(4)}, 2, shelf)
    assert opened(folder)["small"].size == 4


@pytest.mark.parametrize("change", ["last byte", "cut off", "gone"])
def test_a_worker_keeps_the_last_whole_catalogue(sqlite_desk: Desk, folder: Path, change: str) -> None:
    """Until the writer has written what can be read."""
    press = Press(sqlite_desk.engine, Shelf(folder, KEY))
    worker = SnapshotWatcher(
        sqlite_desk.engine, Shelf(folder, KEY), poll_ms=10_000, compiles=False, clock=lambda: NOW_S
    )
    sqlite_desk.a_flight()
    sqlite_desk.a_flight()
    press.turn(NOW_S)
    worker.refresh()
    good, before = worker.current(), pieces(folder)
    sqlite_desk.a_flight()
    press.turn(NOW_S)
    for name in pieces(folder).keys() - before.keys():
        CHANGES[change](folder / name)
    worker.refresh()
    found = worker.current()
    assert good is not None and found is not None
    assert (found.version, len(found.flights)) == (good.version, 2)
    sqlite_desk.a_flight()
    press.turn(NOW_S)
    worker.refresh()
    found = worker.current()
    assert found is not None and (found.version, len(found.flights)) == (version_of(sqlite_desk.engine), 4)


def test_an_edit_of_a_flight_leaves_the_creatives_pieces(sqlite_desk: Desk, folder: Path) -> None:
    campaign: Any = sqlite_desk.a_campaign()["id"]
    for _ in range(6):
        sqlite_desk.an_approved(campaign=campaign)
    made = sqlite_desk.a_flight(campaign=campaign)
    press = Press(sqlite_desk.engine, Shelf(folder, KEY))
    press.turn(NOW_S)
    with sqlite_desk.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM flights")).scalar_one() == 1
    before = pieces(folder)
    named = pressed.unsigned_head(folder / (Shelf(folder, KEY).current() or ""))["arrays"]
    of_creatives = {row[-1] + ".piece" for row in named if row[0].startswith("creatives.") and isinstance(row[-1], str)}
    etag = sqlite_desk("GET", f"/v1/flights/{made['id']}").headers["ETag"]
    sqlite_desk("PATCH", f"/v1/flights/{made['id']}", {"weight": 7.0}, If_Match=etag)
    press.turn(NOW_S)
    assert of_creatives and {name: before[name] for name in of_creatives}.items() <= pieces(folder).items()
