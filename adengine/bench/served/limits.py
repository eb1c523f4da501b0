"""The two limits as WSGI servers, served exactly as our own workers are: `python -m adengine.bench.served.limits`."""

from __future__ import annotations

import gc
import os
import sys

import flask

from adengine.bench.fast import fast_app
from adengine.bench.stock import stock_app
from adengine.serve.web import serve_app
from adengine.store import lineage

STORE = "ADENGINE_REDIS_URL"


def stock() -> flask.Flask:
    return _steady(stock_app(os.environ[STORE]))


def fast() -> flask.Flask:
    return _steady(fast_app(os.environ[STORE]))


def _steady(app: flask.Flask) -> flask.Flask:
    """As `app.py` does it: the limits are spared what we are spared."""
    lineage.die_with_named_parent()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    return app


def main(name: str, host: str, port: int, threads: int) -> None:
    os.environ[lineage.PARENT] = str(os.getpid())
    serve_app(f"{__spec__.name}:{name}", host, port, workers=1, threads=threads, factory=True)


if __name__ == "__main__":
    name, host, port, threads = sys.argv[1:]
    main(name, host, int(port), int(threads))
