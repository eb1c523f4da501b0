"""One book served as `serve` serves it: a store, a compiler, a pacer, and one worker on a core of its own.

The consumer and the keeper are left out: what they do is not a page's, and the store's core is wrk's too.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from adengine import demo, places, settings, topics
from adengine.bench.book import Book
from adengine.bench.served import process, wrk
from adengine.bench.served.probe import Probe, book_probe
from adengine.bench.served.server import HOST, LOOK_S, Server, ask, free_port, python
from adengine.bench.served.wrk import Requests
from adengine.catalog.known import Known
from adengine.catalog.shelf import Shelf
from adengine.errors import Unsafe
from adengine.serve import boot
from adengine.serve.run import METRICS_FOLDER, emptied, environ_of
from adengine.serve.supervisor import Child
from adengine.settings import Settings
from adengine.store import schema, sql
from adengine.store.embedded import EmbeddedValkey
from adengine.wiring import shelf_of

BODIES = 100_000
"""More than a run of four rounds sends."""
LOOKED_AT = 50
"""Pages that are read before anything is measured."""
Progress = Callable[[str, int, int], None]
"""(what is being done, how much of it is done, of how much)"""


@dataclass(slots=True, kw_only=True)
class Stage:
    """What runs, and what is sent to it."""

    size: int
    given: Settings
    keys: Mapping[str, str]
    server: Server
    compiler: Child
    store_pid: int
    pages: Requests
    probe: Probe
    first_s: float
    """From the compiler's start on an empty shelf until what it read from the database lies there."""

    def beacons(self, number: int) -> Requests:
        """The impressions of fills that are made now; at least `number`."""
        answers = self.given.data_dir / "answers.jsonl"
        paths = self.given.data_dir / "beacons.txt"
        found: list[str] = []
        begin = 0
        while len(found) < number:
            made = wrk.run(self.server.port, self.pages, connections=8, seconds=1, begin=begin, answers=answers)
            begin += made.requests
            found += _impressions(answers)
        paths.write_text("\n".join(found[:number]) + "\n")
        return Requests(path=wrk.NONE, file=paths, once=True)

    def web(self, workers: int) -> Server:
        """A server of the same book with so many workers, not started."""
        port = free_port()
        return Server(_child(replace(self.given, bind=f"{HOST}:{port}", workers=workers), "web"), port)


@contextmanager
def staged(size: int, progress: Progress) -> Iterator[Stage]:
    """A book of `size` creatives, written, compiled and served, in a folder that is removed."""
    worker, beside = process.cores()
    with ExitStack() as stack:
        stack.enter_context(process.on(beside))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="adengine-bench-")))
        port = free_port()
        given = replace(settings.load({}), data_dir=folder, log_level="error", workers=1, bind=f"{HOST}:{port}")
        valkey = EmbeddedValkey(folder)
        given = replace(boot.with_secret(given), redis_url=valkey.start())
        stack.callback(valkey.stop)
        emptied(folder / METRICS_FOLDER)
        book, keys, probe = _written(given, size, progress)
        server, compiler, pacer = Server(_child(given, "web"), port), _child(given, "compile"), _child(given, "pace")
        for child in (compiler, pacer, server):
            stack.callback(child.stop)
        first_s = _compiled(compiler, shelf_of(given), lambda s: progress(f"compiling {size:,} creatives, {s} s", 0, 0))
        pacer.start()
        server.start(worker, "/readyz")
        found = Stage(
            size=size, given=given, keys=keys, server=server, compiler=compiler, store_pid=_pid_of(valkey),
            pages=Requests(path="/v1/fill", file=_bodies(folder, book), key=keys["fill"]),
            probe=probe, first_s=first_s,
        )  # fmt: skip
        _look_at_pages(found)
        yield found


def _written(given: Settings, size: int, progress: Progress) -> tuple[Book, dict[str, str], Probe]:
    gazetteer = places.load(given.data_dir)
    engine = sql.engine(given.database, create=True)
    schema.upgrade(engine)
    known = Known(gazetteer=gazetteer, taxonomy=topics.load(), http_landing=False)
    now_s = int(time.time())
    keys = demo.seed(engine, given.data_dir, known, now_s)
    book = Book(known)
    first, second, *_ = book.spare_topics
    probe = book_probe(engine, known, (first, second), now_s)
    book.write(engine, size, now_s, lambda done: progress(f"writing {size:,} creatives", done, size))
    engine.dispose()
    return book, keys, probe


def _child(given: Settings, name: str) -> Child:
    return python(name, ("adengine", name), environ_of(given, given.data_dir / METRICS_FOLDER))


def _pid_of(valkey: EmbeddedValkey) -> int:
    pid = valkey.pid
    assert pid is not None, "a folder that was just made has no other server"
    return pid


def _compiled(compiler: Child, shelf: Shelf, progress: Callable[[int], None]) -> float:
    """Seconds from its start to a catalogue.  progress: called with those so far."""
    began_s = time.monotonic()
    compiler.start()
    while shelf.current() is None:
        if not compiler.alive():
            raise Unsafe("the compiler stopped; what it said stands above")
        time.sleep(LOOK_S)
        progress(int(time.monotonic() - began_s))
    return time.monotonic() - began_s


def _bodies(folder: Path, book: Book) -> Path:
    path = folder / "pages.jsonl"
    pages = islice(book.pages([slot["name"] for slot in demo.SLOTS]), BODIES)
    path.write_bytes(b"\n".join(map(orjson.dumps, pages)) + b"\n")
    return path


def _look_at_pages(stage: Stage) -> None:
    """Raises if pages are degraded or empty: then it would not be fills that are measured."""
    connection = stage.server.connect()
    filled = 0
    for body in stage.pages.file.read_bytes().splitlines()[:LOOKED_AT]:
        page = ask(connection, "POST", stage.pages.path, stage.pages.key, orjson.loads(body))
        if page["degraded"] is not None:
            raise RuntimeError(f"a page is degraded: {page}")
        filled += sum(fill["status"] == "filled" for fill in page["fills"])
    connection.close()
    if filled < LOOKED_AT:
        raise RuntimeError(f"of {LOOKED_AT} pages only {filled} slots were filled")


def _impressions(answers: Path) -> list[str]:
    """The paths of the impressions' beacons."""
    pages: list[dict[str, Any]] = [orjson.loads(line) for line in answers.read_bytes().splitlines() if line]
    filled = (fill for page in pages for fill in page["fills"] if fill["status"] == "filled")
    return ["/v1/i/" + fill["impression_url"].rsplit("/", 1)[1] for fill in filled]
