"""Importing creatives: every row accepted or rejected with its line and all of its mistakes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adengine.catalog.creatives.imports import FIELD_BYTES_MAX, FORMATS, ROWS_MAX, rows_in
from adengine.errors import Invalid, Malformed, TooLarge
from tests.catalog.desk import VARIANTS, Answer, Desk

CSV, NDJSON, JSON = "text/csv", "application/x-ndjson", "application/json"
HEADER = "campaign,landing_url,lang,brand,short,long,categories"
LINE = "cmp_1,https://a.example/,en,QWIKET,QWIKET: Elevate your fantasy game!,,"


def send(desk: Desk, file: str | bytes, media_type: str, query: str = "", **headers: str) -> Answer:
    raw = file.encode() if isinstance(file, str) else file
    return desk("POST", f"/v1/creatives:import{query}", raw=raw, media_type=media_type, **headers)


def lines_of(media_type: str, file: str) -> list[tuple[int, bool]]:
    """(line, readable) of each row."""
    return [(row.line, not row.mistakes) for row in rows_in(file.encode(), media_type)]


def test_the_three_formats_make_the_same_creatives(desk: Desk) -> None:
    campaign = desk.a_campaign()["id"]
    document = desk.creative_document(campaign=campaign, lang="en", categories=["386", "1366"], weight=2.5)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*HEADER.split(","), "weight"])
    writer.writerow([campaign, document["landing_url"], "en", *(v["text"] for v in VARIANTS), "386|1366", "2.5"])
    files = {CSV: "\ufeff" + out.getvalue(), NDJSON: json.dumps(document) + "\n", JSON: json.dumps([document])}
    made = []
    for media_type, file in files.items():
        answer = send(desk, file, media_type)
        assert (answer.status, answer.body["accepted"], answer.body["rejected"]) == (200, 1, 0), answer.body
        made.append(desk("GET", f"/v1/creatives/{answer.body['results'][0]['id']}").body)
    assert all(creative | {"id": ""} == made[0] | {"id": ""} for creative in made)
    assert made[0]["status"] == "draft" and made[0]["categories"] == ["386", "1366"] and made[0]["weight"] == 2.5


def test_good_rows_are_stored_and_bad_ones_named_with_all_their_mistakes(desk: Desk) -> None:
    campaign = desk.a_campaign()["id"]
    good = desk.creative_document(campaign=campaign)
    line = {"role": "brand", "text": "a\u202eb"}
    bad = {"campaign": "cmp_999", "landing_url": "http://127.0.0.1/", "variants": [line], "lang": "english",
           "status": "approved", "categories": ["nonsense"]}  # fmt: skip
    answer = send(desk, "\n".join(map(json.dumps, (good, bad, [1], good))), NDJSON)
    assert (answer.body["rows"], answer.body["accepted"], answer.body["rejected"]) == (4, 2, 2)
    verdicts = answer.body["results"]
    assert [(v["row"], v["line"], v["status"]) for v in verdicts] == [
        (1, 1, "accepted"), (2, 2, "rejected"), (3, 3, "rejected"), (4, 4, "accepted")]  # fmt: skip
    named = {mistake["pointer"] for mistake in verdicts[1]["errors"]}
    assert named == {"/campaign", "/landing_url", "/variants/0/text", "/lang", "/status", "/categories/0"}
    assert [mistake["pointer"] for mistake in verdicts[2]["errors"]] == [""]
    stored = desk("GET", "/v1/creatives").body["items"]
    assert [creative["id"] for creative in stored] == [verdicts[0]["id"], verdicts[3]["id"]]


def test_an_atomic_import_with_one_bad_row_stores_nothing(desk: Desk) -> None:
    rows = [desk.creative_document(), {}]
    before = desk.stored()
    answer = send(desk, json.dumps(rows), JSON, "?atomic=true", Idempotency_Key="a")
    assert (answer.body["rows"], answer.body["accepted"], answer.body["rejected"]) == (2, 0, 2)
    assert answer.body["results"][0]["errors"][0]["detail"].startswith("is right, but")
    assert desk.stored() == before
    assert send(desk, json.dumps(rows[:1]), JSON, "?atomic=true").body["accepted"] == 1


def test_a_dry_run_says_the_same_and_stores_nothing(desk: Desk) -> None:
    rows = [desk.creative_document(), {}]
    before = desk.stored()
    dry = send(desk, json.dumps(rows), JSON, "?dry_run=true", Idempotency_Key="a").body
    assert desk.stored() == before
    wet = send(desk, json.dumps(rows), JSON).body
    assert (dry["accepted"], dry["rejected"]) == (wet["accepted"], wet["rejected"]) == (1, 1)
    assert [v["errors"] for v in dry["results"]] == [v["errors"] for v in wet["results"]]
    assert [v["id"] for v in dry["results"]] == [None, None]


def test_lines_are_those_that_an_editor_shows() -> None:
    quoted = 'cmp_1,https://a.example/,en,"Q\nW\n\nI",,,'
    file = "\n".join((HEADER, LINE, "", quoted, LINE, 'cmp_1,"broken"x,en,Q,,,', LINE, "too,few", LINE)) + "\n"
    lines = [(2, True), (4, True), (8, True), (9, False), (10, True), (11, False), (12, True)]
    assert lines_of(CSV, file) == lines_of(CSV, file.replace("\n", "\r\n")) == lines
    assert lines_of(NDJSON, '{}\n\n{"a":1,"a":2}\r\n[') == [(1, True), (3, False), (4, False)]
    assert lines_of(JSON, '\n[{\n"a": "[\\"]"\n},\n\n 1, [\n2],"x"]\n') == [(2, True), (6, True), (6, True), (7, True)]


def test_a_quote_that_is_never_closed_rejects_what_it_swallows_and_nothing_before() -> None:
    rows = rows_in(f'{HEADER}\n{LINE}\n"open,\n{LINE}\n'.encode(), CSV)
    assert [(row.line, bool(row.mistakes)) for row in rows] == [(2, False), (3, True)]
    assert "unexpected end of data" in rows[1].mistakes[0].detail


def test_a_field_beyond_the_limit_rejects_its_row_alone() -> None:
    for long in ("x" * (FIELD_BYTES_MAX + 1), "é" * (FIELD_BYTES_MAX // 2 + 1), "x" * 200_000):
        file = f"{HEADER}\n{LINE}\ncmp_1,https://a.example/,en,{long},,,\n{LINE}\n"
        assert lines_of(CSV, file) == [(2, True), (3, False), (4, True)]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("campaign,landing_url", ["'brand' is missing"]),
        ("campaign,landing_url,brand,colour,brand", ["'colour'", "'brand' stands twice"]),
        ("campaign;landing_url;brand", ["no column", "'campaign'", "'landing_url'", "'brand'"]),
        ("campaign,landing_url,brand,variant:Über", ["variant:Über"]),
    ],
)
def test_a_wrong_header_is_refused_with_all_its_mistakes(header: str, said: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        rows_in(f"{header}\n".encode(), CSV)
    sentences = " ".join(mistake.detail for mistake in caught.value.mistakes)
    assert all(word in sentences for word in said)


def test_further_roles_have_columns_of_their_own() -> None:
    rows = rows_in(b"campaign,landing_url,variant:brand,variant:medium,long\ncmp_1,u,A,AB,ABC\n", CSV)
    assert [v["role"] for v in rows[0].document["variants"]] == ["brand", "medium", "long"]


@pytest.mark.parametrize(("media_type", "file"), [
    (JSON, b"{}"), (JSON, b"[{]"), (JSON, b"["), (JSON, b'[{"a":1,"a":2}]'), (JSON, b"[NaN]"),
    (JSON, b"[" * 100_000), (JSON, b'["\xff"]'), (CSV, b"campaign\n\xff"), (NDJSON, "{}".encode("utf-16")),
])  # fmt: skip
def test_a_file_without_readable_rows_is_refused_whole(media_type: str, file: bytes) -> None:
    with pytest.raises(Malformed):
        rows_in(file, media_type)


@pytest.mark.parametrize("file", [b"", b"\n", b'"never closed'])
def test_a_file_without_a_header_line_is_refused_whole(file: bytes) -> None:
    with pytest.raises(Invalid, match="mistake") as caught:
        rows_in(file, CSV)
    assert "line 1: the header" in caught.value.mistakes[0].detail


def test_more_rows_than_the_limit_are_refused() -> None:
    assert len(rows_in(b"1\n" * ROWS_MAX, NDJSON)) == ROWS_MAX
    for media_type, file in ((NDJSON, b"1\n" * (ROWS_MAX + 1)), (JSON, b"[" + b"1," * ROWS_MAX + b"1]")):
        with pytest.raises(TooLarge):
            rows_in(file, media_type)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "multipart/form-data", "text/csv; charset=latin-1", "application/xml"]
)
def test_another_media_type_is_refused(sqlite_desk: Desk, media_type: str) -> None:
    assert send(sqlite_desk, HEADER, media_type).status == 415


def test_an_empty_list_is_no_row(sqlite_desk: Desk) -> None:
    for media_type, file in ((JSON, "[]"), (NDJSON, "\n"), (CSV, HEADER)):
        answer = send(sqlite_desk, file, media_type)
        assert (answer.status, answer.body["rows"], answer.body["results"]) == (200, 0, [])


CELLS = st.text(alphabet=st.sampled_from('abc,"\n\r;\t \u2028\x0b\x00é'), max_size=12)


@given(st.lists(CELLS, max_size=20).map("".join))
def test_every_line_of_any_csv_belongs_to_one_row(garbage: str) -> None:
    file = f"{HEADER}\n{garbage}"
    rows = rows_in(file.encode(), CSV)
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines)) and all(line > 1 for line in lines)
    physical = io.StringIO(file, newline="").readlines()
    blank = {n for n, line in enumerate(physical, 1) if not line.strip("\r\n")}
    starts = [*lines, len(physical) + 1]
    # Between the first lines of two rows stand only lines of the former, so none is lost; blank ones are no rows.
    assert (set(range(2, starts[0])) if lines else set(range(2, len(physical) + 1))) <= blank
    assert not blank & set(lines)


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b'{"a":1}', b"[]", b"{", b"NaN", b"1e999"]))))
def test_every_line_of_any_ndjson_is_one_row(lines: list[bytes]) -> None:
    file = b"\n".join(line.replace(b"\n", b" ") for line in lines)
    try:
        text = file.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        with pytest.raises(Malformed):
            rows_in(file, NDJSON)
        return
    assert len(rows_in(file, NDJSON)) == sum(bool(line.strip()) for line in text.split("\n"))


ROWS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=10)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["campaign", "landing_url", "variants", "role", "text", "lang", "x"]), inner),
    ),
    max_leaves=8,
)


@given(rows=st.lists(ROWS, max_size=6), good=st.lists(st.integers(0, 6), max_size=2), atomic=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_accepted_and_rejected_sum_up_to_the_rows(
    sqlite_desk: Desk, rows: list[Any], good: list[int], atomic: bool
) -> None:
    campaign = sqlite_desk.a_campaign()["id"]
    for at in good:
        rows.insert(at, sqlite_desk.creative_document(campaign=campaign))
    before = sqlite_desk.stored()
    for media_type, file in ((JSON, json.dumps(rows)), (NDJSON, "\n".join(map(json.dumps, rows)))):
        answer = send(sqlite_desk, file, media_type, f"?atomic={str(atomic).lower()}&dry_run=true")
        body = answer.body
        assert answer.status == 200 and body["accepted"] + body["rejected"] == body["rows"] == len(rows)
        assert body["accepted"] == (0 if atomic and len(good) < len(rows) else len(good))
        assert [v["status"] for v in body["results"]].count("accepted") == body["accepted"]
        assert all((v["status"] == "rejected") == bool(v["errors"]) for v in body["results"])
    assert sqlite_desk.stored() == before


def test_every_format_is_documented(sqlite_desk: Desk) -> None:
    document = sqlite_desk.api.spec.to_dict()["paths"]["/v1/creatives:import"]["post"]
    assert set(document["requestBody"]["content"]) == set(FORMATS)


@pytest.mark.parametrize("weight", ["0", "-1", "2,5", "1e3", "nan", "1_0", "one", "1001"])
def test_a_weight_that_is_none_is_refused_by_name(desk: Desk, weight: str) -> None:
    campaign = desk.a_campaign()["id"]
    row = LINE.replace("cmp_1", campaign) + f',"{weight}"'
    answer = send(desk, f"{HEADER},weight\n{row}", CSV)
    (verdict,) = answer.body["results"]
    assert [mistake["pointer"] for mistake in verdict["errors"]] == ["/weight"], verdict
