"""The delivery report: totals equal their parts in every grouping and zone, and every part is where it belongs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from adengine import places, topics
from adengine.catalog.nouns import Tier
from adengine.counting.metrics import NONE, Metric
from adengine.errors import Invalid
from adengine.reporting import delivery, load
from adengine.reporting.delivery import report_of
from adengine.reporting.dimensions import DIMENSIONS, World
from adengine.reporting.metrics import METRICS
from adengine.reporting.query import parse
from adengine.reporting.question import question_of
from tests.reporting.books import (
    CAMPAIGNS,
    FLIGHTS,
    MINNESOTA_TOWNS,
    NOW_S,
    ROLES,
    SLOTS,
    a_cell,
    write_catalogue,
    write_rollups,
)  # fmt: skip

ZONES = sorted(available_timezones())
QUARTER_S, DAY_S = 900, 86_400
YEAR_S = int(datetime.fromisoformat("2025-01-01T00:00:00+00:00").timestamp())


def changes(zone: ZoneInfo) -> list[date]:
    """The days of 2025 on which clocks change there, told by how long they are; a day of June where they do not."""
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(365)]
    return [day for day in days if quarters_of(day, zone) != 96] or [date(2025, 6, 15)]


def quarters_of(day: date, zone: ZoneInfo) -> int:
    begin, end = (datetime.combine(each, time(), zone).timestamp() for each in (day, day + timedelta(days=1)))
    return int(end - begin) // QUARTER_S


def reported(engine: Engine, world: World, **given: str | list[str]) -> delivery.Report:
    values = {name.rstrip("_"): [value] if isinstance(value, str) else value for name, value in given.items()}
    asked = parse(values, world, NOW_S)
    question = question_of(asked, advertiser=None, site=None)
    loaded = load.load(engine, question)
    seen = World(gazetteer=world.gazetteer, taxonomy=world.taxonomy, roles=loaded.roles, names=loaded.names)
    return report_of(asked, question, loaded.parts, seen)


def the_label(unit: str, at_s: int, zone: ZoneInfo) -> str:
    """A unit's label of an instant, straight from the zone."""
    local = datetime.fromtimestamp(at_s, zone)
    offset = local.strftime("%z")
    return {
        "hour": local.replace(minute=0, second=0, tzinfo=None).isoformat() + f"{offset[:3]}:{offset[3:5]}",
        "day": local.date().isoformat(),
        "week": (local.date() - timedelta(days=local.weekday())).isoformat(),
        "month": local.strftime("%Y-%m"),
    }[unit]


def the_value(name: str, cell: dict[str, Any], zone: ZoneInfo, world: World) -> Any:
    """What a dimension says of a cell, told without the code under test."""
    flight = cell["flight"]
    campaign = FLIGHTS.get(flight)
    place = world.gazetteer.place(cell["place"])
    plain = {
        "site": f"site_{cell['site']}",
        "slot": f"slot_{cell['slot']}" if cell["slot"] else None,
        "position": SLOTS[cell["slot"]][1] if cell["slot"] else None,
        "advertiser": f"adv_{CAMPAIGNS[campaign][0]}" if campaign else None,
        "campaign": f"cmp_{campaign}" if campaign else None,
        "flight": f"flt_{flight}" if flight else None,
        "creative": f"crt_{cell['creative']}" if cell["creative"] else None,
        "version": cell["version"] or None,
        "variant": ROLES[cell["variant"]] if cell["creative"] and cell["variant"] != NONE else None,
        "tier": Tier(cell["tier"]).name.lower() if cell["tier"] != NONE else None,
        "topic": str(cell["topic"]) if cell["topic"] else None,
        "device": {0: None, 1: "phone", 3: "desktop", 6: "bot"}[cell["device"]],
        "refresh": cell["refresh"],
        "reason": cell["reason"] or None,
        "currency": CAMPAIGNS[campaign][1] if campaign else None,
        "place": place.spelling if place else None,
    }
    if name in plain:
        return plain[name]
    if name in ("hour", "day", "week", "month"):
        return the_label(name, cell["quarter_s"], zone)
    above = [world.gazetteer.place(id_) for id_ in world.gazetteer.ancestors(cell["place"])]
    return next((each.spelling for each in above if each is not None and each.kind == name), None)


