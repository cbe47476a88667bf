"""Makes the scheduler of diffusers that runs a sampler of the Web UI with a number of steps."""

import inspect
from collections.abc import Mapping
from typing import Any, Final

import diffusers
import numpy as np
from diffusers import LMSDiscreteScheduler

from local.embedded_webui.samplers import DiffusersScheduler, Sampler, Schedule

#: At one step an even spread begins where there is no noise left; counted from the end, it begins at full noise.
_ONE_STEP: Final = {"timestep_spacing": "trailing"}


class _ExactLms(LMSDiscreteScheduler):  # type: ignore[misc]  # diffusers has no types
    """LMS whose coefficients are integrals of polynomials, instead of numerical ones that need SciPy."""

    def get_lms_coefficient(self, order: int, t: int, current_order: int) -> float:
        """Integrate the polynomial that is 1 at one of the last steps and 0 at the others."""
        polynomial = np.polynomial.Polynomial([1.0])
        here = float(self.sigmas[t - current_order])
        for other in range(order):
            if other != current_order:
                there = float(self.sigmas[t - other])
                polynomial *= np.polynomial.Polynomial([-there, 1.0]) / (here - there)
        integral = polynomial.integ()
        return float(integral(float(self.sigmas[t + 1])) - integral(float(self.sigmas[t])))


def make_scheduler(
    model_config: Mapping[str, Any], *, sampler: Sampler, schedule: Schedule, steps: int, device: str
) -> DiffusersScheduler:
    """Return the scheduler, with its steps set. What of the schedule diffusers does not know is left out."""
    scheduler_class = (
        _ExactLms if sampler.scheduler == "LMSDiscreteScheduler" else getattr(diffusers, sampler.scheduler)
    )
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
