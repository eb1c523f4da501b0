"""Local hours, days, weeks and months, in every zone and across every change of clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.reporting.calendar import BY_NAME, QUARTER_S, UNITS, Span, Unit, runs, spans

ZONES = sorted(available_timezones())
HOUR_S, DAY_S = 3600, 86_400


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def cut(zone: str, unit: str, begin: str, end: str) -> list[Span]:
    return list(spans(ZoneInfo(zone), [BY_NAME[unit]], at(begin), at(end)))


def labels_of(at_s: int, zone: ZoneInfo) -> tuple[str, ...]:
    """The labels of an instant, straight from the zone."""
    local = datetime.fromtimestamp(at_s, zone)
    hour = local.replace(minute=0, second=0)
    day = local.date()
    return (
        hour.replace(tzinfo=None).isoformat() + local.strftime("%z")[:3] + ":" + local.strftime("%z")[3:5],
        day.isoformat(),
        (day - timedelta(days=day.weekday())).isoformat(),
        day.strftime("%Y-%m"),
    )


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Berlin", "2025-03-30", 23), ("Europe/Berlin", "2025-10-26", 25), ("America/Chicago", "2025-03-09", 23),
     ("America/Chicago", "2025-11-02", 25), ("Australia/Lord_Howe", "2025-10-05", 23.5),
     ("Australia/Lord_Howe", "2025-04-06", 24.5), ("Africa/Cairo", "2025-04-25", 23),
     ("Asia/Kolkata", "2025-03-30", 24)],
)  # fmt: skip
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: str, hours: float) -> None:
    local = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    found = {
        s.labels[0]: s
        for s in spans(
            ZoneInfo(zone), [BY_NAME["day"]], int(local.timestamp()) - 3 * DAY_S, int(local.timestamp()) + 3 * DAY_S
        )
    }
    assert found[day].end_s - found[day].begin_s == hours * HOUR_S


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    found = cut("Europe/Berlin", "hour", "2025-10-26T00:00+00:00", "2025-10-26T03:00+00:00")
    assert [(span.labels[0], span.end_s - span.begin_s) for span in found] == [
        ("2025-10-26T02:00:00+02:00", HOUR_S),
        ("2025-10-26T02:00:00+01:00", HOUR_S),
        ("2025-10-26T03:00:00+01:00", HOUR_S),
    ]


@pytest.mark.parametrize(("zone", "begin"), [("Asia/Kolkata", "18:30"), ("Asia/Kathmandu", "18:15"), ("UTC", "00:00")])
def test_days_of_odd_zones_begin_at_their_midnight(zone: str, begin: str) -> None:
    found = cut(zone, "day", "2025-01-01T00:00+00:00", "2025-01-04T00:00+00:00")
    assert {datetime.fromtimestamp(span.begin_s, UTC).strftime("%H:%M") for span in found[1:]} == {begin}


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    weeks = cut("America/Chicago", "week", "2025-09-01T05:00+00:00", "2025-09-29T05:00+00:00")
    assert [span.labels[0] for span in weeks] == ["2025-09-01", "2025-09-08", "2025-09-15", "2025-09-22"]
    months = cut("America/Chicago", "month", "2025-01-01T06:00+00:00", "2026-01-01T06:00+00:00")
    assert len(months) == 12 and {span.end_s - span.begin_s for span in months if span.labels[0] == "2025-03"} == {
        31 * DAY_S - HOUR_S
    }


@given(
    zone=st.sampled_from(ZONES),
    begin=st.integers(at("2001-01-01T00:00+00:00") // QUARTER_S, at("2030-01-01T00:00+00:00") // QUARTER_S),
    quarters=st.integers(1, 40 * 96),
    looks=st.lists(st.floats(0, 1, exclude_max=True), max_size=20),
)
def test_every_quarter_of_every_zone_has_the_labels_of_its_local_time(
    zone: str, begin: int, quarters: int, looks: list[float]
) -> None:
    begin_s, end_s = begin * QUARTER_S, (begin + quarters) * QUARTER_S
    found = list(spans(ZoneInfo(zone), UNITS, begin_s, end_s))
    assert [span.begin_s for span in found] == [begin_s, *(span.end_s for span in found[:-1])] and found[
        -1
    ].end_s == end_s
    for look in looks:
        at_s = begin_s + int(look * quarters) * QUARTER_S
        (span,) = [span for span in found if span.begin_s <= at_s < span.end_s]
        assert span.labels == labels_of(at_s, ZoneInfo(zone))


@given(
    zone=st.sampled_from(ZONES),
    units=st.lists(st.sampled_from(UNITS), min_size=1, unique=True),
    begin=st.integers(at("2001-01-01T00:00+00:00") // QUARTER_S, at("2030-01-01T00:00+00:00") // QUARTER_S),
    quarters=st.integers(1, 100 * 96),
)
def test_runs_tell_in_which_span_an_instant_lies(zone: str, units: list[Unit], begin: int, quarters: int) -> None:
    found = list(spans(ZoneInfo(zone), units, begin * QUARTER_S, (begin + quarters) * QUARTER_S))
    told = [
        (run.first + number, run.begin_s + number * run.step_s, run.begin_s + (number + 1) * run.step_s)
        for run in runs(found)
        for number in range(run.count)
    ]
    assert told == [(number, span.begin_s, span.end_s) for number, span in enumerate(found)]


def test_days_between_two_changes_of_clocks_are_one_run() -> None:
    year = cut("America/Chicago", "day", "2025-01-01T06:00+00:00", "2026-01-01T06:00+00:00")
    assert [(run.count, run.step_s // HOUR_S) for run in runs(year)] == [
        (67, 24),
        (1, 23),
        (237, 24),
        (1, 25),
        (59, 24),
    ]
