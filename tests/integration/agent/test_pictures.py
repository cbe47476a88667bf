"""Pictures that people send: each kind by each way in has one outcome, from the edge to the Web UI's own reader."""

import base64
import gzip
import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any, Final

import boto3
import pytest
from moto import mock_aws
from PIL import ExifTags, Image
from types_boto3_s3 import S3Client

from contract.errors import DarkroomError
from contract.request_fields import TEXT_FIELDS
from contract.routing import Catalogue, Runtime
from contract.submission import parse_submission
from embedded_webui.images import codec
from embedded_webui.options import WebUiOptions
from guarded_http.client import GuardedHttp
from runtime_image.agent.prepare.inputs.fetchers import HttpFetcher, S3Fetcher
from runtime_image.agent.prepare.inputs.picture_reader import PictureReader
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from runtime_image.webui.picture_finder import find_pictures
from tests.harness.parameter_names import name_bytes
from tests.harness.serving import QuietHandler, serving

SIZE: Final = (40, 24)
CATALOGUE: Final = Catalogue([Runtime(name="sdruntime", model_filename="a.safetensors")])
HOST: Final = "pictures.example"
BUCKET: Final = "pictures"


class PictureServer(ThreadingHTTPServer):
    """Answers every path with the same object, without a type and packed if it should be."""

    def __init__(self) -> None:
        self.data, self.encoding = b"", ""
        server = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                if server.encoding:
                    self.send_header("Content-Encoding", server.encoding)
                self.end_headers()
                self.wfile.write(server.data)

        super().__init__(("127.0.0.1", 0), Handler)


@dataclass
class Journey:
    """The way of a picture from the sender to the Web UI."""

    server: PictureServer
    storage: S3Client
    options: WebUiOptions = field(default_factory=WebUiOptions)

    def make(self, written: str) -> Image.Image:
        """Return the picture that the Web UI reads, after the checks of edge and agent."""
        metadata = {"id": "sent", "runtime": "sdruntime", "tasktype": "image-to-image"}
        task = {"task": {"metadata": metadata, "content": {"init_images": [written]}}}
        submission = parse_submission(
            task, catalogue=CATALOGUE, find_checkpoint=lambda name: name, has_object=lambda _: True
        )
        found = list(find_pictures(submission.task.content, TEXT_FIELDS))
        file = self._resolver().resolve(found, "task.content", task_id="sent", etags={})["init_images[0]"]
        image = codec.decode(base64.b64encode(file.data).decode(), self.options)
        assert file.size == image.size
        return codec.flatten(image, "#ffffff")

    def _resolver(self) -> PictureResolver:
        clock = Clock()
        retry = Retry(clock=clock, log=EventLog(logging.getLogger("test")))
        host = f"{HOST}:{self.server.server_port}"
        http = GuardedHttp(resolve=lambda *_: ["127.0.0.1"], allowed_hosts=[host])
        return PictureResolver(
            fetch_http=HttpFetcher(http=http, clock=clock).fetch,
            fetch_s3=S3Fetcher(storage=self.storage, buckets=[BUCKET], own_buckets=[], retry=retry, clock=clock).fetch,
            read=PictureReader().read,
        )


@pytest.fixture(scope="module")
def journey() -> Iterator[Journey]:
    with mock_aws(), serving(PictureServer()) as server:
        storage = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        storage.create_bucket(Bucket=BUCKET)
        yield Journey(server, storage)


def by_link(journey: Journey, data: bytes, encoding: str = "") -> str:
    journey.server.data, journey.server.encoding = data, encoding
    return f" http://{HOST}:{journey.server.server_port}/a b%20ü.png?X-Amz-Signature=a%2Fb\n"


def by_s3(journey: Journey, data: bytes, encoding: str = "") -> str:
    packing: dict[str, Any] = {"ContentEncoding": encoding} if encoding else {}
    journey.storage.put_object(Bucket=BUCKET, Key="a b/ü.png", Body=data, **packing)
    return f"s3://{BUCKET}/a b/ü.png\r\n"


def by_base64(_journey: Journey, data: bytes) -> str:
    return base64.encodebytes(data).decode().replace("\n", "\r\n")


def by_data_url(_journey: Journey, data: bytes) -> str:
    encoded = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return f"data:application/octet-stream;charset=utf-8;base64,{encoded}"


Way = Callable[[Journey, bytes], str]
WAYS: Final[list[Way]] = [by_link, by_s3, by_base64, by_data_url]
RGB: Final = Image.merge(
    "RGB", [Image.linear_gradient("L").resize(SIZE), *[Image.radial_gradient("L").resize(SIZE)] * 2]
)
HALF_CLEAR: Final = Image.merge("RGBA", [*RGB.split(), Image.radial_gradient("L").resize(SIZE)])
PALETTE: Final = RGB.quantize(16)


