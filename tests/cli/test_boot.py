"""What must be true before anything serves."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from adengine import settings
from adengine.errors import Unsafe
from adengine.serve import boot


def settings_in(folder: Path, **given: str) -> settings.Settings:
    return settings.load({}, data_dir=str(folder), **given)


def test_a_second_supervisor_on_one_data_directory_is_refused_with_the_firsts_process_number(tmp_path: Path) -> None:
    refused = pytest.raises(Unsafe, match=rf"already serves .*process {os.getpid()}.*ADENGINE_DATA_DIR")
    with boot.only_one(tmp_path), refused, boot.only_one(tmp_path):
        pass
    with boot.only_one(tmp_path):
        assert (tmp_path / boot.LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_a_killed_supervisor_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import os, sys, signal; from pathlib import Path; from adengine.serve import boot\n"
        "with boot.only_one(Path(sys.argv[1])):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -9
    with boot.only_one(tmp_path):
        pass


def test_the_data_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with boot.only_one(tmp_path / "new" / "var"):
        assert stat.S_IMODE((tmp_path / "new" / "var").stat().st_mode) == 0o700


def test_a_secret_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = boot.with_secret(settings_in(tmp_path))
    second = boot.with_secret(settings_in(tmp_path))
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= settings.SECRET_CHARS_MIN
    assert stat.S_IMODE((tmp_path / boot.SECRET_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [boot.SECRET_FILE]


def test_many_that_make_the_secret_at_once_agree_on_one(tmp_path: Path) -> None:
    made: list[str] = []
    together = threading.Barrier(8)

    def make() -> None:
        together.wait()
        made.append(boot.with_secret(settings_in(tmp_path)).secret_key)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_given_secret_is_left_alone(tmp_path: Path) -> None:
    given = replace(settings_in(tmp_path), secret_key="0123456789abcdefghijklmnopqrstuvwxyz")
    assert boot.with_secret(given) is given
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_refused_although_workers_could_share_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Unsafe, match="ADENGINE_BIND"):
            boot.refuse_busy_port(settings_in(tmp_path, bind=f"127.0.0.1:{other.getsockname()[1]}"))


def test_a_free_port_is_accepted(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
    boot.refuse_busy_port(settings_in(tmp_path, bind=f"127.0.0.1:{free}"))
