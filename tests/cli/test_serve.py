"""`serve` as an operator runs it: real processes, killed one by one and all at once."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.parts import PARTS, valkey, web_workers

pytestmark = pytest.mark.alone

BACK_WITHIN_S = 5
"""The bar for a part that was killed, on a machine that does nothing else: asked by `make proof`."""
PATIENCE_S = 30
"""How long the other tests wait: they share the machine."""


def run(engine: Engine, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adengine", *arguments],
        cwd=engine.folder, env=engine.environ | environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def events(engine: Engine, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in engine.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("serve"), ADENGINE_WORKERS="2")
    engine.start("serve")
    yield engine
    engine.stop()


@pytest.fixture
def folder_engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "engine", ADENGINE_WORKERS="1")
    engine.folder.mkdir()
    yield engine
    engine.stop()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_is_back_at_once(served: Engine, part: str) -> None:
    before = eventually(lambda: PARTS[part](served))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(PARTS[part](served) - before) == len(before), within_s=PATIENCE_S)
    eventually(served.ready, within_s=PATIENCE_S)


@pytest.mark.proof
@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_is_back_within_its_bar(served: Engine, part: str) -> None:
    before = eventually(lambda: PARTS[part](served))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(PARTS[part](served) - before) == len(before) and served.ready(), within_s=BACK_WITHIN_S)


def test_a_second_engine_on_the_same_data_is_refused_and_harms_nothing(served: Engine) -> None:
    refused = run(served, "serve", ADENGINE_BIND="127.0.0.1:1")
    assert refused.returncode == 1
    assert "already serves on" in refused.stderr
    assert "ADENGINE_DATA_DIR" in refused.stderr
    assert served.ready()


def test_an_engine_on_a_taken_port_is_refused(served: Engine, tmp_path: Path) -> None:
    refused = run(served, "serve", ADENGINE_DATA_DIR=str(tmp_path / "other"))
    assert refused.returncode == 1
    assert "cannot listen on" in refused.stderr


def test_commands_beside_a_living_engine_use_its_store_and_leave_it_alive(served: Engine) -> None:
    store = valkey(served)
    assert run(served, "doctor").returncode == 0
    assert run(served, "audit").returncode == 0
    made = run(served, "keys", "create", "--name", "shell", "--scope", "manage")
    key = made.stdout.strip()
    eventually(lambda: knows(served, key))
    assert run(served, "keys", "revoke", made.stderr.split(",")[0]).returncode == 0
    eventually(lambda: served.get("/v1/sites", Authorization=f"Bearer {key}")[0] == 401, within_s=10)
    assert valkey(served) == store


def test_metrics_sum_up_over_workers_and_their_deaths(served: Engine) -> None:
    def answered() -> float:
        exposed = served.get("/metrics")[1].decode()
        mark = 'adengine_requests_total{method="GET",route="/livez",status="200"} '
        return sum(float(line.removeprefix(mark)) for line in exposed.splitlines() if line.startswith(mark))

    before = answered()
    for _ in range(20):
        served.get("/livez")
    for pid in web_workers(served):
        os.kill(pid, signal.SIGKILL)
    eventually(served.ready, within_s=PATIENCE_S)
    assert answered() == before + 20


def test_wrong_rules_of_traffic_are_refused_at_start_and_named_by_the_doctor(folder_engine: Engine) -> None:
    rules = folder_engine.folder / "wrong.toml"
    rules.write_text('bots = "yes"\nblocked = ["10.0.0.0/33"]\n')
    refused = run(folder_engine, "serve", ADENGINE_TRAFFIC_RULES=str(rules))
    assert refused.returncode == 1 and "bots" in refused.stderr and "wrong.toml" in refused.stderr
    folder_engine.start("serve")
    assert "rules of invalid traffic, version" in run(folder_engine, "doctor").stdout
    examined = run(folder_engine, "doctor", ADENGINE_TRAFFIC_RULES=str(rules))
    assert examined.returncode == 1 and "BAD  traffic" in examined.stdout


def test_the_data_directory_is_for_its_owner_alone(served: Engine) -> None:
    data = served.folder / "var"
    open_to_others = [path for path in [data, *data.iterdir()] if path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_a_stop_ends_everything_in_order_and_a_start_finds_it_again(folder_engine: Engine) -> None:
    folder_engine.start("serve")
    secret = (folder_engine.folder / "var" / "secret.key").read_text()
    folder_engine.stop()
    assert folder_engine.process is not None
    assert folder_engine.process.returncode == 0
    assert [event["child"] for event in events(folder_engine, "stopped")] == [
        "web", "keep", "pace", "consume", "compile", "valkey",
    ]  # fmt: skip
    assert events(folder_engine, "killed") == []
    assert folder_engine.processes() == []
    assert secret.strip() not in folder_engine.log
    folder_engine.start("serve")
    assert (folder_engine.folder / "var" / "secret.key").read_text() == secret


def test_a_killed_engine_leaves_no_orphan_and_starts_again_beside_its_dying_store(folder_engine: Engine) -> None:
    folder_engine.start("serve")
    assert folder_engine.process is not None
    folder_engine.process.kill()
    folder_engine.process.wait()
    folder_engine.start("serve")  # with the dying store perhaps, which it then finds dead and starts again
    eventually(lambda: all(len(living(folder_engine)) == 1 for living in PARTS.values()), within_s=PATIENCE_S)
    folder_engine.process.kill()
    folder_engine.process.wait()
    eventually(lambda: folder_engine.processes() == [], within_s=15)


def test_a_request_under_way_at_the_stop_is_still_answered(folder_engine: Engine) -> None:
    folder_engine.environ["ADENGINE_LOG_LEVEL"] = "info"
    folder_engine.start("demo")
    body = json.dumps({"slots": [{"slot": "article-header"}], "page": {"url": "https://demo.example/"}}).encode()
    head = (
        f"POST /v1/fill HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {folder_engine.keys['fill']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", folder_engine.port), timeout=20) as connection:
        connection.sendall(head.encode() + body[:20])
        eventually(lambda: answered(folder_engine, "/livez"))  # the half of a request is long with a worker by now
        assert folder_engine.process is not None
        folder_engine.process.terminate()
        eventually(lambda: events(folder_engine, "stopping"))
        connection.sendall(body[20:])
        answer = connection.recv(100)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert folder_engine.process.wait(30) == 0


@pytest.mark.parametrize("kind", ["too large", "too deep"])
def test_a_bomb_sent_in_chunks_is_the_callers_fault(served: Engine, kind: str) -> None:
    bomb = [b'{"a": "', *[b"x" * 64_000] * 50, b'"}'] if kind == "too large" else [b"[" * 50_000, b"]" * 50_000]
    key = run(served, "keys", "create", "--name", "bomb", "--scope", "manage").stdout.strip()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    eventually(lambda: all(knows(served, key) for _ in range(30)))  # each of its workers
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("POST", "/v1/sites", body=iter(bomb), headers=headers, encode_chunked=True)
    assert connection.getresponse().status == (413 if kind == "too large" else 400)
    connection.close()
    assert served.ready()


def knows(engine: Engine, key: str) -> bool:
    return engine.get("/v1/sites", Authorization=f"Bearer {key}")[0] == 200


def answered(engine: Engine, path: str) -> bool:
    return engine.get(path)[0] == 200


def test_wrong_settings_are_all_named_and_nothing_starts(folder_engine: Engine) -> None:
    refused = run(folder_engine, "serve", ADENGINE_WORKERS="many", ADENGINE_HOLD_S="0", ADENGINE_TYPO="1")
    assert refused.returncode == 2
    assert all(f"ADENGINE_{name}" in refused.stderr for name in ("WORKERS", "HOLD_S", "TYPO"))
    assert not (folder_engine.folder / "var").exists()


def test_a_foreign_database_without_our_schema_is_refused_with_the_command_to_run(folder_engine: Engine) -> None:
    path = folder_engine.folder / "theirs.sqlite3"
    sqlite3.connect(path).close()
    theirs = {"ADENGINE_DATABASE_URL": f"sqlite:///{path}", "ADENGINE_SECRET_KEY": "0123456789abcdefghijklmnopqrstuv"}
    refused = run(folder_engine, "serve", **theirs)
    assert refused.returncode == 1
    assert "python -m adengine db upgrade" in refused.stderr
    assert folder_engine.processes() == []
    assert run(folder_engine, "db", "upgrade", **theirs).returncode == 0
    assert "database schema" not in run(folder_engine, "keys", "list", **theirs).stderr


def test_commands_before_the_first_start_say_so(folder_engine: Engine) -> None:
    refused = run(folder_engine, "keys", "list")
    assert refused.returncode == 1
    assert "start once with: python -m adengine serve" in refused.stderr
