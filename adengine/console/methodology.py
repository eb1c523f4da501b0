"""GET /methodology: how this engine counts, written out of its own tables and the settings in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import flask

from adengine.counting.ledger import SEEN_S
from adengine.counting.metrics import QUARTER_S, Kind
from adengine.counting.reasons import REASONS
from adengine.counting.retention import KEEPS
from adengine.counting.seals import AFTER_S
from adengine.counting.tokens import LIVES_S, SKEW_S
from adengine.counting.traffic.rules import Rules
from adengine.reporting.dimensions import DIMENSIONS
from adengine.reporting.metrics import METRICS
from adengine.settings import Settings
from adengine.web.headers import PAGE_POLICY

HOUR_S, DAY_S, MINUTE_S = 3600, 86_400, 60


@dataclass(frozen=True, slots=True)
class Term:
    what: str
    value: str


def blueprint(settings: Settings, rules: Rules) -> flask.Blueprint:
    blp = flask.Blueprint("methodology", __name__, template_folder="templates")
    values: Mapping[str, object] = {
        "terms": terms(settings), "rules": rules_told(rules), "version": rules.version, "reasons": REASONS,
        "metrics": METRICS, "dimensions": DIMENSIONS, "lives": {kind.name.lower(): LIVES_S[kind] for kind in Kind},
    }  # fmt: skip

    @blp.get("/methodology")
    def methodology() -> flask.Response:
        answer = flask.make_response(flask.render_template("methodology.html", **values))
        answer.headers["Content-Security-Policy"] = PAGE_POLICY
        return answer

    return blp


def terms(settings: Settings) -> Sequence[Term]:
    return (
        Term("An impression or viewable counts for", _span(LIVES_S[Kind.IMPRESSION])),
        Term("of a line that is held against caps, for", _span(settings.hold_s)),
        Term("A click counts for", _span(LIVES_S[Kind.CLICK])),
        Term("Clocks may differ by", _span(SKEW_S)),
        Term("Sums are kept by", _span(QUARTER_S)),
        Term("Days of daily limits begin at midnight in", settings.timezone),
        Term("An hour is sealed after its begin by", _span(AFTER_S)),
        Term("An event is known, so that no copy of it counts, for", _span(SEEN_S)),
        Term("Events stay in the store, to be read again, for", _span(settings.stream_keep_s)),
        *(Term(keep.what, _days(getattr(settings, keep.setting))) for keep in KEEPS),
        Term("Events one by one are kept for", _span(settings.events_keep_days * DAY_S)),
        Term("Reports made in the background are kept for", _span(settings.report_keep_days * DAY_S)),
        Term("What a goal has had, seals, who made adjustments and why are kept", "for good"),
        Term("Of pages whose decision is logged", f"{settings.decision_sample:.2%}"),
        Term("kept for", _span(settings.decision_keep_days * DAY_S)),
        Term("The counts are audited every", _span(settings.audit_every_s) if settings.audit_every_s else "never"),
        Term(
            "Places with fewer than so many are reported together",
            str(settings.small_cells) if settings.small_cells else "never",
        ),
    )


def rules_told(rules: Rules) -> Sequence[Term]:
    """How many networks, not which: they are the operator's own."""
    return (
        Term("Robots are told by", rules.bot_list if rules.bots else "nothing: they count"),
        Term("Pages loaded ahead of their reader", "do not count" if rules.prefetch else "count"),
        Term("A click needs, after its impression", f"{rules.click_ms_min} ms"),
        Term("Most beacons of one reader in a minute", str(rules.reader_per_minute or "any number")),
        Term("of one address block, in each worker", str(rules.address_per_minute or "any number")),
        Term("Networks of our own", str(len(rules.internal))),
        Term("Networks that are blocked", str(len(rules.blocked))),
        Term("Networks of data centres", str(len(rules.data_centres))),
    )


def _days(number: int) -> str:
    return _span(number * DAY_S) if number else "good"


def _span(seconds: int) -> str:
    """In the largest units that say it exactly: 25 h 15 min."""
    parts = []
    for name, size in (("days", DAY_S), ("h", HOUR_S), ("min", MINUTE_S), ("s", 1)):
        if name == "days" and seconds % DAY_S:
            continue
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {name}")
    return " ".join(parts) or "0 s"
