"""A TCP proxy with faults: a slow store, and replies that are cut after the store has executed the call."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Proxy:
    """Listens on `url`; forwards to the store at `upstream` (redis://host:port)."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        """Of the connections to come."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.delay_s = 0.0
        """Of every reply."""
        self.cut_replies_holding: bytes | None = None
        """A reply that holds this is thrown away and its connection closed."""
        self.cut = 0
        self._patience = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self._patience.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            parts = urlsplit(self.upstream)
            server = socket.create_connection((parts.hostname or "", parts.port or 0))
            threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        try:
            while chunk := source.recv(65536):
                if is_reply and self.cut_replies_holding is not None and self.cut_replies_holding in chunk:
                    self.cut += 1
                    break
                if is_reply and self.delay_s:
                    self._patience.wait(self.delay_s)
                target.sendall(chunk)
        except OSError:
            pass
        finally:
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads there
                end.close()
