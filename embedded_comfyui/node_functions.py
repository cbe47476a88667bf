"""Functions of the nodes: their inputs, as a prompt names them, become outputs and files."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from embedded_comfyui.engine import (
    Conditioning,
    ImageEngine,
    LatentBatch,
    LoadedCheckpoint,
    LoraUse,
    OnStep,
    SamplingJob,
)
from embedded_comfyui.folders import ComfyFolders, OutputPlace
from embedded_webui.errors import require_memory
from embedded_webui.models.kinds import LATENT_PIXELS

#: The value IMAGE: a batch of pictures of one size.
Pictures = list[Image.Image]
Ui = dict[str, list[Any]]
_SAMPLING_INPUTS: Final = ("model", "positive", "negative", "seed", "steps", "cfg", "scheduler", "denoise")
_FILTERS: Final = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_PNG_COMPRESSION: Final = 4
#: Memory of the machines of this program, and of one 32-bit number for each pixel.
_MEMORY_BYTES: Final = 16 * 2**30
_BYTES_PER_PIXEL: Final = 4
#: Starts of the files that a stub writes, by their endings. The rest of such a file is empty.
_FILE_STARTS: Final = {
    "mp4": bytes.fromhex("000000206674797069736f6d0000020069736f6d69736f32617663316d703431"),
    "flac": bytes.fromhex("664c6143000000221200120000000e00"),
}


@dataclass(frozen=True, kw_only=True)
class NodeCall:
    """One node of a running prompt with what its function may use."""

    folders: ComfyFolders
    engine: ImageEngine
    prompt: Mapping[str, Any]
    extra_pnginfo: Any
    on_step: OnStep
    #: Bytes of a file that a stub writes in place of a video or a sound.
    stub_bytes: int


@dataclass(frozen=True)
class NodeResult:
    """What a node makes: a value for each output, and its entry in the history."""

    outputs: Sequence[Any] = ()
    ui: Ui = field(default_factory=dict)


def _load_checkpoint(call: NodeCall, *, ckpt_name: str) -> NodeResult:
    path = call.folders.model_path("checkpoints", ckpt_name)
    call.engine.load(path)
    return NodeResult([LoadedCheckpoint(path=path)] * 3)


def _load_lora(
    call: NodeCall,
    *,
    model: LoadedCheckpoint,
    lora_name: str,
    strength_model: float,
    clip: LoadedCheckpoint | None = None,
    strength_clip: float = 0.0,
) -> NodeResult:
    path = call.folders.model_path("loras", lora_name)
    lora = LoraUse(path=path, image_weight=strength_model, text_weight=strength_clip)
    return NodeResult([changed and replace(changed, loras=(*changed.loras, lora)) for changed in (model, clip)])


def _sample(call: NodeCall, *, latent_image: LatentBatch, sampler_name: str, **inputs: Any) -> NodeResult:
    job = SamplingJob(latent=latent_image, sampler=sampler_name, **{name: inputs[name] for name in _SAMPLING_INPUTS})
    return NodeResult([call.engine.sample(job, call.on_step)])


def _empty_latent(_: NodeCall, *, width: int, height: int, batch_size: int) -> NodeResult:
    require_memory(width * height * batch_size * _BYTES_PER_PIXEL, available_bytes=_MEMORY_BYTES)
    width, height = (side // LATENT_PIXELS * LATENT_PIXELS for side in (width, height))
    return NodeResult([LatentBatch(width=width, height=height, count=batch_size)])


def _repeat_latent(_: NodeCall, *, samples: LatentBatch, amount: int) -> NodeResult:
    return NodeResult([replace(samples, count=samples.count * amount)])


def _empty_image(_: NodeCall, *, width: int, height: int, batch_size: int, color: int) -> NodeResult:
    require_memory(width * height * batch_size * _BYTES_PER_PIXEL, available_bytes=_MEMORY_BYTES)
    picture = Image.new("RGB", (width, height), tuple(color.to_bytes(3, "big")))
    return NodeResult([[picture] * batch_size])


def _load_image(call: NodeCall, *, image: str) -> NodeResult:
    with Image.open(call.folders.annotated(image)) as file:
        picture = ImageOps.exif_transpose(file)
        mask = picture.getchannel("A") if "A" in picture.getbands() else Image.new("L", (64, 64))
        return NodeResult([[picture.convert("RGB")], mask])


def _scale(_: NodeCall, *, image: Pictures, upscale_method: str, width: int, height: int, crop: str) -> NodeResult:
    if not (width or height):
        return NodeResult([image])
    before = image[0]
    size = (
        width or round(before.width * height / before.height),
        height or round(before.height * width / before.width),
    )
    resize: Callable[..., Image.Image] = ImageOps.fit if crop == "center" else Image.Image.resize
    return NodeResult([[resize(picture, size, _FILTERS[upscale_method]) for picture in image]])


def _scale_by(call: NodeCall, *, image: Pictures, upscale_method: str, scale_by: float) -> NodeResult:
    width, height = (round(side * scale_by) for side in image[0].size)
    return _scale(call, image=image, upscale_method=upscale_method, width=width, height=height, crop="disabled")


def _batch(_: NodeCall, *, image1: Pictures, image2: Pictures) -> NodeResult:
    return NodeResult([image1 + [ImageOps.fit(picture, image1[0].size) for picture in image2]])


def _save_image(call: NodeCall, *, images: Pictures, filename_prefix: str, kind: str = "output") -> NodeResult:
    metadata = PngInfo()
    for name, value in _metadata(call):
        metadata.add_text(name, json.dumps(value))
    place = _place(call, images, filename_prefix, kind)
    names = [place.name(number, ".png") for number in range(len(images))]
    for name, picture in zip(names, images, strict=True):
        picture.save(place.folder / name, pnginfo=metadata, compress_level=_PNG_COMPRESSION)
    return NodeResult([images], {"images": [_file(place, name, kind) for name in names]})


def _save_animation(
    call: NodeCall, *, images: Pictures, filename_prefix: str, fps: float, ending: str, **options: Any
) -> NodeResult:
    place = _place(call, images, filename_prefix)
    name, frame_ms = place.name(0, ending), int(1000 / fps)
    images[0].save(place.folder / name, save_all=True, append_images=images[1:], duration=frame_ms, **options)
    return NodeResult([images], {"images": [_file(place, name)], "animated": [True]})


def _save_webp(call: NodeCall, *, lossless: bool, quality: int, method: str, **inputs: Any) -> NodeResult:
    effort = {"default": 4, "fastest": 0, "slowest": 6}[method]
    return _save_animation(call, ending=".webp", lossless=lossless, quality=quality, method=effort, **inputs)


def _save_text(call: NodeCall, *, text: str, filename_prefix: str, format: str) -> NodeResult:  # noqa: A002 - the input's name
    place = call.folders.place(filename_prefix)
    name = place.name(0, f".{format}", closing="")
    (place.folder / name).write_text(text)
    return NodeResult([text], {"text": [text], "files": [_file(place, name)]})


def _save_stub(call: NodeCall, key: str, prefix: str, ending: str, closing: str) -> NodeResult:
    """Write a file that begins as a video or a sound and has no more content. Its length costs no disk."""
    place = call.folders.place(prefix)
    name = place.name(0, f".{ending}", closing=closing)
    with (place.folder / name).open("wb") as file:
        file.write(_FILE_STARTS[ending])
        file.truncate(max(call.stub_bytes, file.tell()))
    animated: Ui = {"animated": [True]} if key == "images" else {}
    return NodeResult((), {key: [_file(place, name)]} | animated)


def _place(call: NodeCall, images: Pictures, prefix: str, kind: str = "output") -> OutputPlace:
    return call.folders.place(prefix, kind=kind, width=images[0].width, height=images[0].height)


def _metadata(call: NodeCall) -> Iterator[tuple[str, Any]]:
    yield "prompt", call.prompt
    for name in call.extra_pnginfo or ():
        yield name, call.extra_pnginfo[name]


def _file(place: OutputPlace, name: str, kind: str = "output") -> dict[str, str]:
    return {"filename": name, "subfolder": place.subfolder, "type": kind}


#: Functions by the class of their nodes.
NODE_FUNCTIONS: Final[Mapping[str, Callable[..., NodeResult]]] = {
    "CheckpointLoaderSimple": _load_checkpoint,
    "CLIPTextEncode": lambda _, *, text, clip: NodeResult([Conditioning(clip=clip, text=text)]),
    "EmptyLatentImage": _empty_latent,
    "KSampler": _sample,
    "VAEDecode": lambda call, *, samples, vae: NodeResult([call.engine.decode(vae, samples)]),
    "VAEEncode": lambda call, *, pixels, vae: NodeResult([call.engine.encode(vae, pixels)]),
    "LoadImage": _load_image,
    "SaveImage": _save_image,
    "PreviewImage": lambda call, *, images: _save_image(
        call, images=images, filename_prefix=f"ComfyUI_temp_{secrets.token_hex(3)}", kind="temp"
    ),
    "LoraLoader": _load_lora,
    "LoraLoaderModelOnly": lambda call, **inputs: NodeResult(_load_lora(call, **inputs).outputs[:1]),
    "CLIPSetLastLayer": lambda _, *, clip, stop_at_clip_layer: NodeResult(
        [replace(clip, clip_skip=-stop_at_clip_layer)]
    ),
    "ConditioningZeroOut": lambda _, *, conditioning: NodeResult([replace(conditioning, text="")]),
    "RepeatLatentBatch": _repeat_latent,
    "EmptyImage": _empty_image,
    "ImageInvert": lambda _, *, image: NodeResult([[ImageOps.invert(picture) for picture in image]]),
    "ImageScale": _scale,
    "ImageScaleBy": _scale_by,
    "ImageBatch": _batch,
    "SaveAnimatedWEBP": _save_webp,
    "SaveAnimatedPNG": lambda call, **inputs: _save_animation(call, ending=".png", **inputs),
    "PrimitiveString": lambda _, *, value: NodeResult([value]),
    "PreviewAny": lambda _, *, source: NodeResult([str(source)], {"text": [str(source)]}),
    "SaveText": _save_text,
    "CreateVideo": lambda _, *, images, fps, audio=None: NodeResult([(images, fps, audio)]),
    "SaveVideo": lambda call, *, video, filename_prefix, format, codec: _save_stub(  # noqa: A006, ARG005 - the inputs' names
        call, "images", filename_prefix, "mp4", "_"
    ),
    "EmptyAudio": lambda _, *, duration, sample_rate, channels: NodeResult([(duration, sample_rate, channels)]),
    "SaveAudio": lambda call, *, audio, filename_prefix: _save_stub(  # noqa: ARG005 - see above
        call, "audio", filename_prefix, "flac", ""
    ),
}


def version_of_inputs(class_type: str, inputs: Mapping[str, Any], folders: ComfyFolders) -> Any:
    """Return what changes the result of a node in addition to its inputs: the content of a file that it reads."""
    if class_type != "LoadImage" or not isinstance(inputs["image"], str):
        return None
    try:
        status = folders.annotated(inputs["image"]).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
