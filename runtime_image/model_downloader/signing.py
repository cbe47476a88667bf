"""Signed requests for the bytes of a bucket's objects."""

from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qs, quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Seconds for which a signed request may be sent; each is sent at once.
SIGNATURE_SECONDS: Final = 600
#: Headers that must be sent as they were signed.
_CHECKSUM_MODE: Final = {"x-amz-checksum-mode": "ENABLED"}
#: A key without characters that an address writes another way.
_ANY_KEY: Final = "key"


class SignedRequest(NamedTuple):
    """A GET for anybody who can speak HTTP."""

    url: str
    headers: dict[str, str]


class _Address(NamedTuple):
    """Where the objects of a bucket are asked for, up to their keys, and in which region that is to a signature."""

    url: str
    region: str


class Signer:
    """Signs for many objects of one bucket: botocore finds its address anew for each, which takes as long as the rest.

    Raises what botocore raises. Safe to share between threads.
    """

    def __init__(self, *, client: "S3Client", credentials: Credentials | None, bucket: str) -> None:
        self._client = client
        self._credentials = credentials
        self._bucket = bucket

    def sign(self, key: str) -> SignedRequest:
        """Return a request for an object or, with a Range header added, for part of it. It asks for checksums."""
        if self._credentials is None or self._address is None:
            return SignedRequest(self._presign(key), _CHECKSUM_MODE)
        request = AWSRequest("GET", self._address.url + quote(key, safe="/~"), headers=_CHECKSUM_MODE)
        credentials = self._credentials.get_frozen_credentials()
        S3SigV4QueryAuth(credentials, "s3", self._address.region, expires=SIGNATURE_SECONDS).add_auth(request)
        assert request.url is not None  # noqa: S101 - it was given; tells the type checker
        return SignedRequest(request.url, _CHECKSUM_MODE)

    @cached_property
    def _address(self) -> _Address | None:
        """The bucket's address; None if its requests are signed another way, as those of S3 Express are."""
        address, _, query = self._presign(_ANY_KEY).partition("?")
        match parse_qs(query):
            case {"X-Amz-Algorithm": ["AWS4-HMAC-SHA256"], "X-Amz-Credential": [credential]}:
                *_, region, service, _ = credential.split("/")
                return _Address(address.removesuffix(_ANY_KEY), region) if service == "s3" else None
        return None

    def _presign(self, key: str) -> str:
        parameters = {"Bucket": self._bucket, "Key": key, "ChecksumMode": "ENABLED"}
        return self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=SIGNATURE_SECONDS)
