"""A logged page decided again, by the same code, from what was logged. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from adengine.catalog.nouns import Key, Scope
from adengine.catalog.snapshot import Snapshot
from adengine.counting.tokens import TokenMinter
from adengine.decisions.outside import Played, PlayedLeases, PlayedTurns
from adengine.decisions.record import learnt_in, sheet_in
from adengine.decisions.transcript import Script
from adengine.serving.fill import Filler
from adengine.serving.outside import Moment, Outside, Terms
from adengine.serving.pace import Paces
from adengine.serving.request import parse
from adengine.serving.scene import Gazetteer
from adengine.topics import Taxonomy
from adengine.web import request_ids


def replayed(
    record: Mapping[str, Any], snapshot: Snapshot, minter: TokenMinter, gazetteer: Gazetteer, taxonomy: Taxonomy
) -> bytes:
    """The answer as it would be given again.  snapshot: the one that the page was decided by.

    Raises `transcript.Differs` where the page takes another way than the logged one.
    """
    script = Script([(asked, answer) for asked, answer in record["notes"]])
    played, sheet, learnt = Played(script, snapshot), sheet_in(record), learnt_in(record)
    outside = Outside(
        snapshots=played,
        reader_log=played,
        reader_ids=played,
        paces=Paces(lambda: sheet, PlayedLeases(script), PlayedTurns(script), lambda: learnt),
        monotonic=played.monotonic,
    )
    filler = Filler(
        outside=outside, minter=minter, gazetteer=gazetteer, taxonomy=taxonomy, terms=Terms(**record["terms"])
    )
    key = Key(id=0, name="replay", scopes=frozenset({Scope.MANAGE}), site=record["site"], advertiser=None)
    return filler.fill(parse(orjson.dumps(record["asked"])), key, _moment(record)).body


def _moment(record: Mapping[str, Any]) -> Moment:
    request = request_ids.bytes_of(record["request_id"])
    if request is None:
        raise ValueError("the log names a request that is none")
    return Moment(record["at_s"], request, record["request_id"])