def cells(towns: list[int], noon_s: int) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of the rollups within two days of an instant; topics are those with the same number in base 36 and 10."""
    flight = st.sampled_from([0, *FLIGHTS])
    return st.builds(
        lambda flight, slot, variant, **rest: a_cell(
            flight=flight, creative=flight, version=int(bool(flight)), variant=variant if flight else NONE,
            slot=slot, site=SLOTS[slot][0] if slot else 1, **rest,
        ),
        flight=flight, slot=st.sampled_from([0, *SLOTS]), variant=st.sampled_from([0, 1, 2, NONE]),
        quarter_s=st.integers(-192, 192).map(lambda n: noon_s + n * QUARTER_S),
        metric=st.sampled_from([metric for metric in Metric if metric is not Metric.PAGE]),
        tier=st.sampled_from([*Tier, NONE]), place=st.sampled_from([0, *towns]), topic=st.sampled_from([0, 1, 5]),
        device=st.sampled_from([0, 1, 3, 6]), refresh=st.integers(0, 3),
        reason=st.sampled_from(["", "late", "all_capped"]), n=st.integers(1, 10**6), micros=st.integers(0, 10**12),
    )  # fmt: skip


def unique(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One cell per key, as the table has them."""
    return list({tuple(v for k, v in cell.items() if k not in ("n", "micros")): cell for cell in found}.values())


@pytest.fixture
def towns(gazetteer: places.Gazetteer) -> list[int]:
    return [place.id for town in MINNESOTA_TOWNS if (place := gazetteer.resolve(town).place) is not None]


SUMS: dict[str, tuple[Metric, ...]] = {
    "requests": (Metric.FILL, Metric.EMPTY), "fills": (Metric.FILL,), "empty": (Metric.EMPTY,),
    "impressions": (Metric.IMPRESSION,), "viewable": (Metric.VIEWABLE,), "measurable": (Metric.MEASURABLE,),
    "clicks": (Metric.CLICK,), "invalid": (Metric.INVALID_IMPRESSION,), "capped": (Metric.CAPPED,),
    "gross": (Metric.IMPRESSION, Metric.INVALID_IMPRESSION), "invalid_clicks": (Metric.INVALID_CLICK,),
    "invalid_viewable": (Metric.INVALID_VIEWABLE,),
}  # fmt: skip


def test_totals_equal_their_parts_in_every_grouping_and_zone(engine: Engine, world: World, towns: list[int]) -> None:
    write_catalogue(engine)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data(), zone_name=st.sampled_from(ZONES))
    def check(data: st.DataObject, zone_name: str) -> None:
        zone = ZoneInfo(zone_name)
        day = data.draw(st.sampled_from(changes(zone)))
        noon_s = int(datetime.combine(day, time(12), zone).timestamp())
        found = unique(data.draw(st.lists(cells(towns, noon_s), max_size=25)))
        write_rollups(engine, *found)
        dimensions = data.draw(st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True))
        names = [row.name for row in dimensions]
        report = reported(
            engine, world, from_=day.isoformat(), to="2025-12-31", tz=zone_name, group_by=",".join(names),
            metrics=",".join(metric.name for metric in METRICS),
        )  # fmt: skip
        begin_s = int(datetime.combine(day, time(), zone).timestamp())
        inside = [cell for cell in found if cell["quarter_s"] >= begin_s]
        expected: Counter[tuple[Any, ...]] = Counter()
        for cell in inside:
            key = tuple(the_value(name, cell, zone, world) for name in names)
            for metric, stored in SUMS.items():
                expected[(*key, metric)] += cell["n"] if cell["metric"] in stored else 0
        rows = [tuple(row[name] for name in names) for row in report.rows]
        assert len(set(rows)) == len(rows)
        for row, key in zip(report.rows, rows, strict=True):
            assert {metric: row[metric] for metric in SUMS} == {metric: expected[(*key, metric)] for metric in SUMS}
            assert row["gross"] == row["impressions"] + row["invalid"]
            assert row["requests"] == row["fills"] + row["empty"]
        for metric in SUMS:
            assert report.totals[metric] == sum(row[metric] for row in report.rows)
            assert report.totals[metric] == sum(cell["n"] for cell in inside if cell["metric"] in SUMS[metric])
        charged: Counter[str] = Counter()
        for cell in inside:
            if cell["flight"] and cell["metric"] in (Metric.IMPRESSION, Metric.CLICK):
                charged[CAMPAIGNS[FLIGHTS[cell["flight"]]][1]] += cell["micros"]
        if len(+charged) < 2:
            assert report.totals["spend_micros"] == sum(row["spend_micros"] for row in report.rows) == charged.total()

    check()


