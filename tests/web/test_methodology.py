"""How we count, as a page: every reason, metric, dimension and rule in force, out of the tables that act."""

from __future__ import annotations

import ipaddress

import flask
import pytest

from adengine import settings
from adengine.console.methodology import blueprint
from adengine.counting.reasons import REASONS
from adengine.counting.traffic.rules import Rules
from adengine.reporting.dimensions import DIMENSIONS
from adengine.reporting.metrics import METRICS


def page(rules: Rules, **environ: str) -> str:
    app = flask.Flask("methodology")
    app.register_blueprint(blueprint(settings.load(environ), rules))
    answer = app.test_client().get("/methodology")
    assert answer.status_code == 200 and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return answer.text


def test_it_has_every_row_of_the_tables() -> None:
    text = page(Rules())
    for row in REASONS:
        assert f'<th scope="row">{row.name}</th><td>' in text
    for named in (*METRICS, *DIMENSIONS):
        assert f"<dt>{named.name}</dt>" in text


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "25 h 15 min"),
        ({"ADENGINE_HOLD_S": "90"}, "1 min 30 s"),
        ({"ADENGINE_TIMEZONE": "Europe/Paris"}, "Europe/Paris"),
        ({"ADENGINE_AUDIT_EVERY_S": "0"}, "<dd>never</dd>"),
        ({"ADENGINE_SMALL_CELLS": "12"}, "<dd>12</dd>"),
        ({"ADENGINE_DECISION_SAMPLE": "0.25"}, "25.00%"),
        ({"ADENGINE_DECISION_KEEP_DAYS": "9"}, "9 days"),
        ({}, "Sums of sealed hours are kept for</dt><dd>good<"),
        ({"ADENGINE_SUMS_KEEP_DAYS": "400"}, "Sums of sealed hours are kept for</dt><dd>400 days<"),
        ({"ADENGINE_STREAM_KEEP_S": "7261"}, "2 h 1 min 1 s"),
    ],
)
def test_it_says_what_is_set(environ: dict[str, str], said: str) -> None:
    assert said in page(Rules(), **environ)


def test_it_says_the_rules_and_how_many_networks_but_not_which() -> None:
    rules = Rules(bots=True, bot_list="a list 1.2", click_ms_min=450, internal=(ipaddress.ip_network("192.0.2.0/24"),))
    text = page(rules)
    assert rules.version in text and "a list 1.2" in text and "450 ms" in text
    assert "<dt>Networks of our own</dt><dd>1</dd>" in text and "192.0.2" not in text
