"""The embedded store: one server for a data directory, nothing acknowledged lost, nobody orphaned."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adengine.errors import Unsafe
from adengine.store.client import connect
from adengine.store.embedded import EmbeddedValkey
from tests.eventually import eventually
from tests.stores import PATIENT_MS

START = """
import sys, pathlib, threading
from adengine.store.embedded import EmbeddedValkey
valkey = EmbeddedValkey(pathlib.Path(sys.argv[1]))
print(valkey.start(), valkey._process is None, flush=True)
threading.Event().wait()
"""


def servers(folder: Path) -> list[int]:
    """Live valkey-servers of a data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if str(folder) in (entry / "cmdline").read_text() and "valkey-server" in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def a_starter(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", START, str(folder)], stdout=subprocess.PIPE, text=True)


def written(url: str, n: int) -> None:
    connect(url, timeout_ms=PATIENT_MS).across([("RPUSH", "log", n)])


def read(url: str) -> list[int]:
    return [int(item) for item in connect(url, timeout_ms=PATIENT_MS).across([("LRANGE", "log", 0, -1)])[0]]


def test_what_was_acknowledged_outlives_kills_and_stops(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path)
    url = valkey.start()
    for n in range(6):
        for m in range(50):
            written(url, n * 50 + m)
        if n % 2:
            valkey.stop()
        else:
            connect(url, timeout_ms=PATIENT_MS).across(
                [("CONFIG", "SET", "appendfsync", "always")]
            )  # else: a slow disk
            os.kill(servers(tmp_path)[0], signal.SIGKILL)
            eventually(lambda: not valkey.alive())
        assert valkey.start() == url
    assert read(url) == list(range(300))
    valkey.stop()
    assert servers(tmp_path) == []


def test_the_server_is_safe_and_closed_to_others(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path)
    url = valkey.start()
    try:
        store = connect(url, timeout_ms=PATIENT_MS)
        config = {
            name: store.everywhere("CONFIG", "GET", name)[0][1] for name in ("port", "appendonly", "maxmemory-policy")
        }
        assert config == {"port": b"0", "appendonly": b"yes", "maxmemory-policy": b"noeviction"}
        with pytest.raises(Exception, match="Authentication required"):
            connect("unix://" + url.rsplit("@", 1)[1], timeout_ms=PATIENT_MS).ping()
        folder = tmp_path / "valkey"
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (folder, *folder.iterdir())
            if path.is_file() or path == folder
        }
        assert modes["valkey"] == 0o700 and modes["password"] == modes["valkey.conf"] == 0o600
        assert url.rsplit(":", 1)[1].split("@")[0] not in (folder / "valkey.conf").read_text()
    finally:
        valkey.stop()


def test_the_server_ends_with_a_killed_owner(tmp_path: Path) -> None:
    owner = a_starter(tmp_path)
    assert owner.stdout is not None
    assert "False" in owner.stdout.readline()
    assert len(servers(tmp_path)) == 1
    owner.kill()
    owner.wait()
    eventually(lambda: servers(tmp_path) == [], within_s=10)


def test_many_who_start_at_once_share_one_server(tmp_path: Path) -> None:
    starters = [a_starter(tmp_path) for _ in range(6)]
    try:
        said = [starter.stdout.readline().split() for starter in starters if starter.stdout is not None]
        assert len({url for url, _ in said}) == 1
        assert sorted(adopted for _, adopted in said) == ["False"] + ["True"] * 5
        assert len(servers(tmp_path)) == 1
    finally:
        for starter in starters:
            starter.kill()
            starter.wait()
    eventually(lambda: servers(tmp_path) == [], within_s=10)


def test_an_adopted_server_is_left_alone(tmp_path: Path) -> None:
    owner, guest = EmbeddedValkey(tmp_path), EmbeddedValkey(tmp_path)
    url = owner.start()
    try:
        assert guest.start() == url
        guest.stop()
        assert owner.alive() and read(url) == []
    finally:
        owner.stop()


def test_an_adopted_server_is_seen_to_die_and_is_replaced(tmp_path: Path) -> None:
    owner, guest = EmbeddedValkey(tmp_path), EmbeddedValkey(tmp_path)
    url = owner.start()
    written(url, 1)
    guest.start()
    assert guest.alive()
    owner.stop()
    assert not guest.alive()
    try:
        assert guest.start() == url
        assert read(url) == [1]
        owner.stop()
        assert guest.alive() and len(servers(tmp_path)) == 1
    finally:
        guest.stop()


def test_one_who_waits_for_anothers_server_takes_its_place_when_it_dies(tmp_path: Path) -> None:
    owner, guest = EmbeddedValkey(tmp_path), EmbeddedValkey(tmp_path)
    url = owner.start()
    os.kill(servers(tmp_path)[0], signal.SIGSTOP)
    said: list[str] = []
    guest_waits, release = threading.Event(), threading.Event()

    def wait() -> None:
        guest_waits.set()
        said.append(guest.start())
        release.wait(30)  # the server ends with the thread that started it

    waiter = threading.Thread(target=wait)
    waiter.start()
    guest_waits.wait()
    os.kill(servers(tmp_path)[0], signal.SIGKILL)
    try:
        eventually(lambda: said == [url], within_s=20)
        assert len(servers(tmp_path)) == 1
    finally:
        release.set()
        waiter.join()
        guest.stop()


@pytest.mark.parametrize("name", ["two words", 'a "quoted" \\ name', "50% of #1?", "žluťoučký kůň", "new\nline"])
def test_a_data_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    valkey = EmbeddedValkey(tmp_path / name)
    url = valkey.start()
    try:
        written(url, 1)
        assert read(url) == [1]
    finally:
        valkey.stop()
    assert (tmp_path / name / "valkey" / "appendonlydir").is_dir()


def test_a_deep_data_directory_has_its_socket_elsewhere(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / ("deep" * 20) / ("er" * 30))
    url = valkey.start()
    try:
        written(url, 1)
        assert read(url) == [1]
    finally:
        valkey.stop()


def test_a_damaged_file_is_refused_with_the_servers_own_words(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path)
    url = valkey.start()
    written(url, 1)
    valkey.stop()
    manifest = next((tmp_path / "valkey" / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense\n")
    with pytest.raises(Unsafe, match="log"):
        valkey.start()
