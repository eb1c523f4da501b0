"""How the routes of reports answer, and describe themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import flask

from adengine.reporting import dimensions, metrics
from adengine.reporting.delivery import Report
from adengine.reporting.files import FORMATS, HEADERS, written
from adengine.reporting.paging import READ_BY
from adengine.reporting.periods import PERIODS
from adengine.reporting.query import FORMATS as FORMAT_NAMES
from adengine.reporting.query import PARAMETERS, ROWS_MAX, SOURCES, Parameter
from adengine.reporting.schema import DeliveryOut

FILE = {"type": "string", "description": "The report's rows, if `format` asks for a file."}


CONTENT = {
    "application/json": {"schema": DeliveryOut},
    **{row.media_type: {"schema": FILE} for row in FORMATS.values()},
}
TOLD = {
    name: {"schema": {"type": "string"}, "description": f"Of files: `{told}`, as JSON answers say it."}
    for told, name in HEADERS.items()
}
"""OpenAPI of a file's headers."""
DELIVERED: dict[str, Any] = {"200": {"content": CONTENT, "headers": TOLD}}


def answered(
    report: Report, standing: Mapping[str, str | None], format_: str, has_front: bool = False
) -> flask.Response:
    """A report as JSON, or as a file to be saved.  standing, has_front: as `files.written` takes them."""
    made = written(report, standing, format_, has_front)
    answer = flask.Response(made.body, content_type=made.media_type)
    answer.headers.update(made.headers)
    if format_ in FORMATS:
        answer.headers["Content-Disposition"] = f'attachment; filename="delivery.{format_}"'
    return private(answer)


def private(answer: flask.Response) -> flask.Response:
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def described(parameter: Parameter) -> dict[str, Any]:
    return {
        "in": "query",
        "name": parameter.name,
        "description": parameter.definition,
        "schema": _schema(parameter.name),
        "example": [parameter.example] if parameter.name == "filter" else parameter.example,
    }


def _schema(name: str) -> dict[str, Any]:
    match name:
        case "group_by":
            return {"type": "string", "pattern": rf"^({_listed(dimensions.BY_NAME)}|\s*)$"}
        case "metrics":
            return {"type": "string", "pattern": f"^{_listed(metrics.BY_NAME)}$"}
        case "filter":
            return {"type": "array", "items": {"type": "string", "pattern": f"^({'|'.join(_FILTERED)}):"}}
        case "period":
            return {"type": "string", "enum": [period.name for period in PERIODS]}
        case "source":
            return {"type": "string", "enum": list(SOURCES)}
        case "format":
            return {"type": "string", "enum": list(FORMAT_NAMES)}
        case "about":
            return {"type": "boolean"}
        case "limit":
            return {"type": "integer", "minimum": 1, "maximum": ROWS_MAX}
        case "from" | "to":
            return {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
    return {"type": "string"}


_FILTERED = [row.name for row in dimensions.DIMENSIONS if row.wanted is not None]


def _listed(names: Iterable[str]) -> str:
    """The regular expression of one or more of `names`, comma-separated."""
    one = rf"\s*({'|'.join(names)})\s*"
    return f"{one}(,{one})*"


READ_AS = [described(parameter) for parameter in PARAMETERS if parameter.name in READ_BY]
"""OpenAPI of what may be sent for a report that is kept by name."""
