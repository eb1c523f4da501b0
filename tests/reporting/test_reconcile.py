"""A third party's counts beside ours: the causes of every gap add up to it, and each is named where it is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from adengine.counting.metrics import Metric
from adengine.counting.tables import rollup
from adengine.reporting.reconcile.compare import CAUSES, OFFSETS_S, Tally, compared
from adengine.reporting.reconcile.uploads import COUNTS, Theirs, Upload
from tests.counting.books import damage
from tests.reporting.books import NOW_S, a_cell, write_rollups

PATH = "/v1/reports/reconcile"
DAY_S, HOUR_S = 86_400, 3600


def sent(client: FlaskClient, text: str, key: str = "report", **query: str) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}
    return client.post(PATH, data=text.encode(), query_string=query, headers=headers)


def causes(client: FlaskClient, text: str, **query: str) -> list[dict[str, int]]:
    answer = sent(client, text, **query)
    assert answer.status_code == 200, answer.json
    for row in answer.json["rows"]:
        assert sum(row["causes"].values()) == row["gap"] == (row["theirs"] or 0) - row["ours"]
    return [row["causes"] for row in answer.json["rows"]]


@pytest.fixture(autouse=True)
def counts(client: FlaskClient, sqlite_engine: Engine) -> None:
    """On 7 September flight 1 has 100 impressions, 60 in view, 4 behind the seal; 30 and 10 do not count."""
    write_rollups(
        sqlite_engine,
        a_cell(n=96),
        a_cell(Metric.VIEWABLE, n=60),
        a_cell(Metric.INVALID_IMPRESSION, n=30, reason="bot"),
        a_cell(Metric.INVALID_IMPRESSION, n=10, reason="data_centre"),
        a_cell(Metric.CLICK, n=5),
        a_cell(Metric.INVALID_CLICK, n=2, reason="too_fast"),
        a_cell(n=50, flight=4, creative=4, site=2, slot=3),
    )
    damage(sqlite_engine, insert(rollup).values(a_cell(n=4, adjustment=3)))


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (100, {}),
        (130, {"invalid:bot": 30}),
        (135, {"invalid:bot": 30, "invalid:data_centre": 5}),
        (150, {"invalid:bot": 30, "invalid:data_centre": 10, "unexplained": 10}),
        (97, {"late": -3}),
        (60, {"late": -4, "not_viewable": -36}),
        (40, {"late": -4, "not_viewable": -40, "unexplained": -16}),
    ],
)
def test_what_is_known_of_a_gap_is_named(client: FlaskClient, theirs: int, expected: dict[str, int]) -> None:
    assert causes(client, f"day,flight,impressions\n2025-09-07,flt_1,{theirs}\n") == [expected]


def test_the_whole_answer(client: FlaskClient) -> None:
    answer = sent(
        client, "\ufeffDay, Campaign ,Impressions,Clicks\r\n2025-09-07,cmp_1,110,7\r\n\r\n2025-09-08,cmp_9,3,0\r\n"
    )
    assert answer.json == {
        "rows": [
            {"day": "2025-09-07", "campaign": "cmp_1", "count": "impressions", "theirs": 110, "ours": 100, "gap": 10,
             "causes": {"invalid:bot": 10}},
            {"day": "2025-09-07", "campaign": "cmp_1", "count": "clicks", "theirs": 7, "ours": 5, "gap": 2,
             "causes": {"invalid:too_fast": 2}},
            {"day": "2025-09-08", "campaign": "cmp_9", "count": "impressions", "theirs": 3, "ours": 0, "gap": 3,
             "causes": {"unknown": 3}},
            {"day": "2025-09-08", "campaign": "cmp_9", "count": "clicks", "theirs": 0, "ours": 0, "gap": 0,
             "causes": {}},
        ],
        "totals": {
            "impressions": {"theirs": 113, "ours": 100, "gap": 13, "gap_rate": 0.13,
                            "causes": {"invalid:bot": 10, "unknown": 3}},
            "clicks": {"theirs": 7, "ours": 5, "gap": 2, "gap_rate": 0.4, "causes": {"invalid:too_fast": 2}},
        },
        "days_begin": None, "as_of": "2025-09-07T00:00:00Z", "sealed_until": None,
        "definitions": {cause.name: cause.definition for cause in CAUSES},
    }  # fmt: skip


def test_a_day_that_they_left_out_is_named(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(sqlite_engine, *(a_cell(n=10, quarter_s=NOW_S + day * DAY_S) for day in range(3)))
    text = "day,creative,impressions\n2025-09-07,crt_1,10\n2025-09-09,crt_1,10\n"
    assert causes(client, text) == [{}, {"no_row": -10}, {}]


def test_days_that_begin_elsewhere_are_found_out(client: FlaskClient, sqlite_engine: Engine) -> None:
    """Theirs begin at UTC-05:00; asked for by UTC. What does not count stays what it is."""
    at = [(NOW_S + hour * HOUR_S, 5 + hour * hour * 37 % 23) for hour in range(-48, 120)]
    write_rollups(sqlite_engine, *(a_cell(n=n, quarter_s=at_s) for at_s, n in at))
    theirs: dict[date, int] = {}
    for at_s, n in at:
        day = datetime.fromtimestamp(at_s - 5 * HOUR_S, UTC).date()
        theirs[day] = theirs.get(day, 0) + n
    days = [date(2025, 9, 7) + timedelta(days=n) for n in range(3)]
    text = "day,flight,impressions\n" + "".join(f"{day},flt_1,{theirs[day]}\n" for day in days)
    answer = sent(client, text)
    assert answer.json["days_begin"] == "UTC-05:00"
    assert all(set(row["causes"]) <= {"day_begins"} for row in answer.json["rows"])
    chicago = sent(client, text, tz="America/Chicago").json
    assert chicago["days_begin"] is None and chicago["totals"]["impressions"]["gap"] == 0


def test_nobody_learns_of_others(client: FlaskClient) -> None:
    text = "day,flight,impressions\n2025-09-07,flt_1,100\n2025-09-07,flt_4,50\n"
    theirs = sent(client, text, "advertise").json["rows"]
    assert [(row["flight"], row["ours"], row["causes"]) for row in theirs] == [
        ("flt_1", 0, {"unknown": 100}), ("flt_4", 50, {}),
    ]  # fmt: skip
    of_site = sent(client, text, "site").json["rows"]
    assert [row["ours"] for row in of_site] == [0, 50]
    assert sent(client, text, "fill").status_code == 403


def test_every_mistake_of_a_file_is_named_with_its_line(client: FlaskClient) -> None:
    lines = [
        "day,flight,impressions",
        "2025-9-7,flt_1,1",
        "2025-09-07,cmp_1,1",
        "2025-09-07,flt_1,-1",
        "2025-09-07,flt_1",
        "2025-02-30,flt_1,1.5",
        "2025-09-07,flt_2,1",
        "2025-09-07,flt_2,1",
    ]
    answer = sent(client, "\n".join(lines))
    pointers = [mistake["pointer"] for mistake in answer.json["errors"]]
    assert answer.status_code == 422
    assert pointers == ["/2/day", "/3/flight", "/4/impressions", "/5", "/6/day", "/6/impressions", ""]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 422),
        ("day,flight,impressions\n", 422),
        ("day,impressions\n2025-09-07,1\n", 422),
        ("day,flight,campaign,impressions\n", 422),
        ("day,flight,price\n", 422),
        ("day,day,flight,clicks\n", 422),
        ('day,flight,clicks\n"2025-09-07', 400),
        ("day,flight,clicks\n" + "2025-09-07,flt_1,1\n" * 5_001, 413),
        ("day,flight,clicks\n2025-01-01,flt_1,1\n2025-06-01,flt_1,1\n", 422),
    ],
)
def test_a_file_that_is_none_is_refused(client: FlaskClient, text: str, status: int) -> None:
    assert sent(client, text).status_code == status


def test_what_is_no_csv_and_no_zone_is_refused(client: FlaskClient) -> None:
    headers = {"Authorization": "Bearer report"}
    assert client.post(PATH, json={}, headers=headers).status_code == 415
    answer = sent(client, "day,flight,clicks\n2025-09-07,flt_1,1\n", tz="Nowhere", x="y")
    assert [mistake["pointer"] for mistake in answer.json["errors"]] == ["?x", "?tz"]


tallies = st.builds(
    Tally, st.integers(0, 50), st.integers(0, 5), st.integers(0, 50), st.fixed_dictionaries({"bot": st.integers(0, 9)})
)


@given(
    theirs=st.dictionaries(st.tuples(st.integers(0, 3), st.integers(1, 2)), st.integers(0, 99), min_size=1),
    ours=st.dictionaries(st.tuples(st.integers(1, 2), st.sampled_from(COUNTS)), st.dictionaries(
        st.integers(-96, 240).map(lambda n: NOW_S + n * 1800), tallies, max_size=5), max_size=4),
    there=st.sets(st.integers(1, 2)),
    zone=st.sampled_from(["UTC", "America/Chicago", "Asia/Kathmandu"]),
)  # fmt: skip
def test_causes_always_add_up(theirs: Any, ours: Any, there: set[int], zone: str) -> None:
    rows = tuple(
        Theirs(day=date(2025, 9, 7) + timedelta(days=day), thing=thing, counts={"impressions": n, "clicks": n // 9})
        for (day, thing), n in theirs.items()
    )
    upload = Upload(noun="flight", counts=COUNTS, rows=rows)
    seen = {key: value for key, value in ours.items() if key[0] in there}
    found = compared(upload, seen, there, ZoneInfo(zone))
    names = {cause.name for cause in CAUSES}
    for line in found.lines:
        assert sum(line.causes.values()) == line.gap and 0 not in line.causes.values()
        assert {name.partition(":")[0] for name in line.causes} <= names
    assert found.begins_s is None or found.begins_s in OFFSETS_S
    assert sum(line.theirs or 0 for line in found.lines if line.count == "impressions") == sum(theirs.values())


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Pacific/Chatham"])
def test_days_of_zones_on_quarters_of_an_hour_are_those_of_the_delivery_report(
    client: FlaskClient, sqlite_engine: Engine, zone: str
) -> None:
    midnight_s = int(datetime(2025, 9, 7, tzinfo=ZoneInfo(zone)).timestamp())
    write_rollups(
        sqlite_engine, *(a_cell(quarter_s=midnight_s + n * 900, n=10**i) for i, n in enumerate((-2, -1, 0, 1)))
    )
    text = "day,flight,impressions\n2025-09-06,flt_1,11\n2025-09-07,flt_1,1100\n"
    assert causes(client, text, tz=zone) == [{}, {}]
    assert [row["ours"] for row in sent(client, text, tz=zone).json["rows"]] == [11, 1100]
    assert sent(client, text).json["days_begin"] in {"UTC+05:45", "UTC+12:45"}
