"""Sampling with diffusers' pipelines, from noise or from an image's latents to latents.

A callback after each step reports progress, keeps what a mask protects, changes the prompt and stops at an interrupt.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor

from embedded_webui.errors import WebUiException
from embedded_webui.generation import prompt_syntax
from embedded_webui.generation.progress import ProgressState
from embedded_webui.generation.prompt_encoder import Embedding, pad_to_same_length
from embedded_webui.generation.run import GenerationRun, Pass
from embedded_webui.generation.seeds import Seeds
from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.models.model import Model
from embedded_webui.requests import NO_REFINER

#: Largest strength of image-to-image, so that a run never has more steps than the request asks for.
_MAX_STRENGTH: Final = 0.999
#: Samplers of v1.10.1 that fail if their only step is the last one.
_NEED_TWO_STEPS: Final = frozenset({"DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE"})
_CALLBACK_TENSORS: Final = ("latents", "noise_pred", "latent_model_input")


@dataclass(frozen=True, kw_only=True)
class Start:
    """The start of an image-to-image pass; `mask` is 1 where the latents may change, None for everywhere."""

    latents: Tensor
    strength: float
    mask: Tensor | None = None
    noise_multiplier: float = 1.0


class Noise:
    """Random numbers of a batch, with one generator per image, so that an image depends on its own seed alone.

    The processor draws them, because GPUs differ from each other.
    """

    def __init__(self, seeds: Seeds, *, device: str) -> None:
        self.generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds.seeds]
        self._subgenerators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds.subseeds]
        self._strength = seeds.strength
        self._device = device

    def draw(self, shape: Sequence[int]) -> Tensor:
        """Return noise for latents of `shape`, without the batch."""
        drawn = [torch.randn(*shape, generator=generator) for generator in self.generators]
        if self._strength:
            others = [torch.randn(*shape, generator=generator) for generator in self._subgenerators]
            drawn = [_slerp(first, second, self._strength) for first, second in zip(drawn, others, strict=True)]
        return torch.stack(drawn).to(self._device)


@dataclass(frozen=True, kw_only=True)
class _Guidance:
    """The two prompts of a step, as pipelines accept them."""

    prompt: Embedding
    negative: Embedding

    def arguments(self, count: int) -> dict[str, Tensor]:
        """Return the arguments of a pipeline for a batch of `count` images."""
        arguments = {}
        for prefix, embedding in (("", self.prompt), ("negative_", self.negative)):
            arguments[f"{prefix}prompt_embeds"] = embedding.text.expand(count, -1, -1)
            if embedding.pooled is not None:
                arguments[f"{prefix}pooled_prompt_embeds"] = embedding.pooled.expand(count, -1)
        return arguments

    def changes(self, count: int, *, is_guided: bool) -> dict[str, Tensor]:
        """Return what a callback returns to change the prompt from the next step on."""
        used = [self.negative, self.prompt] if is_guided else [self.prompt]
        changes = {"prompt_embeds": torch.cat([embedding.text.expand(count, -1, -1) for embedding in used])}
        pooled = [embedding.pooled.expand(count, -1) for embedding in used if embedding.pooled is not None]
        return changes | ({"add_text_embeds": torch.cat(pooled)} if pooled else {})


@dataclass(kw_only=True)
class Refiner:
    """Another model for the last steps of a pass; `switch_at` is the part of the steps before it."""

    load: Callable[[], Model]
    switch_at: float
    #: The model once it has taken over.
    model: Model | None = None

    def takes_over(self, part: float) -> bool:
        """Return True if the model takes over after this part of the steps, and load it then."""
        if self.model is not None or part < self.switch_at:
            return False
        self.model = self.load()
        return True


def refiner_of(run: GenerationRun, load_model: Callable[[str | None], Model]) -> Refiner | None:
    """Return the refiner that a request names. The infotext names it once it has taken over."""
    name, switch_at = run.request.refiner_checkpoint, run.request.refiner_switch_at
    if not name or name in NO_REFINER:
        return None

    def load() -> Model:
        model = load_model(name)
        if model.checkpoint is not run.checkpoint:
            title = f"{model.checkpoint.model_name} [{model.checkpoint.short_hash}]"
            run.extra.update({"Refiner": title, "Refiner switch at": switch_at})
        return model

    return Refiner(load=load, switch_at=switch_at or 0.0)


def sample(
    model: Model,
    state: ProgressState,
    plan: Pass,
    noise: Noise,
    start: Start | None = None,
    *,
    refiner: Refiner | None = None,
) -> Tensor:
    """Return the latents of a pass; an interrupted pass returns its estimate of the final latents."""
    if refiner and refiner.takes_over(0.0) and refiner.model:
        model = refiner.model
    shape = (model.latent_channels, plan.height // LATENT_PIXELS, plan.width // LATENT_PIXELS)
    drawn = noise.draw(shape)
    count, steps = len(drawn), plan.steps
    if start is not None:
        steps = int(min(start.strength, _MAX_STRENGTH) * plan.steps) + 1
        drawn = drawn * start.noise_multiplier
    if steps == 1 and plan.sampler.name in _NEED_TWO_STEPS:
        raise WebUiException("UnboundLocalError", "local variable 'h' referenced before assignment")
    pipeline = model.text_to_image if start is None else model.image_to_image
    pipeline.scheduler = plan.sampler.scheduler(model.scheduler_config, steps=plan.steps)
    after_step = _AfterStep(model, state, plan, drawn, start, refiner, steps=steps)
    arguments: dict[str, Any]
    if start is None:
        # A size between two multiples of a latent pixel is cut, as in the Web UI.
        height, width = shape[1] * LATENT_PIXELS, shape[2] * LATENT_PIXELS
        arguments = {"latents": drawn.to(model.dtype), "width": width, "height": height}
    else:
        pipeline.starting_noise = drawn
        # diffusers cuts the product of strength and steps to a whole number: half a step keeps it from being one less.
        strength = min(1.0, (steps + 0.5) / plan.steps)
        arguments = {"image": start.latents.to(model.dtype), "strength": strength}
    state.sampling_steps = steps
    state.step(0, partial(model.preview, drawn[0]))
    result: Tensor = pipeline(
        **arguments,
        **after_step.guidances[0].arguments(count),
        num_inference_steps=plan.steps,
        guidance_scale=plan.guidance,
        generator=noise.generators,
        output_type="latent",
        callback_on_step_end=after_step,
        callback_on_step_end_tensor_inputs=list(_CALLBACK_TENSORS),
    ).images.float()
    if bool(torch.isnan(result).any()):
        raise WebUiException("NansException", "A tensor with NaNs was produced in Unet.")
    return result


class _AfterStep:
    """The callback after each step of a pipeline; it returns the tensors that it changes."""

    def __init__(
        self,
        model: Model,
        state: ProgressState,
        plan: Pass,
        drawn: Tensor,
        start: Start | None,
        refiner: Refiner | None,
        *,
        steps: int,
    ) -> None:
        self._model = model
        self._state = state
        self._plan = plan
        self._drawn = drawn
        self._start = start
        self._refiner = refiner
        self._steps = steps
        self.guidances = list(_guidances(model, plan, steps))

    def __call__(self, pipeline: Any, number: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        total, steps = pipeline.num_timesteps, self._steps
        changes = self._protect(pipeline, number, tensors["latents"])
        if number + 1 == total:
            return changes
        estimate = partial(_estimate, pipeline.scheduler, timestep, tensors, count=len(self._drawn))
        if self._state.interrupted or self._state.skipped:
            pipeline._interrupt = True  # noqa: SLF001 - diffusers documents it as how a callback stops a pipeline
            return {"latents": estimate()}
        # Samplers of second order predict twice in one step.
        before, after = number * steps // total, (number + 1) * steps // total
        self._state.step(after, lambda: self._model.preview(estimate()[0]))
        has_changed = self.guidances[after] is not self.guidances[before]
        if self._refiner and self._refiner.takes_over((number + 1) / total) and self._refiner.model:
            self._model = self._refiner.model
            pipeline.unet = self._model.unet
            self.guidances = list(_guidances(self._model, self._plan, steps))
            has_changed = True
        if has_changed:
            is_guided = pipeline.do_classifier_free_guidance
            changes |= self.guidances[after].changes(len(self._drawn), is_guided=is_guided)
        return changes

    def _protect(self, pipeline: Any, number: int, latents: Tensor) -> dict[str, Tensor]:
        """Return the latents with those that a mask protects at the noise of the next step."""
        if self._start is None or self._start.mask is None:
            return {}
        kept, scheduler = self._start.latents, pipeline.scheduler
        following = scheduler.timesteps[len(scheduler.timesteps) - pipeline.num_timesteps + number + 1 :][:1]
        if len(following):
            kept = scheduler.add_noise(kept, self._drawn, following.expand(len(self._drawn)))
        return {"latents": (latents * self._start.mask + kept * (1 - self._start.mask)).to(latents.dtype)}


def _guidances(model: Model, plan: Pass, steps: int) -> Iterator[_Guidance]:
    """Yield the prompts of each step; equal prompts of neighbouring steps are one object."""
    prompts = prompt_syntax.prompts_by_step(prompt_syntax.without_extra_networks(plan.prompt), steps)
    negatives = prompt_syntax.prompts_by_step(plan.negative_prompt, steps)
    empty = model.prompts.encode("", clip_skip=plan.clip_skip)
    known: dict[tuple[str, str], _Guidance] = {}
    for pair in zip(prompts, negatives, strict=True):
        if pair not in known:
            prompt = model.prompts.encode(pair[0], clip_skip=plan.clip_skip)
            negative = model.prompts.encode(pair[1], clip_skip=plan.clip_skip, is_negative=True)
            prompt, negative = pad_to_same_length([prompt, negative], empty)
            known[pair] = _Guidance(prompt=prompt, negative=negative)
        yield known[pair]


def _estimate(scheduler: Any, timestep: Tensor, tensors: dict[str, Tensor], *, count: int) -> Tensor:
    """Return the final latents if the predicted noise were all of the noise."""
    scaled = tensors["latent_model_input"][:count]
    signal = scheduler.alphas_cumprod[timestep.long().clamp(0, len(scheduler.alphas_cumprod) - 1).cpu()]
    signal = signal.to(scaled.device, scaled.dtype)
    estimate: Tensor = (scaled - (1 - signal).sqrt() * tensors["noise_pred"]) / signal.sqrt()
    return estimate


def _slerp(first: Tensor, second: Tensor, part: float) -> Tensor:
    """Interpolate along the sphere, so that the result is as strong as both noises."""
    cosine = (first / first.norm() * (second / second.norm())).sum().clamp(-1, 1)
    angle = torch.acos(cosine)
    if float(angle.sin()) == 0:
        return first
    return (torch.sin((1 - part) * angle) * first + torch.sin(part * angle) * second) / torch.sin(angle)
