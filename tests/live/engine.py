"""A whole engine as an operator starts it: real processes in a folder of their own, on a free port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
TRAFFIC = Path(__file__).with_name("traffic.toml")


class Engine:
    """`python -m adengine demo` (or `serve`) with its data below `folder`; start, use, stop, start again."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {k: v for k, v in os.environ.items() if not k.startswith("ADENGINE_")}
        ours = {
            "ADENGINE_BIND": f"127.0.0.1:{self.port}", "ADENGINE_STORE_TIMEOUT_MS": "50", "PYTHONPATH": str(ROOT),
            "ADENGINE_TRAFFIC_RULES": str(TRAFFIC),
        }  # fmt: skip
        self.environ = own | ours | environ
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / "engine.log").read_text("utf-8", "replace")

    @property
    def keys(self) -> dict[str, str]:
        return dict(json.loads((self.folder / "var" / "demo-keys.json").read_text("utf-8")))

    def start(self, command: str = "demo", within_s: float = 60) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "adengine", command],
                cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        eventually(self.ready, within_s=within_s)

    def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the engine stopped at start:\n{self.log[-3000:]}"
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def processes(self) -> list[int]:
        """Every live process of this engine: those that run in its folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                here = (entry / "cwd").readlink()
                dead = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except (OSError, IndexError):
                continue
            if not dead and (here == self.folder or self.folder in here.parents):
                found.append(int(entry.name))
        return found

    def kill_everything(self) -> None:
        """kill -9 of every process at once, as when the machine loses power but keeps its disk."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)
        eventually(lambda: not self.processes(), within_s=10)

    def get(self, path: str, key: str | None = None, **headers: str) -> tuple[int, bytes, Message]:
        return self.call("GET", path, None, key, **headers)

    def post(self, path: str, body: Any, key: str) -> Any:
        """The JSON answer of a POST that must succeed."""
        status, answer, _ = self.call("POST", path, body, key)
        assert status < 300, (status, answer[:2000])
        return json.loads(answer) if answer else None

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> tuple[int, bytes, Message]:
        """(status, body, headers) of one request; no status raises.  path: absolute URLs are called as they are.

        body: sent as JSON; bytes as they are.
        """
        url = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(url, method=method, headers={"User-Agent": BROWSER} | headers)
        if key is not None:
            request.add_header("Authorization", f"Bearer {self.keys[key]}")
        if isinstance(body, bytes):
            request.data = body
        elif body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer to look at, not to follow."""

    def redirect_request(self, *_: Any) -> None:
        return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
