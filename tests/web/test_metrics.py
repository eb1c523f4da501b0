"""What Prometheus reads: routes by their template, and nothing that a user wrote."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from adengine.web.metrics import METRICS, count


def value_of(client: FlaskClient, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    samples = [sample for family in families for sample in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def test_a_request_is_counted_under_its_routes_template(client: FlaskClient) -> None:
    labels = {"route": "/problems/<name>", "method": "GET", "status": "200"}
    before = value_of(client, "adengine_requests_total", **labels)
    client.get("/problems/invalid")
    client.get("/problems/conflict")
    assert value_of(client, "adengine_requests_total", **labels) - before == 2


def test_no_string_of_a_user_becomes_a_label(client: FlaskClient) -> None:
    client.get("/no/such/reader-4711?key=reader-4711")
    client.get("/problems/reader-4711")
    client.open("/livez", method="READER-4711")
    exposed = client.get("/metrics").get_data(as_text=True)
    assert not re.search("reader-4711", exposed, re.IGNORECASE)


@pytest.mark.parametrize("row", METRICS, ids=lambda row: row.name)
def test_every_metric_of_the_table_is_exposed_with_its_help(client: FlaskClient, row: object) -> None:
    assert f"# HELP {row.name}" in client.get("/metrics").get_data(as_text=True)  # type: ignore[attr-defined]


def test_a_label_too_few_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="label"):
        count("adengine_fills", "filled")
