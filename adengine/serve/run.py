"""`serve` from beginning to end: what must be true, then who must live."""

from __future__ import annotations

import http.client
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from adengine.counting.traffic import load as traffic
from adengine.serve import boot
from adengine.serve.supervisor import Charge, Child, Supervisor
from adengine.settings import CONFIG, PREFIX, Settings
from adengine.store.embedded import EmbeddedValkey
from adengine.web.metrics import MULTIPROCESS_DIR

METRICS_FOLDER = "metrics"
READY_WITHIN_S = 0.5
"""Longest wait for one answer of our own /readyz."""
CHILDREN = (("compile", 3.0), ("consume", 3.0), ("pace", 3.0), ("keep", 3.0), ("web", 6.0))
"""(command, seconds between SIGTERM and SIGKILL) in the order of starting; stopped in the opposite one."""
_log = structlog.get_logger("adengine.serve")


def serve(
    settings: Settings,
    *,
    prepare: Callable[[Settings], None] = lambda _settings: None,
    once_ready: Callable[[Settings], None] = lambda _settings: None,
) -> None:
    """Serves until SIGTERM or SIGINT; raises `Unsafe` if it must not.

    A store of the operator's that is away at start is waited for while pages are served degraded, and judged then.
    prepare: called with the settings in force before anything serves, if both stores answer.
    once_ready: called when the first worker is ready.
    """
    with boot.only_one(settings.data_dir):
        boot.refuse_busy_port(settings)
        traffic.load(settings.traffic_rules)
        settings, store = _with_store(boot.with_secret(settings))
        try:
            is_safe = boot.make_stores_safe(settings, upgrade=not settings.database_url)
            if is_safe:
                prepare(settings)
            watch = _Readiness(settings, is_safe, once_ready)
            Supervisor([*store, *_children(settings)]).run(watch)
        finally:
            for charge in store:
                charge.stop()


def _children(settings: Settings) -> list[Child]:
    environ = environ_of(settings, emptied(settings.data_dir.resolve() / METRICS_FOLDER))
    return [Child(name, [sys.executable, "-m", "adengine", name], environ, grace_s) for name, grace_s in CHILDREN]


def _with_store(settings: Settings) -> tuple[Settings, list[Charge]]:
    """The settings with the address of a living store, and what of it is ours to keep alive."""
    if not settings.embedded_store:
        return settings, []
    valkey = EmbeddedValkey(settings.data_dir)
    return replace(settings, redis_url=valkey.start()), [valkey]


def environ_of(settings: Settings, metrics: Path) -> Mapping[str, str]:
    """A child's environment: exactly the settings in force, whatever file or command line they came from."""
    ours = {PREFIX + name.upper(): str(value) for name, value in asdict(settings).items()}
    return {k: v for k, v in os.environ.items() if k != CONFIG} | ours | {MULTIPROCESS_DIR: str(metrics)}


def emptied(folder: Path) -> Path:
    """Counters begin at zero with the engine, as Prometheus expects of a restart."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


@dataclass(slots=True)
class _Readiness:
    """Asks /readyz until it says 200; then judges the stores, if that could not be done before, and says so once."""

    settings: Settings
    is_safe: bool
    once_ready: Callable[[Settings], None]
    is_said: bool = False

    def __call__(self) -> None:
        if self.is_said or not _is_ready(self.settings):
            return
        self.is_safe = self.is_safe or boot.make_stores_safe(self.settings, upgrade=False)
        if self.is_safe:
            self.is_said = True
            _log.info("ready", url=self.settings.base_url)
            self.once_ready(self.settings)


def _is_ready(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=READY_WITHIN_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