def test_both_days_of_every_zone_on_which_clocks_change_are_as_long_as_they_were(
    sqlite_engine: Engine, world: World
) -> None:
    """An impression in every quarter of the year, so that a day's sum is its length."""
    write_rollups(sqlite_engine, *(a_cell(quarter_s=YEAR_S + n * QUARTER_S, n=1) for n in range(-96, 366 * 96)))
    alike: dict[tuple[tuple[date, int], ...], str] = {}
    for name in ZONES:
        zone = ZoneInfo(name)
        alike.setdefault(tuple((day, quarters_of(day, zone)) for day in changes(zone)), name)
    assert len(alike) > 10 and {len(days) for days in alike} >= {1, 2}
    for days, name in alike.items():
        for day, quarters in days:
            begin, end = day - timedelta(days=2), day + timedelta(days=3)
            for group_by in ("day", "hour"):
                report = reported(
                    sqlite_engine, world, from_=begin.isoformat(), to=end.isoformat(), tz=name, group_by=group_by,
                    metrics="impressions",
                )  # fmt: skip
                assert (
                    report.totals["impressions"] == sum(row["impressions"] for row in report.rows) == 4 * 96 + quarters
                )
                if group_by == "day":
                    told = {row["day"]: row["impressions"] for row in report.rows}
                    assert (told[day.isoformat()], len(told)) == (quarters, 5), name


def test_a_row_for_every_dimension(sqlite_engine: Engine, world: World, towns: list[int]) -> None:
    write_catalogue(sqlite_engine)
    write_rollups(sqlite_engine, a_cell(place=towns[0], topic=5, variant=1, device=2, reason="x", n=3))
    for row in DIMENSIONS:
        (found,) = reported(sqlite_engine, world, from_="2025-09-01", to="2025-09-30", group_by=row.name).rows
        assert found[row.name] is not None and found["impressions"] == 3, row.name
        assert (f"{row.name}_name" in found) is (row.named is not None)


def test_names_stand_beside_ids(sqlite_engine: Engine, world: World, towns: list[int]) -> None:
    write_catalogue(sqlite_engine)
    write_rollups(sqlite_engine, a_cell(place=towns[0], topic=5))
    group_by = "site,slot,advertiser,campaign,city,county,region,country,topic"
    (row,) = reported(sqlite_engine, world, from_="2025-09-01", to="2025-09-30", group_by=group_by).rows
    assert {name: row[f"{name}_name"] for name in group_by.split(",")} == {
        "site": "Site 1", "slot": "slot-1", "advertiser": "Advertiser 1", "campaign": "=Campaign 1",
        "city": "US > US-MN > Cass County > Remer", "county": "US > US-MN > Cass County", "region": "US > US-MN",
        "country": "US", "topic": " > ".join(topics.load().topic("5").path),  # type: ignore[union-attr]
    }  # fmt: skip


FILTERED: list[tuple[list[str], Callable[[dict[str, Any]], bool]]] = [
    (["flight:flt_1"], lambda cell: cell["flight"] == 1),
    (["flight:flt_1", "flight:flt_3"], lambda cell: cell["flight"] in (1, 3)),
    (["advertiser:adv_1"], lambda cell: cell["flight"] in (1, 2, 3)),
    (["campaign:cmp_1", "slot:slot_1"], lambda cell: cell["flight"] in (1, 2) and cell["slot"] == 1),
    (["position:header"], lambda cell: cell["slot"] in (1, 3)),
    (["tier:sponsorship"], lambda cell: cell["tier"] == 0),
    (["place:Minnesota, US"], lambda cell: cell["place"] != 0),
    (["city:Remer,MN"], lambda cell: cell["place"] == 4),
    (["variant:short"], lambda cell: cell["variant"] == 1),
    (["topic:5", "reason:late"], lambda cell: cell["topic"] == 5 and cell["reason"] == "late"),
    (["currency:EUR"], lambda cell: cell["flight"] == 4),
    (["version:2"], lambda cell: False),
    (["device:phone"], lambda cell: cell["device"] == 1),
    (["device:phone", "device:bot", "refresh:3"], lambda cell: cell["device"] in (1, 6) and cell["refresh"] == 3),
    (["refresh:0"], lambda cell: cell["refresh"] == 0),
]


