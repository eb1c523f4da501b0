"""What the engine counts about itself, for Prometheus: one table, and GET /metrics over all worker processes.

Labels take values out of tables only (route templates, statuses, reasons), never a user's string. With
PROMETHEUS_MULTIPROC_DIR set before this module is imported (`serve` does), every process of the machine is summed.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any

import flask
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Upper bounds of the request histogram; 0.05 is the longest a page may wait for a store."""
LAG_SECONDS = (0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3600.0)
"""Upper bounds of the consumer's lag; 5 is the most it promises while all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram; empty: a counter."""


METRICS: tuple[Metric, ...] = (
    Metric(name="adengine_requests", help="Requests answered.", labels=("route", "method", "status")),
    Metric(name="adengine_request_seconds", help="Time to answer.", labels=("route",), buckets=SECONDS),
    Metric(name="adengine_fills", help="Slots answered, by outcome.", labels=("status", "reason")),
    Metric(name="adengine_degraded", help="Fill answers with a part of ours away, by level.", labels=("level",)),
    Metric(name="adengine_beacons", help="Beacons judged, by kind and verdict.", labels=("kind", "verdict")),
    Metric(name="adengine_spool", help="Beacons kept on disk while the store is away.", labels=("outcome",)),
    Metric(name="adengine_audits", help="Invariants that were checked, by verdict.", labels=("check", "verdict")),
    Metric(name="adengine_store_failures", help="Calls that the store did not answer in time.", labels=("caller",)),
    Metric(name="adengine_snapshots", help="Catalogue snapshots taken over or refused.", labels=("outcome",)),
    Metric(name="adengine_events_rolled_up", help="Events that the consumer has committed."),
    Metric(
        name="adengine_event_lag_seconds",
        help="How far the rollups were behind the streams when a batch was committed.",
        buckets=LAG_SECONDS,
    ),
)


def count(name: str, *labels: str, by: float = 1) -> None:
    """Adds to a counter of `METRICS`; labels in the order of its row."""
    series(name, *labels).inc(by)


def observe(name: str, value: float, *labels: str) -> None:
    """Adds a value to a histogram of `METRICS`."""
    series(name, *labels).observe(value)


def install(app: flask.Flask) -> None:
    app.add_url_rule("/metrics", "metrics", _exposition)


@functools.cache  # bounded: labels come out of tables only
def series(name: str, *labels: str) -> Any:
    """A counter, with `inc`, or a histogram, with `observe`; labels in the order of its row."""
    return _METERS[name].labels(*labels) if labels else _METERS[name]


def _exposition() -> flask.Response:
    registry = REGISTRY
    if MULTIPROCESS_DIR in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return flask.Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _meter(row: Metric) -> Counter | Histogram:
    if row.buckets:
        return Histogram(row.name, row.help, row.labels, buckets=row.buckets)
    return Counter(row.name, row.help, row.labels)


disable_created_metrics()  # type: ignore[no-untyped-call]
_METERS = {row.name: _meter(row) for row in METRICS}
