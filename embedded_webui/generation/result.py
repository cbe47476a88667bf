"""The result of a run as clients read it: images, their infotexts, and the `info` of the response."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from embedded_webui.generation.run import GenerationRun
from embedded_webui.images import codec, infotext

#: Face restoration that the infotext names. As in a Web UI without its models, it does nothing.
_FACE_RESTORATION: Final = "CodeFormer"
#: Fields of a request that `info` repeats.
_REQUEST_FIELDS: Final = {
    *("prompt", "negative_prompt", "subseed_strength", "width", "height", "cfg_scale", "steps", "batch_size"),
    *("seed_resize_from_w", "seed_resize_from_h", "denoising_strength"),
}


@dataclass(frozen=True, kw_only=True)
class GenerationResult:
    """The images of a run, each with the infotext in its file, and `info`, which responses have as JSON text."""

    images: list[Image.Image]
    infotexts: Sequence[str | None]
    info: dict[str, Any]

    def followed_by(self, others: Sequence["GenerationResult"]) -> "GenerationResult":
        """Return the result of a sheet, whose file carries no infotext, with the images on it."""
        texts = [*self.infotexts, *(text for other in others for text in other.infotexts)]
        return GenerationResult(
            images=[*self.images, *(image for other in others for image in other.images)],
            infotexts=[None, *texts[1:]],
            info=self.info | {"infotexts": texts},
        )


def build_result(run: GenerationRun, images: list[Image.Image]) -> GenerationResult:
    """Return the result of a run, with a grid of all images first if the request saves images."""
    # Images that are combined of tiles are described by the first tile, and their files by nothing.
    texts = [_infotext(run, 0 if run.last_tiles else number) for number in range(len(images))]
    has_grid = bool(run.request.save_images and not run.request.do_not_save_grid and len(images) > 1)
    if has_grid:
        images, texts = [codec.grid(images), *images], [texts[0], *texts]
    info = _info(run) | {
        "index_of_first_image": int(has_grid),
        "infotexts": texts,
        "job_timestamp": run.state.job_timestamp,
    }
    in_files = [None] * len(images) if run.last_tiles else texts
    return GenerationResult(images=images, infotexts=in_files, info=info)


def _infotext(run: GenerationRun, number: int) -> str:
    request, strength = run.request, run.seeds.strength
    settings = {
        "Steps": request.steps,
        "Sampler": run.sampler.name,
        "Schedule type": run.sampler.schedule,
        "CFG scale": request.cfg_scale,
        "Seed": run.seeds.seeds[number],
        "Face restoration": _FACE_RESTORATION if request.restore_faces else None,
        "Size": f"{request.width}x{request.height}",
        "Model hash": run.checkpoint.short_hash,
        "Model": run.checkpoint.model_name,
        "Variation seed": run.seeds.subseeds[number] if strength else None,
        "Variation seed strength": strength or None,
        "Denoising strength": run.extra.get("Denoising strength"),
        "Clip skip": run.clip_skip if run.clip_skip > 1 else None,
        "Tiling": True if request.tiling else None,
        **run.extra,
        "Version": infotext.VERSION,
    }
    return infotext.write(prompt=request.prompt, negative_prompt=request.negative_prompt, settings=settings)


def _info(run: GenerationRun) -> dict[str, Any]:
    request, seeds = run.request, run.last_tiles or run.seeds
    count = len(seeds.seeds)
    schedule = {} if run.sampler.is_automatic else {"Schedule type": run.sampler.schedule}
    return {
        **{name: getattr(request, name) for name in _REQUEST_FIELDS},
        "all_prompts": [request.prompt] * count,
        "all_negative_prompts": [request.negative_prompt] * count,
        "seed": run.seeds.seeds[0],
        "all_seeds": seeds.seeds,
        "subseed": run.seeds.subseeds[0],
        "all_subseeds": seeds.subseeds,
        "sampler_name": run.sampler.name,
        "restore_faces": bool(request.restore_faces),
        "face_restoration_model": _FACE_RESTORATION if request.restore_faces else None,
        "sd_model_name": run.checkpoint.model_name,
        "sd_model_hash": run.checkpoint.short_hash,
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "extra_generation_params": run.extra | schedule,
        "styles": request.styles or [],
        "clip_skip": run.clip_skip,
        "is_using_inpainting_conditioning": False,
        "version": infotext.VERSION,
    }
