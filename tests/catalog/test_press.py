"""Compiling: an edit compiles what it touched, and the result is what compiling everything gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from adengine.catalog import book, pressed
from adengine.catalog import press as pressing
from adengine.catalog import shelf as shelves
from adengine.catalog.dimensions import DIMENSIONS
from adengine.catalog.load import version_of
from adengine.catalog.mapped import snapshot_in
from adengine.catalog.press import Press
from adengine.catalog.shelf import Shelf, Texts
from adengine.catalog.snapshot import Candidates, Snapshot
from adengine.catalog.watch import SnapshotWatcher
from adengine.errors import Unsafe
from tests.catalog.desk import NOW_S, VARIANTS, Desk

KEY = bytes(range(32))
EDITS = 60
STARTS = 45
CAPS = [{"per": "campaign", "limit": 2, "window": "24h"}, {"per": "flight", "limit": 1, "window": "flight"}]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that these books lie in pieces, as large ones do."""
    monkeypatch.setattr(pressed, "PIECE_BYTES", 32)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf", KEY)


def mapped(shelf: Shelf) -> Snapshot:
    name = shelf.current()
    assert name is not None
    found = shelf.open(name)
    return snapshot_in(found.version, found.told, found.arrays, found.texts, NOW_S)


def told(snapshot: Snapshot) -> dict[str, Any]:
    """All that a fill or a beacon can learn of it, without the numbers that words happen to have."""
    candidates = snapshot.candidates
    flights = range(len(snapshot.flights))
    return {
        "nouns": [snapshot.version, snapshot.sites, snapshot.slots, snapshot.keys, dict(snapshot.advertisers)],
        "flights": list(snapshot.flights),
        "creatives": list(snapshot.creatives),
        "landings": dict(snapshot.landings),
        "shown": [snapshot.landing(creative.id, creative.version) for creative in snapshot.creatives],
        "candidates": {
            field.name: getattr(candidates, field.name).tolist()
            for field in fields(Candidates)
            if field.name not in ("labels", "categories")
        },
        "labels": [candidates.labels[row] for row in flights],
        "categories": [candidates.categories[row] for row in range(len(snapshot.creatives))],
        "in_category": {name: sorted(rows.tolist()) for name, rows in snapshot.candidates_in.items() if rows.size},
        "lengths": {
            unit: [row[np.isfinite(row)].tolist() for row in lengths.values()]
            for unit, lengths in snapshot.lengths.items()
        },
        "shortest": {unit: shortest.values().tolist() for unit, shortest in snapshot.shortest.items()},
        "bounds": [snapshot.bounds_s.tolist(), snapshot.next_boundary_s, snapshot.retention_s, snapshot.blackouts],
        "guards": [
            snapshot.guards.of(flight.id, flight.campaign, flight.advertiser) for flight in snapshot.flights
        ],
        "targets": {
            row.name: [
                admission.parts.tolist(),
                *(
                    {value: postings[value].tolist() for value in sorted(postings)}
                    for postings in (admission.include, admission.exclude)
                ),
            ]
            for row, admission in snapshot.admissions
        },
    }  # fmt: skip


