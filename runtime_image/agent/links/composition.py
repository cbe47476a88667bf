"""Puts the links package together; what only links need is loaded with the first link."""

from functools import cache
from typing import TYPE_CHECKING

from runtime_image.agent.clock import Clock
from runtime_image.agent.links.pictures import check_picture
from runtime_image.agent.links.replacement import LinkReplacement
from runtime_image.agent.settings import AgentSettings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from runtime_image.agent.links.http_fetch import HttpFetcher
    from runtime_image.agent.links.s3_fetch import S3Fetcher


def build_links(settings: AgentSettings, *, storage: "S3Client", clock: Clock) -> LinkReplacement:
    """Return the replacement of links that an environment's settings allow."""

    @cache
    def http_fetcher() -> "HttpFetcher":
        from runtime_image.agent.links.http_fetch import HttpFetcher  # noqa: PLC0415 - see the module's docstring
        from runtime_image.agent.links.network import resolve_with_system  # noqa: PLC0415 - see above

        return HttpFetcher(resolve=resolve_with_system, allowed_hosts=settings.allowed_link_hosts, clock=clock)

    @cache
    def s3_fetcher() -> "S3Fetcher":
        from runtime_image.agent.links.s3_fetch import S3Fetcher  # noqa: PLC0415 - see above

        return S3Fetcher(storage=storage, buckets=settings.link_buckets, clock=clock)

    return LinkReplacement(
        fetch_http=lambda url: http_fetcher().fetch(url),
        fetch_s3=lambda url: s3_fetcher().fetch(url),
        check_picture=check_picture,
    )
