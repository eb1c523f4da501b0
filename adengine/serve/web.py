"""The web process: granian with its workers, as a child of the supervisor."""

from __future__ import annotations

import os
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from adengine.settings import Settings
from adengine.store.lineage import PARENT

WORKERS_MAX_BY_DEFAULT = 4
STOP_S = 4
"""What a worker gets to answer the requests under way."""
HEADERS_MS = 10_000
"""A client that takes longer to send its headers is cut off."""
LOGS = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "propagate": False},
    },
}
"""granian's own lines go to the root logger, which writes JSON; its access log stays empty: ours has no addresses."""


def run(settings: Settings) -> None:
    """Serves until SIGTERM.

    The engine's modules are imported here, before granian forks its workers: a worker is back in a fraction of a second
    and shares their memory. Nothing connects until `app` is made, inside each worker.
    """
    import adengine.wiring
    from adengine import places
    from adengine.catalog.targets import devices

    places.load(settings.data_dir)
    devices.make_ready()
    os.environ[PARENT] = str(os.getpid())
    os.environ[adengine.wiring.COMPILED] = "1"
    serve_app("app:app", settings.host, settings.port, workers=workers_of(settings), threads=settings.threads)


def serve_app(target: str, host: str, port: int, *, workers: int, threads: int, factory: bool = False) -> None:
    """Serves until SIGTERM, as all of ours are served, `bench`'s limits too.

    target: module:app, from the folder of `app.py`.  factory: whether that makes the app instead of being it.
    """
    granian = Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_S,
        working_dir=Path(__file__).resolve().parents[2],
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_MS),
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=LOGS,
        factory=factory,
    )
    granian.serve()


def workers_of(settings: Settings) -> int:
    """As many as asked for; 0 means one per usable core, at most `WORKERS_MAX_BY_DEFAULT`."""
    return settings.workers or min(WORKERS_MAX_BY_DEFAULT, len(os.sched_getaffinity(0)))
