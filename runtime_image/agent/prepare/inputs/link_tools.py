"""Tools for links, loaded with the first link by one thread."""

import threading
from typing import TYPE_CHECKING

from runtime_image.agent.prepare.inputs.link_resolver import LinkResolver, LinkTools
from runtime_image.agent.settings import AgentSettings
from runtime_image.process.clock import Clock
from runtime_image.process.engine import InputFields
from runtime_image.process.retry import Retry

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def build_link_resolver(
    settings: AgentSettings, *, fields: InputFields, storage: "S3Client", retry: Retry, clock: Clock
) -> LinkResolver:
    """Return the resolver of links that an environment's settings allow."""
    tools: list[LinkTools] = []
    lock = threading.Lock()

    def load() -> LinkTools:
        # An import in several threads at once is not safe.
        with lock:
            if not tools:
                tools.append(_load(settings, storage, retry, clock))
        return tools[0]

    return LinkResolver(load_tools=load, fields=fields)


def _load(settings: AgentSettings, storage: "S3Client", retry: Retry, clock: Clock) -> LinkTools:
    # 100 ms and 15 MB, which only agents whose tasks have links should pay.
    from guarded_http.network import resolve_with_system  # noqa: PLC0415 - see above
    from runtime_image.agent.prepare.inputs.http_fetcher import HttpFetcher  # noqa: PLC0415 - see above
    from runtime_image.agent.prepare.inputs.image_check import ImageCheck  # noqa: PLC0415 - see above
    from runtime_image.agent.prepare.inputs.s3_fetcher import S3Fetcher  # noqa: PLC0415 - see above

    http = HttpFetcher(resolve=resolve_with_system, allowed_hosts=settings.allowed_link_hosts, clock=clock)
    s3 = S3Fetcher(storage=storage, buckets=settings.link_buckets, retry=retry, clock=clock)
    return LinkTools(fetch_http=http.fetch, fetch_s3=s3.fetch, check_picture=ImageCheck().check)
