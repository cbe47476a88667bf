"""Strict parsing of links: no text makes the parser raise anything but its refusal."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_http.errors import LinkRefused
from guarded_http.url import parse_http_url


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("http://example.com", "example.com", 80, "/"),
        ("HTTPS://Example.COM:8443/a%20b?c=d#e", "example.com", 8443, "/a%20b?c=d"),
        ("https://example.com./x", "example.com", 443, "/x"),
        ("https://example.com/a b?c d", "example.com", 443, "/a%20b?c%20d"),
        ("https://bücher.example/ü", "xn--bcher-kva.example", 443, "/%C3%BC"),
        ("http://1.2.3.4:80/x", "1.2.3.4", 80, "/x"),
        ("http://[2606:4700::1111]:8080/x", "2606:4700::1111", 8080, "/x"),
        ("http://１.2.3.4/", "1.2.3.4", 80, "/"),  # noqa: RUF001 - a full-width digit is the point
    ],
)
def test_good_links(url: str, host: str, port: int, target: str) -> None:
    parsed = parse_http_url(url)

    assert (parsed.host, parsed.port, parsed.target) == (host, port, target)
    # A redirect is resolved against the text, so it must mean the same.
    assert parse_http_url(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://0x7f.0.0.1/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://1.2.3.4.5/", "four decimal numbers"),
        ("http://256.1.1.1/", "four decimal numbers"),
        ("http://user:password@example.com/", "credentials"),
        ("http://example.com@127.0.0.1/", "credentials"),
        ("http://example.com\\@127.0.0.1/", "backslashes"),
        ("http://example.com /a", "valid name"),
        ("http://exam ple.com/a", "valid name"),
        ("http://example.com:80 /a", "port"),
        ("http://example.com/a\nb", "control characters"),
        ("http://exa\tmple.com/", "control characters"),
        ("file:///etc/passwd", "only http and https"),
        ("ftp://example.com/x", "only http and https"),
        ("gopher://example.com/x", "only http and https"),
        ("http://", "no host"),
        ("http:///x", "no host"),
        ("http://[::1", "not a URL"),
        ("http://[::1%25eth0]/", "not IPv6"),
        ("http://[::1]x/", "not IPv6|not a URL"),
        ("http://example.com:0/", "port"),
        ("http://example.com:99999/", "port"),
        ("http://example.com:8o/", "port"),
        ("http://exa%6dple.com/", "valid name"),
        ("http://example..com/", "valid name"),
        ("http://-/", "valid name"),
        ("http://example.com/%zz", "hexadecimal"),
        ("http://example.com/\ud800", "not a URL"),
        ("http://example.com/" + "x" * 9000, "characters"),
    ],
)
def test_bad_links_are_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(LinkRefused, match=reason):
        parse_http_url(url)


@given(st.sampled_from(["http://", "https://", "s3://", ""]), st.text())
def test_nothing_else_is_raised(beginning: str, rest: str) -> None:
    with contextlib.suppress(LinkRefused):
        parsed = parse_http_url(beginning + rest)
        assert parsed.host
        assert parsed.host == parsed.host.lower()
        f"{parsed}".encode("ascii")