@pytest.mark.parametrize(
    ("filters", "wanted"), FILTERED, ids=lambda value: "+".join(value) if isinstance(value, list) else ""
)
def test_filters_are_or_inside_a_dimension_and_and_between(
    engine: Engine, world: World, towns: list[int], filters: list[str], wanted: Callable[[dict[str, Any]], bool]
) -> None:
    write_catalogue(engine)
    found = [
        a_cell(
            flight=flight,
            creative=flight,
            slot=slot,
            place=place,
            tier=tier,
            topic=topic,
            variant=tier,
            reason=reason,
            device=device,
            refresh=refresh,
        )
        for (flight, slot, place), (tier, topic, reason), (device, refresh) in zip(
            itertools.product(FLIGHTS, SLOTS, (0, towns[0], towns[1])),
            itertools.cycle([(0, 5, "late"), (1, 0, ""), (2, 5, "")]),
            itertools.cycle([(0, 0), (1, 3), (1, 1), (6, 3), (3, 2)]),
        )
    ]
    write_rollups(engine, *found)
    report = reported(engine, world, from_="2025-09-01", to="2025-09-30", filter=filters, metrics="impressions")
    told = [cell | {"place": {0: 0, towns[0]: 4, towns[1]: 5}[cell["place"]]} for cell in found]
    assert report.totals["impressions"] == sum(map(wanted, told))


def test_a_period_takes_in_its_begin_and_leaves_out_its_end(sqlite_engine: Engine, world: World) -> None:
    write_catalogue(sqlite_engine)
    write_rollups(sqlite_engine, *(a_cell(quarter_s=NOW_S + n * QUARTER_S) for n in range(-2, 3)))
    report = reported(sqlite_engine, world, from_="2025-09-07T00:00Z", to="2025-09-07T00:30Z", metrics="impressions")
    assert report.totals == {"impressions": 2}


def test_rows_stand_in_order(sqlite_engine: Engine, world: World) -> None:
    write_catalogue(sqlite_engine)
    days = [a_cell(quarter_s=NOW_S - n * 86_400, flight=flight) for n in range(3) for flight in (4, 0, 2)]
    write_rollups(sqlite_engine, *days)
    rows = reported(sqlite_engine, world, from_="2025-09-01", to="2025-09-30", group_by="day,flight").rows
    assert [(row["day"][-2:], row["flight"]) for row in rows] == [
        (day, flight) for day in ("05", "06", "07") for flight in (None, "flt_2", "flt_4")
    ]


@pytest.mark.parametrize("group_by", ["city", "region,day", "day,city,flight", "flight"])
def test_small_places_stand_together_and_totals_stay_what_they_are(
    sqlite_engine: Engine, world: World, group_by: str
) -> None:
    write_catalogue(sqlite_engine)
    towns = [world.gazetteer.resolve(town).place for town in MINNESOTA_TOWNS]
    places = [town.id for town in towns if town is not None]
    write_rollups(
        sqlite_engine,
        *(a_cell(place=place, n=n) for place, n in zip(places, (9, 3, 40), strict=True)),
        a_cell(Metric.CLICK, place=places[0], n=1),
    )
    given = {"from": ["2025-09-01"], "to": ["2025-09-30"], "group_by": [group_by], "metrics": ["impressions,clicks"]}
    asked = parse(given, world, NOW_S)
    question = question_of(asked, advertiser=None, site=None)
    read = load.load(sqlite_engine, question).parts
    open_, closed = report_of(asked, question, read, world), report_of(asked, question, read, world, small_cells=10)
    assert open_.totals == closed.totals
    assert all(closed.totals[name] == sum(row[name] for row in closed.rows) for name in closed.totals)
    if "city" in group_by:
        few = [row for row in closed.rows if row["city"] == "few"]
        assert [(row["impressions"], row["clicks"], row["city_name"]) for row in few] == [(12, 1, "fewer than 10 each")]
        assert len(closed.rows) == 2 and len(open_.rows) == 3
    else:
        assert closed.rows == open_.rows


