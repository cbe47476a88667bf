"""Checks of a Web UI request before it queues: they protect the GPU, and do not copy the Web UI's schema."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from contract import runpod
from contract.errors import FieldError
from contract.plot import largest_values
from contract.routing import Limits
from contract.work import (
    MAX_PIXELS,
    UPSCALING_ENDPOINTS,
    PassCost,
    Sizes,
    detail_prompts,
    passes,
    pictures_of,
    plot_axes,
    scripts_of,
    steps_of,
    value_of,
)

#: Largest factor of an upscaling; the Web UI's own slider ends there.
MAX_UPSCALING: Final = 8
#: LoRAs that a prompt may name. A replica fetches each of them, and some have a gigabyte.
MAX_LORAS: Final = 50
_CODE: Final = "limit_exceeded"


def check_cost(
    endpoint: str, body: Mapping[str, Any], limits: Limits, field: str, sizes: Sizes | None = None
) -> list[FieldError]:
    """Return an error for each limit of a runtime that a call exceeds; `field` is the path of its body.

    `endpoint` has no leading slash, and `body` is as `contract.request_fields` reads it. `sizes` are the known sizes of
    its pictures, by paths below it.
    """
    errors = [error for error in _check_fields(endpoint, body, limits, field) if error]
    if errors:
        return errors
    made = list(passes(endpoint, body, sizes or {}))
    errors = [error for each in made if (error := _check_size(each, limits, f"{field}.{each.field}"))]
    return errors or _check_work(made, limits, field) or _check_pictures(endpoint, body, limits, field)


def check_input_image(content: dict[str, Any], field: str) -> list[FieldError]:
    """Return the error of an img2img body without an input picture."""
    if content.get("init_images"):
        return []
    return [
        FieldError(
            f"{field}.init_images",
            "image-to-image needs at least one input picture: a list of links or base64 strings"
            " (or a link in alwayson_scripts.image_link)",
        )
    ]


def _check_fields(endpoint: str, body: Mapping[str, Any], limits: Limits, field: str) -> Iterator[FieldError | None]:
    if endpoint in UPSCALING_ENDPOINTS:
        yield _check_number(value_of(body, "upscaling_resize"), 0, MAX_UPSCALING, f"{field}.upscaling_resize")
        for name in ("upscaling_resize_w", "upscaling_resize_h"):
            yield _check_number(value_of(body, name), 1, MAX_PIXELS, f"{field}.{name}")
        return
    if endpoint not in runpod.GENERATION_ENDPOINTS:
        return
    prompts = [(name, str(body.get(name) or "")) for name in ("prompt", "hr_prompt")]
    for name, prompt in (*prompts, *detail_prompts(body)):
        loras = sum(prompt.count(word) for word in ("<lora:", "<lyco:"))
        if loras > MAX_LORAS:
            yield FieldError(f"{field}.{name}", f"names {loras} LoRAs; {MAX_LORAS} are accepted", _CODE)
    yield _check_number(value_of(body, "width"), 1, limits.width, f"{field}.width")
    yield _check_number(value_of(body, "height"), 1, limits.height, f"{field}.height")
    given = steps_of(body).items()
    yield from (_check_number(steps, 1, limits.steps, f"{field}.{name}") for name, steps in given)
    yield _check_number(value_of(body, "batch_size"), 1, limits.batch_size, f"{field}.batch_size")
    yield _check_number(value_of(body, "n_iter"), 1, limits.iterations, f"{field}.n_iter")
    sides = {"width": limits.width, "height": limits.height}
    largest = sides | {"steps": limits.steps, "hr_second_pass_steps": limits.steps}
    for axis in plot_axes(endpoint, body):
        for name, value in largest_values(axis).items():
            yield _check_number(value, 0 if name.startswith("hr") else 1, largest[name], f"{field}.{axis.field}")
    for side, most in sides.items():
        yield _check_number(body.get(f"firstphase_{side}", 0), 0, most, f"{field}.firstphase_{side}")
        name = f"seed_resize_from_{side[0]}"
        # Zero and less mean that no noise is resized.
        yield _check_number(max(body.get(name, 0), 0), 0, most, f"{field}.{name}")
    for path, name, arguments in scripts_of(body):
        for index, most in {4: limits.width, 5: limits.height}.items() if name == "seed" else ():
            if len(arguments) > index and isinstance(arguments[index], int):
                yield _check_number(max(arguments[index], 0), 0, most, f"{field}.{path}[{index}]")
    if body.get("enable_hr"):
        yield _check_number(body.get("hr_resize_x", 0), 0, limits.width, f"{field}.hr_resize_x")
        yield _check_number(body.get("hr_resize_y", 0), 0, limits.height, f"{field}.hr_resize_y")
        yield _check_number(body.get("hr_second_pass_steps", 0), 0, limits.steps, f"{field}.hr_second_pass_steps")


def _check_number(value: float, minimum: float, maximum: float, field: str) -> FieldError | None:
    if minimum <= value <= maximum:
        return None
    return FieldError(
        field,
        f"is {value}; this runtime accepts {minimum:g} to {maximum:g}",
        _CODE if value > maximum else "invalid_field",
    )


def _check_size(each: PassCost, limits: Limits, field: str) -> FieldError | None:
    made = f"makes pictures of {each.size.width} x {each.size.height} pixels"
    if each.is_sampled and (each.size.width > limits.width or each.size.height > limits.height):
        return FieldError(field, f"{made}; this runtime accepts {limits.width} x {limits.height}", _CODE)
    if each.size.pixels > MAX_PIXELS:
        return FieldError(field, f"{made}; {MAX_PIXELS // 1_000_000} megapixels are accepted", _CODE)
    return None


def _check_work(made: list[PassCost], limits: Limits, field: str) -> list[FieldError]:
    work = sum(each.megapixel_steps for each in made)
    if work <= limits.megapixel_steps:
        return []
    most = max(made, key=lambda each: each.megapixel_steps)
    # In a plot the values of its axes may join them.
    is_prompt = most.parts > 1 and most.field != "script_args"
    factors, advice = ("parts that AND joins x ", ", or fewer parts") if most.parts > 1 else ("", "")
    message = (
        f"asks for {work:.0f} megapixel steps ({factors}pixels x steps x pictures of all passes); this runtime accepts"
        f" {limits.megapixel_steps}: write fewer or smaller pictures, or fewer steps{advice}"
    )
    return [FieldError(f"{field}.{'prompt' if is_prompt else most.field}", message, _CODE)]


def _check_pictures(endpoint: str, body: Mapping[str, Any], limits: Limits, field: str) -> list[FieldError]:
    path, pictures = pictures_of(endpoint, body)
    if pictures <= limits.pictures:
        return []
    message = f"asks for {pictures} pictures; this runtime accepts {limits.pictures} in one task: send several tasks"
    return [FieldError(f"{field}.{path}", message, _CODE)]
