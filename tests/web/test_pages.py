"""The API's own pages come from this origin alone: in a real browser, and by their checksums."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from adengine.web import problem_table
from tests.web.small_app import an_app

STATIC = Path(problem_table.__file__).parent / "static"
OUTSIDE = re.compile(r"""(?:https?:)?//[a-z0-9]""", re.IGNORECASE)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """No lines on standard error."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with make_server("127.0.0.1", 0, an_app(), handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def test_the_docs_page_shows_the_api_without_a_word_to_another_origin(origin: str, page: Page) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{origin}/docs")
    page.get_by_text("/v1/things").first.wait_for()
    page.get_by_text("A new thing.").click()
    page.get_by_text("variants").first.wait_for()
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []
    assert complaints == []


def test_pages_and_scripts_of_ours_name_no_outside_address(client: FlaskClient) -> None:
    texts = [
        client.get(path).get_data(as_text=True)
        for path in ("/docs", "/problems/", "/static/web/docs.js", "/static/web/web.css")
    ]
    assert [text for text in texts if OUTSIDE.search(text)] == []


def test_the_vendored_stylesheet_loads_nothing(client: FlaskClient) -> None:
    css = client.get("/static/web/vendor/swagger-ui/swagger-ui.css").get_data(as_text=True)
    assert "@import" not in css
    assert re.findall(r"url\(\s*(?![\"']?data:)[^)]{0,60}", css) == []


def test_vendored_files_are_exactly_those_of_the_checksum_list() -> None:
    vendor = STATIC / "vendor"
    listed = dict(
        reversed(line.split("  ", 1)) for line in (vendor / "CHECKSUMS").read_text().splitlines() if line[0] != "#"
    )
    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "CHECKSUMS"
    }
    assert found == listed


def test_the_openapi_document_is_3_1_and_every_operation_may_answer_a_problem(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert operations
    assert all("default" in operation["responses"] for operation in operations)
    problem = document["components"]["responses"]["DEFAULT_ERROR"]["content"]
    assert list(problem) == ["application/problem+json"]