def small(engine: Engine, world: World, **given: str) -> delivery.Report:
    """A report of September with small cells hidden."""
    values = {"from": ["2025-09-01"], "to": ["2025-09-30"], "metrics": ["impressions"]}
    asked = parse(values | {name: [value] for name, value in given.items()}, world, NOW_S)
    return load.Desk(engine, world.gazetteer, world.taxonomy, small_cells=10).report(asked, advertiser=None, site=None)[
        0
    ]  # type: ignore[arg-type]


def test_a_filter_tells_no_more_of_small_places_than_a_group(
    sqlite_engine: Engine, world: World, towns: list[int]
) -> None:
    write_catalogue(sqlite_engine)
    days = [a_cell(place=towns[1], quarter_s=NOW_S + day * DAY_S, n=n) for day, n in enumerate((40, 3, 2, 50))]
    write_rollups(sqlite_engine, *days, a_cell(place=towns[0], n=9))
    for name in ("place", "city"):
        with pytest.raises(Invalid) as raised:
            small(sqlite_engine, world, filter=f"{name}:Remer,MN")
        assert raised.value.mistakes[0].pointer == "?filter" and "fewer than 10" in raised.value.mistakes[0].detail
    report = small(sqlite_engine, world, filter="place:Duluth,MN", group_by="day,flight")
    assert [(row["day"], row["flight"], row["impressions"]) for row in report.rows] == [
        ("2025-09-07", "flt_1", 40), ("2025-09-10", "flt_1", 50), ("few", "few", 5),
    ]  # fmt: skip
    assert report.totals == {"impressions": 95}
    assert small(sqlite_engine, world, filter="place:Minnesota, US").totals == {"impressions": 104}
    assert small(sqlite_engine, world, filter="flight:flt_1", group_by="day").rows[1]["impressions"] == 3


def test_ratios_come_from_sums_and_never_from_ratios(sqlite_engine: Engine, world: World) -> None:
    write_catalogue(sqlite_engine)
    some = [(1, Metric.IMPRESSION, 10), (1, Metric.CLICK, 5), (2, Metric.IMPRESSION, 90), (3, Metric.CLICK, 1)]
    write_rollups(sqlite_engine, *(a_cell(metric, flight=flight, n=n) for flight, metric, n in some))
    report = reported(sqlite_engine, world, from_="2025-09-01", to="2025-09-30", group_by="flight", metrics="ctr")
    assert [row["ctr"] for row in report.rows] == [0.5, 0.0, None]
    assert report.totals["ctr"] == 6 / 100


def test_spend_of_two_currencies_is_never_added(sqlite_engine: Engine, world: World) -> None:
    write_catalogue(sqlite_engine)
    write_rollups(sqlite_engine, *(a_cell(flight=flight, micros=flight * 1000) for flight in FLIGHTS))
    period = {"from_": "2025-09-01", "to": "2025-09-30", "metrics": "spend_micros"}
    report = reported(sqlite_engine, world, group_by="currency", **period)
    assert [(row["currency"], row["spend_micros"]) for row in report.rows] == [("EUR", 4000), ("USD", 6000)]
    assert report.totals == {"spend_micros": None}
    assert reported(sqlite_engine, world, filter="currency:USD", **period).totals == {"spend_micros": 6000}


def test_a_report_without_groups_is_one_row(sqlite_engine: Engine, world: World) -> None:
    write_rollups(sqlite_engine)
    report = reported(sqlite_engine, world, from_="2025-09-01", to="2025-09-30")
    assert report.rows == [report.totals] and report.totals["impressions"] == 0
    assert reported(sqlite_engine, world, from_="2025-09-01", to="2025-09-30", group_by="day").rows == []


def test_too_large_a_report_is_refused_with_what_to_do(sqlite_engine: Engine, world: World) -> None:
    write_rollups(sqlite_engine, *(a_cell(flight=number) for number in range(delivery.ROWS_MAX + 1)))
    for wide in ({"group_by": "flight"}, {"group_by": "hour", "to": "2027-09-01"}):
        with pytest.raises(Invalid) as raised:
            reported(sqlite_engine, world, **{"from_": "2025-09-01", "to": "2025-09-30"} | wide)
        assert "group by less" in raised.value.mistakes[0].detail
    assert len(reported(sqlite_engine, world, from_="2025-09-01", to="2025-09-30", group_by="tier").rows) == 1