def saved(picture: Image.Image = RGB, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def on_white(picture: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", SIZE, "white"), picture.convert("RGBA")).convert("RGB")


def first_of(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB")


def lying() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return saved(RGB, "JPEG", exif=exif)


def deep() -> Image.Image:
    grey = Image.new("I;16", SIZE)
    grey.putdata([number * 68 for number in range(SIZE[0] * SIZE[1])])
    return grey


def animated(kind: str) -> bytes:
    return saved(RGB, kind, save_all=True, append_images=[Image.new("RGB", SIZE, "red")])


PHOTO: Final = saved(RGB, "JPEG")
USED: Final[dict[str, tuple[bytes, Image.Image]]] = {
    "png": (saved(), RGB),
    "half clear": (saved(HALF_CLEAR), on_white(HALF_CLEAR)),
    "palette with degrees": (
        saved(PALETTE, transparency=bytes(range(0, 256, 16))),
        on_white(Image.open(io.BytesIO(saved(PALETTE, transparency=bytes(range(0, 256, 16)))))),
    ),
    "one bit": (saved(RGB.convert("1")), RGB.convert("1").convert("RGB")),
    "grey with alpha": (saved(HALF_CLEAR.convert("LA")), HALF_CLEAR.convert("LA").convert("RGB")),
    "16 bits": (
        saved(deep()),
        Image.frombytes("L", SIZE, bytes(n * 68 // 256 for n in range(SIZE[0] * SIZE[1]))).convert("RGB"),
    ),
    "photo": (PHOTO, first_of(PHOTO)),
    "progressive photo": (saved(kind="JPEG", progressive=True), first_of(saved(kind="JPEG", progressive=True))),
    "photo on its side": (lying(), first_of(lying()).transpose(Image.Transpose.ROTATE_270)),
    "cmyk": (saved(RGB.convert("CMYK"), "JPEG"), first_of(saved(RGB.convert("CMYK"), "JPEG"))),
    "animated gif": (animated("GIF"), first_of(animated("GIF"))),
    "animated webp": (animated("WEBP"), first_of(animated("WEBP"))),
    "animated png": (animated("PNG"), RGB),
    "bmp": (saved(kind="BMP"), RGB),
    "tiff": (saved(kind="TIFF"), RGB),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", USED)
def test_a_picture_is_the_same_by_every_way(journey: Journey, kind: str, way: Way) -> None:
    data, expected = USED[kind]
    made = journey.make(way(journey, data))
    assert (made.size, made.tobytes()) == (expected.size, expected.tobytes())


@pytest.mark.parametrize("way", [by_link, by_s3])
def test_an_object_that_is_stored_packed_is_used(journey: Journey, way: Callable[..., str]) -> None:
    assert journey.make(way(journey, gzip.compress(saved()), "gzip")).tobytes() == RGB.tobytes()
    assert journey.make(way(journey, saved(), "base64")).tobytes() == RGB.tobytes()
    with pytest.raises(DarkroomError, match=r"task\.content\.init_images\[0\].* larger than 50 MiB"):
        journey.make(way(journey, gzip.compress(bytes(51 * 2**20), 1), "gzip"))
    with pytest.raises(DarkroomError, match=r"task\.content\.init_images\[0\].* content encoding is br"):
        journey.make(way(journey, b"\x8b\x02\x80", "br"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it is HEIC; PNG, JPEG, WebP, GIF, BMP and TIFF are accepted"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "it is AVIF; "),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "it is an MP4 video; "),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "it is SVG; "),
        (b"%PDF-1.7\n", "it is a PDF document; "),
        (b"<!DOCTYPE html><title>Sign in</title>", "it is an HTML page; "),
        (PHOTO[: len(PHOTO) // 2], "it is cut off or damaged"),
        (saved()[:200], "it is cut off or damaged"),
        (saved(RGB.convert("F"), "TIFF"), "its pixels have more than 16 bits"),
        (saved(Image.new("1", (12_000, 12_000))), "12000 x 12000 pixels; 64 megapixels are accepted"),
    ],
    ids=name_bytes,
)
def test_another_file_is_refused_with_field_and_reason_by_every_way(
    journey: Journey, data: bytes, reason: str, way: Way
) -> None:
    with pytest.raises(DarkroomError) as refusal:
        journey.make(way(journey, data))
    assert refusal.value.code in {"invalid_task", "link_refused"}
    assert not refusal.value.retryable
    assert "task.content.init_images[0]" in refusal.value.message
    assert reason in refusal.value.message
    assert "Signature" not in refusal.value.message
