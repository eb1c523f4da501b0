"""The snapshot of a worker: follows every edit, survives the database, refuses what is damaged."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adengine.catalog.load import rows_of
from adengine.catalog.nouns import Level, Scope, Tier
from adengine.catalog.pressed import MAC_BYTES
from adengine.catalog.rows import catalogue_of
from adengine.catalog.shelf import Shelf
from adengine.catalog.tables import catalogue_version, flights
from adengine.catalog.watch import SnapshotWatcher
from adengine.errors import Unsafe
from adengine.places import Gazetteer
from adengine.store import sql
from tests.catalog.desk import NOW_S, Desk
from tests.eventually import eventually

KEY = bytes(range(32))
POLL_MS = 20
Open = Callable[..., SnapshotWatcher]


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Open]:
    """Starts watchers on an engine; stops them at the end."""
    started: list[SnapshotWatcher] = []

    def start(engine: sa.Engine, key: bytes = KEY, clock: Callable[[], float] = lambda: NOW_S) -> SnapshotWatcher:
        watcher = SnapshotWatcher(engine, Shelf(tmp_path / "shelf", key), poll_ms=POLL_MS, clock=clock)
        watcher.start()
        started.append(watcher)
        return watcher

    yield start
    for watcher in started:
        watcher.stop()


def away(tmp_path: Path) -> sa.Engine:
    """A database that does not answer."""
    return sql.engine(f"sqlite:///{tmp_path / 'no' / 'such' / 'file.sqlite3'}")


def numbers(watcher: SnapshotWatcher) -> dict[str, int]:
    snapshot = watcher.current()
    assert snapshot is not None
    return {
        "sites": len(snapshot.sites),
        "slots": len(snapshot.slots),
        "flights": len(snapshot.flights),
        "candidates": len(snapshot.candidates),
    }


def test_what_the_api_stored_is_what_fills_read(desk: Desk, watching: Open) -> None:
    made = desk.a_site(domains=["news.example"])
    desk.a_slot(site=made["id"], default_topics=["sports"])
    site = int(made["id"].removeprefix("site_"))
    campaign = desk.a_campaign()
    desk.a_flight(
        campaign=campaign["id"],
        tier="sponsorship",
        priority=2,
        caps=[{"per": "campaign", "limit": 3, "window": "1d"}],
        targeting={"places": {"include": ["Remer,MN"]}, "topics": {"include": ["sports"], "match": "exact"}},
    )
    desk.an_approved(campaign=campaign["id"])
    snapshot = watching(desk.engine).current()
    assert snapshot is not None
    assert snapshot.site_of("news.example") == site and snapshot.sites[site].timezone == "America/Chicago"
    assert snapshot.slots[site, "article-header"].default_topics == ("483",)
    (flight,) = snapshot.flights
    assert (flight.tier, flight.priority, flight.ends_at_s) == (Tier.SPONSORSHIP, 2, None)
    assert [(cap.per, cap.limit, cap.window) for cap in flight.caps] == [(Level.CAMPAIGN, 3, "1d")]
    assert flight.targeting.topics.include == ("483",) and flight.targeting.topic_match == "exact"
    (creative,) = snapshot.creatives
    assert [variant.role for variant in creative.variants] == ["brand", "short", "long"]
    assert creative.variants[0].width_em["arial"] > 0
    assert snapshot.landing(creative.id, 1) == creative.landing_url == "https://qwiket.example/play"
    assert snapshot.advertisers[flight.advertiser] == "QWIKET"
    assert {Scope.REVIEW, Scope.MANAGE} <= {scope for key in snapshot.keys.values() for scope in key.scopes}


def test_only_what_was_approved_and_is_not_paused_or_archived_is_shown(sqlite_desk: Desk, watching: Open) -> None:
    desk = sqlite_desk
    campaign = desk.a_campaign()["id"]
    desk.a_flight(campaign=campaign)
    desk.a_creative(campaign=campaign)
    kept, paused, archived = (desk.an_approved(campaign=campaign) for _ in range(3))
    assert desk("POST", f"/v1/creatives/{paused['id']}:pause").status == 200
    assert desk("DELETE", f"/v1/creatives/{archived['id']}").status in (200, 204)
    watcher = watching(desk.engine)
    snapshot = watcher.current()
    assert snapshot is not None
    assert [f"crt_{creative.id}" for creative in snapshot.creatives] == [kept["id"]]
    for creative in (kept, paused, archived):
        number = int(creative["id"].removeprefix("crt_"))
        assert snapshot.landing(number, 1) is not None, "a click on a line still on a page goes nowhere"
    desk.now_s += 3 * 86_400
    rows = rows_of(desk.engine, desk.now_s)
    assert int(archived["id"].removeprefix("crt_")) not in {row["creative"] for row in rows["landings"]}


def test_an_edit_shows_in_every_worker(desk: Desk, watching: Open) -> None:
    workers = [watching(desk.engine) for _ in range(2)]
    campaign = desk.a_campaign()["id"]
    flight = desk.a_flight(campaign=campaign)
    desk.an_approved(campaign=campaign)
    for worker in workers:
        eventually(lambda worker=worker: numbers(worker)["candidates"] == 1)
    etag = desk("GET", f"/v1/flights/{flight['id']}").headers["ETag"]
    assert desk("DELETE", f"/v1/flights/{flight['id']}", If_Match=etag).status in (200, 204)
    for worker in workers:
        eventually(lambda worker=worker: numbers(worker)["candidates"] == 0)


def test_a_worker_shows_its_own_edit_at_once(sqlite_desk: Desk, tmp_path: Path) -> None:
    watcher = SnapshotWatcher(sqlite_desk.engine, Shelf(tmp_path, KEY), poll_ms=10_000, clock=lambda: NOW_S)
    watcher.start()
    sqlite_desk.a_site()
    watcher.refresh()
    assert numbers(watcher)["sites"] == 1
    watcher.stop()


def test_a_fill_keeps_the_snapshot_that_it_began_with(sqlite_desk: Desk, watching: Open) -> None:
    watcher = watching(sqlite_desk.engine)
    begun = watcher.current()
    assert begun is not None
    sqlite_desk.a_site()
    eventually(lambda: numbers(watcher)["sites"] == 1)
    assert begun.sites == {} and watcher.current() is not begun


def test_the_caps_of_another_time_are_those_of_the_flights_that_run_then(sqlite_desk: Desk, watching: Open) -> None:
    campaign = sqlite_desk.a_campaign()
    sqlite_desk.a_flight(
        campaign=campaign["id"],
        starts_at="2040-01-01T00:00:00Z",
        ends_at="2040-02-01T00:00:00Z",
        caps=[{"per": "flight", "limit": 3, "window": "1d"}],
    )
    sqlite_desk.an_approved(campaign=campaign["id"])
    watcher = watching(sqlite_desk.engine)
    now, before, then, after = (
        watcher.as_of(int(datetime(*day, tzinfo=UTC).timestamp()))
        for day in ((2039, 12, 1), (2039, 1, 1), (2040, 1, 2), (2040, 3, 1))
    )
    assert now is before is watcher.current()
    assert now is not None and then is not None and after is not None
    assert [bool(snapshot.guarded.any()) for snapshot in (now, then, after)] == [False, True, False]


def test_the_last_good_snapshot_serves_while_the_database_is_away(
    sqlite_engine: sa.Engine, gazetteer: Gazetteer, watching: Open, sqlite_url: str
) -> None:
    Desk(sqlite_engine, gazetteer).a_slot()
    watcher = watching(sqlite_engine)
    assert watcher.database_ok
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    hidden = file.with_name("hidden")
    file.rename(hidden)
    eventually(lambda: not watcher.database_ok)
    assert numbers(watcher)["slots"] == 1
    hidden.rename(file)
    eventually(lambda: watcher.database_ok)


def test_a_worker_that_starts_without_a_database_reads_the_saved_snapshot(
    sqlite_desk: Desk, watching: Open, tmp_path: Path
) -> None:
    sqlite_desk.a_slot()
    first = watching(sqlite_desk.engine)
    second = watching(away(tmp_path))
    assert not second.database_ok
    assert numbers(second) == numbers(first)
    snapshot, saved = first.current(), second.current()
    assert snapshot is not None and saved is not None
    assert saved.slots == snapshot.slots and saved.keys == snapshot.keys


def test_a_worker_without_database_and_file_has_no_snapshot(watching: Open, tmp_path: Path) -> None:
    watcher = watching(away(tmp_path))
    assert watcher.current() is None and not watcher.database_ok


@pytest.mark.parametrize("at", [0, MAC_BYTES - 1, MAC_BYTES, -1])
@pytest.mark.parametrize("kind", ["catalogue", "texts"])
def test_a_saved_snapshot_with_any_byte_changed_is_refused(
    kind: str, at: int, sqlite_desk: Desk, watching: Open, tmp_path: Path
) -> None:
    sqlite_desk.one_of_each()
    watching(sqlite_desk.engine).stop()
    (file,) = (tmp_path / "shelf").glob(f"*.{kind}")
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    shelf = Shelf(tmp_path / "shelf", KEY)
    with pytest.raises(Unsafe):
        shelf.open(shelf.current() or "")
    assert watching(away(tmp_path)).current() is None


def test_of_several_saved_snapshots_the_newest_whole_one_is_taken(
    sqlite_desk: Desk, watching: Open, tmp_path: Path
) -> None:
    sqlite_desk.key_for("manage")
    watcher = watching(sqlite_desk.engine)
    good = watcher.current()
    sqlite_desk.a_site()
    eventually(lambda: numbers(watcher)["sites"] == 1)
    watcher.stop()
    newest = tmp_path / "shelf" / (Shelf(tmp_path / "shelf", KEY).current() or "")
    newest.write_bytes(newest.read_bytes()[:-1])
    taken = watching(away(tmp_path)).current()
    assert good is not None and taken is not None and taken.version == good.version


def test_a_saved_snapshot_signed_with_another_secret_is_refused(
    sqlite_desk: Desk, watching: Open, tmp_path: Path
) -> None:
    watching(sqlite_desk.engine).stop()
    assert watching(away(tmp_path), key=bytes(32)).current() is None
    assert watching(away(tmp_path)).current() is not None


def test_what_an_older_version_saved_has_the_defaults_of_newer_fields(sqlite_desk: Desk) -> None:
    sqlite_desk.one_of_each()
    rows = rows_of(sqlite_desk.engine, NOW_S)
    newer = {"sites": ("exclusive",), "slots": ("position_weight",), "flights": ("exclusions", "roadblock")}
    older = rows | {
        table: [{name: value for name, value in row.items() if name not in fields} for row in rows[table]]
        for table, fields in newer.items()
    }
    assert older != rows and catalogue_of(older) == catalogue_of(rows)


def test_the_file_is_written_only_when_something_changed(sqlite_desk: Desk, watching: Open, tmp_path: Path) -> None:
    watcher = watching(sqlite_desk.engine)
    shelf = Shelf(tmp_path / "shelf", KEY)
    before = shelf.stamp()
    watcher.refresh()
    watcher.refresh()
    assert shelf.stamp() == before
    sqlite_desk.a_site()
    watcher.refresh()
    assert shelf.stamp() != before
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "shelf").glob("*.*")), "digests of keys"


def test_a_catalogue_that_cannot_be_compiled_is_refused_and_the_old_one_kept(sqlite_desk: Desk, watching: Open) -> None:
    desk = sqlite_desk
    desk.a_flight()
    watcher = watching(desk.engine)
    good = watcher.current()
    bad_tier(desk.engine, 99)
    watcher.refresh()
    assert watcher.current() is good and watcher.database_ok
    bad_tier(desk.engine, 1)
    watcher.refresh()
    assert watcher.current() is not good


def bad_tier(engine: sa.Engine, tier: int) -> None:
    """What no edit through the API can do."""
    with sql.writing(engine) as connection:
        connection.execute(sa.update(catalogue_version).values(version=catalogue_version.c.version + 1))
        edit = sa.select(catalogue_version.c.version).scalar_subquery()
        connection.execute(sa.update(flights).values(tier=tier, edit=edit))


def test_flights_begin_and_end_while_nobody_edits_and_the_database_is_away(
    sqlite_desk: Desk, watching: Open, tmp_path: Path
) -> None:
    desk = sqlite_desk
    cap: dict[str, Any] = {"per": "campaign", "limit": 1, "window": "1d"}
    campaign = desk.a_campaign()["id"]
    desk.a_flight(campaign=campaign, starts_at="2026-01-01T00:00:00Z", ends_at="2026-02-01T00:00:00Z", caps=[cap])
    desk.a_flight(campaign=campaign)
    now_s = [NOW_S]
    watching(desk.engine, clock=lambda: now_s[0]).stop()
    watcher = watching(away(tmp_path), clock=lambda: now_s[0])

    def guarded() -> int:
        snapshot = watcher.current()
        assert snapshot is not None
        return int(snapshot.guarded.sum())

    assert guarded() == 0
    now_s[0] = 1_767_225_600  # 1 January 2026
    eventually(lambda: guarded() == 2)
    now_s[0] = 1_769_904_000  # 1 February 2026
    eventually(lambda: guarded() == 0)
