"""From noise to latents: the loop over the steps, which can be watched and interrupted."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
from torch import Tensor

from embedded_webui import prompt_syntax, schedulers
from embedded_webui.conditioning import Condition, same_length
from embedded_webui.errors import WebUiError
from embedded_webui.model import Model
from embedded_webui.model_configs import LATENT_PIXELS
from embedded_webui.progress_state import ProgressState
from embedded_webui.run import Run
from embedded_webui.samplers import DiffusersScheduler, Sampler, Schedule

#: Strength above which image-to-image counts as this: the last step of the noise always stays.
_MAX_STRENGTH: Final = 0.999


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass of sampling: what runs, how long, towards which prompt. Sizes are in pixels."""

    sampler: Sampler
    schedule: Schedule
    steps: int
    guidance: float
    prompt: str
    negative_prompt: str
    clip_skip: int
    width: int
    height: int

    @classmethod
    def of(cls, run: Run, *, size: tuple[int, int]) -> "Pass":
        """Return the pass that a request asks for, at a size that may differ from the request's."""
        request = run.request
        return cls(
            sampler=run.sampler,
            schedule=run.schedule,
            steps=int(request.steps or 0),
            guidance=request.cfg_scale or 0,
            prompt=request.prompt or "",
            negative_prompt=request.negative_prompt or "",
            clip_skip=run.clip_skip,
            width=size[0],
            height=size[1],
        )


@dataclass(frozen=True, kw_only=True)
class Start:
    """What an image-to-image pass begins with; `mask` is 1 where the latents may change, None everywhere."""

    latents: Tensor
    strength: float
    mask: Tensor | None = None
    noise_multiplier: float = 1.0


class Noise:
    """The random numbers of a batch: a generator per picture, so that a picture depends on its own seed alone.

    Numbers are drawn on the processor, because those of a GPU differ from one to the next.
    """

    def __init__(self, seeds: Sequence[int], *, subseeds: Sequence[int], subseed_strength: float, device: str) -> None:
        self.generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self._subgenerators = [torch.Generator("cpu").manual_seed(seed) for seed in subseeds]
        self._strength = subseed_strength
        self._device = device

    def draw(self, shape: Sequence[int]) -> Tensor:
        """Return noise for latents of `shape`, without the batch."""
        drawn = [torch.randn(*shape, generator=generator) for generator in self.generators]
        if self._strength:
            others = [torch.randn(*shape, generator=generator) for generator in self._subgenerators]
            drawn = [_between(first, second, self._strength) for first, second in zip(drawn, others, strict=True)]
        return torch.stack(drawn).to(self._device)


