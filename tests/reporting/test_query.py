"""What a report is asked for: every mistake is named, at once."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adengine.errors import Invalid
from adengine.reporting.dimensions import DIMENSIONS, World
from adengine.reporting.metrics import METRICS
from adengine.reporting.query import DEFAULT_DAYS, PARAMETERS, Asked, parse
from tests.reporting.books import NOW_S


def asked(world: World, **given: str | list[str]) -> Asked:
    values = {name.rstrip("_"): [value] if isinstance(value, str) else value for name, value in given.items()}
    return parse(values, world, NOW_S + 100)


def mistakes(world: World, **given: str | list[str]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as raised:
        asked(world, **given)
    return [(mistake.pointer, mistake.detail) for mistake in raised.value.mistakes]


def instant(s: int) -> str:
    return datetime.fromtimestamp(s, UTC).isoformat()


def test_all_mistakes_are_named_at_once(world: World) -> None:
    found = mistakes(
        world, from_="2025-13-01", to="yesterday", tz="Mars/Olympus", group_by="day,planet", metrics="clicks,joy",
        filter=["flight:7", "tier:royal", "day:2025-01-01", "colour:red", "tier", "device:fridge", "refresh:4"],
        format="xml", extra="1",
    )  # fmt: skip
    assert sorted(pointer for pointer, _ in found) == [
        "?extra", *["?filter"] * 7, "?format", "?from", "?group_by", "?metrics", "?to", "?tz",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "pointer"),
    [({"from_": "2025-09-02", "to": "2025-09-02"}, "?from"), ({"from_": "2025-09-03", "to": "2025-09-02"}, "?from"),
     ({"from_": "2025-09-01T00:01:00Z", "to": "2025-09-02"}, "?from"), ({"from_": "2025-09-01T00:00:00"}, "?from"),
     ({"tz": "localtime"}, "?tz"),
     ({"from_": "1999-01-01"}, "?from"), ({"to": "9999-12-31"}, "?to"), ({"to": "20250901"}, "?to"),
     ({"from_": "٢٠٢٥-09-01"}, "?from"), ({"metrics": ""}, "?metrics"), ({"metrics": "clicks,clicks"}, "?metrics"),
     ({"group_by": "day,,flight"}, "?group_by"), ({"format": "xlsx"}, "?format"), ({"tz": "../UTC"}, "?tz"),
     ({"tz": ["UTC", "UTC"]}, "?tz"), ({"filter": ["tier:house"] * 101}, "?filter")],
    ids=str,
)  # fmt: skip
def test_a_mistake_is_named_where_it_stands(world: World, given: dict[str, str], pointer: str) -> None:
    assert [where for where, _ in mistakes(world, **given)] == [pointer]


@pytest.mark.parametrize("name", [row.name for row in DIMENSIONS if row.wanted is not None])
def test_no_database_is_asked_for_a_text_with_a_nul(world: World, name: str) -> None:
    assert mistakes(world, filter=f"{name}:\0") == [("?filter", f"'\\x00' is no {name}")]


def test_dates_begin_at_midnight_in_the_zone(world: World) -> None:
    chicago = asked(world, from_="2025-09-01", to="2025-09-02", tz="America/Chicago")
    assert (instant(chicago.from_s), instant(chicago.to_s)) == (
        "2025-09-01T05:00:00+00:00",
        "2025-09-02T05:00:00+00:00",
    )
    kathmandu = asked(world, from_="2025-09-01", to="2025-09-02", tz="Asia/Kathmandu")
    assert instant(kathmandu.from_s) == "2025-08-31T18:15:00+00:00"
    assert kathmandu.zone == ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize("text", ["2025-09-01T06:15:00Z", "2025-09-01T08:15+02:00", "2025-09-01t06:15:00.0z"])
def test_a_time_is_taken_with_its_offset(world: World, text: str) -> None:
    assert instant(asked(world, from_=text, to="2025-09-02").from_s) == "2025-09-01T06:15:00+00:00"


def test_by_default_the_last_days_up_to_now_are_reported(world: World) -> None:
    default = asked(world)
    assert default.to_s == NOW_S + 900 and default.to_s - default.from_s == DEFAULT_DAYS * 86_400


def test_filters_repeat_and_mean_what_the_catalogue_means(world: World) -> None:
    both = asked(world, filter=["flight:flt_1", "flight:flt_2", "tier:house", "place:Remer,MN", "topic:sports"])
    assert both.filters["flight"] == (1, 2) and both.filters["tier"] == (3,)
    place = world.gazetteer.place(both.filters["place"][0])
    assert place is not None and place.path == ("US", "US-MN", "Cass County", "Remer")


@pytest.mark.parametrize("text", ["place:Nowhere at all", "topic:nonsense", "flight:cmp_1", "version:x", "site:1"])
def test_a_filter_that_means_nothing_is_a_mistake(world: World, text: str) -> None:
    assert mistakes(world, filter=[text])[0][0] == "?filter"


@pytest.mark.parametrize("row", [*DIMENSIONS, *METRICS, *PARAMETERS], ids=lambda row: row.name)
def test_everything_has_a_definition(row: object) -> None:
    assert len(row.definition) > 10 and row.definition.endswith(".")  # type: ignore[attr-defined]


def test_names_are_unique() -> None:
    names = [row.name for row in (*DIMENSIONS, *METRICS)]
    assert len(set(names)) == len(names)
