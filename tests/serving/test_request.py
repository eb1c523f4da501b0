"""What a page may send: strict where a mistake would be silent, lenient where a page must get its answer."""

import json
from typing import Any

import pytest

from adengine.errors import Invalid, Malformed, TooLarge
from adengine.serving.request import BYTES_MAX, SLOTS_MAX, Asked, parse

SLOT = {"slot": "article-header"}


def parsed(**body: Any) -> Asked:
    return parse(json.dumps({"slots": [SLOT]} | body).encode())


def pointers(**body: Any) -> list[str]:
    with pytest.raises(Invalid) as caught:
        parsed(**body)
    return [mistake.pointer for mistake in caught.value.mistakes]


def test_the_request_of_the_contract_is_understood() -> None:
    asked = parsed(
        page={"url": "https://news.example/putin", "topics": ["war-and-conflicts", "386"], "text": "…", "lang": "en"},
        reader={"key": "k", "place": "Remer,MN", "ip": "203.0.113.9", "user_agent": "…", "consent": True},
        slots=[{"id": "top", "slot": "article-header", "max_width_px": 640, "font_px": 16, "max_chars": None}],
        exclude={"advertisers": [], "topics": []}, now_s=None, seed=None, preview=False, explain=False,
    )  # fmt: skip
    assert (asked.slots[0].id, asked.slots[0].max_width_px, asked.slots[0].max_chars) == ("top", 640.0, None)
    assert asked.page.topics == ("war-and-conflicts", "386") and asked.reader.place == "Remer,MN"
    assert not asked.privileged


def test_null_is_as_good_as_absent_and_unknown_fields_are_ignored() -> None:
    assert parsed(page=None, reader=None, exclude=None, now_s=None, explain=None, of_the_future={"a": 1}) == parsed()
    assert parsed(reader={"key": None, "place": {"country": None, "city": None}, "cookie": "x"}) == parsed()


def test_a_slot_is_called_by_its_name_unless_it_has_an_id() -> None:
    asked = parsed(slots=[{"slot": "a"}, {"slot": "b", "id": "x"}])
    assert [slot.id for slot in asked.slots] == ["a", "x"]


def test_a_page_says_which_refresh_of_its_slots_it_asks_for() -> None:
    said = [parsed(page={"refresh": refresh}).page.refresh for refresh in (None, 0, 1, 2.0, 3, 4, 256, 10**6)]
    assert said == [0, 0, 1, 2, 3, 3, 3, 3] and parsed().page.refresh == 0
    for wrong in (-1, 1.5, True, "1", 10**6 + 1):
        assert pointers(page={"refresh": wrong}) == ["/page/refresh"]


def test_a_refused_consent_makes_the_reader_unknown() -> None:
    assert parsed(reader={"key": "k", "consent": False}).reader.key is None
    assert parsed(reader={"key": "k", "consent": True}).reader.key == "k"
    assert parsed(reader={"key": "k"}).reader.key == "k"


def test_all_mistakes_are_named_at_once() -> None:
    assert pointers(
        page={"topics": [1], "url": 5},
        reader={"key": "", "place": {"lat": 91, "lon": "x"}, "consent": 1},
        slots=[{"slot": ""}, {"slot": "a", "max_chars": 1.9, "max_width_px": True, "font_px": 0}, {}],
        now_s=1.5,
        seed="7",
        preview="yes",
    ) == [
        "/page/url", "/page/topics/0", "/reader/key", "/reader/place/lat", "/reader/place/lon", "/reader/consent",
        "/slots/0/slot", "/slots/1/max_width_px", "/slots/1/font_px", "/slots/1/max_chars", "/slots/2/slot",
        "/now_s", "/seed", "/preview",
    ]  # fmt: skip


@pytest.mark.parametrize(("number", "means"), [("3", 3), ("3.0", 3), ("1e3", 1000)])
def test_a_whole_number_may_be_written_as_json_writes_numbers(number: str, means: int) -> None:
    asked = parse(b'{"slots": [{"slot": "a", "max_chars": ' + number.encode() + b"}]}")
    assert asked.slots[0].max_chars == means and type(asked.slots[0].max_chars) is int


