"""Circles: distances on the globe, and where their middle may be."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine import topics
from adengine.catalog.known import Known
from adengine.catalog.nouns import Facts
from adengine.catalog.targets.circles import EARTH_KM, accepted, holding, shown
from adengine.catalog.targets.refused import Refused
from adengine.places import Gazetteer

LONDON, PARIS, SYDNEY = (51.5074, -0.1278), (48.8566, 2.3522), (-33.8688, 151.2093)


@pytest.fixture(scope="module")
def known(gazetteer: Gazetteer) -> Known:
    return Known(gazetteer=gazetteer, taxonomy=topics.load())


def holds(circle: dict[str, float], point: tuple[float, float] | None, known: Known) -> bool:
    return bool(holding((accepted(circle, known),))(Facts(slot="s", position="p", point=point)))


@pytest.mark.parametrize(
    ("middle", "point", "km"),
    [(LONDON, PARIS, 343.6), (PARIS, LONDON, 343.6), ((0, 179.5), (0, -179.5), 111.2), ((89.9, 0), (89.9, 180), 22.2),
     (LONDON, LONDON, 0.1), ((-45, 0), (-45, 10), 785.8)],
)  # fmt: skip
def test_a_point_is_in_a_circle_by_the_great_circle_between_them(
    middle: tuple[float, float], point: tuple[float, float], km: float, known: Known
) -> None:
    wide, narrow = ({"lat": middle[0], "lon": middle[1], "km": km * factor} for factor in (1.005, 0.995))
    assert holds(wide, point, known)
    assert not holds(narrow, point, known) if km > 0.1 else narrow["km"] < 0.1 or holds(narrow, point, known)


DEGREES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(middle=DEGREES, point=DEGREES, km=st.floats(1, 5000))
def test_distances_agree_with_the_law_of_cosines(
    middle: tuple[float, float], point: tuple[float, float], km: float
) -> None:
    (lat, lon), (far, away) = (map(math.radians, of) for of in (middle, point))
    cosine = math.sin(lat) * math.sin(far) + math.cos(lat) * math.cos(far) * math.cos(lon - away)
    between = EARTH_KM * math.acos(max(-1.0, min(1.0, cosine)))
    held = bool(holding((f"{middle[0]!r},{middle[1]!r},{km!r}",))(Facts(slot="s", position="p", point=point)))
    assert held == (between <= km) or abs(between - km) < 0.5


def test_nobody_is_in_a_circle_who_is_nowhere(known: Known) -> None:
    assert not holds({"lat": 0, "lon": 0, "km": 5000}, None, known)


def test_many_circles_are_asked_at_once(known: Known) -> None:
    circles = tuple(f"{lat},{lon},500.0" for lat, lon in (LONDON, PARIS, SYDNEY))
    assert holding(circles)(Facts(slot="s", position="p", point=PARIS)) == circles[:2]


def test_the_circle_around_a_place_is_kept_as_that_around_its_middle(known: Known) -> None:
    stored = accepted({"place": "Remer,MN", "km": 50}, known)
    remer = known.gazetteer.resolve("Remer,MN").place
    assert remer is not None and shown(stored) == {"lat": remer.lat, "lon": remer.lon, "km": 50.0}
    assert accepted(shown(stored), known) == stored


@pytest.mark.parametrize(
    "sent",
    [None, "Remer,MN", [], {}, {"lat": 1, "lon": 2}, {"km": 5}, {"lat": 91, "lon": 0, "km": 5},
     {"lat": True, "lon": 0, "km": 5},
     {"lat": "1", "lon": 0, "km": 5}, {"lat": 1, "lon": 0, "km": 0}, {"lat": 1, "lon": 0, "km": 5001},
     {"lat": 1, "lon": 0, "km": "5"}, {"lat": 1, "lon": 0, "km": True}, {"lat": float("nan"), "lon": 0, "km": 5},
     {"lat": 1, "lon": 0, "km": float("inf")}, {"lat": 1, "lon": 0, "km": 5, "miles": 3},
     {"place": "Remerr,MN", "km": 5},
     {"place": "Springfield, US", "km": 5}, {"place": None, "km": 5}],
)  # fmt: skip
def test_what_is_no_circle_is_refused(known: Known, sent: Any) -> None:
    with pytest.raises(Refused):
        accepted(sent, known)


def test_all_that_is_wrong_with_a_circle_is_said_at_once(known: Known) -> None:
    with pytest.raises(Refused) as caught:
        accepted({"lat": 91, "lon": "x", "km": 0}, known)
    assert [word for word in ("lat", "lon", "km") if f"{word} " not in str(caught.value)] == []
