"""Which spellings are one name, and which are not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.places.names import iso_key, name_key, plain, state_key


@pytest.mark.parametrize(
    "spellings",
    [
        ("Coeur d'Alene", "COEUR D’ALENE", "Coeur D Alene", "coeurdalene"),
        ("Cañon City", "Canon City", "CAN\u0303ON-CITY"),
        ("St. Paul", "Saint Paul", "ST PAUL", "St.Paul"),
        ("Ste. Genevieve", "Sainte Geneviève"),
        ("Mt. Vernon", "Mount Vernon"),
        ("Ft. Worth", "Fort Worth"),
        ("Cass Co.", "Cass County"),
        ("Łódź", "Lodz"),
        ("Ålesund", "Alesund"),
        ("Straße", "STRASSE"),
        ("Hawaiʻi", "Hawai'i", "Hawaii"),
        ("D.C.", "DC", "D. C."),
        ("Bow & Arrow", "Bow and Arrow"),
        ("\uff34\uff4f\uff4b\uff59\uff4f", "Tokyo"),
        ("ガ", "カ\u3099"),
    ],
)
def test_these_are_one_name(spellings: tuple[str, ...]) -> None:
    assert len({name_key(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("Remer", "Remmer"),
        ("Main St", "Main Saint"),
        ("Columbus", "Columbia"),
        ("が", "か"),
        ("पटना", "पाटन"),
        ("Minnesota", "Minnesota Lake"),
        ("Co", "County"),
    ],
)
def test_these_are_two_names(one: str, another: str) -> None:
    assert name_key(one) != name_key(another)


@pytest.mark.parametrize("nothing", ["", " ", ".,-", "\u0301", "🙂"])
def test_what_has_no_letters_has_no_key(nothing: str) -> None:
    assert name_key(nothing) == 0


def test_codes_and_names_never_share_a_key() -> None:
    assert len({name_key("MN"), iso_key("MN"), state_key("MN")}) == 3
    assert iso_key("us-mn") == iso_key("US-MN")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_a_key_is_48_bits_and_ignores_case_and_outer_space(text: str) -> None:
    assert 0 <= name_key(text) < 2**48
    assert plain(text) == plain(f"  {text} ")
    assert plain(plain(text)) == plain(plain(text)).strip()
