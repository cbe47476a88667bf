"""Resolver of a task's pictures: each is fetched once, in parallel, and becomes plain base64."""

import base64
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from contract.encoded_picture import plain_base64
from contract.errors import DarkroomError, FieldError, InvalidTask
from contract.picture_formats import UnusablePicture
from contract.upload import MAX_LINKS, MAX_TASK_BYTES
from contract.work import MAX_TASK_PIXELS, Size
from guarded_http.errors import LinkRefused
from runtime_image.agent.prepare.inputs.picture_finder import FoundPicture, find_pictures, replace_pictures, shown_link
from runtime_image.agent.settings import AgentSettings
from runtime_image.process.clock import Clock
from runtime_image.process.parallel import in_parallel
from runtime_image.process.retry import Retry

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from runtime_image.agent.prepare.inputs.picture_reader import InputPicture


#: Pictures of one task that are fetched and read at a time.
PARALLEL_FETCHES: Final = 4


@dataclass(frozen=True)
class PictureTools:
    """Functions that fetch and read pictures."""

    #: Raises LinkRefused or LinkUnavailable.
    fetch_http: Callable[[str], bytes]
    #: The same. Its further arguments are the task's id, for the log, and the ETag of an object in an own bucket.
    fetch_s3: Callable[[str, str, str | None], bytes]
    #: Raises UnusablePicture.
    read: "Callable[[bytes], InputPicture]"


@dataclass(frozen=True)
class _Resolved:
    encoded: str
    size: Size


class PictureResolver:
    """Replaces links and every form of base64 by plain base64; an error names the field of its picture."""

    def __init__(self, *, load_tools: Callable[[], PictureTools], text_fields: frozenset[str]) -> None:
        self._load_tools = load_tools
        self._text_fields = text_fields

    def resolve(
        self, body: dict[str, Any], path: str, *, task_id: str, etags: Mapping[str, str]
    ) -> tuple[dict[str, Any], dict[str, Size]]:
        """Return `body` with its pictures, and their sizes by paths below it.

        Args:
            body: The body of the call.
            path: Its path in the task.
            task_id: The task's id, for the log.
            etags: The ETags of linked objects in own buckets, by link.

        Raises:
            InvalidTask: for the first picture, in the order of the content, that fails. Its cause is what failed.
        """
        found = list(find_pictures(body, self._text_fields))
        if not found:
            # The libraries are not loaded.
            return body, {}
        links = sum(picture.is_link for picture in found)
        if links > MAX_LINKS:
            message = f"holds {links} links; {MAX_LINKS} are accepted"
            raise InvalidTask([FieldError(path, message, LinkRefused.code)])
        tools = self._load_tools()
        different = list({picture.text: picture for picture in found}.values())
        times = Counter(picture.text for picture in found)
        limits = _PictureLimits(path)
        jobs = [
            partial(_resolve, tools, picture, task_id, etags, partial(limits.count, times=times[picture.text]))
            for picture in different
        ]
        outcomes = in_parallel(jobs, threads=PARALLEL_FETCHES, name="picture")
        resolved: dict[str, _Resolved] = {}
        # The first place of each picture decides the order.
        for picture, outcome in zip(different, outcomes, strict=True):
            match outcome:
                case _Resolved():
                    resolved[picture.text] = outcome
                case DarkroomError(retryable=False) if not isinstance(outcome, InvalidTask):
                    raise InvalidTask([_problem(picture, f"{path}.{picture.field}", outcome)]) from outcome
                case _:
                    raise outcome
        replacements = {text: picture.encoded for text, picture in resolved.items()}
        sizes = {picture.field: resolved[picture.text].size for picture in found}
        return replace_pictures(body, replacements, self._text_fields), sizes


class _PictureLimits:
    """Bytes and pixels that the pictures of one body, whose path is `field`, may have in all."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._bytes = self._pixels = 0
        self._lock = threading.Lock()

    def count(self, data: bytes, pixels: int, *, times: int) -> None:
        """Count a picture as often as the body has it; raises InvalidTask above a limit."""
        with self._lock:
            self._bytes += len(data) * times
            self._pixels += pixels * times
            problem = f"{MAX_TASK_BYTES // 2**20} MiB" if self._bytes > MAX_TASK_BYTES else ""
            if self._pixels > MAX_TASK_PIXELS:
                problem = f"{MAX_TASK_PIXELS // 10**6} megapixels"
        if problem:
            message = f"holds pictures with more than {problem} in all; send smaller or fewer ones in one task"
            raise InvalidTask([FieldError(self._field, message, "limit_exceeded")])


def _resolve(
    tools: PictureTools,
    picture: FoundPicture,
    task_id: str,
    etags: Mapping[str, str],
    count: Callable[[bytes, int], None],
) -> _Resolved:
    # The other pictures may be too many already; then this one is not fetched.
    count(b"", 0)
    if picture.is_link:
        link = picture.text.strip()
        is_s3 = link.lower().startswith("s3:")
        data = tools.fetch_s3(link, task_id, etags.get(picture.text)) if is_s3 else tools.fetch_http(link)
        plain = ""
    else:
        plain = plain_base64(picture.text)
        data = base64.b64decode(plain)
    count(data, 0)
    read = tools.read(data)
    count(b"", read.size.pixels)
    if read.data is not data or not plain:
        plain = base64.b64encode(read.data).decode("ascii")
    return _Resolved(plain, read.size)


def _problem(picture: FoundPicture, field: str, error: DarkroomError) -> FieldError:
    if not picture.is_link:
        return FieldError(field, f"cannot be used: {error.message}")
    code = LinkRefused.code if isinstance(error, UnusablePicture) else error.code
    return FieldError(field, f"the link {shown_link(picture.text)} cannot be used: {error.message}", code)


def build_picture_resolver(
    settings: AgentSettings,
    *,
    text_fields: frozenset[str],
    storage: "S3Client",
    retry: Retry,
    clock: Clock,
) -> PictureResolver:
    """Return the resolver of pictures, with the links that an environment's settings allow."""
    tools: list[PictureTools] = []
    lock = threading.Lock()

    def load() -> PictureTools:
        # An import in several threads at once is not safe.
        with lock:
            if not tools:
                tools.append(_load(settings, storage, retry, clock))
        return tools[0]

    return PictureResolver(load_tools=load, text_fields=text_fields)


def _load(settings: AgentSettings, storage: "S3Client", retry: Retry, clock: Clock) -> PictureTools:
    # 100 ms and 15 MB, which only agents whose tasks have pictures should pay.
    from guarded_http.network import resolve_with_system  # noqa: PLC0415 - see above
    from runtime_image.agent.prepare.inputs.fetchers import HttpFetcher, S3Fetcher  # noqa: PLC0415 - see above
    from runtime_image.agent.prepare.inputs.picture_reader import PictureReader  # noqa: PLC0415 - see above

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
    return PictureTools(fetch_http=http.fetch, fetch_s3=s3.fetch, read=PictureReader().read)
