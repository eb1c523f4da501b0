"""JSON lines on standard error: one per event, one per request.

A request's line has its id, method, route template, status, milliseconds and size. It never has an address, a user
agent, a query string or a path with ids in it: nothing of a reader is at rest in a log.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson
import structlog

from adengine.web import request_ids

_access_lines: structlog.BytesLogger | None = None
"""Where request lines go; None until `configure`d to info or below."""


def configure(level: str) -> None:
    """Ours write JSON lines from `level` ("debug" … "error") up, libraries from warning up."""
    global _access_lines
    number = logging.getLevelNamesMapping()[level.upper()]
    _access_lines = structlog.BytesLogger(sys.stderr.buffer) if number <= logging.INFO else None
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer(serializer=orjson.dumps, default=str)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(True)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_for_libraries())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def request_line(*, request_id: str, method: str, route: str, status: int, elapsed_s: float, size: int | None) -> None:
    """The one line of an answered request.  route: the rule's template.  size: of the body in bytes, None if streamed.

    Written past structlog's processors: 3 µs instead of 9, on the way of every fill.
    """
    if _access_lines is not None:
        line = {
            "event": "request",
            "request_id": request_id,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(elapsed_s * 1000, 2),
            "bytes": size,
            "level": "info",
            "at": datetime.now(UTC),
        }
        _access_lines.info(orjson.dumps(line, option=orjson.OPT_UTC_Z))


def _with_request_id(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if "request_id" not in event and (request_id := request_ids.current()):
        event["request_id"] = request_id
    return event


def _for_libraries() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
        ],
    )


_SHARED: tuple[structlog.typing.Processor, ...] = (
    _with_request_id,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.format_exc_info,
)
