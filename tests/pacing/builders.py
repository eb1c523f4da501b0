"""Sheets as a pacer publishes them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from adengine.pacing.sheet import NO_LIMIT, OPEN, Sheet
from tests.builders import NOW_S


def a_sheet(
    *flights: int,
    number: int = 1,
    tau_s: int = NOW_S,
    left: int = NO_LIMIT,
    flags: int = OPEN,
    score: float = 0.0,
    scores: Iterable[float] | None = None,
) -> Sheet:
    """All flights alike, by default flight 1 alone, open and without a budget."""
    ids = np.array(sorted(flights or (1,)), np.int64)
    return Sheet(
        number=number, at_s=float(tau_s), tau_s=tau_s, flight=ids,
        score=np.array(list(scores), np.float64) if scores is not None else np.full(len(ids), score),
        strength=np.zeros(len(ids)), left=np.full(len(ids), left, np.int64), flags=np.full(len(ids), flags, np.uint8),
    )  # fmt: skip
