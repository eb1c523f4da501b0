"""Log lines: JSON, one per request, under its id, with nothing of the reader."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ANSWER_SOME = """
import logging
from adengine.web import logs
from tests.web.small_app import an_app, bearer
logs.configure("{level}")
client = an_app().test_client()
strange = {{"User-Agent": "agent-telltale", "X-Request-Id": "chosen-telltale", **bearer("reader-telltale")}}
for path in (
    "/livez?reader=key-telltale", "/problems/invalid", "/v1/things?q=key-telltale", "/nowhere/telltale", "/raise/often"
):
    client.get(path, headers=strange, environ_overrides={{"REMOTE_ADDR": "203.0.113.47"}})
client.get("/raise/bug")
logging.getLogger("somelibrary").warning("a library speaks")
logging.getLogger("somelibrary").info("a library whispers")
"""


def lines(level: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-c", ANSWER_SOME.format(level=level)], capture_output=True, check=True, text=True
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.fixture(scope="module")
def at_info() -> list[dict[str, object]]:
    return lines("info")


def test_each_request_has_one_line_with_its_route_and_status(at_info: list[dict[str, object]]) -> None:
    requests = [(line["route"], line["status"]) for line in at_info if line["event"] == "request"]
    assert requests == [
        ("/livez", 200),
        ("/problems/<name>", 200),
        ("/v1/things", 401),
        ("(none)", 404),
        ("/raise/<name>", 429),
        ("/raise/<name>", 500),
    ]


def test_each_request_has_an_id_of_ours(at_info: list[dict[str, object]]) -> None:
    ids = [line["request_id"] for line in at_info if line["event"] == "request"]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(id_, str) and len(id_) == 26 for id_ in ids)


def test_nothing_of_the_reader_is_in_a_line(at_info: list[dict[str, object]]) -> None:
    harmless = [line for line in at_info if line["event"] != "unexpected"]
    assert len(harmless) == len(at_info) - 1
    text = json.dumps(harmless)
    assert "telltale" not in text
    assert "203.0.113" not in text


def test_a_fault_of_ours_is_logged_with_its_trace_under_the_requests_id(at_info: list[dict[str, object]]) -> None:
    fault = next(line for line in at_info if line["event"] == "unexpected")
    request = next(line for line in at_info if line.get("status") == 500)
    assert "ZeroDivisionError" in str(fault["exception"])
    assert fault["request_id"] == request["request_id"]


def test_libraries_write_json_lines_too_but_do_not_chat(at_info: list[dict[str, object]]) -> None:
    assert [line["event"] for line in at_info if line.get("logger") == "somelibrary"] == ["a library speaks"]


def test_below_its_level_nothing_is_written() -> None:
    assert [line["event"] for line in lines("warning")] == ["unexpected", "a library speaks"]
