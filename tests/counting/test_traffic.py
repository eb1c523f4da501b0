"""Whose beacons do not count: robots, machines, our own people, floods; and that they are told nothing."""

from __future__ import annotations

import ipaddress
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from hypothesis import given
from hypothesis import strategies as st

from adengine.catalog.snapshot import Snapshot
from adengine.counting.claims import Recorder, Sighting
from adengine.counting.metrics import Kind
from adengine.counting.tokens import TokenReader
from adengine.counting.traffic import load
from adengine.counting.traffic.caller import NOBODY, Caller, caller_of
from adengine.counting.traffic.rules import Rules, RulesInvalid, rules_of
from adengine.counting.traffic.verdicts import Networks, Traffic, block_of, is_bot
from adengine.errors import Unsafe
from adengine.store.client import Store
from tests.builders import a_creative, a_flight, a_snapshot
from tests.counting.books import MINTER
from tests.counting.builders import NOW_S, a_ring, a_served

IMPRESSION, VIEWABLE, CLICK = Kind
BOT = Caller(user_agent="Googlebot/2.1 (+http://www.google.com/bot.html)")
READER = b"\x2a2345678"


def nets(*texts: str) -> tuple[Any, ...]:
    return tuple(map(ipaddress.ip_network, texts))


def a_recorder(store: Store, snapshot: Snapshot | None = None, at_s: int = 0, **rules: Any) -> Recorder:
    return Recorder(
        store, TokenReader(a_ring()), lambda: snapshot, hold_s=60, clock=lambda: NOW_S, traffic=Traffic(Rules(**rules)),
        recorded_at=lambda: at_s,
    )  # fmt: skip


def send(recorder: Recorder, kind: Kind, caller: Caller = NOBODY, **served: Any) -> str:
    token = MINTER.mint(a_served(**served))[kind]
    return recorder.record(recorder.open(token, kind), kind, Sighting(caller=caller))


def test_robots_are_told_from_browsers() -> None:
    robots = {agent for row in CRAWLER_USER_AGENTS_DATA for agent in row["instances"]}
    lines = (files("fake_useragent") / "data" / "browsers.jsonl").read_text("utf-8").splitlines()
    browsers = {json.loads(line)["useragent"] for line in lines}
    assert len(robots) > 2_000 and sum(map(is_bot, robots)) >= 0.99 * len(robots)
    assert len(browsers) >= 500 and sum(map(is_bot, browsers)) <= 0.005 * len(browsers)


@pytest.mark.parametrize(
    ("caller", "reason"),
    [
        (NOBODY, ""),
        (Caller(user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), ""),
        (BOT, "bot"),
        (Caller(is_ahead=True), "prefetch"),
        (Caller(is_head=True), "head"),
        (Caller(address="192.0.2.7"), "internal"),
        (Caller(address="::ffff:192.0.2.7"), "internal"),
        (Caller(address="192.0.3.7"), ""),
        (Caller(address="2001:db8::1"), "blocked"),
        (Caller(address="198.51.100.200"), "data_centre"),
        (Caller(address="no address"), ""),
        (BOT._replace(is_ahead=True, address="192.0.2.7"), "prefetch"),
        (BOT._replace(address="192.0.2.7"), "bot"),
    ],
)
def test_each_rule_refuses_what_it_is_for_the_first_one_says_why(caller: Caller, reason: str) -> None:
    rules = Rules(
        bots=True, prefetch=True, internal=nets("192.0.2.0/24"), blocked=nets("2001:db8::/32"),
        data_centres=nets("198.51.100.0/25", "198.51.100.128/25"),
    )  # fmt: skip
    assert Traffic(rules).reason(caller) == reason


@pytest.mark.parametrize("caller", [BOT, Caller(is_ahead=True), Caller(address="192.0.2.7")])
def test_a_rule_that_is_off_refuses_nobody(caller: Caller) -> None:
    assert Traffic(Rules()).reason(caller) == ""