@pytest.mark.parametrize("number", ["1.9", "true", '"3"', "-1", "0", "1e400", "9" * 400, "100001"])
def test_what_is_no_whole_number_in_bounds_is_refused(number: str) -> None:
    with pytest.raises((Invalid, Malformed)):
        parse(b'{"slots": [{"slot": "a", "max_chars": ' + number.encode() + b"}]}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "true", '"640"', "0", "-3"])
def test_a_width_is_a_finite_number_above_nothing(number: str) -> None:
    with pytest.raises((Invalid, Malformed)):
        parse(b'{"slots": [{"slot": "a", "max_width_px": ' + number.encode() + b"}]}")


def test_the_same_slot_may_stand_twice_on_a_page() -> None:
    assert len(parsed(slots=[SLOT, SLOT]).slots) == 2


def test_there_are_one_to_sixteen_slots() -> None:
    assert len(parsed(slots=[{"slot": str(n)} for n in range(SLOTS_MAX)]).slots) == SLOTS_MAX
    assert pointers(slots=[{"slot": str(n)} for n in range(SLOTS_MAX + 1)]) == ["/slots"]
    assert pointers(slots=[]) == ["/slots"]
    with pytest.raises(Invalid) as caught:
        parse(b"{}")
    assert caught.value.mistakes[0].pointer == "/slots"


def test_a_body_may_have_64_kb() -> None:
    body = b'{"slots": [{"slot": "a"}]}'
    assert parse(body + b" " * (BYTES_MAX - len(body)))
    with pytest.raises(TooLarge):
        parse(body + b" " * (BYTES_MAX - len(body) + 1))


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"slots": 1, "slots": 2}', b"\xff", b"[" * 60_000, b'{"a":' * 10_000, b"nul", b"\x00"]
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"slots"', b'{"slots": {}}', b'{"slots": [1]}'])
def test_json_of_another_shape_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        parse(body)


@pytest.mark.parametrize("fields", [{"preview": True}, {"now_s": 1_800_000_000}, {"seed": 1}, {"explain": True}])
def test_what_only_managers_may_ask_is_told_apart(fields: dict[str, Any]) -> None:
    assert parsed(**fields).privileged
    assert parsed(**fields).rehearsal == ("explain" not in fields)


def test_key_values_are_texts_or_lists_of_them_without_what_says_nothing() -> None:
    keys = {"section": " sports ", "tags": ["a", "b", " "], "login": None, "paid": "", "q": []}
    assert parsed(page={"keys": keys}).page.keys == {
        "section": ("sports",), "tags": ("a", "b"), "login": (), "paid": (), "q": (),
    }  # fmt: skip
    assert parsed(page={"keys": None}) == parsed() and parsed(page={"keys": {}}).page.keys == {}


def test_every_mistake_in_key_values_is_named() -> None:
    keys = {
        "sec tion": "a",
        "tags": ["ok", 5, "x" * 101, "\x00"],
        "login": True,
        "many": ["v"] * 21,
        "deep": {"a": "b"},
    }
    assert pointers(page={"keys": keys}) == [
        "/page/keys/sec tion", "/page/keys/tags/1", "/page/keys/tags/2", "/page/keys/tags/3", "/page/keys/login",
        "/page/keys/many", "/page/keys/deep",
    ]  # fmt: skip
    assert pointers(page={"keys": {f"k{n}": "v" for n in range(21)}}) == ["/page/keys"]
    assert len(parsed(page={"keys": {f"k{n}": ["v"] * 20 for n in range(20)}}).page.keys) == 20
    assert pointers(page={"keys": ["section=sports"]}) == ["/page/keys"]


def test_a_user_agent_is_read_and_never_printed() -> None:
    asked = parsed(reader={"user_agent": "Mozilla/5.0 (secret)"})
    assert asked.reader.user_agent == "Mozilla/5.0 (secret)" and "secret" not in repr(asked)
    assert pointers(reader={"user_agent": "x" * 2049}) == ["/reader/user_agent"]
