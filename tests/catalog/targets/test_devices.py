"""The device of a reader, from user agents as they are sent."""

from __future__ import annotations

import pytest

from adengine.catalog.targets.devices import KINDS, device_of, number_of

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0"
SENT = {
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1": "phone",
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36": "phone",
    f"Mozilla/5.0 (Linux; Android 7.0; CUBOT Build/NRD90M) {CHROME} Mobile Safari/537.36": "phone",
    f"Mozilla/5.0 (Linux; Android 10; After X) {CHROME} Mobile Safari/537.36": "phone",
    "Mozilla/5.0 (Android 13; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0": "phone",
    "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5": "phone",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25": "phone",
    f"Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) {WEBKIT} Version/12.1 Mobile/15E148 Safari/604.1": "tablet",
    f"Mozilla/5.0 (Linux; Android 13; SM-X700) {CHROME} Safari/537.36": "tablet",
    "Mozilla/5.0 (Android 13; Tablet; rv:125.0) Gecko/125.0 Firefox/125.0": "tablet",
    f"Mozilla/5.0 (Linux; Android 9; KFMAWI) {CHROME} Silk/120.4.1 like Chrome/120.0 Safari/537.36": "tablet",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36": "desktop",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) {WEBKIT} Version/17.5 Safari/605.1.15": "desktop",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)": "desktop",
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0": "desktop",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36": "desktop",
    f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) {WEBKIT} 85.0.4183.93/6.5 TV Safari/537.36": "tv",
    f"Mozilla/5.0 (Web0S; Linux/SmartTV) {CHROME} Safari/537.36 WebAppManager": "tv",
    f"Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7285; wv) {CHROME} Mobile Safari/537.36": "tv",
    f"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K UR2) {CHROME} Safari/537.36": "tv",
    "HbbTV/1.2.1 (;Panasonic;VIERA 2012;1.261;0071-3103 2000-0000;)": "tv",
    "Roku/DVP-9.10 (519.10E04111A)": "tv",
    f"Mozilla/5.0 (PlayStation; PlayStation 5/2.26) {WEBKIT} Version/13.0 Safari/605.1.15": "console",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) {CHROME} Safari/537.36": "console",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1)": "bot",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)": "bot",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/124.0.0.0": "bot",
    "curl/8.5.0": "bot",
    "python-requests/2.32.3": "bot",
}


@pytest.mark.parametrize("user_agent", SENT)
def test_a_device_is_told_from_the_user_agent(user_agent: str) -> None:
    assert device_of(user_agent) == SENT[user_agent]


def test_every_kind_is_told() -> None:
    assert set(SENT.values()) == set(KINDS)


@pytest.mark.parametrize("user_agent", ["hello", "Mozilla/5.0", "\ud800", "x" * 2048, "(" * 2048, "\x00"])
def test_a_user_agent_that_tells_nothing_is_no_device(user_agent: str) -> None:
    assert device_of(user_agent) is None


def test_the_numbers_of_devices_in_tokens_and_sums_are_for_good() -> None:
    assert KINDS == ("phone", "tablet", "desktop", "tv", "console", "bot")
    assert {kind: number_of(sent) for sent, kind in SENT.items()} == {kind: n for n, kind in enumerate(KINDS, 1)}
    assert number_of(None) == number_of("") == number_of("hello") == 0
