"""Work of a request: the passes that the Web UI would make, and their pixels times steps."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from contract import runpod
from contract.plot import Axis, axes_of, largest_values
from contract.prompt_parts import most_parts, parts_of
from contract.script_tables import PLOT
from contract.task import TaskType

#: The Web UI's defaults of missing fields (AUTOMATIC1111 1.10).
DEFAULTS: Final = {
    "width": 512,
    "height": 512,
    "steps": 50,
    "batch_size": 1,
    "n_iter": 1,
    "hr_scale": 2.0,
    "upscaling_resize": 2.0,
    "upscaling_resize_w": 512,
    "upscaling_resize_h": 512,
}
#: Pixels of a picture that goes in, comes out or is made on the way: what 8000 x 8000 have.
MAX_PIXELS: Final = 64 * 1000 * 1000
#: Pixels of all input pictures of one task. The Web UI unpacks them all at once, to a gigabyte with four colours.
MAX_TASK_PIXELS: Final = 4 * MAX_PIXELS
UPSCALING_ENDPOINTS: Final = frozenset(
    runpod.ENDPOINT_OF_TASKTYPE[tasktype] for tasktype in (TaskType.EXTRA_SINGLE_IMAGE, TaskType.EXTRA_BATCH_IMAGES)
)
#: Pictures of a prompt matrix are two to the power of its parts; more parts than this are as bad.
_MAX_MATRIX_PARTS: Final = 40


class Size(NamedTuple):
    """Width and height of a picture in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    def scaled(self, factor: float) -> "Size":
        """Return the size after scaling both sides."""
        return Size(round(self.width * factor), round(self.height * factor))


#: Sizes of the pictures in a body by their paths; the edge, where links are not fetched yet, knows none.
Sizes = Mapping[str, Size]


@dataclass(frozen=True)
class PassCost:
    """Steps over pictures of one size."""

    #: Path of the field that causes it, below the body.
    field: str
    size: Size
    steps: int = 1
    pictures: int = 1
    #: The diffusion model makes it, within the sides that the runtime allows. Other passes only scale pictures.
    is_sampled: bool = True
    #: Parts of the prompt that `AND` joins.
    parts: int = 1

    @property
    def megapixel_steps(self) -> float:
        """Its work."""
        return self.size.pixels * self.steps * self.pictures * self.parts / 1_000_000


def passes(endpoint: str, body: Mapping[str, Any], sizes: Sizes) -> Iterator[PassCost]:
    """Yield the passes of a call, whose arguments are those of `contract.content.check_cost`."""
    if endpoint in runpod.GENERATION_ENDPOINTS:
        axes = plot_axes(endpoint, body)
        cells = math.prod(axis.cells for axis in axes)
        replacements = [axis.values for axis in axes if axis.label == "Prompt S/R"]
        parts = max(most_parts(str(body.get("prompt") or ""), replacements), _parts_of_others(body))
        for each in _generation(_largest_cell(body, axes), sizes):
            made = replace(each, parts=parts) if each.is_sampled else each
            yield replace(made, field="script_args", pictures=made.pictures * cells) if axes else made
        yield from _control_net(body, sizes)
    elif endpoint in UPSCALING_ENDPOINTS:
        yield from _upscaling(body, sizes)


def pictures_of(endpoint: str, body: Mapping[str, Any]) -> tuple[str, int]:
    """Return the number of pictures that a call makes, and the path of the field that multiplies them."""
    if endpoint in UPSCALING_ENDPOINTS:
        return "imageList", len(body.get("imageList") or ())
    if endpoint not in runpod.GENERATION_ENDPOINTS:
        return "", 0
    pictures = value_of(body, "batch_size") * value_of(body, "n_iter")
    if axes := plot_axes(endpoint, body):
        return "script_args", pictures * math.prod(axis.cells for axis in axes)
    field, times = _repetitions(body)
    return field or "n_iter", pictures * times


def plot_axes(endpoint: str, body: Mapping[str, Any]) -> list[Axis]:
    """Return the axes of the plot that a generation draws, or an empty list."""
    arguments = body.get("script_args")
    if str(body.get("script_name") or "").lower() != PLOT or not isinstance(arguments, list):
        return []
    with_input = endpoint == runpod.IMAGE_TO_IMAGE_ENDPOINT
    return list(axes_of(arguments, with_input=with_input, field="script_args"))


