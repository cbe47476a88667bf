"""Bodies of the routes: the fields of v1.10.1 with their defaults.

Unknown fields are ignored. Null is accepted everywhere, and fails later where a value is needed. Numbers are read like
pydantic 1, which cuts the fraction off where a whole number is expected.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, WrapValidator

#: Name of the script that makes an image of tiles.
SD_UPSCALE: Final = "sd upscale"
#: Values of `refiner_checkpoint` that mean none.
NO_REFINER: Final = frozenset({"None", "none"})


def _cut_fraction(value: object) -> object:
    return int(value) if isinstance(value, float) else value


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) else value


def _or_null(value: object, read: Callable[[object], object]) -> object:
    return None if value is None else read(value)


#: Kinds of values that may be null although the program counts on a value: `refused_nulls` names those fields.
Whole = Annotated[int, BeforeValidator(_cut_fraction), WrapValidator(_or_null)]
Text = Annotated[str, BeforeValidator(_number_as_text), WrapValidator(_or_null)]
Number = Annotated[float, WrapValidator(_or_null)]
Part = Annotated[float, Field(ge=0, le=1)]


class GenerationRequest(BaseModel):
    """The fields that text-to-image and image-to-image share."""

    prompt: Text = ""
    negative_prompt: Text = ""
    styles: list[str] | None = None
    seed: Whole | None = -1
    subseed: Whole | None = -1
    subseed_strength: Number = 0
    seed_resize_from_h: Whole = -1
    seed_resize_from_w: Whole = -1
    sampler_name: Text | None = None
    scheduler: Text | None = None
    batch_size: Whole = 1
    n_iter: Whole = 1
    steps: Whole = 50
    cfg_scale: Number = 7.0
    width: Whole = 512
    height: Whole = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool | None = False
    do_not_save_grid: bool | None = False
    eta: float | None = None
    denoising_strength: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool | None = True
    refiner_checkpoint: Text | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool | None = False
    firstpass_image: Any = None
    comments: dict[str, Any] | None = None
    force_task_id: Text | None = None
    sampler_index: Text | None = "Euler"
    script_name: Text | None = None
    script_args: list[Any] | None = []
    send_images: bool | None = True
    save_images: bool | None = False
    alwayson_scripts: dict[str, Any] | None = {}
    infotext: Text | None = None

    @property
    def script(self) -> str:
        """The script that the request names, in small letters."""
        return (self.script_name or "").lower()

    def refused_nulls(self) -> list[str]:
        """Return the fields whose null makes the real one fail."""
        needed = ["prompt", "negative_prompt", "steps", "cfg_scale", "subseed_strength", "width", "height"]
        needed += ["batch_size", "n_iter"]
        if isinstance(self, ImageToImageRequest):
            needed.append("denoising_strength")
            needed += ["mask_blur_x", "mask_blur_y", "inpaint_full_res_padding"] if self.mask else []
        if isinstance(self, TextToImageRequest) and self.enable_hr:
            needed += ["hr_prompt", "hr_negative_prompt", "hr_scale", "hr_resize_x", "hr_resize_y"]
            needed.append("hr_second_pass_steps")
        return [name for name in needed if getattr(self, name) is None]

    def echo(self) -> dict[str, Any]:
        """Return the request with its defaults, as the `parameters` of the response."""
        return dict(self)


class TextToImageRequest(GenerationRequest):
    """The body of `txt2img`."""

    enable_hr: bool | None = False
    firstphase_width: Whole = 0
    firstphase_height: Whole = 0
    hr_scale: Number = 2.0
    hr_upscaler: Text | None = None
    hr_second_pass_steps: Whole = 0
    hr_resize_x: Whole = 0
    hr_resize_y: Whole = 0
    hr_checkpoint_name: Text | None = None
    hr_sampler_name: Text | None = None
    hr_scheduler: Text | None = None
    hr_prompt: Text = ""
    hr_negative_prompt: Text = ""


class ImageToImageRequest(GenerationRequest):
    """The body of `img2img`. Images are base64 or `data:` URLs."""

    denoising_strength: Number = 0.75
    init_images: list[Any] | None = None
    resize_mode: Whole = 0
    image_cfg_scale: float | None = None
    mask: Text | None = None
    mask_blur_x: Whole = 4
    mask_blur_y: Whole = 4
    mask_blur: Whole | None = None
    mask_round: bool | None = True
    inpainting_fill: Whole = 0
    inpaint_full_res: bool | None = True
    inpaint_full_res_padding: Whole = 0
    inpainting_mask_invert: Whole = 0
    initial_noise_multiplier: float | None = None
    latent_mask: Text | None = None
    include_init_images: bool | None = False

    @property
    def mask_blur_radii(self) -> tuple[int, int]:
        """Radii of the mask's blur, across and down."""
        return (self.mask_blur_x, self.mask_blur_y) if self.mask_blur is None else (self.mask_blur, self.mask_blur)

    def echo(self) -> dict[str, Any]:
        """Return the request with its defaults, without its images unless it asks for them."""
        echo = super().echo()
        if not self.include_init_images:
            echo.update(init_images=None, mask=None)
        return echo


class ExtrasRequest(BaseModel):
    """The fields that enlarging one image and several images share."""

    resize_mode: Literal[0, 1] = 0
    show_extras_results: bool = True
    gfpgan_visibility: Part = 0
    codeformer_visibility: Part = 0
    codeformer_weight: Part = 0
    upscaling_resize: Annotated[float, Field(gt=0)] = 2
    upscaling_resize_w: Annotated[int, Field(ge=1)] = 512
    upscaling_resize_h: Annotated[int, Field(ge=1)] = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Part = 0
    upscale_first: bool = False


class ExtraSingleImageRequest(ExtrasRequest):
    """The body of `extra-single-image`."""

    image: str = ""


class NamedImage(BaseModel):
    """One image of `extra-batch-images`."""

    data: str
    name: str


class ExtraBatchImagesRequest(ExtrasRequest):
    """The body of `extra-batch-images`."""

    imageList: list[NamedImage]  # noqa: N815 - the API's own name