class Sampling:
    """Runs passes on a model; `state` hears of every step and may stop them."""

    def __init__(self, model: Model, state: ProgressState) -> None:
        self._model = model
        self._state = state

    def run(self, plan: Pass, noise: Noise, start: Start | None = None) -> Tensor:
        """Return the latents of a pass; one that is interrupted returns what it would have come to by then."""
        scheduler = schedulers.make_scheduler(
            self._model.scheduler_config,
            sampler=plan.sampler,
            schedule=plan.schedule,
            steps=plan.steps,
            device=self._model.device,
        )
        shape = (self._model.latent_channels, plan.height // LATENT_PIXELS, plan.width // LATENT_PIXELS)
        drawn = noise.draw(shape)
        timesteps, steps = scheduler.timesteps, plan.steps
        if start is None:
            latents = drawn * scheduler.init_noise_sigma
        else:
            drawn = drawn * start.noise_multiplier
            steps = int(min(start.strength, _MAX_STRENGTH) * plan.steps) + 1
            first = (plan.steps - steps) * scheduler.order
            timesteps = timesteps[first:]
            if hasattr(scheduler, "set_begin_index"):
                scheduler.set_begin_index(first)
            latents = scheduler.add_noise(start.latents, drawn, timesteps[:1].expand(len(drawn)))
        self._state.sampling_steps = steps
        result = self._loop(plan, scheduler, timesteps, latents, drawn, noise, start)
        if bool(torch.isnan(result).any()):
            raise WebUiError("NansException", "A tensor with NaNs was produced in Unet.")
        return result

    def _loop(
        self, plan: Pass, scheduler: DiffusersScheduler, timesteps: Tensor, latents: Tensor, drawn: Tensor,
        noise: Noise, start: Start | None,
    ) -> Tensor:  # fmt: skip
        steps = self._state.sampling_steps
        conditions = self._conditions(plan, steps)
        estimate = latents
        for number, timestep in enumerate(timesteps):
            step = number * steps // len(timesteps)
            self._state.step(step, partial(self._model.preview, estimate[0]))
            if self._state.interrupted or self._state.skipped:
                return estimate
            scaled = scheduler.scale_model_input(latents, timestep)
            predicted = self._predict(plan, scaled, timestep, conditions[step])
            estimate = _estimate(scheduler, scaled, predicted, timestep)
            latents = scheduler.step(predicted, timestep, latents, **_generators(scheduler, noise)).prev_sample
            if start is not None and start.mask is not None:
                following = timesteps[number + 1 : number + 2]
                kept = start.latents
                if len(following):
                    kept = scheduler.add_noise(kept, drawn, following.expand(len(drawn)))
                latents = latents * start.mask + kept * (1 - start.mask)
        return latents

    def _predict(
        self, plan: Pass, latents: Tensor, timestep: Tensor, conditions: tuple[Condition, Condition]
    ) -> Tensor:
        positive, negative = conditions
        if plan.guidance == 1:
            return self._model.predict_noise(latents, timestep, [positive], width=plan.width, height=plan.height)[0]
        towards, away = self._model.predict_noise(
            latents, timestep, [positive, negative], width=plan.width, height=plan.height
        )
        return away + plan.guidance * (towards - away)

    def _conditions(self, plan: Pass, steps: int) -> list[tuple[Condition, Condition]]:
        """Return the condition of each step and of its opposite."""
        known: dict[tuple[str, bool], Condition] = {}

        def encoded(prompt: str, *, negative: bool) -> Condition:
            key = (prompt, negative)
            if key not in known:
                known[key] = self._model.prompts.encode(prompt, clip_skip=plan.clip_skip, negative=negative)
            return known[key]

        towards = _per_step(prompt_syntax.schedule(prompt_syntax.without_extra_networks(plan.prompt), steps))
        away = _per_step(prompt_syntax.schedule(plan.negative_prompt, steps))
        empty = encoded("", negative=False)
        pairs = []
        for prompt, opposite in zip(towards, away, strict=True):
            both = [encoded(prompt, negative=False), encoded(opposite, negative=True)]
            first, second = same_length(both, empty)
            pairs.append((first, second))
        return pairs


def _per_step(prompts: Sequence[tuple[int, str]]) -> list[str]:
    result: list[str] = []
    for last, prompt in prompts:
        result += [prompt] * (last - len(result))
    return result


def _estimate(scheduler: DiffusersScheduler, scaled: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """Return what the latents would be if the predicted noise were all there is."""
    signal: Tensor = scheduler.alphas_cumprod[timestep.long().clamp(0, len(scheduler.alphas_cumprod) - 1).cpu()].to(
        scaled.device
    )
    return (scaled - (1 - signal).sqrt() * noise) / signal.sqrt()


def _generators(scheduler: DiffusersScheduler, noise: Noise) -> dict[str, list[torch.Generator]]:
    """Return the argument by which a step that draws noise is given its generators."""
    accepted = inspect.signature(scheduler.step).parameters
    return {"generator": noise.generators} if "generator" in accepted else {}


def _between(first: Tensor, second: Tensor, part: float) -> Tensor:
    """Go from one noise to another along the sphere, so that what is between is as strong as they are."""
    cosine = (first / first.norm() * (second / second.norm())).sum().clamp(-1, 1)
    angle = torch.acos(cosine)
    if float(angle.sin()) == 0:
        return first
    return (torch.sin((1 - part) * angle) * first + torch.sin(part * angle) * second) / torch.sin(angle)
