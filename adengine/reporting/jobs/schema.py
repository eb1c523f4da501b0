"""What may be sent and what is answered for a report that is made in the background. Pure."""

from __future__ import annotations

from marshmallow import Schema, fields

from adengine.catalog.documents import Document
from adengine.catalog.fields import Instant, Strict
from adengine.catalog.paging import LIMIT_DEFAULT, Cursor, Limit
from adengine.reporting.saved.schema import ReportQuery

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
STATUSES = (QUEUED, RUNNING, DONE, FAILED)
ROWS_AT_ONCE = 2000


class JobIn(Document):
    query = ReportQuery(required=True)


class JobOut(Schema):
    id = fields.String(required=True)
    created_at = Instant(required=True)
    by = fields.String(required=True)
    query = fields.Dict(required=True)
    status = fields.String(required=True, metadata={"enum": list(STATUSES)})
    progress = fields.Float(required=True, metadata={"description": "Of 1."})
    finished_at = Instant(required=True, allow_none=True)
    kept_until = Instant(required=True, metadata={"description": "Then it is forgotten."})
    rows = fields.Integer(required=True, allow_none=True, metadata={"description": "How many there are."})
    problem = fields.String(required=True, metadata={"description": "Why it failed; empty otherwise."})


class RowsQuery(Strict):
    limit = Limit(ROWS_AT_ONCE, load_default=LIMIT_DEFAULT)
    cursor = Cursor()


class JobRows(Schema):
    rows = fields.List(fields.Dict(), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})
    totals = fields.Dict(required=True)
    as_of = fields.String(required=True, allow_none=True)
    sealed_until = fields.String(required=True, allow_none=True)
    definitions = fields.Dict(required=True)
