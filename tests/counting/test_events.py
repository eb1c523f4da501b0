"""Events survive the stream unchanged, and what is no event is told apart."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.counting.events import (
    Beacon,
    Fill,
    Refusal,
    SlotOutcome,
    Unreadable,
    read_event,
)  # fmt: skip
from adengine.counting.metrics import NONE, Kind
from adengine.counting.reasons import REASONS
from adengine.counting.tokens import TokenMinter, TokenReader
from tests.counting.books import beacon_event
from tests.counting.builders import a_fill, a_ring, a_served, event_of

U32 = st.integers(0, 2**32 - 1)
WORD = st.text("abcdefghijklmnopqrstuvwxyz_/0123456789", max_size=64)
SLOTS = st.builds(
    SlotOutcome, slot=U32, reason=WORD, flight=U32, creative=U32, version=st.integers(0, 2**16 - 1),
    tier=st.integers(0, 255), variant=st.integers(0, 255),
)  # fmt: skip
FILLS = st.builds(
    Fill,
    request=st.binary(min_size=16, max_size=16), at_s=U32, site=U32, place=U32, topic=U32,
    slots=st.lists(SLOTS, max_size=16).map(tuple),
    capped=st.lists(st.builds(Refusal, slot=U32, flight=U32, cap=WORD), max_size=5).map(tuple),
    device=st.integers(0, 15), refresh=st.integers(0, 15),
)  # fmt: skip
BODY = TokenReader(a_ring()).read(TokenMinter(a_ring()).mint(a_served(variant=1))[Kind.CLICK], Kind.CLICK).body


@given(FILLS)
def test_a_fill_is_read_as_it_was_written(fill: Fill) -> None:
    assert read_event(event_of(fill)) == fill


@pytest.mark.parametrize("reason", ["", *(row.name for row in REASONS if row.reported)])
@pytest.mark.parametrize("first", [True, False])
def test_a_beacon_is_read_as_it_was_written(reason: str, first: bool) -> None:
    read = read_event(beacon_event(BODY, at_s=77, variant=2, reason=reason, first=first, measurable=first))
    assert read == Beacon(
        kind=Kind.CLICK, served=a_served(variant=1), at_s=77, variant=2, is_first=first, is_measurable=first,
        reason=reason,
    )  # fmt: skip


def test_a_page_that_says_no_variant_shows_the_one_it_was_given() -> None:
    read = read_event(beacon_event(BODY, at_s=77, variant=NONE))
    assert isinstance(read, Beacon) and read.variant == 1


@given(st.binary(max_size=200))
def test_other_bytes_are_unreadable_or_an_event_but_never_another_error(junk: bytes) -> None:
    for event in (junk, b"\x01" + junk, b"\x02" + junk, b"\x03" + junk):
        with contextlib.suppress(Unreadable):
            assert isinstance(read_event(event), Beacon | Fill)


@given(st.data())
def test_a_fill_that_was_cut_off_is_unreadable(data: st.DataObject) -> None:
    event = event_of(a_fill())
    with pytest.raises(Unreadable):
        read_event(event[: data.draw(st.integers(0, len(event) - 1))])


def test_a_reason_that_no_table_has_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="bogus"):
        read_event(beacon_event(BODY, at_s=1, reason="bogus"))


def test_nothing_of_the_reader_is_in_a_fill() -> None:
    assert {"reader", "user_agent", "ip"}.isdisjoint(Fill.__dataclass_fields__)


def test_a_fill_with_bytes_or_letters_too_many_is_unreadable() -> None:
    whole = event_of(a_fill())
    for event in (whole + b"x", whole[:-1] + bytes([65]) + b"r" * 65):
        with pytest.raises(Unreadable, match=r"too many|too long"):
            read_event(event)
    assert read_event(whole[:-1] + bytes([64]) + b"r" * 64)