@pytest.mark.parametrize(("kind", "reason"), [("internal",) * 2, ("blocked",) * 2, ("data_centres", "data_centre")])
def test_one_kind_of_addresses_is_enough(kind: str, reason: str) -> None:
    traffic = Traffic(Rules(**{kind: nets("192.0.2.0/24")}))
    assert [traffic.reason(Caller(address=address)) for address in ("192.0.2.7", "192.0.3.7")] == [reason, ""]


@given(st.lists(st.ip_addresses(v=4).map(lambda a: f"{a}/28"), max_size=8), st.ip_addresses(v=4))
def test_networks_have_the_addresses_that_lie_in_one_of_them(texts: list[str], address: ipaddress.IPv4Address) -> None:
    networks = [ipaddress.ip_network(text, strict=False) for text in texts]
    for asked in (address, *(network.network_address for network in networks)):
        assert (asked in Networks(networks)) == any(asked in network for network in networks)


def test_what_is_filtered_is_recorded_and_uses_nothing_up(store: Store) -> None:
    recorder = a_recorder(store, bots=True)
    assert [send(recorder, IMPRESSION, BOT), send(recorder, IMPRESSION), send(recorder, IMPRESSION, BOT)] == [
        "bot", "", "bot",
    ]  # fmt: skip
    assert [send(recorder, CLICK, BOT), send(recorder, CLICK), send(recorder, CLICK)] == ["bot", "", "duplicate"]


