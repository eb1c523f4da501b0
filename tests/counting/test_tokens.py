"""Tokens say what was served, and nothing else passes for one."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adengine.catalog.nouns import Price, Tier
from adengine.catalog.targets.devices import KINDS
from adengine.counting.keyring import key_for, key_ring
from adengine.counting.metrics import NONE, REFRESH_MAX, Kind
from adengine.counting.tokens import (
    CHARS,
    LEASE_BIAS,
    LEASE_CODES,
    LEASE_WINDOW_S,
    LIVES_S,
    PRICE_MODELS,
    PURPOSE,
    SKEW_S,
    Served,
    TokenMinter,
    TokenReader,
    age_problem,
    unpack,
)  # fmt: skip
from adengine.pacing.claims import LEASE
from adengine.pacing.leases import CLOCKS_S, LEASE_S
from adengine.texts.lines import VARIANTS_MAX
from tests.counting.builders import NOW_S, SECRET, a_ring, a_served

U32 = st.integers(0, 2**32 - 1)
SERVED = st.builds(
    Served,
    issued_s=U32, request=st.binary(min_size=16, max_size=16), pick=st.integers(0, 15), site=U32, slot=U32, flight=U32,
    creative=U32, version=st.integers(0, 2**16 - 1), tier=st.sampled_from(Tier), view=st.integers(0, 2**31 - 1),
    price=st.builds(Price, model=st.sampled_from(PRICE_MODELS), micros=st.integers(0, 2**40 - 1)),
    reader=st.none() | st.binary(min_size=8, max_size=8).filter(any), held=st.booleans(), preview=st.booleans(),
    brief=st.booleans(), leased=st.none(), variant=st.integers(0, VARIANTS_MAX - 1) | st.just(NONE), place=U32,
    topic=U32, device=st.integers(0, len(KINDS)), refresh=st.integers(0, REFRESH_MAX),
)  # fmt: skip
MINTER, READER = TokenMinter(a_ring()), TokenReader(a_ring())


@given(SERVED)
def test_a_token_says_what_was_served(served: Served) -> None:
    for kind, text in zip(Kind, MINTER.mint(served), strict=True):
        opened = READER.read(text, kind)
        assert (opened.served, opened.reason) == (served, "")
        assert unpack(opened.body) == (kind, served)


@example(a_served(), -4)
@example(a_served(), -3)
@example(a_served(), 11)
@example(a_served(), 12)
@given(SERVED, st.integers(-20, 40))
def test_a_token_tells_its_lease_if_it_is_not_long_ago(served: Served, age: int) -> None:
    leased = served.issued_s // LEASE_WINDOW_S - age
    told = unpack(READER.read(MINTER.mint(served._replace(leased=leased))[0], Kind.IMPRESSION).body)[1]
    assert told == served._replace(leased=leased if -3 <= age <= 11 else None)


def test_a_leases_window_is_the_same_where_it_is_made_and_where_it_is_told() -> None:
    assert f"local WINDOW_S, KEEP_S, LIVES_S = {LEASE_WINDOW_S}," in LEASE.text
    assert LEASE_S <= (LEASE_CODES - LEASE_BIAS) * LEASE_WINDOW_S - CLOCKS_S, "a lease is spent while it can be told"


@given(SERVED)
def test_a_token_is_112_letters_that_need_no_escaping(served: Served) -> None:
    for text in MINTER.mint(served):
        assert len(text) == CHARS == 112
        assert text.replace("-", "a").replace("_", "a").isalnum() and text.isascii()


@pytest.mark.parametrize("kind", Kind)
def test_any_flipped_bit_is_refused(kind: Kind) -> None:
    text = MINTER.mint(a_served())[kind]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, letter in enumerate(text):
        for bit in range(6):
            flipped = letters[letters.index(letter) ^ 1 << bit]
            opened = READER.read(text[:place] + flipped + text[place + 1 :], kind)
            assert opened.served is None, f"bit {bit} of letter {place}"


def test_kinds_are_not_interchangeable() -> None:
    tokens = MINTER.mint(a_served())
    for minted in Kind:
        for read in Kind:
            assert (READER.read(tokens[minted], read).reason == "") is (minted is read)


@given(st.text(max_size=130) | st.text("ABCab01-_=+/", min_size=110, max_size=114))
def test_any_other_text_is_forged_and_never_raises(text: str) -> None:
    assert all(READER.read(text, kind).reason in ("forged", "unknown_key") for kind in Kind)


def test_another_spelling_of_the_same_bytes_is_refused() -> None:
    text = next(t for t in (MINTER.mint(a_served(n))[0] for n in range(1000)) if "-" in t or "_" in t)
    assert READER.read(text.replace("-", "+").replace("_", "/"), Kind.IMPRESSION).reason == "forged"
    assert READER.read(text + "=", Kind.IMPRESSION).reason == "forged"
    assert READER.read(text + "\n", Kind.IMPRESSION).reason == "forged"


def test_another_secret_does_not_verify() -> None:
    other = TokenReader(a_ring(secret=SECRET[::-1]))
    assert other.read(MINTER.mint(a_served())[0], Kind.IMPRESSION).served is None


def test_after_a_rotation_old_tokens_count_and_new_ones_bear_the_new_key() -> None:
    new = "another secret of the tests 9876543210 abc"
    ring = key_ring(PURPOSE, new, SECRET)
    old_token = MINTER.mint(a_served())[0]
    new_token = TokenMinter(ring).mint(a_served())[0]
    assert TokenReader(ring).read(old_token, Kind.IMPRESSION).reason == ""
    assert TokenReader(ring).read(new_token, Kind.IMPRESSION).reason == ""
    assert READER.read(new_token, Kind.IMPRESSION).reason == "unknown_key"


def test_keys_of_two_purposes_differ() -> None:
    assert set(a_ring().keys.values()).isdisjoint(key_ring("another purpose", SECRET).keys.values())


def test_two_secrets_with_one_key_id_are_refused() -> None:
    with pytest.raises(ValueError, match="key id"):
        key_ring(PURPOSE, SECRET, SECRET)


@pytest.mark.parametrize("kind", Kind)
def test_a_token_lives_its_time_and_the_skew_no_longer(kind: Kind) -> None:
    served = a_served(issued_s=NOW_S)
    end_s = NOW_S + LIVES_S[kind] + SKEW_S
    assert age_problem(served, kind, end_s) == ""
    assert age_problem(served, kind, end_s + 1) == "expired"
    assert age_problem(served, kind, NOW_S - SKEW_S) == ""
    assert age_problem(served, kind, NOW_S - SKEW_S - 1) == "future"


def test_clicks_live_longer_than_impressions() -> None:
    assert LIVES_S[Kind.IMPRESSION] == LIVES_S[Kind.VIEWABLE] == 7200
    assert LIVES_S[Kind.CLICK] == 86_400


def test_nothing_of_the_price_or_the_reader_is_spelled_out() -> None:
    served = a_served(reader=b"\x01\x02\x03\x04\x05\x06\x07\x08")
    assert served.price == Price(model="cpm", micros=12_000_000)
    assert all("cpm" not in text and "12000000" not in text for text in MINTER.mint(served))


def test_what_a_fill_does_not_say_is_none() -> None:
    said = {name: value for name, value in a_served()._asdict().items() if name not in Served._field_defaults}
    found = unpack(READER.read(MINTER.mint(Served(**said))[0], Kind.IMPRESSION).body)[1]
    assert (found.reader, found.leased, found.variant, found.place, found.topic) == (None, None, NONE, 0, 0)
    assert (found.held, found.brief, found.preview, found.device, found.refresh) == (False, False, False, 0, 0)


@pytest.mark.parametrize("variant", [*range(VARIANTS_MAX), NONE])
def test_a_token_has_room_for_every_device_refresh_and_variant(variant: int) -> None:
    for device in range(len(KINDS) + 1):
        for refresh in range(REFRESH_MAX + 1):
            served = a_served(variant=variant, device=device, refresh=refresh)
            assert READER.read(MINTER.mint(served)[Kind.CLICK], Kind.CLICK).served == served


def test_a_word_is_always_the_same_and_needs_the_key() -> None:
    assert MINTER.word("link 7") == TokenMinter(a_ring()).word("link 7") != MINTER.word("link 8")
    assert TokenMinter(a_ring(secret=SECRET[::-1])).word("link 7") != MINTER.word("link 7")
    assert re.fullmatch("[0-9a-f]{32}", MINTER.word("é"))


def test_the_key_of_a_purpose_is_the_one_that_its_ring_signs_with() -> None:
    ring = key_ring("purpose", SECRET)
    assert key_for("purpose", SECRET) == ring.keys[ring.current] != key_for("another", SECRET)
    assert len(key_for("purpose", SECRET)) == 32


@pytest.mark.parametrize(("at", "byte"), [(0, 0x20), (3, 0x03)])
def test_the_body_of_another_version_or_of_no_known_price_is_none(at: int, byte: int) -> None:
    body = bytearray(READER.read(MINTER.mint(a_served())[0], Kind.IMPRESSION).body)
    body[at] = body[at] & ~0x03 | byte if at else byte
    with pytest.raises(ValueError, match="body of a token"):
        unpack(bytes(body))
