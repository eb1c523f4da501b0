"""A real server for the pages that the browser opens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page

from adengine.texts import stylesheet

STRICT = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


@dataclass
class Paper:
    """A site of pages by path, under a strict content security policy, with the stylesheet of the lines."""

    url: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Paths that were asked for, in order."""

    def put(self, path: str, body: str, *, css: str = "", lang: str = "en") -> str:
        """Publishes a page and returns its URL; `css` is the page's own stylesheet."""
        self.pages[f"{path}.css"] = css
        self.pages[path] = (
            f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>News</title>'
            '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/slot.css">'
            f'<link rel="stylesheet" href="{path}.css"><link rel="icon" href="/icon"></head><body>{body}</body></html>'
        )
        return self.url + path

    def answer(self, path: str) -> tuple[int, str, bytes]:
        self.asked.append(path)
        if path == "/static/slot.css":
            return 200, "text/css", stylesheet()
        if path not in self.pages:
            return 204, "text/plain", b""
        return 200, "text/css" if path.endswith(".css") else "text/html", self.pages[path].encode()


@pytest.fixture
def paper() -> Iterator[Paper]:
    site = Paper()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = site.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", STRICT)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Test output stays quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    site.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a URL in a fresh context; `scripts=False` is a browser with JavaScript switched off."""
    contexts = []

    def opened(url: str, *, width: int = 1280, height: int = 800, scripts: bool = True) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=scripts))
        page = contexts[-1].new_page()
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
