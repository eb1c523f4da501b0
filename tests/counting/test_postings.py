"""What events add to the sums, and which of them are the same event."""

import pytest

from adengine.catalog.nouns import Price, Tier
from adengine.counting.events import Beacon, Refusal, SlotOutcome
from adengine.counting.metrics import NONE, Kind, Metric
from adengine.counting.postings import Cell, Posting, StreamId, charge_micros, postings
from tests.counting.builders import NOW_S, a_fill, a_served

HERE = StreamId(NOW_S * 1000, 0)


def a_beacon(kind: Kind = Kind.IMPRESSION, **fields: object) -> Beacon:
    return Beacon(
        **{"kind": kind, "served": a_served(), "at_s": NOW_S + 1, "variant": NONE, "is_first": True,
           "is_measurable": False, "reason": ""} | fields
    )  # type: ignore[arg-type]  # fmt: skip


def only(beacon: Beacon, bucket: int = 0, entry: StreamId = HERE) -> Posting:
    (posting,) = postings(beacon, bucket, entry)
    return posting


def test_an_impression_adds_one_and_its_price_to_its_cell() -> None:
    ((cell, sum_),) = only(a_beacon(served=a_served(device=9, refresh=2))).adds
    assert cell == Cell(NOW_S, Metric.IMPRESSION, 1, 2, 3, 4, 5, NONE, Tier.STANDARD, 7, 8, 9, 2, "")
    assert sum_ == (1, 12_000)


def test_events_of_one_quarter_share_a_cell_and_the_next_second_does_not() -> None:
    quarters = [only(a_beacon(at_s=NOW_S + second)).quarter_s - NOW_S for second in (0, 899, 900)]
    assert quarters == [0, 0, 900]


def test_the_same_event_from_anywhere_has_one_id() -> None:
    one = only(a_beacon(), bucket=1, entry=StreamId(5, 0))
    again = only(a_beacon(at_s=NOW_S + 4000, reason="late"), bucket=1, entry=StreamId(9, 7))
    assert one.id == again.id


def test_further_copies_are_occurrences_of_their_own() -> None:
    copy = a_beacon(is_first=False, reason="duplicate")
    ids = {only(copy, bucket, StreamId(ms, seq)).id for bucket in (0, 1) for ms in (5, 6) for seq in (0, 1)}
    assert len(ids) == 8 and only(a_beacon()).id not in ids
    assert only(copy, 0, StreamId(5, 0)).id == only(copy, 0, StreamId(5, 0)).id


def test_no_two_events_of_a_request_share_an_id() -> None:
    beacons = [
        a_beacon(kind, served=a_served(pick=pick), is_measurable=kind is Kind.VIEWABLE)
        for pick in range(16)
        for kind in Kind
    ]
    ids = [posting.id for beacon in beacons for posting in postings(beacon, 0, HERE)]
    ids += [posting.id for posting in postings(a_fill(), 0, HERE)]
    assert len(set(ids)) == len(ids) == 16 * 4 + 1


def test_a_measurable_beacon_adds_to_both_metrics() -> None:
    impression, measurable = postings(a_beacon(is_measurable=True), 0, HERE)
    assert (impression.metric, measurable.metric) == (Metric.IMPRESSION, Metric.MEASURABLE)
    assert impression.sum.micros > 0 and measurable.sum == (1, 0), "it costs nothing by itself"


@pytest.mark.parametrize(
    ("kind", "metric"),
    [(Kind.IMPRESSION, Metric.INVALID_IMPRESSION), (Kind.VIEWABLE, Metric.INVALID_VIEWABLE),
     (Kind.CLICK, Metric.INVALID_CLICK)],
)  # fmt: skip
def test_what_does_not_count_costs_nothing_and_names_its_reason(kind: Kind, metric: Metric) -> None:
    served = a_served(price=Price(model="cpc", micros=500_000))
    posting = only(a_beacon(kind, served=served, reason="late"))
    assert (posting.metric, posting.reason, posting.sum) == (metric, "late", (1, 0))


def test_a_fill_adds_each_slot_and_each_refusal() -> None:
    slots = (
        SlotOutcome(slot=2, flight=3, creative=4, version=5, tier=Tier.HOUSE, reason="all_capped"),
        SlotOutcome(slot=0, reason="unknown_slot"),
    )
    (posting,) = postings(a_fill(1, *slots, capped=(Refusal(slot=2, flight=9, cap="creative/1d"),)), 0, HERE)
    assert (posting.metric, posting.flight, posting.sum, posting.at_s) == (Metric.PAGE, 0, (2, 0), NOW_S)
    assert (posting.leased, posting.reader) == (None, None) and {add for _, add in posting.adds} == {(1, 0)}
    assert [(cell.metric, cell.slot, cell.flight, cell.tier, cell.reason) for cell, _ in posting.adds] == [
        (Metric.FILL, 2, 3, Tier.HOUSE, "all_capped"),
        (Metric.EMPTY, 0, 0, NONE, "unknown_slot"),
        (Metric.CAPPED, 2, 9, NONE, "creative/1d"),
    ]


@pytest.mark.parametrize(
    ("kind", "model", "micros", "cost"),
    [(Kind.IMPRESSION, "cpm", 12_000_000, 12_000), (Kind.IMPRESSION, "cpc", 300_000, 0),
     (Kind.CLICK, "cpc", 300_000, 300_000), (Kind.CLICK, "cpm", 12_000_000, 0),
     (Kind.VIEWABLE, "cpm", 12_000_000, 0), (Kind.IMPRESSION, "flat", 10**9, 0)],
)  # fmt: skip
def test_each_model_charges_its_own_event(kind: Kind, model: str, micros: int, cost: int) -> None:
    assert charge_micros(kind, model, micros, b"id") == cost


def test_a_fraction_of_a_micro_is_settled_by_the_event_and_right_on_average() -> None:
    # n = 20 000, p = 0.3: the sum is off by more than 5 standard deviations once in 1.7 million choices of ids.
    n, ids = 20_000, (number.to_bytes(17, "big") for number in range(20_000))
    costs = [charge_micros(Kind.IMPRESSION, "cpm", 1_234_300, id_) for id_ in ids]
    assert set(costs) == {1234, 1235}
    assert abs(sum(costs) - n * 1234.3) < 5 * (n * 0.3 * 0.7) ** 0.5
    assert charge_micros(Kind.IMPRESSION, "cpm", 1_234_300, b"x") == charge_micros(
        Kind.IMPRESSION, "cpm", 1_234_300, b"x"
    )