@pytest.mark.parametrize(("after_ms", "reason"), [(0, "too_fast"), (2000, ""), (86_400_000, "")])
def test_a_click_needs_a_hand(store: Store, after_ms: int, reason: str) -> None:
    send(a_recorder(store, at_s=NOW_S), IMPRESSION)
    late = a_recorder(store, at_s=NOW_S + after_ms // 1000, click_ms_min=1500)
    assert send(late, CLICK) == reason
    assert send(a_recorder(store, at_s=NOW_S + 90_000, click_ms_min=1500), CLICK) == ("" if reason else "duplicate")


def test_the_clock_of_clicks_is_the_stores_own_in_milliseconds(store: Store) -> None:
    recorder = a_recorder(store, click_ms_min=60_000)
    assert [send(recorder, IMPRESSION, pick=3), send(recorder, CLICK, pick=3)] == ["", "too_fast"]
    assert send(a_recorder(store), CLICK, pick=3) == ""


def test_how_soon_a_click_came_is_told_to_the_millisecond(store: Store) -> None:
    assert send(a_recorder(store, at_s=NOW_S), IMPRESSION) == ""
    assert send(a_recorder(store, at_s=NOW_S + 2, click_ms_min=2001), CLICK) == "too_fast"
    assert send(a_recorder(store, at_s=NOW_S + 2, click_ms_min=2000), CLICK) == ""


def test_a_reader_in_a_loop_is_stopped_and_others_are_not(store: Store) -> None:
    recorder = a_recorder(store, reader_per_minute=5)
    verdicts = [send(recorder, IMPRESSION, request=n, reader=READER) for n in range(8)]
    assert verdicts == [""] * 5 + ["rate"] * 3
    assert send(recorder, IMPRESSION, request=9, reader=b"\x2b2345678") == ""
    assert [send(recorder, IMPRESSION, request=20 + n) for n in range(8)] == [""] * 8, "nobody in particular is a flood"


def test_a_block_of_addresses_in_a_loop_is_stopped_and_others_are_not(valkey: Store) -> None:
    recorder = a_recorder(valkey, address_per_minute=5)
    verdicts = [
        send(recorder, IMPRESSION, Caller(address=f"203.0.113.{n}"), request=n) for n in range(8)
    ]  # fmt: skip
    assert verdicts == [""] * 5 + ["rate"] * 3
    assert send(recorder, IMPRESSION, Caller(address="203.0.112.1"), request=9) == ""
    assert send(recorder, IMPRESSION, Caller(), request=10) == ""


def test_blocks_are_what_one_network_hands_out() -> None:
    assert block_of("203.0.113.9") == block_of("203.0.113.250") != block_of("203.0.114.9")
    assert block_of("2001:db8:1:2::3") == block_of("2001:db8:1:ffff::3") != block_of("2001:db8:2::3")
    assert block_of("unknown") == "unknown"


def test_an_archived_flight_is_not_billable_and_one_that_is_news_is(valkey: Store) -> None:
    known = a_snapshot(a_flight(3), a_flight(7), creatives=(a_creative(4, version=5),))
    recorder = a_recorder(valkey, known)
    assert send(recorder, IMPRESSION, flight=3) == ""
    assert send(recorder, IMPRESSION, flight=5, request=2) == "not_billable"
    assert send(recorder, IMPRESSION, flight=8, request=3) == "", "another worker knows it already"


@pytest.mark.parametrize(
    ("headers", "is_ahead"),
    [
        ({}, False),
        ({"HTTP_SEC_PURPOSE": "prefetch;prerender"}, True),
        ({"HTTP_PURPOSE": "prefetch"}, True),
        ({"HTTP_X_MOZ": "prefetch"}, True),
        ({"HTTP_X_PURPOSE": "preview"}, True),
        ({"HTTP_SEC_PURPOSE": "navigate"}, False),
    ],
)
def test_browsers_say_when_they_load_ahead(headers: dict[str, str], is_ahead: bool) -> None:
    assert caller_of({"REQUEST_METHOD": "GET"} | headers, 0).is_ahead is is_ahead


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "", "10.0.0.1"),
    ],
)
def test_behind_proxies_the_outermost_of_ours_says_who_it_was(proxies: int, forwarded: str, address: str) -> None:
    environ = {"REQUEST_METHOD": "GET", "REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert caller_of(environ, proxies).address == address


def test_the_shipped_rules_are_in_force_and_a_file_changes_what_it_names(tmp_path: Path) -> None:
    shipped = load.load()
    assert (shipped.bots, shipped.prefetch, shipped.click_ms_min) == (True, True, 300)
    (tmp_path / "rules.toml").write_text('click_ms_min = 500\ndata_centres = ["dc.txt"]\n')
    (tmp_path / "dc.txt").write_text("# a cloud\n198.51.100.0/24\n\n2001:db8::/32 # another\n")
    changed = load.load(str(tmp_path / "rules.toml"))
    assert (changed.bots, changed.click_ms_min) == (True, 500)
    assert changed.data_centres == nets("198.51.100.0/24", "2001:db8::/32")
    assert shipped.version == load.load().version != changed.version
    (tmp_path / "dc.txt").write_text("198.51.101.0/24\n")
    assert load.load(str(tmp_path / "rules.toml")).version != changed.version


def test_every_mistake_in_the_rules_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        "bots = 1\nclick_ms_min = 1.5\nreader_per_minute = true\nmore = 1\ninternal = [5]\n"
    )
    with pytest.raises(Unsafe) as refused:
        load.load(str(tmp_path / "rules.toml"))
    assert all(name in str(refused.value) for name in ("bots", "click_ms_min", "reader_per_minute", "more", "internal"))
    with pytest.raises(RulesInvalid) as refused_too:
        rules_of({"internal": ["192.0.2.1/24"], "data_centres": ["f"]}, {"f": "\n\nnonsense\n"}, "")
    assert "internal: 192.0.2.1/24" in str(refused_too.value) and "f line 3" in str(refused_too.value)


@pytest.mark.parametrize("value", ['"dc.txt"', "true", "5", "{ file = 1 }"])
def test_data_centres_that_are_no_list_are_a_mistake_like_others(tmp_path: Path, value: str) -> None:
    (tmp_path / "rules.toml").write_text(f"click_ms_min = 1.5\ndata_centres = {value}\n")
    with pytest.raises(Unsafe, match=r"click_ms_min: .*\ndata_centres: Not a valid list"):
        load.load(str(tmp_path / "rules.toml"))


@pytest.mark.parametrize("text", [None, "bots = ", "\xff"])
def test_rules_that_cannot_be_read_are_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "rules.toml"
    if text is not None:
        path.write_text(text, "latin-1")
    with pytest.raises(Unsafe, match="traffic rules"):
        load.load(str(path))
