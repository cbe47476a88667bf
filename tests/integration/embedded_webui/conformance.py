"""Requests of the SD Web UI's own HTTP tests with their expected results, for every program that speaks its API.

A case checks a client whose base URL ends in `/sdapi/v1`, of a Web UI or of a stub.
"""

import base64
import io
import json
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from PIL import Image, ImageDraw

from tests.integration.embedded_webui.recordings import RECORDED, mismatches, recorded_shape

SIDE: Final = 64
SEED: Final = 11
GENERATION: Final[dict[str, Any]] = {
    "prompt": "example prompt",
    "steps": 3,
    "width": SIDE,
    "height": SIDE,
    "sampler_index": "Euler a",
    "seed": SEED,
}


def encoded(image: Image.Image) -> str:
    output = io.BytesIO()
    image.save(output, format="PNG")
    return base64.b64encode(output.getvalue()).decode()


def opened(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def drawn() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), "navy")
    ImageDraw.Draw(image).ellipse((16, 16, 48, 48), fill="gold")
    return image


def left_half() -> Image.Image:
    mask = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(mask).rectangle((0, 0, SIDE // 2 - 1, SIDE - 1), fill=255)
    return mask


@dataclass(frozen=True)
class Generation:
    """An image is generated as requested, and its response and its file say so."""

    name: str
    route: str = "txt2img"
    fields: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] = (SIDE, SIDE)
    count: int = 1
    sampler: str = "Euler a"
    #: Texts of the image's infotext.
    tells: tuple[str, ...] = ()
    #: Distance of the last tile's seed, for an image made of tiles, whose file carries no infotext.
    last_seed: int | None = None
    #: Pixels of the drawn image that must stay and that must change.
    keeps: tuple[int, int] | None = None
    changes: tuple[int, int] | None = None

    def check(self, client: httpx.Client) -> None:
        request = GENERATION | self.fields
        answer = client.post(f"/{self.route}", json=request)
        assert answer.status_code == 200, answer.text[:500]
        body = answer.json()
        info = json.loads(body["info"])
        assert mismatches(body | {"info": info}, self._shape(request)) == []
        given = {name: value for name, value in request.items() if name not in {"init_images", "mask"}}
        assert given.items() <= body["parameters"].items()
        seeds = [SEED + number for number in range(self.count)]
        listed = seeds if self.last_seed is None else [SEED + self.last_seed]
        assert (info["seed"], info["all_seeds"]) == (SEED, listed)
        assert info["all_prompts"] == [request["prompt"]] * self.count
        assert (info["sampler_name"], info["steps"]) == (self.sampler, request["steps"])
        pictures = [opened(picture) for picture in body["images"]]
        assert [picture.size for picture in pictures] == [self.size] * self.count
        # Every seed has another image, with its own infotext inside.
        assert len({picture.convert("RGB").tobytes() for picture in pictures}) == self.count
        in_files = info["infotexts"] if self.last_seed is None else [None]
        assert [picture.info.get("parameters") for picture in pictures] == in_files
        for seed, text in zip(seeds, info["infotexts"], strict=True):
            assert text.startswith(request["prompt"])
            assert "Hires upscaler" not in text
            for said in (f"Seed: {seed}", f"Sampler: {self.sampler}", "Steps: 3", *self.tells):
                assert said in text, text
        self._check_mask(pictures[0].convert("RGB"))

    def _check_mask(self, picture: Image.Image) -> None:
        if self.keeps and self.changes:
            assert picture.getpixel(self.keeps) == drawn().getpixel(self.keeps)
            assert picture.getpixel(self.changes) != drawn().getpixel(self.changes)

    def _shape(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the recorded shape, with the types of the fields that only this request sets."""
        shape: dict[str, Any] = json.loads(json.dumps(RECORDED["shapes"][self.route]))
        parameters = shape["parameters"]
        for name, value in request.items():
            if name not in {"init_images", "mask"} and parameters[name] in ("null", []):
                parameters[name] = [] if isinstance(value, list) else type(value).__name__
        info = shape["info"]
        info["extra_generation_params"] |= {f"{name}?": kind for name, kind in _EXTRA_PARAMETERS.items()}
        info["denoising_strength"] = "float|null"
        info["face_restoration_model"] = "str|null"
        return shape


#: Parameters of a generation that only requests beyond the recorded ones have.
_EXTRA_PARAMETERS: Final = {
    "Hires schedule type": "null|str",
    "Hires prompt": "null",
    "Hires negative prompt": "null",
    "Denoising strength": "float",
    "Hires upscale": "float",
    "Hires upscaler": "str",
    "Mask mode": "str",
    "Mask blur": "int",
    "Inpaint area": "str",
    "Masked area padding": "int",
    "Masked content": "str",
    "SD upscale overlap": "int",
    "SD upscale upscaler": "str",
}


@dataclass(frozen=True)
class Enlargement:
    """An image comes back in its new size, and its file describes the enlargement."""

    name: str
    fields: dict[str, Any]
    size: tuple[int, int]
    tells: str = ""

    def check(self, client: httpx.Client) -> None:
        answer = client.post("/extra-single-image", json={"image": encoded(drawn())} | self.fields)
        assert answer.status_code == 200, answer.text[:500]
        body = answer.json()
        assert mismatches(body, recorded_shape("extra_single_lanczos")) == []
        assert body["html_info"] == f"<p>{self.tells}</p>"
        picture = opened(body["image"])
        assert picture.size == self.size
        assert picture.info.get("postprocessing", "") == self.tells
        if self.size == drawn().size:
            assert picture.convert("RGB").tobytes() == drawn().tobytes()


@dataclass(frozen=True)
class Listing:
    """A list has the recorded keys."""

    route: str
    #: Values of `name` that the list must hold, because programs depend on them.
    holds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"GET {self.route}"

    def check(self, client: httpx.Client) -> None:
        answer = client.get(f"/{self.route}")
        assert answer.status_code == 200, answer.text[:500]
        recording = "get_sd_models_after_refresh" if self.route == "sd-models" else f"get_{self.route}"
        assert mismatches(answer.json(), recorded_shape(recording.replace("-", "_"))) == []
        if self.holds:
            assert set(self.holds) <= {entry["name"] for entry in answer.json()}


@dataclass(frozen=True)
class OptionRoundTrip:
    """An option that is set is read back, and no other option changes."""

    name: str = "options round trip"

    def check(self, client: httpx.Client) -> None:
        before = client.get("/options")
        assert before.status_code == 200, before.text[:500]
        options = before.json()
        problems = mismatches(options, recorded_shape("get_options"))
        assert not problems, problems
        for value in (not options["return_mask"], options["return_mask"]):
            answer = client.post("/options", json={"return_mask": value})
            assert (answer.status_code, answer.json()) == (200, None)
            assert client.get("/options").json() == options | {"return_mask": value}


Case = Generation | Enlargement | Listing | OptionRoundTrip


def _image_to_image(name: str, **changes: Any) -> Generation:
    fields = {"init_images": [encoded(drawn())], "denoising_strength": 0.9} | changes.pop("fields", {})
    return Generation(name, "img2img", fields, **changes)


_MASKED: Final = "Mask blur: 4, Inpaint area: Only masked, Masked area padding: 0, Masked content: fill"


def _masked(name: str, *, tells: str, keeps: tuple[int, int], changes: tuple[int, int], **fields: Any) -> Generation:
    fields = {"mask": encoded(left_half()), **fields}
    return _image_to_image(name, fields=fields, tells=(tells,), keeps=keeps, changes=changes)


CASES: Final[tuple[Case, ...]] = (
    Generation("simple"),
    Generation("negative prompt", fields={"negative_prompt": "blue"}, tells=("Negative prompt: blue",)),
    Generation("prompt syntax", fields={"prompt": "a (cat:1.3), [dog:bird:0.5] in [red|blue], (((light)))"}),
    Generation("not square", fields={"height": 128}, size=(SIDE, 128), tells=("Size: 64x128",)),
    Generation(
        "high-resolution pass",
        fields={"enable_hr": True, "denoising_strength": 0.7},
        size=(128, 128),
        tells=("Hires upscale: 2.0",),
    ),
    Generation("tiling", fields={"tiling": True}, tells=("Tiling: True",)),
    Generation("faces restored", fields={"restore_faces": True}),
    *(
        Generation(f"sampler {name}", fields={"sampler_index": name}, sampler=name)
        for name in ("PLMS", "DDIM", "UniPC")
    ),
    Generation("two iterations", fields={"n_iter": 2}, count=2),
    Generation("batch of two", fields={"batch_size": 2}, count=2),
    _image_to_image("image to image"),
    _masked("mask", tells=_MASKED, keeps=(63, 32), changes=(0, 32)),
    _masked(
        "mask inverted",
        tells=f"Mask mode: Inpaint not masked, {_MASKED}",
        keeps=(0, 32),
        changes=(63, 32),
        inpainting_mask_invert=True,
    ),
    _image_to_image(
        "sd upscale",
        fields={"script_name": "sd upscale", "script_args": ["", 8, "Lanczos", 2.0]},
        size=(128, 128),
        last_seed=8,
        tells=("SD upscale overlap: 8, SD upscale upscaler: Lanczos",),
    ),
    Enlargement(
        "enlarged twice",
        {"upscaling_resize": 2, "upscaler_1": "Lanczos"},
        (128, 128),
        "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos",
    ),
    Enlargement("enlarged by nothing", {}, (SIDE, SIDE)),
    Enlargement("enlarged with an unknown key", {"no_such_key": 1}, (SIDE, SIDE)),
    OptionRoundTrip(),
    Listing("cmd-flags"),
    Listing("samplers", ("Euler a", "DDIM", "PLMS", "UniPC")),
    Listing("upscalers", ("None", "Lanczos", "ESRGAN_4x", "LDSR", "R-ESRGAN 4x+")),
    Listing("sd-models"),
    Listing("hypernetworks"),
    Listing("face-restorers", ("CodeFormer", "GFPGAN")),
    Listing("realesrgan-models", ("R-ESRGAN 4x+",)),
    Listing("prompt-styles"),
    Listing("embeddings"),
)
