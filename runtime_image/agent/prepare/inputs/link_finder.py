"""Where links stand in a task's content: anywhere, but never in a field that is text."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

#: A value that is one whole URL and nothing else.
_WHOLE_URL: Final = re.compile(r"(?:https?|s3)://[^\s]+", re.IGNORECASE)
#: What the Web UI itself would go and fetch, past our guards, if it stood in a field that holds a picture.
_URL_BEGINNING: Final = re.compile(r"\s*(?:https?|s3)://", re.IGNORECASE)
#: Query and fragment of a URL.
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
#: Characters of a link that errors and logs show.
MAX_SHOWN: Final = 200
#: Fields whose text stays text, whatever it looks like. Names that end in `prompt` are text too: scripts bring
#: their own (`ad_prompt`).
TEXT_FIELDS: Final = frozenset(
    {
        "api",
        "force_task_id",
        "hr_checkpoint_name",
        "hr_sampler_name",
        "hr_scheduler",
        "hr_upscaler",
        "infotext",
        "model",
        "module",
        "name",
        "refiner_checkpoint",
        "sampler_index",
        "sampler_name",
        "scheduler",
        "script_name",
        "sd_model_checkpoint",
        "sd_vae",
        "styles",
        "upscaler_1",
        "upscaler_2",
    }
)
#: Fields that hold pictures in the Web UI and its ControlNet extension.
PICTURE_FIELDS: Final = frozenset(
    {"data", "image", "images", "init_images", "input_image", "latent_mask", "mask", "mask_image"}
)


@dataclass(frozen=True)
class Link:
    """One link and where it stands, as the sender wrote it (`task.content.init_images[0]`)."""

    field: str
    url: str

    @property
    def shown(self) -> str:
        """The link as errors and logs may show it: without a presigned link's signature, or anybody's password."""
        scheme, _, rest = self.url.partition("://")
        if scheme.strip().lower() == "s3":
            return self.url[:MAX_SHOWN]
        if "@" in rest.partition("/")[0]:
            return f"{scheme}://…"
        bare = _QUERY.sub("", self.url)
        return bare[:MAX_SHOWN] + ("?…" if bare != self.url else "")


def find_links(body: dict[str, Any], path: str) -> list[Link]:
    """Return every link in `body`, whose own path is `path`."""
    return list(_walk(body, path, ""))


def replace_links(body: dict[str, Any], replacement: Callable[[str], str]) -> dict[str, Any]:
    """Return `body` with every link replaced; what has no links in it is shared, not copied."""
    replaced = _replaced(body, "", replacement)
    assert isinstance(replaced, dict)  # noqa: S101 - an object stays one; tells the type checker
    return replaced


def _walk(value: Any, path: str, name: str) -> Iterator[Link]:
    if isinstance(value, dict):
        for key, item in value.items():
            if not _is_text_field(key):
                yield from _walk(item, f"{path}.{key}", key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]", name)
    elif isinstance(value, str) and _is_link(value, name):
        yield Link(path, value)


def _replaced(value: Any, name: str, replacement: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: item if _is_text_field(key) else _replaced(item, key, replacement) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, name, replacement) for item in value]
    return replacement(value) if isinstance(value, str) and _is_link(value, name) else value


def _is_link(text: str, name: str) -> bool:
    # In a picture's place a broken URL counts as one, so that it is refused here instead of fetched by the Web UI.
    return bool(_WHOLE_URL.fullmatch(text)) or (name in PICTURE_FIELDS and bool(_URL_BEGINNING.match(text)))


def _is_text_field(name: str) -> bool:
    return name in TEXT_FIELDS or name.lower().endswith("prompt")
