"""Sampling with diffusers' pipelines: one pass from noise, or from an image's latents, to latents.

A callback after each step reports progress, keeps what a mask protects, changes the prompt and stops at an interrupt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

import torch
from torch import Tensor

from embedded_webui.errors import NansException
from embedded_webui.generation import prompt_syntax
from embedded_webui.generation.run import GenerationRun, Seeds
from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.models.model import CALLBACK_TENSORS, Model
from embedded_webui.requests import NO_REFINER

#: Largest strength of image-to-image, so that a run never has more steps than the request asks for.
_MAX_STRENGTH: Final = 0.999
#: Samplers of v1.10.1 that fail if their only step is the last one.
_NEED_TWO_STEPS: Final = frozenset({"DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE"})


@dataclass(frozen=True, kw_only=True)
class Start:
    """The start of an image-to-image pass; `mask` is 1 where the latents may change, None for everywhere."""

    latents: Tensor
    strength: float
    mask: Tensor | None = None
    noise_multiplier: float = 1.0


def draw_noise(seeds: Seeds, *, shape: Sequence[int], device: str) -> tuple[Tensor, list[torch.Generator]]:
    """Return noise for latents of `shape`, without the batch, and the generators of the next noise.

    Each image has a generator, so it depends on its own seed alone. The processor draws, because GPUs differ.
    """
    generators, others = (
        [torch.Generator("cpu").manual_seed(seed) for seed in numbers] for numbers in (seeds.seeds, seeds.subseeds)
    )
    drawn = [torch.randn(*shape, generator=generator) for generator in generators]
    if seeds.strength:
        second = [torch.randn(*shape, generator=generator) for generator in others]
        drawn = [_slerp(one, other, seeds.strength) for one, other in zip(drawn, second, strict=True)]
    return torch.stack(drawn).to(device), generators


@dataclass(kw_only=True)
class SamplingPass:
    """One pass. A refiner takes over in the last pass of a request; `model` is then the refiner."""

    run: GenerationRun
    model: Model
    seeds: Seeds
    start: Start | None = None
    is_last: bool = True
    _steps: int = 0
    _drawn: Tensor = field(init=False)
    _prompts: list[dict[str, Tensor]] = field(init=False)
    _is_refined: bool = False

    def latents(self) -> Tensor:
        """Return the latents of the pass; an interrupted pass returns its estimate of the final ones."""
        request, sampler, start = self.run.request, self.run.sampler, self.start
        self._steps = request.steps if start is None else int(min(start.strength, _MAX_STRENGTH) * request.steps) + 1
        if self._steps == 1 and sampler.name in _NEED_TWO_STEPS:
            raise UnboundLocalError("local variable 'h' referenced before assignment")
        if not self._refine(0.0):
            self._encode_prompts()
        model, state = self.model, self.run.state
        # A size between two multiples of a latent pixel is cut, as in the Web UI.
        height, width = request.height // LATENT_PIXELS, request.width // LATENT_PIXELS
        shape = (model.latent_channels, height, width)
        self._drawn, generators = draw_noise(self.seeds, shape=shape, device=model.device)
        arguments: dict[str, Any]
        if start is None:
            pipeline = model.text_to_image
            arguments = {"width": width * LATENT_PIXELS, "height": height * LATENT_PIXELS}
            arguments["latents"] = self._drawn.to(model.dtype)
        else:
            pipeline = model.image_to_image
            pipeline.starting_noise = self._drawn = self._drawn * start.noise_multiplier
            # diffusers cuts strength times steps to a whole number: half a step keeps it from being one less.
            strength = min(1.0, (self._steps + 0.5) / request.steps)
            arguments = {"image": start.latents.to(model.dtype), "strength": strength}
        pipeline.scheduler = sampler.scheduler(model.scheduler_config, steps=request.steps)
        pipeline.unet = model.unet
        state.sampling_steps = self._steps
        state.step(0, partial(model.preview, self._drawn[0]))
        result: Tensor = pipeline(
            **arguments,
            **self._prompts[0],
            num_images_per_prompt=len(self._drawn),
            num_inference_steps=request.steps,
            guidance_scale=model.guidance_scale(request.cfg_scale, request.negative_prompt),
            generator=generators,
            output_type="latent",
            callback_on_step_end=self._end_step,
            callback_on_step_end_tensor_inputs=list(CALLBACK_TENSORS),
        ).images.float()
        if bool(torch.isnan(result).any()):
            raise NansException("A tensor with NaNs was produced in Unet.")
        return result

    def _end_step(self, pipeline: Any, number: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors that change after a step. Samplers of second order predict twice in one step."""
        total, state = pipeline.num_timesteps, self.run.state
        changes = self._protect(pipeline, number, tensors["latents"])
        if number + 1 == total:
            return changes
        estimate = partial(_estimate, pipeline.scheduler, timestep, tensors, count=len(self._drawn))
        if state.interrupted or state.skipped:
            pipeline._interrupt = True  # noqa: SLF001 - diffusers documents it as how a callback stops a pipeline
            return {"latents": estimate()}
        before, after = number * self._steps // total, (number + 1) * self._steps // total
        model, used = self.model, self._prompts[before]
        state.step(after, lambda: model.preview(estimate()[0]))
        if self._refine((number + 1) / total):
            pipeline.unet = self.model.unet
        if (prompts := self._prompts[after]) is not used:
            for name, changed in (("prompt_embeds", "prompt_embeds"), ("pooled_prompt_embeds", "add_text_embeds")):
                if name in prompts:
                    pair = [prompts[f"negative_{name}"]] if pipeline.do_classifier_free_guidance else []
                    pair.append(prompts[name])
                    changes[changed] = torch.cat(pair).repeat_interleave(len(self._drawn), dim=0)
        return changes

    def _protect(self, pipeline: Any, number: int, latents: Tensor) -> dict[str, Tensor]:
        """Return the latents with those that a mask protects at the noise of the next step."""
        if self.start is None or self.start.mask is None:
            return {}
        kept, scheduler = self.start.latents, pipeline.scheduler
        following = scheduler.timesteps[len(scheduler.timesteps) - pipeline.num_timesteps + number + 1 :][:1]
        if len(following):
            kept = scheduler.add_noise(kept, self._drawn, following.expand(len(self._drawn)))
        return {"latents": (latents * self.start.mask + kept * (1 - self.start.mask)).to(latents.dtype)}

    def _refine(self, part: float) -> bool:
        """Return True if the refiner takes over after this part of the steps, and load it then."""
        name, switch_at = self.run.request.refiner_checkpoint, self.run.request.refiner_switch_at
        if self._is_refined or not self.is_last or not name or name in NO_REFINER or part < (switch_at or 0.0):
            return False
        self._is_refined, self.model = True, self.run.load_model(name)
        if (checkpoint := self.model.checkpoint) is not self.run.checkpoint:
            title = f"{checkpoint.model_name} [{checkpoint.short_hash}]"
            self.run.extra.update({"Refiner": title, "Refiner switch at": switch_at})
        self._encode_prompts()
        return True

    def _encode_prompts(self) -> None:
        """Set the prompts of each step; equal prompts are one object."""
        prompt, networks = prompt_syntax.split_extra_networks(self.run.request.prompt)
        self.model.use_loras(self.run.known_loras(networks))
        encode = cache(partial(self.model.prompts.encode_pair, clip_skip=self.run.clip_skip))
        prompts = (prompt, self.run.request.negative_prompt)
        by_step = (prompt_syntax.prompts_by_step(text, self._steps) for text in prompts)
        self._prompts = [encode(*pair) for pair in zip(*by_step, strict=True)]


def _estimate(scheduler: Any, timestep: Tensor, tensors: dict[str, Tensor], *, count: int) -> Tensor:
    """Return the final latents if the prediction of this step were exact."""
    scaled, predicted = tensors["latent_model_input"][:count], tensors["noise_pred"]
    share: Tensor = scheduler.alphas_cumprod[timestep.long().clamp(0, len(scheduler.alphas_cumprod) - 1).cpu()]
    signal, noise = (part.sqrt().to(scaled.device, scaled.dtype) for part in (share, 1 - share))
    if scheduler.config.prediction_type == "v_prediction":
        return signal * scaled - noise * predicted
    return (scaled - noise * predicted) / signal


def _slerp(first: Tensor, second: Tensor, part: float) -> Tensor:
    """Interpolate along the sphere, so that the result is as strong as both noises."""
    cosine = (first / first.norm() * (second / second.norm())).sum().clamp(-1, 1)
    angle = torch.acos(cosine)
    if float(angle.sin()) == 0:
        return first
    return (torch.sin((1 - part) * angle) * first + torch.sin(part * angle) * second) / torch.sin(angle)
