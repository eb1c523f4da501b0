"""What must be true before anything serves: one supervisor per data directory, a secret, safe stores, a free port.

Each refusal is an `Unsafe` whose sentence says what to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import Engine

from adengine.errors import Unavailable, Unsafe
from adengine.settings import Settings
from adengine.store import client, doctor, schema, sql

SECRET_FILE = "secret.key"
LOCK_FILE = "serve.lock"
PATIENT_MS = 2_000
"""Before anything serves, a store may take its time."""
_log = structlog.get_logger("adengine.serve")


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Holds the directory's lock; raises `Unsafe` if another supervisor does. The kernel frees it at any death."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise Unsafe(
                f"adengine already serves on {data_dir} (process {holder}); stop it, "
                "or give this one a directory of its own with ADENGINE_DATA_DIR"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def with_secret(settings: Settings) -> Settings:
    """The settings with a secret key; without one given, the data directory's own, made once (mode 0600)."""
    if settings.secret_key:
        return settings
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.data_dir / SECRET_FILE
    with contextlib.suppress(FileExistsError):
        _write_once(path, secrets.token_urlsafe(48))
    return replace(settings, secret_key=path.read_text("ascii").strip())


def refuse_busy_port(settings: Settings) -> None:
    """Raises `Unsafe` if someone listens there. The workers share the port, so nobody else would notice."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Unsafe(
                f"cannot listen on {settings.bind} ({error.strerror}); stop what does, or choose another ADENGINE_BIND"
            ) from error


def make_stores_safe(settings: Settings, *, upgrade: bool) -> bool:
    """True: both stores answer and nothing about them is unsafe. False: one is away, so that nobody can say yet.

    upgrade: make the database and bring its schema up to date first.  Raises `Unsafe` with every sentence that applies.
    """
    engine = sql.engine(settings.database, create=upgrade)
    store = client.connect(settings.redis_url, timeout_ms=PATIENT_MS)
    try:
        if upgrade and schema.revision(engine) != schema.HEAD:
            schema.upgrade(engine)
        if not _both_answer(store, engine):
            return False
        doctor.require_safe(doctor.examine(patient_of(settings, store, engine)))
        return True
    finally:
        store.close()
        engine.dispose()


def patient_of(settings: Settings, store: client.Store, engine: Engine) -> doctor.Patient:
    return doctor.Patient(
        store=store, engine=engine, data_dir=settings.data_dir, allow_unsafe_store=settings.allow_unsafe_store
    )


def _both_answer(store: client.Store, engine: Engine) -> bool:
    """An answer that refuses us is one: the doctor says what to do about it."""
    try:
        store.ping()
        schema.revision(engine)
    except client.StoreRefused:
        return True
    except Unavailable as error:
        _log.warning("serving degraded until it is back", why=error.detail)
        return False
    return True


def _write_once(path: Path, text: str) -> None:
    """The whole text or no file: a link appears only once the bytes are on disk. Raises FileExistsError."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii", dir=path.parent) as draft:  # mode 0600
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
        os.link(draft.name, path)
