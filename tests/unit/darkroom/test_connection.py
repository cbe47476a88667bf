"""Address, time limit and repetitions that a client is given."""

import pytest

import darkroom
from tests.unit.darkroom.fake_transport import answer
from tests.unit.darkroom.test_client import client


@pytest.mark.parametrize(
    "address",
    [
        "a.example",
        "ftp://a.example",
        "https://",
        "https://[::1",
        "https://a.example:port",
        "https://a.example:99999",
        "https://a..example",
        "https://a b.example",
        "https://a.example/ü",
        "https://a.example/a b",
        "https://a.example/api?x=1",
        "https://a.example/#top",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_at_once(address: str) -> None:
    with pytest.raises(darkroom.NotConfigured, match=r"`url` is '.+'; write an address such as https://"):
        darkroom.Client(address, "key")


def test_a_password_in_the_address_is_refused_without_its_text() -> None:
    with pytest.raises(darkroom.NotConfigured, match="`url` names a user; write the address without one") as caught:
        darkroom.Client("https://user:secret@a.example", "key")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://[::1]:8350/api/", "https://münchen.example", "HTTPS://A.EXAMPLE:443"])
def test_an_unusual_address_is_accepted(address: str) -> None:
    assert darkroom.Client(address, "key").url == address


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "`retries` is -1; give 0 or more"),
        *(({"timeout_seconds": seconds}, "`timeout_seconds` is") for seconds in (0, -1.0, float("nan"), float("inf"))),
    ],
)
@pytest.mark.parametrize("kind", [darkroom.Client, darkroom.AsyncClient])
def test_a_limit_that_cannot_be_one_is_refused_at_once(
    kind: type[darkroom.Client], options: dict[str, float], message: str
) -> None:
    with pytest.raises(darkroom.UnusableInput, match=message):
        kind("https://a.example", "key", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["v1alpha2/fleet", ".other.example/", "@other.example/", ""])
def test_a_path_without_a_slash_names_no_other_host(path: str) -> None:
    api, transport, _ = client(answer({}))
    with pytest.raises(darkroom.UnusableInput, match="begin it with a slash, for example /v1alpha2/fleet"):
        api.call("POST", path, {})
    assert not transport.calls


def test_the_text_of_a_request_shows_no_key() -> None:
    api, transport, _ = client(answer({}))
    api.call("POST", "/v1alpha2/fleet", {})
    assert repr(transport.calls) == "[HttpCall(method='POST', url='https://api.example/v1alpha2/fleet')]"
