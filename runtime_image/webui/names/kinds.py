"""Kinds of things that requests call by name, and the names by which the Web UI finds each of them.

The Web UI silently replaces a name that it does not find. So the rules here are its own: letters count as they are
written, and an alias of a sampler is not a name. A scheduler may follow at the end of a sampler's name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, Final

from contract.routing import bare_checkpoint_name, checkpoint_name
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.names.styles import read_styles

#: Upscaler without an address in the list, although it downloads its weights.
_LDSR: Final = "LDSR"
#: Files below the models folder that the Web UI's own upscalers use if they are there. Otherwise it downloads them, and
#: if it cannot, it returns the image as it was. "ScuNET PSNR" is missing, because it would use the weights of the GAN.
UPSCALER_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "DAT x2": ("DAT/DAT_x2.pth",),
    "DAT x3": ("DAT/DAT_x3.pth",),
    "DAT x4": ("DAT/DAT_x4.pth",),
    "ESRGAN_4x": ("ESRGAN/ESRGAN_4x.pth",),
    _LDSR: ("LDSR/model.ckpt", "LDSR/project.yaml"),
    "R-ESRGAN 2x+": ("RealESRGAN/RealESRGAN_x2plus.pth",),
    "R-ESRGAN 4x+": ("RealESRGAN/RealESRGAN_x4plus.pth",),
    "R-ESRGAN 4x+ Anime6B": ("RealESRGAN/RealESRGAN_x4plus_anime_6B.pth",),
    "R-ESRGAN AnimeVideo": ("RealESRGAN/realesr-animevideov3.pth",),
    "R-ESRGAN General 4xV3": ("RealESRGAN/realesr-general-x4v3.pth",),
    "R-ESRGAN General WDN 4xV3": ("RealESRGAN/realesr-general-wdn-x4v3.pth",),
    "ScuNET GAN": ("ScuNET/ScuNET.pth",),
    "SwinIR 4x": ("SwinIR/SwinIR_4x.pth",),
}

#: Path of all calls.
API_PREFIX: Final = "/sdapi/v1/"


@dataclass(frozen=True, eq=False)
class Names:
    """What there is of one kind."""

    #: Every form that the Web UI understands, and the name that it lists for it.
    accepted: dict[str, str]
    #: Forms in small letters that it does not understand, and the name that is meant.
    meant: dict[str, str] = field(default_factory=dict)
    #: Files below the models folder without which the Web UI lists a name and does nothing, by the name.
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Path of a model's file, by the listed name.
    paths: Mapping[str, str] = field(default_factory=dict)

    def find(self, forms: Iterable[str]) -> str | None:
        """Return the listed name of the first form that is known."""
        return next((self.accepted[form] for form in forms if form in self.accepted), None)


@dataclass(frozen=True, eq=False)
class Kind:
    """Where the names of one kind are listed, and how they are compared."""

    #: For error messages.
    word: str
    #: What applications may switch on.
    code: str
    #: The lists, below `API_PREFIX`.
    lists: tuple[str, ...]
    #: Makes names of the answers, in the order of the lists.
    read: Callable[..., Names]
    #: Makes the Web UI look at its folder again, below `API_PREFIX`.
    refresh: str | None = None
    #: The forms in which to look for what a request calls so.
    forms: Callable[[str], tuple[str, ...]] = lambda name: (name,)
    #: Corrects the listed names by the files in the models folder.
    with_files: Callable[[Names, Path], Names] = lambda names, _folder: names


def _entries(answer: object) -> Iterator[dict[str, Any]]:
    if not isinstance(answer, list):
        raise WebUiFailed("one of the Web UI's lists is not a list")
    yield from (entry for entry in answer if isinstance(entry, dict))


def _texts(answer: object, *keys: str) -> Iterator[str]:
    """Yield the values of these keys of each entry, as far as they are text."""
    for entry in _entries(answer):
        yield from (entry[key] for key in keys if isinstance(entry.get(key), str))


def _names(names: Iterable[str], *more: str) -> Names:
    accepted = {name: name for name in (*more, *names)}
    return Names(accepted, {name.lower(): name for name in accepted})


def _samplers(samplers: object, schedulers: object) -> Names:
    completion = [f" {word}" for entry in _entries(schedulers) for word in _scheduler_words(entry)]
    accepted, meant = {}, {}
    for entry in _entries(samplers):
        if isinstance(name := entry.get("name"), str):
            accepted.update({name + ending: name for ending in ("", *completion)})
            aliases = [alias for alias in entry.get("aliases") or () if isinstance(alias, str)]
            meant.update({word.lower(): name for word in (name, *aliases)})
    return Names(accepted, meant)


def _scheduler_words(entry: dict[str, Any]) -> list[str]:
    words = (entry.get("label"), entry.get("name"), *(entry.get("aliases") or ()))
    return [word for word in words if isinstance(word, str)]


def _schedulers(schedulers: object) -> Names:
    accepted, meant = {}, {}
    for entry in _entries(schedulers):
        if isinstance(name := entry.get("name"), str):
            accepted.update({name: name, str(entry.get("label") or name): name})
            meant.update({word.lower(): name for word in _scheduler_words(entry)})
    return Names(accepted, meant)


def _checkpoints(checkpoints: object) -> Names:
    accepted, paths = {}, {}
    for entry in _entries(checkpoints):
        title = str(entry.get("title") or "")
        file = PureWindowsPath(str(entry.get("filename") or "")).name
        hashes = [str(entry[key]).lower() for key in ("hash", "sha256") if entry.get(key)]
        forms = [bare_checkpoint_name(form) for form in (title, str(entry.get("model_name") or ""), file)]
        accepted.update({form: checkpoint_name(title) for form in (*forms, *hashes) if form})
        paths[checkpoint_name(title)] = str(entry.get("filename"))
    return Names(accepted, {form.lower(): name for form, name in accepted.items()}, paths=paths)


def _vaes(vaes: object) -> Names:
    listed = _names(_texts(vaes, "model_name"), "Automatic", "None")
    paths = {str(entry.get("model_name")): str(entry.get("filename")) for entry in _entries(vaes)}
    return Names(listed.accepted, listed.meant, paths=paths)


def _loras(loras: object) -> Names:
    accepted, paths = {}, {}
    for entry in _entries(loras):
        forms = [entry[key] for key in ("name", "alias") if isinstance(entry.get(key), str)]
        accepted.update(dict.fromkeys(forms, forms[0]))
        paths[forms[0]] = str(entry.get("path"))
    return Names(accepted, {form.lower(): name for form, name in accepted.items()}, paths=paths)


def _scripts(tab: str) -> Callable[[object], Names]:
    def read(scripts: object) -> Names:
        titles = scripts.get(tab) if isinstance(scripts, dict) else None
        if not isinstance(titles, list):
            raise WebUiFailed("the Web UI's list of scripts has another shape than it should")
        return Names({str(title).lower(): str(title) for title in titles})

    return read


def _upscalers(upscalers: object, modes: object = None) -> Names:
    listed = _names([*_texts(modes or [], "name"), *_texts(upscalers, "name")], "None")
    files = {
        entry["name"]: UPSCALER_FILES.get(entry["name"], ())
        for entry in _entries(upscalers)
        if entry.get("name") == _LDSR or str(entry.get("model_path")).startswith("http")
    }
    return Names(listed.accepted, listed.meant, files)


def _with_weights(names: Names, models_folder: Path) -> Names:
    """Return the names without those whose files are missing; `files` then has the missing ones alone."""
    missing = {
        name: files
        for name, files in names.files.items()
        if not files or not all((models_folder / file).is_file() for file in files)
    }
    return Names(
        {form: name for form, name in names.accepted.items() if name not in missing},
        {form: name for form, name in names.meant.items() if name not in missing},
        missing,
    )


def _lower(name: str) -> tuple[str, ...]:
    return (name.lower(),)


SAMPLER: Final = Kind("sampler", "unknown_sampler", ("samplers", "schedulers"), _samplers)
SCHEDULER: Final = Kind("scheduler", "unknown_scheduler", ("schedulers",), _schedulers)
UPSCALER: Final = Kind("upscaler", "unknown_upscaler", ("upscalers",), _upscalers, with_files=_with_weights)
HIRES_UPSCALER: Final = Kind(
    "upscaler", "unknown_upscaler", ("upscalers", "latent-upscale-modes"), _upscalers, with_files=_with_weights
)
CHECKPOINT: Final = Kind(
    "checkpoint",
    "unknown_model",
    ("sd-models",),
    _checkpoints,
    refresh="refresh-checkpoints",
    forms=lambda name: (bare_checkpoint_name(name), name.lower()),
)
VAE: Final = Kind(
    "VAE",
    "unknown_vae",
    ("sd-vae",),
    _vaes,
    refresh="refresh-vae",
)
LORA: Final = Kind("LoRA", "unknown_lora", ("loras",), _loras, refresh="refresh-loras")
STYLE: Final = Kind(
    "style",
    "unknown_style",
    ("prompt-styles",),
    lambda styles: _names(_texts(styles, "name")),
    with_files=lambda names, models_folder: _names([*names.accepted, *read_styles(models_folder)]),
)
TEXT_TO_IMAGE_SCRIPT: Final = Kind("script", "unknown_script", ("scripts",), _scripts("txt2img"), forms=_lower)
IMAGE_TO_IMAGE_SCRIPT: Final = Kind("script", "unknown_script", ("scripts",), _scripts("img2img"), forms=_lower)
_KINDS: Final = (SAMPLER, HIRES_UPSCALER, CHECKPOINT, VAE, LORA, STYLE, TEXT_TO_IMAGE_SCRIPT)
#: Paths of every list that is asked for.
LIST_PATHS: Final = tuple(sorted({API_PREFIX + name for kind in _KINDS for name in kind.lists}))