def _largest_cell(body: Mapping[str, Any], axes: list[Axis]) -> dict[str, Any]:
    changes: dict[str, int] = {}
    for axis in axes:
        changes |= largest_values(axis)
    return {**body, **changes}


def value_of(body: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field, or the Web UI's default."""
    return body.get(name, DEFAULTS[name])


def scripts_of(body: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield path, name in lower case and arguments of each script that is always on."""
    scripts = body.get("alwayson_scripts")
    for name, given in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(given, dict) and isinstance(given.get("args"), list):
            yield f"alwayson_scripts.{name}.args", name.lower(), given["args"]


def detail_prompts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield path and text of the prompt of each unit of ADetailer, which makes its details with it."""
    for path, name, arguments in scripts_of(body):
        for index, unit in enumerate(arguments) if name == "adetailer" else ():
            if isinstance(unit, dict) and isinstance(prompt := unit.get("ad_prompt"), str):
                yield f"{path}[{index}].ad_prompt", prompt


def _parts_of_others(body: Mapping[str, Any]) -> int:
    prompts = (str(body.get("hr_prompt") or ""), *(prompt for _, prompt in detail_prompts(body)))
    return max(map(parts_of, prompts))


def steps_of(body: Mapping[str, Any]) -> dict[str, int]:
    """Return the sampling steps by the path of their field, each of which may decide.

    The script "Sampler" has precedence in the Web UI's page. Its API and the cells of a plot use the field.
    """
    scripts = ((path, arguments) for path, name, arguments in scripts_of(body) if name == "sampler")
    given = {f"{path}[0]": arguments[0] for path, arguments in scripts if arguments and isinstance(arguments[0], int)}
    return {"steps": value_of(body, "steps"), **given}


def _generation(body: Mapping[str, Any], sizes: Sizes) -> Iterator[PassCost]:
    size = Size(value_of(body, "width"), value_of(body, "height"))
    first_size = Size(body.get("firstphase_width", 0), body.get("firstphase_height", 0))
    if any(first_size):
        size = first_size
    pictures = value_of(body, "batch_size") * value_of(body, "n_iter")
    first = PassCost("width", size, max(steps_of(body).values()), pictures)
    made = [first, *_second_pass(body, first), *_adetailer(body, first)]
    yield from _scripted(body, made, sizes)


def _second_pass(body: Mapping[str, Any], first: PassCost) -> Iterator[PassCost]:
    if not body.get("enable_hr"):
        return
    steps = body.get("hr_second_pass_steps") or first.steps
    target = Size(body.get("hr_resize_x", 0), body.get("hr_resize_y", 0))
    width, height = first.size
    if not any(target):
        scaled = first.size.scaled(value_of(body, "hr_scale"))
        yield replace(first, field="hr_scale", size=scaled, steps=steps)
        return
    # With one side left out the Web UI keeps the proportions. With both it scales to cover them, and cuts the rest off.
    if not target.height or (target.width and width * target.height < height * target.width):
        scaled = Size(target.width, target.width * height // max(width, 1))
    else:
        scaled = Size(target.height * width // max(height, 1), target.height)
    field = "hr_resize_x" if target.width else "hr_resize_y"
    yield replace(first, field=field, size=scaled, steps=1, is_sampled=False)
    yield replace(first, field=field, size=target if all(target) else scaled, steps=steps)


def _adetailer(body: Mapping[str, Any], first: PassCost) -> Iterator[PassCost]:
    for field, name, arguments in scripts_of(body):
        if name != "adetailer":
            continue
        for index, unit in enumerate(arguments):
            if not isinstance(unit, dict):
                continue
            size, steps = first.size, first.steps
            if unit.get("ad_use_inpaint_width_height"):
                size = Size(_whole(unit, "ad_inpaint_width", 512), _whole(unit, "ad_inpaint_height", 512))
            if unit.get("ad_use_steps"):
                steps = _whole(unit, "ad_steps", 28)
            masks = _whole(unit, "ad_mask_k", 0) or _whole(unit, "ad_mask_k_largest", 0) or 1
            yield replace(first, field=f"{field}[{index}]", size=size, steps=steps, pictures=first.pictures * masks)


def _whole(unit: Mapping[str, Any], name: str, default: int) -> int:
    value = unit.get(name, default)
    return value if isinstance(value, int) else default


def _repetitions(body: Mapping[str, Any]) -> tuple[str, int]:
    """Return how often the script of a body repeats its generation, and the path of the field that says so."""
    match str(body.get("script_name") or "").lower(), body.get("script_args") or []:
        case "prompt matrix", _:
            prompts = {name: str(body.get(name) or "").count("|") for name in ("prompt", "negative_prompt")}
            field = max(prompts, key=lambda name: prompts[name])
            return field, 2 ** min(prompts[field], _MAX_MATRIX_PARTS)
        case "loopback", [int(loops), *_]:
            return "script_args[0]", loops
    return "", 1


def _scripted(body: Mapping[str, Any], made: list[PassCost], sizes: Sizes) -> Iterator[PassCost]:
    """Yield the passes of a generation with the script that it names."""
    arguments = body.get("script_args") or []
    given = sizes.get("init_images[0]")
    match str(body.get("script_name") or "").lower(), arguments:
        case "img2img alternative test", [_, _, _, _, _, _, int(steps), *_]:
            yield from made
            yield replace(made[0], field="script_args[6]", steps=steps)
        case "sd upscale", [_, int(overlap), _, int() | float() as factor, *_] if given:
            scaled = given.scaled(factor)
            yield PassCost("script_args[3]", scaled, is_sampled=False)
            yield from _tiled(made, scaled, overlap, "script_args[3]")
        case "poor man's outpainting", [int(pixels), *_] if given:
            yield from _tiled(made, Size(given.width + 2 * pixels, given.height + 2 * pixels), pixels, "script_args[0]")
        case "outpainting mk2", [_, int(pixels), _, list(directions), *_]:
            # A pass makes a strip as long as the side of the input picture.
            width, height = made[0].size
            whole = Size(given.width + 2 * pixels, given.height + 2 * pixels) if given else made[0].size
            strips = {"left": Size(width, whole.height), "up": Size(whole.width, height)}
            for direction in directions:
                strip = strips["left" if direction in {"left", "right"} else "up"]
                yield from (replace(each, field="script_args[3]", size=strip) for each in made)
        case _:
            field, times = _repetitions(body)
            yield from (replace(each, field=field or each.field, pictures=each.pictures * times) for each in made)


def _tiled(made: list[PassCost], size: Size, overlap: int, field: str) -> Iterator[PassCost]:
    """Yield the passes over each tile of a picture."""
    tile = made[0].size
    if min(tile) <= overlap:
        # The Web UI would divide by zero, or go backwards.
        tiles = size.pixels
    else:
        tiles = -(-size.width // (tile.width - overlap)) * -(-size.height // (tile.height - overlap))
    yield from (replace(each, field=field, pictures=each.pictures * tiles) for each in made)


def _control_net(body: Mapping[str, Any], sizes: Sizes) -> Iterator[PassCost]:
    for field, name, arguments in scripts_of(body):
        if name != "controlnet":
            continue
        for index, unit in enumerate(arguments):
            resolution = unit.get("processor_res") if isinstance(unit, dict) else None
            if not isinstance(resolution, int) or resolution <= 0:
                continue
            path = f"{field}[{index}]"
            yield PassCost(f"{path}.processor_res", Size(resolution, resolution))
            # The preprocessor scales the shorter side of the picture to the resolution.
            for picture, size in sizes.items():
                if picture.startswith(f"{path}."):
                    scaled = size.scaled(resolution / max(min(size), 1))
                    yield PassCost(f"{path}.processor_res", scaled, is_sampled=False)


def _upscaling(body: Mapping[str, Any], sizes: Sizes) -> Iterator[PassCost]:
    upscalers = sum(str(body.get(name) or "None") != "None" for name in ("upscaler_1", "upscaler_2")) or 1
    target = Size(value_of(body, "upscaling_resize_w"), value_of(body, "upscaling_resize_h"))
    is_sized = body.get("resize_mode") == 1
    factor = value_of(body, "upscaling_resize")
    if is_sized:
        yield PassCost("upscaling_resize_w", target, upscalers, is_sampled=False)
    for size in sizes.values():
        if is_sized:
            # The picture is scaled to cover the target; what is too much is cut off afterwards.
            factor = max(target.width / size.width, target.height / size.height)
        field = "upscaling_resize_w" if is_sized else "upscaling_resize"
        yield PassCost(field, size.scaled(factor), upscalers, is_sampled=False)
