"""Samplers and noise schedules of the Web UI, and the scheduler of diffusers that runs each.

A sampler without a counterpart runs on the nearest scheduler of diffusers. A schedule without a counterpart runs with
the sampler's own spacing.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from embedded_webui.lists import LISTS, read_data

SAMPLER_ENTRIES: Final[list[dict[str, Any]]] = LISTS["samplers"]
SCHEDULE_ENTRIES: Final[list[dict[str, Any]]] = LISTS["schedulers"]

#: `samplers`: scheduler of diffusers and its settings, by sampler. `schedules`: settings, by the name of the schedule.
#: LMS runs on another linear multistep method, because the LMS of diffusers needs SciPy.
_DIFFUSERS: Final[Mapping[str, Mapping[str, Any]]] = read_data("diffusers_schedulers")
#: With one step, an even spread begins where no noise is left; counted from the end, it begins at full noise.
_ONE_STEP: Final = {"timestep_spacing": "trailing"}
_AUTOMATIC: Final = SCHEDULE_ENTRIES[0]


@dataclass(frozen=True, kw_only=True)
class ResolvedSampler:
    """A sampler and its schedule, by the names that the Web UI shows."""

    name: str
    schedule: str

    @property
    def is_automatic(self) -> bool:
        """Return True if no schedule is named, neither by the request nor by the sampler."""
        return bool(self.schedule == _AUTOMATIC["label"])

    def scheduler(self, model_config: Mapping[str, Any], *, steps: int) -> Any:
        """Return the scheduler of diffusers for a run of `steps` steps, without settings that it does not know."""
        import diffusers  # noqa: PLC0415 - imports take seconds, and a list of samplers needs none

        name, settings = _DIFFUSERS["samplers"][self.name]
        entry = next(entry for entry in SCHEDULE_ENTRIES if entry["label"] == self.schedule)
        wanted = {
            "timestep_spacing": "linspace",
            **settings,
            **_DIFFUSERS["schedules"].get(entry["name"], {}),
            # LCM refuses more steps than this.
            "original_inference_steps": max(steps, 50),
            **(_ONE_STEP if steps == 1 else {}),
        }
        scheduler_class = getattr(diffusers, name)
        known = inspect.signature(scheduler_class.__init__).parameters
        return scheduler_class.from_config(model_config, **{key: wanted[key] for key in wanted if key in known})


def resolve_sampler(sampler_name: str | None, schedule_name: str | None) -> ResolvedSampler:
    """Return what runs under these names. Unknown ones are replaced silently, as in the Web UI.

    The sampler becomes DPM++ 2M, the schedule the sampler's own. An old name such as "DPM++ 2M Karras" names both.
    """
    schedule = next((known for known in SCHEDULE_ENTRIES if schedule_name in {known["name"], known["label"]}), None)
    name = sampler_name or ""
    for known in SCHEDULE_ENTRIES:
        words = (known["label"], known["name"], *(known["aliases"] or ()))
        if ending := next((f" {word}" for word in words if name.endswith(f" {word}")), None):
            schedule, name = known, name.removesuffix(ending)
    sampler = next((known for known in SAMPLER_ENTRIES if known["name"] == name), SAMPLER_ENTRIES[0])
    if schedule is None or schedule is _AUTOMATIC:
        own = sampler["options"].get("scheduler")
        schedule = next((known for known in SCHEDULE_ENTRIES if known["name"] == own), _AUTOMATIC)
    return ResolvedSampler(name=sampler["name"], schedule=schedule["label"])
