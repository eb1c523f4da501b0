"""Every reason is told, documented, and can be reached."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adengine.caps.claims import RECORDS_MAX, Pick
from adengine.catalog.nouns import Level, Roadblock, Targeting, Tier
from adengine.pacing.sheet import REACHED
from adengine.places import Resolution
from adengine.serving.reasons import NAMES, REASONS
from adengine.store import keys
from tests.builders import A_GOAL, NOW_S, a_cap, a_flight, a_key, a_site, a_slot, among
from tests.pacing.builders import a_sheet
from tests.serving.conftest import Open
from tests.serving.kiosk import KEY, Kiosk

DOCS = Path(__file__).resolve().parents[2] / "docs" / "serving.md"


def test_reasons_have_names_of_their_own_and_words_for_people() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for reason in REASONS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason.name)
        assert reason.sentence.endswith(".") and reason.remedy.endswith(".")


def test_every_reason_is_documented() -> None:
    section = DOCS.read_text("utf-8").split("\n## Reasons\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", section, re.MULTILINE)
    assert rows == [(reason.name, reason.sentence, reason.remedy) for reason in REASONS]


def first_reason(answer: dict[str, Any]) -> str | None:
    reason: str | None = answer["fills"][-1]["reason"]
    return reason


def catalogue_unavailable(kiosk: Open) -> str | None:
    shop = kiosk()
    shop.snapshot = None
    return first_reason(shop())


class Mistaken:
    """A gazetteer with a mistake of ours."""

    def resolve(self, _query: object, /) -> Resolution:
        raise ZeroDivisionError("a mistake of ours")

    def ancestors(self, _id: int, /) -> tuple[int, ...]:
        return ()


def internal_fault(kiosk: Open) -> str | None:
    shop = kiosk(a_flight())
    shop.gazetteer = Mistaken()
    answer = shop.client().post(
        "/v1/fill",
        json={"reader": {"place": "Remer,MN"}, "slots": [{"slot": "article-header"}]},
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert answer.status_code == 200 and answer.json["degraded"] == "L4"
    return first_reason(answer.json)


def unknown_site(kiosk: Open) -> str | None:
    shop = kiosk(sites=(a_site(1), a_site(2, domains=())))
    shop.key = a_key(site=None)
    return first_reason(shop(page={"url": "https://elsewhere.example/"}))


def unknown_slot(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight())(slots=["nowhere"]))


def no_match(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight(targeting=Targeting(slots=among("another"))))())


def out_of_dates(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight(ends_at_s=NOW_S))())


def excluded(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight())(exclude={"advertisers": ["adv_1"]}))


def no_variant_fits(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight())(slots=[{"slot": "article-header", "max_chars": 1}]))


def goal_reached(kiosk: Open) -> str | None:
    shop = kiosk(a_flight(goal=A_GOAL))
    shop.sheet = a_sheet(flags=REACHED)
    return first_reason(shop())


def paced_out(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight(goal=A_GOAL))())


def no_reader_key(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight(caps=(a_cap(),)))())


def store_unavailable(kiosk: Open) -> str | None:
    shop = kiosk(a_flight(caps=(a_cap(),)))
    shop.patience_ms = 0
    return first_reason(shop(reader="a"))


def all_capped(kiosk: Open) -> str | None:
    shop = kiosk(a_flight(caps=(a_cap(),)))
    shop(reader="a")
    return first_reason(shop(reader="a"))


def reader_log_full(kiosk: Open) -> str | None:
    shop = kiosk(a_flight(caps=(a_cap(10 * RECORDS_MAX),)))
    rid = shop.reader_ids.rid(1, "a robot")
    shop.log.reserve(
        rid, [Pick(1, 1, 1, 1)] * RECORDS_MAX, bucket=keys.bucket_of(rid, b""), view=1, hold_s=60, retention_s=99
    )
    return first_reason(shop(reader="a robot"))


SLOTS = (a_slot(1, name="a"), a_slot(2, name="b"))


def roadblock_incomplete(kiosk: Open) -> str | None:
    here = Targeting(slots=among("b"))
    return first_reason(kiosk(a_flight(roadblock=Roadblock.ALL, targeting=here), slots=SLOTS)(slots=["a", "b"]))


def flight_on_page(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight(), slots=SLOTS, sites=(a_site(exclusive=()),))(slots=["a", "b"]))


def advertiser_on_page(kiosk: Open) -> str | None:
    return first_reason(kiosk(a_flight(), slots=SLOTS)(slots=["a", "b"]))


def competitor_on_page(kiosk: Open) -> str | None:
    labelled = [a_flight(n, campaign=n, advertiser=n, exclusions=("beer",)) for n in (1, 2)]
    return first_reason(kiosk(*labelled, slots=SLOTS)(slots=["a", "b"]))


def outranked(kiosk: Open) -> str | None:
    shop = kiosk(a_flight(), a_flight(2, tier=Tier.HOUSE))
    return str(shop(explain=True)["fills"][0]["explain"]["list"][1]["reason"])


WAYS: dict[str, Callable[[Open], str | None]] = {
    way.__name__: way
    for way in (
        catalogue_unavailable, internal_fault, unknown_site, unknown_slot, no_match, out_of_dates, excluded,
        goal_reached, paced_out, no_variant_fits, no_reader_key, store_unavailable, all_capped, reader_log_full,
        roadblock_incomplete, flight_on_page, advertiser_on_page, competitor_on_page, outranked,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_can_be_reached(name: str, kiosk: Open) -> None:
    assert WAYS[name](kiosk) == name


def test_a_reason_is_that_of_the_candidates_who_got_furthest(kiosk: Open) -> None:
    def shop(*wanted: str) -> Kiosk:
        ways = {
            "no_match": {"targeting": Targeting(positions=among("elsewhere"))},
            "out_of_dates": {"starts_at_s": NOW_S + 1},
            "no_reader_key": {"caps": (a_cap(1, Level.FLIGHT),)},
        }
        return kiosk(*[a_flight(n + 1, campaign=n + 1, advertiser=n + 1, **ways[way]) for n, way in enumerate(wanted)])

    assert first_reason(shop("no_match", "out_of_dates", "no_reader_key")()) == "no_reader_key"
    assert first_reason(shop("no_match", "out_of_dates")()) == "out_of_dates"
    assert first_reason(shop("no_match")()) == "no_match"
    assert first_reason(shop()()) == "no_match"
