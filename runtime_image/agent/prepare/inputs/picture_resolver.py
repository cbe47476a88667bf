"""Resolver of a task's input files: each is fetched once, in parallel, and checked."""

import base64
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from contract.encoded_picture import plain_base64
from contract.errors import DarkroomError, FieldError, InvalidTask
from contract.picture_formats import UnusablePicture
from contract.upload import MAX_LINKS, MAX_TASK_BYTES
from contract.work import MAX_TASK_PIXELS
from guarded_http.errors import LinkRefused
from runtime_image.agent.prepare.inputs.media_check import read_medium
from runtime_image.process.engine import InputFile, InputKind, InputReference
from runtime_image.process.threads import in_parallel

#: Query and fragment of a URL.
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
#: Characters of a link that errors and logs show.
MAX_SHOWN: Final = 200
#: Pictures of one task that are fetched and read at a time.
PARALLEL_FETCHES: Final = 4


@dataclass(kw_only=True, eq=False)
class PictureResolver:
    """Turns links and every form of base64 into files; an error names the field of its file.

    Args:
        fetch_http: Returns what an http(s) link points to. Raises LinkRefused or LinkUnavailable.
        fetch_s3: The same for an s3 link. Its further arguments are the task's id, for the log, and the ETag of an
            object in an own bucket.
        read: Returns a picture as the engine gets it. Raises UnusablePicture.
    """

    fetch_http: Callable[[str], bytes]
    fetch_s3: Callable[[str, str, str | None], bytes]
    read: Callable[[bytes], InputFile]

    def resolve(
        self, found: Sequence[InputReference], path: str, *, task_id: str, etags: Mapping[str, str]
    ) -> dict[str, InputFile]:
        """Return the files by their paths below the content.

        Args:
            found: Links and encoded files of the content.
            path: Path of the content in the task.
            task_id: The task's id, for the log.
            etags: The ETags of linked objects in own buckets, by link.

        Raises:
            InvalidTask: for the first picture, in the order of the content, that fails. Its cause is what failed.
        """
        links = sum(picture.is_link for picture in found)
        if links > MAX_LINKS:
            message = f"holds {links} links; {MAX_LINKS} are accepted"
            raise InvalidTask([FieldError(path, message, LinkRefused.code)])
        # Each kind of input has its own checks, so a text that two kinds have is read for both.
        different = list({(picture.text, picture.kind): picture for picture in found}.values())
        times = Counter((picture.text, picture.kind) for picture in found)
        limits = _PictureLimits(path)
        jobs = [
            partial(
                self._resolve, picture, task_id, etags, partial(limits.count, times=times[picture.text, picture.kind])
            )
            for picture in different
        ]
        outcomes = in_parallel(jobs, threads=PARALLEL_FETCHES, name="picture")
        resolved: dict[tuple[str, InputKind], InputFile] = {}
        # The first place of each picture decides the order.
        for picture, outcome in zip(different, outcomes, strict=True):
            match outcome:
                case InputFile():
                    resolved[picture.text, picture.kind] = outcome
                case DarkroomError(retryable=False) if not isinstance(outcome, InvalidTask):
                    raise InvalidTask([_problem(picture, f"{path}.{picture.field}", outcome)]) from outcome
                case _:
                    raise outcome
        return {picture.field: resolved[picture.text, picture.kind] for picture in found}

    def _resolve(
        self,
        picture: InputReference,
        task_id: str,
        etags: Mapping[str, str],
        count: Callable[[bytes, int], None],
    ) -> InputFile:
        # The other pictures may be too many already; then this one is not fetched.
        count(b"", 0)
        if picture.is_link:
            link = picture.text.strip()
            is_s3 = link.lower().startswith("s3:")
            data = self.fetch_s3(link, task_id, etags.get(picture.text)) if is_s3 else self.fetch_http(link)
        else:
            data = base64.b64decode(plain_base64(picture.text))
        count(data, 0)
        read = self.read(data) if picture.kind is InputKind.IMAGE else read_medium(data, picture.kind)
        count(b"", read.size.pixels)
        return read


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


def shown_link(link: str) -> str:
    """Return a link as errors and logs may show it: without a presigned link's signature and without a password."""
    scheme, _, rest = link.partition("://")
    if scheme.strip().lower() == "s3":
        return link[:MAX_SHOWN]
    if "@" in rest.partition("/")[0]:
        return f"{scheme}://…"
    bare = _QUERY.sub("", link)
    return bare[:MAX_SHOWN] + ("?…" if bare != link else "")


def _problem(picture: InputReference, field: str, error: DarkroomError) -> FieldError:
    if not picture.is_link:
        return FieldError(field, f"cannot be used: {error.message}")
    code = LinkRefused.code if isinstance(error, UnusablePicture) else error.code
    return FieldError(field, f"the link {shown_link(picture.text)} cannot be used: {error.message}", code)
