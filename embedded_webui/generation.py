"""Makes the pictures of one request: overrides, seeds, batches, the answer's `info`. Runs inside the queue."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from embedded_webui import images, infotext, samplers, seeds
from embedded_webui.checkpoints import Checkpoint, Checkpoints
from embedded_webui.engine import Engine
from embedded_webui.errors import WebUiError
from embedded_webui.options import Options
from embedded_webui.progress_state import ProgressState
from embedded_webui.requests import GenerationRequest, ImageToImageRequest, TextToImageRequest
from embedded_webui.run import Run

#: Face restoration that the infotext names; nothing restores faces here, as in a Web UI without its models.
_FACE_RESTORATION: Final = "CodeFormer"
#: Memory of one layer of SD's autoencoder at full size: 128 channels of 32 bits.
_BYTES_PER_PIXEL: Final = 128 * 4


@dataclass(frozen=True, kw_only=True)
class Result:
    """The pictures of a run, each with its infotext, and the answer's `info`."""

    pictures: list[Image.Image]
    infotexts: list[str]
    info: str


class Generator:
    """Runs requests one by one: whoever calls `generate` holds the queue."""

    def __init__(self, *, engine: Engine, options: Options, checkpoints: Checkpoints, state: ProgressState) -> None:
        self._engine = engine
        self._options = options
        self._checkpoints = checkpoints
        self._state = state

    def generate(self, request: GenerationRequest, *, pictures: list[Image.Image], mask: Image.Image | None) -> Result:
        """Make the pictures of a request; `pictures` and `mask` are those that image-to-image works on."""
        kind = "img2img" if isinstance(request, ImageToImageRequest) else "txt2img"
        self._state.begin(f"scripts_{kind}")
        overrides = dict(request.override_settings or {})
        remembered = self._options.remember(overrides)
        try:
            self._apply(overrides)
            self._refuse_what_fails(request)
            model = self._engine.model()
            model.set_tiling(enabled=bool(self._options["tiling"] if request.tiling is None else request.tiling))
            run = self._plan(request, model.checkpoint)
            from embedded_webui.passes import make_passes  # noqa: PLC0415 - imports torch, see Engine

            passes = make_passes(
                request,
                run=run,
                pictures=pictures,
                mask=mask,
                model=model,
                state=self._state,
                options=self._options,
                hires_model=lambda name: self._engine.model(self._hires_checkpoint(name)),
            )
            self._state.job_count = passes.jobs
            return self._run_batches(run, passes.make)
        finally:
            self._state.end()
            if request.override_settings_restore_afterwards:
                self._options.restore(remembered)

    def _apply(self, overrides: dict[str, Any]) -> None:
        """Set the request's options; what was not set explicitly before stays set, as in the Web UI."""
        if self._checkpoints.find(overrides.get("sd_model_checkpoint")) is None:
            overrides.pop("sd_model_checkpoint", None)
            self._engine.model()
        for name, value in overrides.items():
            self._options.set(name, value)
            if name == "sd_model_checkpoint":
                self._engine.model()

    def _refuse_what_fails(self, request: GenerationRequest) -> None:
        """Raise what the Web UI raises for requests that it cannot run."""
        if request.refiner_checkpoint and request.refiner_switch_at is not None:
            self._find(request.refiner_checkpoint)
            raise NotImplementedError("the embedded Web UI has no refiner")
        if isinstance(request, TextToImageRequest) and request.enable_hr:
            self._hires_checkpoint(request.hr_checkpoint_name)
        if not (request.batch_size and request.n_iter):
            raise IndexError("list index out of range")
        if request.steps == 0:
            raise WebUiError("ZeroDivisionError", "integer division or modulo by zero")

        needed = int(request.width or 0) * int(request.height or 0) * _BYTES_PER_PIXEL
        if needed > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
            # Left to itself, torch would be given the memory and the process killed when it uses it.
            raise WebUiError(
                "RuntimeError", f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {needed} bytes."
            )

    def _plan(self, request: GenerationRequest, checkpoint: Checkpoint) -> Run:
        clip_skip = self._options["CLIP_stop_at_last_layers"]
        # An option of another type than it should have makes every run fail here, as in the Web UI.
        -clip_skip  # noqa: B018 - raises TypeError
        sampler, schedule = samplers.resolve(request.sampler_name or request.sampler_index, request.scheduler)
        return Run(
            request=request,
            sampler=sampler,
            schedule=samplers.effective_schedule(sampler, schedule),
            seeds=seeds.choose(
                seed=request.seed,
                subseed=request.subseed,
                strength=request.subseed_strength or 0,
                count=int(request.batch_size or 0) * int(request.n_iter or 0),
            ),
            clip_skip=int(clip_skip),
            checkpoint=checkpoint,
        )

    def _run_batches(self, run: Run, make: Callable[[seeds.Seeds], list[Image.Image]]) -> Result:
        batches, size = int(run.request.n_iter or 0), int(run.request.batch_size or 0)
        pictures: list[Image.Image] = []
        for number in range(batches):
            self._state.skipped = False
            if self._state.interrupted:
                break
            if batches > 1:
                self._state.job = f"Batch {number + 1} out of {batches}"
            pictures += make(run.seeds.of_batch(number, size))
        texts = [self._infotext(run, number) for number in range(len(pictures))]
        first = 0
        if run.request.save_images and not run.request.do_not_save_grid and len(pictures) > 1:
            pictures.insert(0, images.grid(pictures))
            texts.insert(0, texts[0])
            first = 1
        return Result(pictures=pictures, infotexts=texts, info=json.dumps(self._info(run, texts, first)))

    def _hires_checkpoint(self, name: str | None) -> Checkpoint | None:
        return self._find(name) if name and name not in infotext.SAME_AS_FIRST_PASS else None

    def _find(self, name: str) -> Checkpoint:
        found = self._checkpoints.find(name)
        if found is None:
            raise WebUiError("Exception", f"Could not find checkpoint with name {name}")
        return found

    def _infotext(self, run: Run, number: int) -> str:
        request, strength = run.request, run.seeds.strength
        settings = {
            "Steps": request.steps,
            "Sampler": run.sampler.name,
            "Schedule type": run.schedule.label,
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
        prompt, negative_prompt = request.prompt or "", request.negative_prompt or ""
        return infotext.write(prompt=prompt, negative_prompt=negative_prompt, settings=settings)

    def _info(self, run: Run, texts: list[str], first: int) -> dict[str, Any]:
        request, count = run.request, len(run.seeds.seeds)
        automatic = run.schedule is samplers.AUTOMATIC
        return {
            "prompt": request.prompt,
            "all_prompts": [request.prompt] * count,
            "negative_prompt": request.negative_prompt,
            "all_negative_prompts": [request.negative_prompt] * count,
            "seed": run.seeds.seeds[0],
            "all_seeds": run.seeds.seeds,
            "subseed": run.seeds.subseeds[0],
            "all_subseeds": run.seeds.subseeds,
            "subseed_strength": request.subseed_strength,
            "width": request.width,
            "height": request.height,
            "sampler_name": run.sampler.name,
            "cfg_scale": request.cfg_scale,
            "steps": request.steps,
            "batch_size": request.batch_size,
            "restore_faces": bool(request.restore_faces),
            "face_restoration_model": _FACE_RESTORATION if request.restore_faces else None,
            "sd_model_name": run.checkpoint.model_name,
            "sd_model_hash": run.checkpoint.short_hash,
            "sd_vae_name": None,
            "sd_vae_hash": None,
            "seed_resize_from_w": request.seed_resize_from_w,
            "seed_resize_from_h": request.seed_resize_from_h,
            "denoising_strength": request.denoising_strength,
            "extra_generation_params": run.extra | ({} if automatic else {"Schedule type": run.schedule.label}),
            "index_of_first_image": first,
            "infotexts": texts,
            "styles": request.styles or [],
            "job_timestamp": self._state.job_timestamp,
            "clip_skip": run.clip_skip,
            "is_using_inpainting_conditioning": False,
            "version": infotext.VERSION,
        }
