"""Recorder of the digests and hashes that a file of pins lacks. It compares those that the file has.

usage: python -m stacks.record_pins [--check] FILE…

A line `X_IMAGE=name:tag` gets its digest, and a line `X_SHA256=` the hash of what the link in `X` or `X_URL` leads to.
With `--check`, the files stay as they are. The exit status is 1 if a pin is missing or differs.
"""

import hashlib
import json
import sys
import urllib.request
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import parse_http_list, parse_keqv_list

#: Kinds of manifest; a registry answers with the digest of the first that it has.
_MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_TIMEOUT_SECONDS: Final = 60
_UNAUTHORIZED: Final = 401


class PinNotConfirmed(Exception):
    """Raised for a pin that differs from its source, or whose source cannot be reached."""


def record(text: str) -> str:
    """Return the text of a file of pins with all digests and hashes; raises PinNotConfirmed."""
    lines = text.splitlines()
    links = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return "".join(f"{_recorded(line, links)}\n" for line in lines)


def _recorded(line: str, links: dict[str, str]) -> str:
    try:
        return _compared(line, links)
    except OSError as error:
        raise PinNotConfirmed(f"{line.partition('=')[0]} cannot be compared: {error}") from error


def _compared(line: str, links: dict[str, str]) -> str:
    name, _, value = line.partition("=")
    if name.endswith("_IMAGE"):
        return f"{name}={_with_digest(value)}"
    pinned = name.removesuffix("_SHA256")
    link = links.get(pinned) or links.get(f"{pinned}_URL", "")
    if not name.endswith("_SHA256") or not link.startswith(("https://", "http://127.0.0.1:")):
        return line
    found = _hash_of(link)
    if value not in {"", found}:
        raise PinNotConfirmed(f"{name} is {value}, and {link} has {found}")
    return f"{name}={found}"


def _with_digest(image: str) -> str:
    """Return an image with its digest. A recorded digest stays although the tag may have moved."""
    address, _, digest = image.partition("@")
    name, _, tag = address.rpartition(":")
    host, _, repository = name.partition("/")
    # A registry on this machine speaks plain HTTP, as for every client of registries.
    scheme = "http" if host.startswith("127.0.0.1:") else "https"
    host = "registry-1.docker.io" if host == "docker.io" else host
    found = _digest_at(f"{scheme}://{host}/v2/{repository}/manifests/{digest or tag}")
    if digest and digest != found:
        raise PinNotConfirmed(f"{image} is recorded, and the registry answers {found}")
    return f"{address}@{found}"


def _digest_at(url: str) -> str:
    request = urllib.request.Request(url, headers={"Accept": _MANIFESTS}, method="HEAD")  # noqa: S310 - pins name hosts
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310 - see above
    except HTTPError as error:
        if error.code != _UNAUTHORIZED:
            raise
        request.add_header("Authorization", f"Bearer {_token(error.headers['WWW-Authenticate'])}")
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310 - see above
    return str(response.headers["Docker-Content-Digest"])


def _token(challenge: str) -> str:
    """Return a token for anonymous reading, from the address that the registry's challenge names."""
    fields = parse_keqv_list(parse_http_list(challenge.partition(" ")[2]))
    query = "&".join(f"{name}={fields[name]}" for name in ("service", "scope") if name in fields)
    with urllib.request.urlopen(f"{fields['realm']}?{query}", timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
        answer = json.load(response)
    return str(answer.get("token") or answer["access_token"])


def _hash_of(link: str) -> str:
    with urllib.request.urlopen(link, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - pins name the hosts
        return hashlib.file_digest(response, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    """Record or check the files, and return the exit status."""
    complete = True
    for file in (Path(name) for name in arguments if name != "--check"):
        text = file.read_text(encoding="utf-8")
        try:
            recorded = record(text)
        except PinNotConfirmed as error:
            print(f"{file}: {error}", file=sys.stderr)  # noqa: T201 - a command's answer
            complete = False
            continue
        if "--check" not in arguments:
            file.write_text(recorded, encoding="utf-8")
        elif recorded != text:
            print(f"{file}: a digest or hash is missing; run `make pins`", file=sys.stderr)  # noqa: T201 - see above
            complete = False
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
