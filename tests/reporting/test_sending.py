"""Schedules: each time once, into the folder or to a webhook that can check the signature; failures are tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from adengine import places, topics
from adengine.reporting.load import Desk
from adengine.reporting.saved.schedule import BACKOFF_S
from adengine.reporting.saved.send import Sender
from tests.reporting.books import NOW_S, a_cell, write_rollups
from tests.reporting.conftest import TERMS
from tests.reporting.test_saved import PATH, call

DAY_S = 86_400
DAILY = {"name": "Täglich", "query": {"period": "yesterday", "metrics": "impressions"}, "schedule": {"every": "day"}}


class Hook:
    """A webhook's receiver, on a real port."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(hook.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/reports?to=me"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


class Days:
    """A sender, and the clock that it looks at."""

    def __init__(self, engine: Engine, gazetteer: places.Gazetteer, folder: Path, **terms: Any) -> None:
        self.now_s = NOW_S
        self.folder = folder / "reports"
        desk = Desk(engine, gazetteer, topics.load())
        self.sender = Sender(desk, replace(TERMS, **terms), self.folder, lambda: self.now_s)

    def later(self, seconds: int) -> int:
        """How many reports arrived then."""
        self.now_s += seconds
        return self.sender.send_due()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*"))


@pytest.fixture
def days(client: FlaskClient, sqlite_engine: Engine, gazetteer: places.Gazetteer, tmp_path: Path) -> Days:
    write_rollups(sqlite_engine, a_cell(n=3), a_cell(n=5, quarter_s=NOW_S - DAY_S))
    return Days(sqlite_engine, gazetteer, tmp_path)


def sent(client: FlaskClient) -> Any:
    return call(client, "GET", f"{PATH}/rpt_1/sent").json["items"]


def test_a_day_is_written_once_however_often_is_looked(client: FlaskClient, days: Days) -> None:
    assert call(client, "POST", PATH, DAILY).json["next_at"] == "2025-09-07T06:00:00Z"
    assert days.later(6 * 3600 - 1) == 0
    assert [days.later(seconds) for seconds in (1, 0, 60)] == [1, 0, 0]
    assert days.files() == ["rpt_1-2025-09-07-1.csv"]
    assert (days.folder / days.files()[0]).read_bytes() == b"impressions\r\n5\r\n"
    assert days.later(DAY_S) == 1
    assert (days.folder / days.files()[1]).read_bytes() == b"impressions\r\n3\r\n"
    newest, oldest = sent(client)
    assert (newest["due_at"], oldest["due_at"]) == ("2025-09-08T06:00:00Z", "2025-09-07T06:00:00Z")
    assert oldest == oldest | {
        "delivered_at": "2025-09-07T06:00:00Z", "attempts": 1, "next_try_at": None, "problem": "",
        "target": "reports/rpt_1-2025-09-07-1.csv",
    }  # fmt: skip


def test_a_sender_that_slept_for_days_sends_the_day_that_was_due_and_goes_on(client: FlaskClient, days: Days) -> None:
    call(client, "POST", PATH, DAILY)
    assert days.later(4 * DAY_S) == 1
    assert days.files() == ["rpt_1-2025-09-07-1.csv"]
    assert call(client, "GET", f"{PATH}/rpt_1").json["next_at"] == "2025-09-11T06:00:00Z"


