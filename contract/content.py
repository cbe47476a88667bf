"""Checks of a Web UI request before it queues: they protect the GPU, and do not copy the Web UI's schema."""

from typing import Any, Final

from contract.errors import FieldError
from contract.routing import Limits

#: The Web UI's defaults for missing fields (spec of AUTOMATIC1111 1.10).
WEBUI_DEFAULTS: Final = {"width": 512, "height": 512, "steps": 50, "batch_size": 1, "n_iter": 1}


def check_generation(content: dict[str, Any], limits: Limits, field: str) -> list[FieldError]:
    """Return an error for each limit that a txt2img or img2img body exceeds.

    Args:
        content: The body as `contract.request_fields` reads it.
        limits: The limits of the runtime.
        field: Path of `content`.
    """
    allowed = {
        "width": limits.width,
        "height": limits.height,
        "steps": limits.steps,
        "batch_size": limits.batch_size,
        "n_iter": limits.iterations,
    }
    errors = [
        error
        for name, maximum in allowed.items()
        if (error := _check_number(content.get(name, WEBUI_DEFAULTS[name]), 1, maximum, f"{field}.{name}"))
    ]
    return errors or _check_high_resolution_pass(content, limits, field)


def check_input_image(content: dict[str, Any], field: str) -> list[FieldError]:
    """Return the error of an img2img body without an input picture."""
    images = content.get("init_images")
    if isinstance(images, list) and images and all(isinstance(image, str) and image for image in images):
        return []
    return [
        FieldError(
            f"{field}.init_images",
            "image-to-image needs at least one input picture: a list of links or base64 strings"
            " (or a link in alwayson_scripts.image_link)",
        )
    ]


def _check_number(value: float, minimum: float, maximum: float, field: str) -> FieldError | None:
    if minimum <= value <= maximum:
        return None
    return FieldError(
        field,
        f"is {value}; this runtime accepts {minimum:g} to {maximum:g}",
        "limit_exceeded" if value > maximum else "invalid_field",
    )


def _check_high_resolution_pass(content: dict[str, Any], limits: Limits, field: str) -> list[FieldError]:
    if not content.get("enable_hr"):
        return []
    largest_scale = min(
        limits.width / float(content.get("width") or WEBUI_DEFAULTS["width"]),
        limits.height / float(content.get("height") or WEBUI_DEFAULTS["height"]),
    )
    # With an explicit target size the Web UI ignores the factor.
    resized = bool(content.get("hr_resize_x") or content.get("hr_resize_y"))
    checks = (
        _check_number(content.get("hr_resize_x", 0), 0, limits.width, f"{field}.hr_resize_x"),
        _check_number(content.get("hr_resize_y", 0), 0, limits.height, f"{field}.hr_resize_y"),
        _check_number(content.get("hr_second_pass_steps", 0), 0, limits.steps, f"{field}.hr_second_pass_steps"),
        None if resized else _check_number(content.get("hr_scale", 2.0), 0, largest_scale, f"{field}.hr_scale"),
    )
    return [error for error in checks if error]
