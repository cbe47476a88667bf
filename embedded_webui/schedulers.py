"""Makes the scheduler of diffusers that runs a sampler of the Web UI with a number of steps."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

import diffusers
import numpy as np
from diffusers import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_utils import SchedulerOutput
from torch import Tensor

from embedded_webui.samplers import DiffusersScheduler, Sampler, Schedule

#: Steps that the linear multistep method looks back on.
_LMS_ORDER: Final = 4
#: At one step an even spread begins where there is no noise left; counted from the end, it begins at full noise.
_ONE_STEP: Final = {"timestep_spacing": "trailing"}


class _Lms(EulerDiscreteScheduler):  # type: ignore[misc]  # diffusers has no types
    """Linear multistep over the last steps; that of diffusers needs SciPy for integrals that are polynomials."""

    def set_timesteps(self, *arguments: Any, **settings: Any) -> None:
        """Begin a run."""
        super().set_timesteps(*arguments, **settings)
        self._derivatives: list[Tensor] = []

    def step(self, model_output: Tensor, timestep: Tensor, sample: Tensor) -> SchedulerOutput:
        """Go one step with what the model said in the last ones."""
        if self.step_index is None:
            self._init_step_index(timestep)
        self._derivatives = [model_output, *self._derivatives][:_LMS_ORDER]
        sigmas = [float(sigma) for sigma in self.sigmas[: self.step_index + 2]]
        used = sigmas[-2 : -2 - len(self._derivatives) : -1]
        for number, derivative in enumerate(self._derivatives):
            sample = sample + _lagrange_integral(used, number, sigmas[-2], sigmas[-1]) * derivative
        self._step_index += 1
        return SchedulerOutput(prev_sample=sample)


def _lagrange_integral(places: Sequence[float], number: int, start: float, end: float) -> float:
    """Integrate the polynomial that is 1 at one of the places and 0 at the others."""
    polynomial = np.polynomial.Polynomial([1.0])
    for other, place in enumerate(places):
        if other != number:
            polynomial *= np.polynomial.Polynomial([-place, 1.0]) / (places[number] - place)
    integral = polynomial.integ()
    return float(integral(end) - integral(start))


def make_scheduler(
    model_config: Mapping[str, Any], *, sampler: Sampler, schedule: Schedule, steps: int, device: str
) -> DiffusersScheduler:
    """Return the scheduler, with its steps set. What of the schedule diffusers does not know is left out."""
    scheduler_class = _Lms if sampler.scheduler == "LMSDiscreteScheduler" else getattr(diffusers, sampler.scheduler)
    settings = {"timestep_spacing": "linspace", **sampler.settings, **schedule.settings}
    if steps == 1:
        settings.update(_ONE_STEP)
    known = inspect.signature(scheduler_class.__init__).parameters
    scheduler = scheduler_class.from_config(
        model_config, **{name: value for name, value in settings.items() if name in known}
    )
    if sampler.scheduler == "LCMScheduler":
        scheduler.set_timesteps(
            steps, device=device, original_inference_steps=max(steps, scheduler.config.original_inference_steps)
        )
    else:
        scheduler.set_timesteps(steps, device=device)
    return scheduler
