"""LIMIT-FAST: nearly the least that Python can do; a Flask subclass answering in `__call__`, its own RESP, three MACs.

It runs one script over a thread's own socket, signs three tokens and joins ready-made bytes. It chooses nothing and
caps nothing: a limit to be measured against, not a peer.
"""

from __future__ import annotations

import binascii
import socket
import threading
from collections.abc import Iterable
from hashlib import blake2b, sha1
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import flask
import hiredis
import orjson

from adengine.bench.stock import COUNT, FIELDS, LINE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HEADERS = [("Content-Type", "application/json")]
_LINE = b'","creative":"cr_1","text":%b,"url":"/c/' % orjson.dumps(LINE)


class _Own(threading.local):
    def __init__(self, redis_url: str) -> None:
        parts = urlsplit(redis_url)
        self.wire = socket.socket(socket.AF_UNIX)
        self.wire.connect(parts.path)
        self.replies = hiredis.Reader()
        if parts.username is not None:
            self.ask("AUTH", unquote(parts.username), unquote(parts.password or ""))
        self.ask("SCRIPT", "LOAD", COUNT)

    def ask(self, *words: str) -> Any:
        self.wire.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub means tuples of one
        while (reply := self.replies.gets()) is False:
            self.replies.feed(self.wire.recv(65_536))
        return reply


class _Fast(flask.Flask):
    def __init__(self, redis_url: str) -> None:
        super().__init__(__name__)
        self._own = _Own(redis_url)
        self._sha = sha1(COUNT.encode(), usedforsecurity=False).hexdigest()
        self._keyed = blake2b(key=bytes(32), digest_size=16)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        self._own.ask("EVALSHA", self._sha, "1", f"stock:{asked['reader']['key']}", *FIELDS)
        body = b'{"placements":[%b]}' % b",".join([self._placed(slot["slot"].encode()) for slot in asked["slots"]])
        start_response("200 OK", [*HEADERS, ("Content-Length", str(len(body)))])
        return (body,)

    def _placed(self, slot: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(slot)
        return b'{"slot":"' + slot + _LINE + binascii.hexlify(mac.digest()) + b'"}'


def fast_app(redis_url: str) -> flask.Flask:
    """The same as `stock.stock_app`.  redis_url: unix://, as the embedded store's."""
    return _Fast(redis_url)
