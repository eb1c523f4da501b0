"""Sends the saved reports that are due: as files into a folder, or as signed posts to a webhook.

A post follows Standard Webhooks 1.0.0: `webhook-id` stays the same however often it is tried, so that a receiver can
tell a repetition; a report arrives at least once. It goes to the addresses that were looked up and found public, and
follows no redirect, so that nobody makes the engine call what only the engine can reach.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import structlog
import urllib3

from adengine.catalog import ids
from adengine.errors import AdengineError
from adengine.reporting.calendar import DAY_S
from adengine.reporting.files import Written, written
from adengine.reporting.load import Desk
from adengine.reporting.query import parse
from adengine.reporting.saved import sql, tokens
from adengine.reporting.saved.schedule import next_at_s
from adengine.reporting.saved.schema import given_of
from adengine.reporting.terms import Terms
from adengine.store.sql import reading, writing

FOLDER = "reports"
"""In the data directory."""
WAIT_S = 15.0
SENT_KEPT_S = 400 * DAY_S
PORTS = {"https": 443, "http": 80}
_log = structlog.get_logger("adengine.reports")


class NotSent(Exception):
    """The sentence says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One report, written."""

    report: int
    message: str
    """Of this delivery, however often it is tried."""
    name: str
    written: Written


class Sender:
    def __init__(self, desk: Desk, terms: Terms, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._desk = desk
        self._terms = terms
        self._folder = folder
        self._clock = clock

    def send_due(self) -> int:
        """Sends what is due by now, and what failed and is to be tried again; how many arrived."""
        with reading(self._desk.engine) as connection:
            if not sql.has_work(connection, int(self._clock())):
                return 0
        self._put_down()
        arrived = 0
        while (claimed := self._claimed()) is not None:
            arrived += self._try(*claimed)
        return arrived

    def _put_down(self) -> None:
        now_s = int(self._clock())
        with writing(self._desk.engine) as connection:
            for row in sql.due(connection, now_s):
                zone = ZoneInfo(row["query"].get("tz", "UTC"))
                sql.put_down(connection, row, now_s, next_at_s(row["schedule"], zone, now_s))
            sql.forget_sent(connection, now_s - SENT_KEPT_S)

    def _claimed(self) -> tuple[sql.Row, sql.Row] | None:
        with writing(self._desk.engine) as connection:
            return sql.claim(connection, int(self._clock()))

    def _try(self, delivery: sql.Row, report: sql.Row) -> bool:
        """Whether it arrived."""
        target, problem = "", ""
        try:
            if report["schedule"] is None:
                raise NotSent("it has no schedule any more")
            letter = self._written(delivery, report)
            webhook = report["schedule"]["webhook"]
            target = webhook or str(Path(FOLDER) / letter.name)
            size = len(letter.written.body)
            if webhook:
                self._post(webhook, letter)
            else:
                _keep(self._folder / letter.name, letter.written.body)
        except (NotSent, AdengineError, OSError) as error:
            problem = str(error)
            _log.warning("report_not_sent", report=ids.public("report", report["id"]), target=target, why=problem)
        except Exception:  # noqa: BLE001  # a fault in one report must not end the others
            problem = "a fault of the engine; the operator finds it in the log"
            _log.exception("report_fault", report=ids.public("report", report["id"]))
        else:
            _log.info("report_sent", report=ids.public("report", report["id"]), target=target, bytes=size)
        with writing(self._desk.engine) as connection:
            sql.tried(connection, delivery["id"], target, problem, None if problem else int(self._clock()))
        return not problem

    def _written(self, delivery: sql.Row, report: sql.Row) -> Letter:
        """As it was due, however late it is."""
        due_at_s: int = delivery["due_at_s"]
        format_ = report["schedule"]["format"]
        asked = parse(given_of(report["query"]) | {"format": [format_]}, self._desk.world, due_at_s)
        made, loaded = self._desk.report(asked, advertiser=report["advertiser"], site=report["site"])
        also: dict[str, Any] = {"name": report["name"]}
        file = written(made, loaded.standing | also, format_, asked.has_front)
        day = time.strftime("%Y-%m-%d", time.gmtime(due_at_s))
        name = f"{ids.public('report', report['id'])}-{day}-{delivery['id']}.{format_}"
        return Letter(report["id"], f"dlv_{delivery['id']}", name, file)

    def _post(self, url: str, letter: Letter) -> None:
        at_s = int(self._clock())
        body = letter.written.body
        headers = {
            **letter.written.headers,
            "Content-Type": letter.written.media_type,
            "Content-Disposition": f'attachment; filename="{letter.name}"',
            "User-Agent": "adengine",
            "webhook-id": letter.message,
            "webhook-timestamp": str(at_s),
            "webhook-signature": tokens.signature(self._terms.key, letter.report, letter.message, at_s, body),
        }
        with contextlib.closing(self._pool(url)) as pool:
            parts = urlsplit(url)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            try:
                answer = pool.request(
                    "POST", path, body=body, headers=headers | {"Host": parts.netloc}, redirect=False,
                    retries=False, timeout=urllib3.Timeout(WAIT_S), assert_same_host=False,
                )  # fmt: skip
            except urllib3.exceptions.HTTPError as error:
                raise NotSent(f"{parts.hostname} did not take it: {error}") from error
        if not 200 <= answer.status < 300:
            raise NotSent(f"{parts.hostname} answered {answer.status}")

    def _pool(self, url: str) -> urllib3.HTTPConnectionPool:
        """A connection to an address that was looked up and may be called."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        address = self._address(host, port)
        if parts.scheme == "http":
            return urllib3.HTTPConnectionPool(address, port)
        return urllib3.HTTPSConnectionPool(address, port, server_hostname=host, assert_hostname=host)

    def _address(self, host: str, port: int) -> str:
        try:
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except OSError as error:
            raise NotSent(f"{host} has no address: {error}") from error
        allowed = [each for each in found if self._terms.private_webhooks or ipaddress.ip_address(each).is_global]
        if not allowed:
            raise NotSent(f"{host} is no public address; ADENGINE_PRIVATE_WEBHOOKS allows others")
        return allowed[0]


def _keep(path: Path, body: bytes) -> None:
    """The file, whole and on the disk, or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(path.suffix + ".part")
    with draft.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
