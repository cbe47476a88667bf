"""Resolver of a task's links: each is fetched once, in parallel, and replaced by base64."""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from contract.errors import DarkroomError
from contract.upload import MAX_LINKS
from contract.work import Size
from guarded_http.errors import LinkRefused
from runtime_image.agent.prepare.inputs.link_finder import Link, find_links, replace_links
from runtime_image.agent.prepare.inputs.picture_sizes import encoded_pictures, measure_pictures
from runtime_image.agent.settings import AgentSettings
from runtime_image.process.clock import Clock
from runtime_image.process.parallel import in_parallel
from runtime_image.process.retry import Retry

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


#: Links of one task that are fetched at a time.
PARALLEL_FETCHES: Final = 4


@dataclass(frozen=True)
class LinkTools:
    """Functions that fetch and check; each raises LinkRefused or LinkUnavailable."""

    fetch_http: Callable[[str], bytes]
    #: Its further arguments are the task's id, for the log, and the ETag of an object in an own bucket.
    fetch_s3: Callable[[str, str, str | None], bytes]
    check_picture: Callable[[bytes], Size]


class LinkResolver:
    """Replaces links; an error names the field of its link."""

    def __init__(self, *, load_tools: Callable[[], LinkTools], text_fields: frozenset[str]) -> None:
        self._load_tools = load_tools
        self._text_fields = text_fields

    def replace(self, body: dict[str, Any], path: str, *, task_id: str, etags: Mapping[str, str]) -> dict[str, Any]:
        """Return `body` with every link replaced; `path` is the path of `body` in the task.

        Raises:
            LinkRefused, LinkUnavailable: for the first link, in the order of the content, that fails.
        """
        links = find_links(body, path, self._text_fields)
        if not links:
            return body
        if len(links) > MAX_LINKS:
            raise LinkRefused(f"{path} holds {len(links)} links; {MAX_LINKS} are accepted")
        tools = self._load_tools()
        urls = list(dict.fromkeys(link.url for link in links))
        jobs = [partial(_fetch, tools, url, task_id, etags.get(url)) for url in urls]
        pictures = dict(zip(urls, in_parallel(jobs, threads=PARALLEL_FETCHES, name="link"), strict=True))
        for link in links:
            if isinstance(problem := pictures[link.url], Exception):
                raise _at(link, problem)
        return replace_links(body, lambda url: str(pictures[url]), self._text_fields)

    def measure(self, body: dict[str, Any], path: str) -> dict[str, Size]:
        """Return the sizes of the pictures in a body without links, by paths below it.

        Raises:
            InvalidTask: for the first picture that is larger or of another kind than a link may bring.
        """
        # Without a picture the libraries are not loaded.
        if not next(encoded_pictures(body), None):
            return {}
        return measure_pictures(body, path, self._load_tools().check_picture)


def _fetch(tools: LinkTools, url: str, task_id: str, etag: str | None) -> str:
    data = tools.fetch_s3(url, task_id, etag) if url.lower().startswith("s3:") else tools.fetch_http(url)
    tools.check_picture(data)
    return base64.b64encode(data).decode("ascii")


def _at(link: Link, problem: Exception) -> Exception:
    if not isinstance(problem, DarkroomError):
        return problem
    message = f"{link.field}: the link {link.shown} cannot be used: {problem.message}"
    if isinstance(problem, LinkRefused):
        return LinkRefused(message, private_address=problem.private_address)
    return type(problem)(message)


def build_link_resolver(
    settings: AgentSettings,
    *,
    text_fields: frozenset[str],
    storage: "S3Client",
    retry: Retry,
    clock: Clock,
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

    return LinkResolver(load_tools=load, text_fields=text_fields)


def _load(settings: AgentSettings, storage: "S3Client", retry: Retry, clock: Clock) -> LinkTools:
    # 100 ms and 15 MB, which only agents whose tasks have links should pay.
    from guarded_http.network import resolve_with_system  # noqa: PLC0415 - see above
    from runtime_image.agent.prepare.inputs.fetchers import HttpFetcher, S3Fetcher  # noqa: PLC0415 - see above
    from runtime_image.agent.prepare.inputs.image_check import ImageCheck  # noqa: PLC0415 - see above

    http = HttpFetcher(
        resolve=resolve_with_system,
        allowed_hosts=settings.allowed_link_hosts,
        clock=clock,
    )
    s3 = S3Fetcher(
        storage=storage,
        buckets=settings.link_buckets,
        own_buckets=(settings.task_bucket, settings.output_bucket),
        retry=retry,
        clock=clock,
    )
    return LinkTools(fetch_http=http.fetch, fetch_s3=s3.fetch, check_picture=ImageCheck().check)
