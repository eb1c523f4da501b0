from __future__ import annotations

import flask
import pytest
from flask.testing import FlaskClient

from tests.web.small_app import an_app


@pytest.fixture
def app() -> flask.Flask:
    return an_app()


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    return app.test_client()