def test_two_senders_send_once(client: FlaskClient, days: Days, tmp_path: Path, sqlite_engine: Engine) -> None:
    call(client, "POST", PATH, DAILY)
    other = Days(sqlite_engine, days.sender._desk.gazetteer, tmp_path / "other")  # type: ignore[arg-type]
    days.now_s = other.now_s = NOW_S + 6 * 3600
    arrived: list[int] = []
    threads = [threading.Thread(target=lambda each=each: arrived.append(each.later(0))) for each in (days, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(arrived) == 1 and len(days.files() + other.files()) == 1


def test_a_post_is_signed_so_that_its_receiver_can_check_it(client: FlaskClient, days: Days, hook: Hook) -> None:
    schedule = {"every": "day", "format": "json", "webhook": hook.url}
    secret = call(client, "POST", PATH, DAILY | {"schedule": schedule}).json["webhook_secret"]
    assert days.later(6 * 3600) == 1
    ((headers, body),) = hook.got
    document = json.loads(body)
    assert (document["name"], document["totals"]) == ("Täglich", {"impressions": 5})
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(NOW_S + 6 * 3600)
    assert headers["host"] == hook.url.split("/")[2]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_not_taken_is_tried_again_under_the_same_id(
    client: FlaskClient, days: Days, hook: Hook, status: int
) -> None:
    call(client, "POST", PATH, DAILY | {"schedule": {"every": "day", "webhook": hook.url}})
    hook.status = status
    assert days.later(6 * 3600) == 0
    assert [days.later(seconds) for seconds in (BACKOFF_S[0] - 1, 1)] == [0, 0]
    hook.status = 204
    assert sent(client)[0]["problem"] == f"127.0.0.1 answered {status}"
    assert days.later(BACKOFF_S[1]) == 1
    assert len(hook.got) == 3, "a redirect is not followed"
    assert len({headers["webhook-id"] for headers, _ in hook.got}) == 1
    assert all(json.loads(headers["adengine-definitions"])["impressions"] for headers, _ in hook.got)
    assert len({body for _, body in hook.got}) == 1
    assert (sent(client)[0]["attempts"], sent(client)[0]["problem"]) == (3, "")


def test_it_is_given_up_at_last_and_says_so(client: FlaskClient, days: Days, hook: Hook) -> None:
    hook.status = 500
    weekly = DAILY | {"schedule": {"every": "month", "webhook": hook.url}}
    call(client, "POST", PATH, weekly)
    days.now_s = NOW_S + 25 * DAY_S
    for backoff_s in (0, *BACKOFF_S, 10**5):
        days.later(backoff_s)
    assert len(hook.got) == len(BACKOFF_S) + 1
    assert sent(client)[0] == sent(client)[0] | {"delivered_at": None, "next_try_at": None}


def test_a_changed_schedule_ends_what_was_still_to_be_tried(client: FlaskClient, days: Days, hook: Hook) -> None:
    call(client, "POST", PATH, DAILY | {"schedule": {"every": "day", "webhook": hook.url}})
    hook.status = 500
    days.later(6 * 3600)
    call(client, "PATCH", f"{PATH}/rpt_1", {"schedule": None}, **{"If-Match": "*"})
    assert days.later(DAY_S) == 0 and len(hook.got) == 1
    assert sent(client)[0]["problem"].startswith("given up")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]"])
def test_nobody_makes_the_engine_call_what_only_it_can_reach(
    client: FlaskClient, sqlite_engine: Engine, gazetteer: places.Gazetteer, tmp_path: Path, host: str
) -> None:
    call(client, "POST", PATH, DAILY | {"schedule": {"every": "day", "webhook": f"http://{host}:9/x"}})
    strict = Days(sqlite_engine, gazetteer, tmp_path, private_webhooks=False)
    assert strict.later(6 * 3600) == 0
    assert "no public address" in sent(client)[0]["problem"]


def test_a_receiver_that_is_away_is_told_as_the_problem(client: FlaskClient, days: Days) -> None:
    call(client, "POST", PATH, DAILY | {"schedule": {"every": "day", "webhook": "http://127.0.0.1:1/x"}})
    assert days.later(6 * 3600) == 0
    assert sent(client)[0]["problem"].startswith("127.0.0.1 did not take it")


def test_a_fault_of_ours_keeps_no_other_report_waiting(client: FlaskClient, days: Days, hook: Hook) -> None:
    for address in ("http://127.0.0.1:99999/x", hook.url):
        call(client, "POST", PATH, DAILY | {"schedule": {"every": "day", "webhook": address}})
    assert days.later(6 * 3600) == 1
    assert "fault of the engine" in sent(client)[0]["problem"] and len(hook.got) == 1