class Editor:
    """Makes random edits by the API, as managers do."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)
        self.ids: dict[str, list[str]] = {noun: [] for noun in ("campaign", "flight", "creative", "slot")}

    def edit(self) -> None:
        kinds = [
            self.a_flight,
            self.a_creative,
            self.a_slot,
            self.changed,
            self.changed,
            self.a_campaign,
            self.paused,
            self.archived,
        ]
        self.chance.choice(kinds if self.ids["campaign"] else [self.a_campaign])()

    def a_campaign(self) -> None:
        self.ids["campaign"].append(self.desk.a_campaign(advertiser=self.desk.an_advertiser()["id"])["id"])

    def a_flight(self) -> None:
        campaign = self.chance.choice(self.ids["campaign"])
        self.ids["flight"].append(self.desk.a_flight(campaign=campaign, **self.fields())["id"])

    def fields(self) -> dict[str, Any]:
        chosen = self.chance.choice
        return {
            "priority": self.chance.randint(1, 10),
            "caps": chosen([[], CAPS, CAPS[:1]]),
            "exclusions": chosen([[], ["airline"], ["bank", "airline"]]),
            "targeting": {
                "topics": chosen([{}, {"include": ["483"]}, {"include": ["386"], "exclude": ["483"]}]),
                "positions": chosen([{}, {"include": ["header"]}]),
            },
            "blackouts": chosen([[], [{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}]]),
        }

    def a_creative(self) -> None:
        widest = {"role": "widest", "text": VARIANTS[-1]["text"] + " And one that is wider than all of the others."}
        lines = [*VARIANTS, widest][: self.chance.randint(1, 4)]
        made = self.desk.an_approved(campaign=self.chance.choice(self.ids["campaign"]), variants=lines)
        self.ids["creative"].append(made["id"])

    def a_slot(self) -> None:
        self.ids["slot"].append(self.desk.a_slot()["id"])

    def changed(self) -> None:
        noun = self.chance.choice([noun for noun in ("campaign", "flight", "creative") if self.ids[noun]])
        fields = {
            "campaign": {"rotation": self.chance.choice(["even", "weighted", "sequential", "optimise"])},
            "flight": self.fields(),
            "creative": {"weight": self.chance.choice([1.0, 2.0, 5.0, 0.1])},
        }[noun]
        self.asked("PATCH", noun, self.chance.choice(self.ids[noun]), fields)

    def paused(self) -> None:
        for id_ in self.ids["creative"][-1:]:
            self.desk("POST", f"/v1/creatives/{id_}:{self.chance.choice(['pause', 'resume'])}")

    def archived(self) -> None:
        noun = self.chance.choice([noun for noun, ids in self.ids.items() if ids])
        id_ = self.chance.choice(self.ids[noun])
        self.asked("DELETE", noun, id_, None)

    def asked(self, method: str, noun: str, id_: str, fields: dict[str, Any] | None) -> None:
        path = f"/v1/{noun}s/{id_}"
        found = self.desk("GET", path)
        if found.status == 404:
            self.ids[noun].remove(id_)
        else:
            answer = self.desk(method, path, fields, If_Match=found.headers["ETag"])
            assert answer.status in (200, 204), answer.body
        if method == "DELETE" and id_ in self.ids[noun]:
            self.ids[noun].remove(id_)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_edit_compiled_alone_gives_what_compiling_everything_gives(
    desk: Desk, shelf: Shelf, tmp_path: Path, seed: int
) -> None:
    editor, press = Editor(desk, seed), Press(desk.engine, shelf)
    desk.a_slot()
    press.turn(NOW_S)
    for number in range(EDITS):
        editor.edit()
        press.turn(NOW_S)
        assert not press.turn(NOW_S), "compiled though nothing was edited"
        fresh = Shelf(tmp_path / f"fresh-{number}", KEY)
        Press(desk.engine, fresh).turn(NOW_S)
        assert told(mapped(shelf)) == told(mapped(fresh))
    assert all(editor.ids.values()), "the edits were not of all kinds"


@pytest.mark.parametrize("seed", [3, 4])
def test_a_compiler_that_starts_again_goes_on_where_the_last_one_was(desk: Desk, tmp_path: Path, seed: int) -> None:
    """A new one behind every edit, or every few, or none: the result is what compiling everything gives."""
    editor = Editor(desk, seed)
    desk.a_slot()
    desk.a_flight()
    Press(desk.engine, Shelf(tmp_path / "shelf", KEY)).turn(NOW_S)
    (first,) = (tmp_path / "shelf").glob("*.texts")
    for number in range(STARTS):
        before = version_of(desk.engine)
        for _ in range(number % 3):
            editor.edit()
        shelf, fresh = Shelf(tmp_path / "shelf", KEY), Shelf(tmp_path / f"fresh-{number}", KEY)
        press = Press(desk.engine, shelf)
        assert press.turn(NOW_S) == (version_of(desk.engine) > before), (
            "what lies on the shelf already is not made again"
        )
        assert not press.turn(NOW_S)
        Press(desk.engine, fresh).turn(NOW_S)
        assert told(mapped(shelf)) == told(mapped(fresh))
    assert [path.name for path in (tmp_path / "shelf").glob("*.texts")] == [first.name], "texts were read anew"


def test_a_click_finds_every_version_that_was_ever_approved(sqlite_desk: Desk, tmp_path: Path) -> None:
    """Shown, paused, overtaken by another version, or archived just now; by a compiler that goes on, and a new one."""
    campaign = sqlite_desk.a_campaign()["id"]
    sqlite_desk.a_flight(campaign=campaign)
    made = [sqlite_desk.an_approved(campaign=campaign)["id"] for _ in range(4)]
    press = Press(sqlite_desk.engine, Shelf(tmp_path / "shelf", KEY))
    press.turn(NOW_S)
    changed = {"landing_url": "https://qwiket.example/another"}
    etag = etag_of(sqlite_desk, made[0])
    assert sqlite_desk("PATCH", f"/v1/creatives/{made[0]}", changed, If_Match=etag).status == 200
    assert sqlite_desk("POST", f"/v1/creatives/{made[0]}:approve", key="review").status == 200
    sqlite_desk("POST", f"/v1/creatives/{made[1]}:pause")
    sqlite_desk("DELETE", f"/v1/creatives/{made[2]}", If_Match=etag_of(sqlite_desk, made[2]))
    with sqlite_desk.engine.connect() as connection:
        query = "SELECT creative, version, landing_url FROM creative_versions WHERE state = 'approved'"
        approved = {(creative, version): url for creative, version, url in connection.execute(sa.text(query))}
    assert len(approved) == 5
    press.turn(NOW_S)
    for _ in range(2):
        snapshot = mapped(Shelf(tmp_path / "shelf", KEY))
        assert len(snapshot.creatives) == 2
        assert {key: snapshot.landing(*key) for key in approved} == approved
        shown = {(creative.id, creative.version) for creative in snapshot.creatives}
        assert snapshot.landings.keys() == approved.keys() - shown, "what is shown is kept twice"
        assert snapshot.landing(1, 99) is None and snapshot.landing(10**12, 1) is None
        sqlite_desk.a_slot()
        Press(sqlite_desk.engine, Shelf(tmp_path / "shelf", KEY)).turn(NOW_S)


def etag_of(desk: Desk, creative: str) -> str:
    return str(desk("GET", f"/v1/creatives/{creative}").headers["ETag"])


def test_a_compiler_that_starts_again_reads_everything_of_another_database(sqlite_desk: Desk, shelf: Shelf) -> None:
    """One that was put back, and then edited as often as the one that the shelf is of."""
    made = sqlite_desk.a_flight()
    with sqlite_desk.engine.begin() as connection:
        before = connection.execute(sa.text("SELECT version FROM catalogue_version")).scalar_one()
        rows = connection.execute(sa.text("SELECT weight, edit, updated_at_s, revision FROM flights")).one()

    def patched(weight: float) -> None:
        etag = sqlite_desk("GET", f"/v1/flights/{made['id']}").headers["ETag"]
        sqlite_desk("PATCH", f"/v1/flights/{made['id']}", {"weight": weight}, If_Match=etag)

    patched(5.0)
    Press(sqlite_desk.engine, shelf).turn(NOW_S)
    assert mapped(shelf).flights[0].weight == 5.0
    with sqlite_desk.engine.begin() as connection:
        connection.execute(sa.text("UPDATE catalogue_version SET version = :version"), {"version": before})
        connection.execute(
            sa.text("UPDATE flights SET weight=:weight, edit=:edit, updated_at_s=:updated_at_s, revision=:revision"),
            dict(rows._mapping),
        )
    Press(sqlite_desk.engine, shelf).turn(NOW_S)
    assert mapped(shelf).flights[0].weight == rows.weight, "an older version is not what the shelf has"
    patched(5.0)
    Press(sqlite_desk.engine, shelf).turn(NOW_S)
    with sqlite_desk.engine.begin() as connection:
        connection.execute(sa.text("UPDATE flights SET weight = 7, updated_at_s = updated_at_s + 1"))
    assert Press(sqlite_desk.engine, shelf).turn(NOW_S)
    assert mapped(shelf).flights[0].weight == 7.0


@pytest.mark.parametrize("change", ["build", "dimensions", "damaged"])
def test_a_compiler_of_another_build_reads_everything(
    sqlite_desk: Desk, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    sqlite_desk.a_flight()
    Press(sqlite_desk.engine, shelf).turn(NOW_S)
    (before,) = (tmp_path / "shelf").glob("*.texts")
    dimensions = DIMENSIONS
    if change == "build":
        monkeypatch.setattr(pressing, "build", lambda: "another")
    elif change == "dimensions":
        dimensions = DIMENSIONS[:-1]
    else:
        before.write_bytes(before.read_bytes()[:-1])
    assert Press(sqlite_desk.engine, shelf, dimensions=dimensions).turn(NOW_S)
    name = shelf.current()
    assert name is not None
    assert shelf.open(name).told["values"].keys() == {row.name for row in dimensions}
    assert len({path.name for path in (tmp_path / "shelf").glob("*.texts")} - {before.name}) == 1


def test_what_a_killed_compiler_appended_is_nobody_s(sqlite_desk: Desk, shelf: Shelf, tmp_path: Path) -> None:
    sqlite_desk.a_flight()
    Press(sqlite_desk.engine, shelf).turn(NOW_S)
    (texts,) = (tmp_path / "shelf").glob("*.texts")
    with texts.open("ab") as file:
        file.write(b"half a row" * 1000)
    sqlite_desk.a_flight()
    assert Press(sqlite_desk.engine, shelf).turn(NOW_S)
    assert len(mapped(Shelf(tmp_path / "shelf", KEY)).flights) == 2
    assert [path.name for path in (tmp_path / "shelf").glob("*.texts")] == [texts.name]


def test_an_edit_reads_what_it_touched_and_appends_its_texts_only(
    sqlite_desk: Desk, shelf: Shelf, tmp_path: Path
) -> None:
    press = Press(sqlite_desk.engine, shelf)
    campaign = sqlite_desk.a_campaign()["id"]
    for _ in range(20):
        sqlite_desk.an_approved(campaign=campaign)
    press.turn(NOW_S)
    (texts,) = (tmp_path / "shelf").glob("*.texts")
    before, name = texts.stat().st_size, texts.name
    sqlite_desk.a_flight(campaign=campaign)
    press.turn(NOW_S)
    (texts,) = (tmp_path / "shelf").glob("*.texts")
    assert texts.name == name
    assert 0 < texts.stat().st_size - before < before / 10


def test_texts_that_nobody_reads_any_more_are_dropped(
    sqlite_desk: Desk, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "WASTE_MAX", 2_000)
    monkeypatch.setattr(shelves, "KEPT_MAX", 2)
    press = Press(sqlite_desk.engine, shelf)
    made = sqlite_desk.a_flight()
    sizes = []
    for number in range(40):
        etag = sqlite_desk("GET", f"/v1/flights/{made['id']}").headers["ETag"]
        sqlite_desk("PATCH", f"/v1/flights/{made['id']}", {"weight": 1.0 + number}, If_Match=etag)
        press.turn(NOW_S)
        sizes.append(sum(path.stat().st_size for path in (tmp_path / "shelf").glob("*.texts")))
    assert max(sizes) < 12_000 and mapped(shelf).flights[0].weight == 40.0


def test_the_last_catalogues_are_kept_and_open_ones_stay_readable(
    sqlite_desk: Desk, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "KEPT_MAX", 3)
    press = Press(sqlite_desk.engine, shelf)
    sqlite_desk.a_flight()
    press.turn(NOW_S)
    first = mapped(shelf)
    for _ in range(5):
        sqlite_desk.a_flight()
        press.turn(NOW_S)
    kept = sorted(path.name for path in (tmp_path / "shelf").glob("*.catalogue"))
    assert len(kept) == 3 and shelf.current() == kept[-1]
    assert len(first.flights) == 1 and first.flights[0].priority == 5, "a page that is still on an old one is broken"


def test_one_process_of_a_machine_compiles_and_the_others_follow(sqlite_desk: Desk, tmp_path: Path) -> None:
    watchers = [
        SnapshotWatcher(sqlite_desk.engine, Shelf(tmp_path, KEY), poll_ms=10_000, clock=lambda: NOW_S) for _ in range(3)
    ]
    sqlite_desk.a_flight()
    for watcher in watchers:
        watcher.refresh()
        snapshot = watcher.current()
        assert snapshot is not None and len(snapshot.flights) == 1
    (written,) = tmp_path.glob("*.catalogue")
    stamp = written.stat().st_mtime_ns
    watchers[2].stop()
    sqlite_desk.a_flight()
    watchers[1].refresh()
    assert [path.stat().st_mtime_ns for path in tmp_path.glob("*.catalogue")] == [stamp], "two of them write"
    watchers[0].stop()
    watchers[1].refresh()
    taken = watchers[1].current()
    assert taken is not None and len(taken.flights) == 2, "nobody compiles after the writer went"
    watchers[1].stop()


def test_a_worker_that_does_not_compile_waits_for_who_does(sqlite_desk: Desk, tmp_path: Path) -> None:
    watcher = SnapshotWatcher(sqlite_desk.engine, Shelf(tmp_path, KEY), poll_ms=10_000, compiles=False)
    sqlite_desk.a_flight()
    watcher.refresh()
    assert watcher.current() is None
    Press(sqlite_desk.engine, Shelf(tmp_path, KEY)).turn(NOW_S)
    watcher.show_edit()
    snapshot = watcher.current()
    assert snapshot is not None and len(snapshot.flights) == 1


@pytest.mark.parametrize("change", ["shorter", "another", "gone"])
def test_texts_that_were_changed_make_their_catalogue_refused(
    sqlite_desk: Desk, shelf: Shelf, tmp_path: Path, change: str
) -> None:
    sqlite_desk.a_flight()
    Press(sqlite_desk.engine, shelf).turn(NOW_S)
    (texts,) = (tmp_path / "shelf").glob("*.texts")
    body = texts.read_bytes()
    changes: dict[str, Callable[[], object]] = {
        "shorter": lambda: texts.write_bytes(body[:-1]),
        "another": lambda: texts.write_bytes(bytes([body[0] ^ 1]) + body[1:]),
        "gone": texts.unlink,
    }
    changes[change]()
    with pytest.raises(Unsafe):
        mapped(shelf)


def test_what_another_version_of_the_engine_wrote_is_refused(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pressed, "FORMAT", pressed.FORMAT + 1)
        texts: Texts = shelf.texts()
        shelf.put(1, {}, {"some": np.arange(3)}, texts)
    with pytest.raises(Unsafe, match="another version"):
        shelf.open("000000000001.catalogue")


def test_an_edit_that_cannot_be_compiled_is_taken_up_when_it_was_mended(sqlite_desk: Desk, shelf: Shelf) -> None:
    press = Press(sqlite_desk.engine, shelf)
    made = sqlite_desk.a_flight()
    press.turn(NOW_S)

    def store(targeting: str) -> None:
        with sqlite_desk.engine.begin() as connection:
            connection.execute(sa.text("UPDATE catalogue_version SET version = version + 1"))
            connection.execute(
                sa.text("UPDATE flights SET targeting = :t, edit = (SELECT version FROM catalogue_version)"),
                {"t": targeting},
            )

    store('{"topics": 5}')
    assert not press.turn(NOW_S) and not press.turn(NOW_S)
    assert mapped(shelf).flights[0].id == int(made["id"].removeprefix("flt_"))
    store('{"topics": {"include": ["483"], "exclude": []}}')
    assert press.turn(NOW_S)
    assert told(mapped(shelf))["targets"]["topics"][1]
