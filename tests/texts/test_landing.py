"""Where a click may lead. Each refused address is one that a browser, a proxy or a reader could take for another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.texts import ascii_url, check_landing_url, landing_remarks

SOUND = [
    "https://qwiket.example",
    "https://www.qwiket.example/",
    "https://qwiket.example?utm_source=news&x=%20a",
    "https://qwiket.example/a/b;c=1?x[]=1#part",
    "HTTPS://QWIKET.EXAMPLE/Path",
    "https://qwiket.example:443/",
    "https://münchen.example/",
    "https://faß.example/",
    "https://xn--mnchen-3ya.example/",
    "https://例え.テスト例.jp/",
    "https://a-b.co.uk/~x",
    "https://127.0.0.1.nip.io/",
    "https://1and1.example/",
]


@pytest.mark.parametrize("url", SOUND)
def test_public_https_pages_are_accepted(url: str) -> None:
    assert check_landing_url(url, allow_http=False) == []


ATTACKS = [
    # other schemes
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//https://a.example",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "ftp://a.example/",
    "blob:https://a.example/1",
    "view-source:https://a.example/",
    "//a.example/",
    "/v1/c/x",
    "a.example",
    "",
    "https:a.example",
    "https:/a.example",
    "https:///a.example",
    "https://",
    "https://?x",
    "https://#x",
    # user information
    "https://user:pw@a.example/",
    "https://qwiket.example@evil.example/",
    "https://qwiket.example%40evil.example/",
    "https://@a.example/",
    "https://qwiket.example:443@evil.example/",
    # addresses of machines, in every spelling that browsers read as IPv4 or IPv6
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://0X7F000001/",
    "https://0x/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://a.0x7f/",
    "https://a.1/",
    "https://1.2.3.4.5/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://①②⑦.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::1%25eth0]/",
    "https://[v1.x]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1:443/",
    # hosts that are not public
    "https://localhost/",
    "https://localhost./",
    "https://a.localhost/",
    "https://intranet/",
    "https://printer.local/",
    "https://printer.LOCAL./",
    "https://printer.ｌｏｃａｌ/",
    "https://db.internal/",
    "https://nas.lan/",
    "https://router.home.arpa/",
    "https://x.onion/",
    "https://a.example./",
    "https://.example/",
    "https://a..example/",
    # names that are not domain names, or look like other ones
    "https://a_b.example/",
    "https://-a.example/",
    "https://a-.example/",
    "https://ab--c.example/",
    "https://xn--a.example/",
    "https://☃.example/",
    "https://a%2eexample.com/",
    "https://a.exam\u00adple\u200b.com\u202e/",
    "https://p\u0430ypal.example/",
    "https://g\u043e\u043egle.example/",
    "https://xn--pypal-4ve.example/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 130}example/",
    # ports
    "https://a.example:8443/",
    "https://a.example:80/",
    "https://a.example:/",
    "https://a.example:0443/",
    "https://a.example:443:443/",
    "https://a.example:-1/",
    "https://a.example:４４３/",
    "https://a.example:99999999999999999999/",
    # what browsers drop or turn into something else
    " https://a.example/",
    "https://a.example/ ",
    "\thttps://a.example/",
    "https://a.exa\tmple/",
    "https://a.example/\nSet-Cookie: x=1",
    "https://a.example/\r\nLocation: https://evil.example",
    "https://a.example/\x00",
    "https:\\\\a.example\\",
    "https://a.example\\@evil.example/",
    "https://evil.example\\.a.example/",
    "https://a.example/a b",
    'https://a.example/"onmouseover=alert(1)',
    "https://a.example/<script>",
    "https://a.example/{clickid}",
    "https://a.example/%zz",
    "https://a.example/%",
    "https://a.example/\u202egpj",
    "https://a.example/münchen",
    "https://a.example/\ud800",
    "https://a.example/" + "x" * 2048,
    "http://a.example/",
]


@pytest.mark.parametrize("url", ATTACKS, ids=[f"{n}" for n in range(len(ATTACKS))])
def test_an_address_with_two_readings_or_none_that_is_public_is_refused(url: str) -> None:
    mistakes = check_landing_url(url, allow_http=False)
    assert mistakes
    assert {mistake.pointer for mistake in mistakes} == {"/landing_url"}


def test_http_is_an_option_with_its_own_port() -> None:
    assert check_landing_url("http://a.example:80/", allow_http=True) == []
    assert check_landing_url("http://a.example:443/", allow_http=True)
    assert check_landing_url("ftp://a.example/", allow_http=True)


def test_all_mistakes_of_an_address_come_at_once() -> None:
    mistakes = check_landing_url("https://me:pw@127.0.0.1:8080/a b", allow_http=False)
    assert len(mistakes) == 4


def test_the_reviewer_sees_both_spellings_of_an_international_host() -> None:
    sentence = "the host münchen.example is sent as xn--mnchen-3ya.example"
    assert [remark.detail for remark in landing_remarks("https://münchen.example/")] == [sentence]
    assert [remark.detail for remark in landing_remarks("https://xn--mnchen-3ya.example/")] == [sentence]
    assert landing_remarks("https://qwiket.example/") == []


def test_the_reviewer_is_told_of_a_host_that_only_looks_latin() -> None:
    said = [remark.detail for remark in landing_remarks("https://\u0430\u0440\u0440\u04cf\u0435.example/")]
    assert any("looks like a Latin word" in sentence for sentence in said)


def test_a_redirect_gets_ascii_only() -> None:
    assert ascii_url("HTTPS://MÜNCHEN.example:443/A?b#c") == "https://xn--mnchen-3ya.example:443/A?b#c"
    for url in SOUND:
        assert ascii_url(url).isascii()
        assert check_landing_url(ascii_url(url), allow_http=False) == []
        assert ascii_url(ascii_url(url)) == ascii_url(url)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=80), st.text(max_size=60).map(lambda rest: f"https://{rest}")))
def test_no_address_crashes_the_check_and_an_accepted_one_can_be_sent(url: str) -> None:
    if not check_landing_url(url, allow_http=True):
        sent = ascii_url(url)
        assert sent.isascii() and sent.isprintable() and " " not in sent
        assert sent.startswith(("https://", "http://")) and "@" not in sent.split("/")[2]
        landing_remarks(url)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "{:#o}"]))
def test_no_number_is_a_host_in_any_base(number: int, spelling: str) -> None:
    host = spelling.format(number).replace("0o", "0")
    assert check_landing_url(f"https://{host}/", allow_http=False)
    assert check_landing_url(f"https://1.{host}/", allow_http=False)
