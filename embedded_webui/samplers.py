"""The Web UI's samplers and noise schedules, and which scheduler of diffusers runs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

#: A scheduler of diffusers; they share no base class that says what they can do.
DiffusersScheduler: TypeAlias = Any


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How the steps are spread over the noise: an entry of `schedulers`, and the settings of diffusers for it.

    diffusers has no counterpart of some; those run with the sampler's own spacing.
    """

    name: str
    label: str
    aliases: tuple[str, ...] | None = None
    default_rho: float = -1.0
    need_inner_model: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        """Return the entry of `schedulers`."""
        return {
            "name": self.name,
            "label": self.label,
            "aliases": list(self.aliases) if self.aliases else None,
            "default_rho": self.default_rho,
            "need_inner_model": self.need_inner_model,
        }


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """An entry of `samplers`, and the scheduler of diffusers that runs it, or the nearest there is."""

    name: str
    aliases: tuple[str, ...]
    scheduler: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        """Return the entry of `samplers`."""
        return {"name": self.name, "aliases": list(self.aliases), "options": dict(self.options)}


AUTOMATIC: Final = Schedule(name="automatic", label="Automatic")
SCHEDULES: Final = (
    AUTOMATIC,
    Schedule(name="uniform", label="Uniform", need_inner_model=True, settings={"timestep_spacing": "linspace"}),
    Schedule(name="karras", label="Karras", default_rho=7.0, settings={"use_karras_sigmas": True}),
    Schedule(name="exponential", label="Exponential", settings={"use_exponential_sigmas": True}),
    Schedule(
        name="polyexponential", label="Polyexponential", default_rho=1.0, settings={"use_exponential_sigmas": True}
    ),
    Schedule(
        name="sgm_uniform",
        label="SGM Uniform",
        aliases=("SGMUniform",),
        need_inner_model=True,
        settings={"timestep_spacing": "trailing"},
    ),
    Schedule(name="kl_optimal", label="KL Optimal"),
    Schedule(name="align_your_steps", label="Align Your Steps"),
    Schedule(name="simple", label="Simple", need_inner_model=True, settings={"timestep_spacing": "leading"}),
    Schedule(name="normal", label="Normal", need_inner_model=True, settings={"timestep_spacing": "linspace"}),
    Schedule(name="ddim", label="DDIM", need_inner_model=True, settings={"timestep_spacing": "leading"}),
    Schedule(name="beta", label="Beta", need_inner_model=True),
)

_KARRAS: Final = {"scheduler": "karras"}
_EXPONENTIAL: Final = {"scheduler": "exponential"}
_SECOND: Final = {"second_order": "True"}
_BROWNIAN: Final = {"brownian_noise": "True"}
_LAST_BUT_ONE: Final = {"discard_next_to_last_sigma": "True"}
_SEED_DELTA: Final = {"uses_ensd": "True"}
_MULTISTEP: Final = "DPMSolverMultistepScheduler"
_SINGLESTEP: Final = "DPMSolverSinglestepScheduler"
_SDE: Final = {"algorithm_type": "sde-dpmsolver++"}
_LEADING: Final = {"timestep_spacing": "leading"}

SAMPLERS: Final = (
    Sampler(name="DPM++ 2M", aliases=("k_dpmpp_2m",), scheduler=_MULTISTEP, options=_KARRAS),
    Sampler(
        name="DPM++ SDE",
        aliases=("k_dpmpp_sde",),
        scheduler=_SINGLESTEP,
        settings=_SDE,
        options=_KARRAS | _SECOND | _BROWNIAN,
    ),
    Sampler(
        name="DPM++ 2M SDE",
        aliases=("k_dpmpp_2m_sde",),
        scheduler=_MULTISTEP,
        settings=_SDE,
        options=_EXPONENTIAL | _BROWNIAN,
    ),
    Sampler(
        name="DPM++ 2M SDE Heun",
        aliases=("k_dpmpp_2m_sde_heun",),
        scheduler=_MULTISTEP,
        settings=_SDE | {"solver_type": "heun"},
        options=_EXPONENTIAL | _BROWNIAN | {"solver_type": "heun"},
    ),
    Sampler(
        name="DPM++ 2S a",
        aliases=("k_dpmpp_2s_a",),
        scheduler=_SINGLESTEP,
        options=_KARRAS | _SEED_DELTA | _SECOND,
    ),
    Sampler(
        name="DPM++ 3M SDE",
        aliases=("k_dpmpp_3m_sde",),
        scheduler=_MULTISTEP,
        settings=_SDE | {"solver_order": 3},
        options=_EXPONENTIAL | _LAST_BUT_ONE | _BROWNIAN,
    ),
    Sampler(
        name="Euler a",
        aliases=("k_euler_a", "k_euler_ancestral"),
        scheduler="EulerAncestralDiscreteScheduler",
        options=_SEED_DELTA,
    ),
    Sampler(name="Euler", aliases=("k_euler",), scheduler="EulerDiscreteScheduler"),
    Sampler(name="LMS", aliases=("k_lms",), scheduler="LMSDiscreteScheduler"),
    Sampler(name="Heun", aliases=("k_heun",), scheduler="HeunDiscreteScheduler", options=_SECOND),
    Sampler(
        name="DPM2",
        aliases=("k_dpm_2",),
        scheduler="KDPM2DiscreteScheduler",
        options=_KARRAS | _LAST_BUT_ONE | _SECOND,
    ),
    Sampler(
        name="DPM2 a",
        aliases=("k_dpm_2_a",),
        scheduler="KDPM2AncestralDiscreteScheduler",
        options=_KARRAS | _LAST_BUT_ONE | _SEED_DELTA | _SECOND,
    ),
    Sampler(name="DPM fast", aliases=("k_dpm_fast",), scheduler=_SINGLESTEP, options=_SEED_DELTA),
    Sampler(name="DPM adaptive", aliases=("k_dpm_ad",), scheduler=_SINGLESTEP, options=_SEED_DELTA),
    Sampler(name="Restart", aliases=("restart",), scheduler="HeunDiscreteScheduler", options=_KARRAS | _SECOND),
    Sampler(name="DDIM", aliases=("ddim",), scheduler="DDIMScheduler", settings=_LEADING),
    Sampler(name="DDIM CFG++", aliases=("ddim_cfgpp",), scheduler="DDIMScheduler", settings=_LEADING),
    Sampler(name="PLMS", aliases=("plms",), scheduler="PNDMScheduler", settings=_LEADING | {"skip_prk_steps": True}),
    Sampler(name="UniPC", aliases=("unipc",), scheduler="UniPCMultistepScheduler"),
    Sampler(name="LCM", aliases=("k_lcm",), scheduler="LCMScheduler", settings=_LEADING),
)


def resolve(sampler_name: str | None, schedule_name: str | None) -> tuple[Sampler, Schedule]:
    """Return what runs under these names. Unknown ones are replaced silently, as the Web UI does.

    The sampler becomes DPM++ 2M, the schedule Automatic; an old name such as "DPM++ 2M Karras" names both.
    """
    schedule = next((known for known in SCHEDULES if schedule_name in {known.name, known.label}), AUTOMATIC)
    name = sampler_name or SAMPLERS[0].name
    for known in SCHEDULES:
        ending = next((f" {word}" for word in _words(known) if name.endswith(f" {word}")), None)
        if ending:
            schedule, name = known, name.removesuffix(ending)
    return next((sampler for sampler in SAMPLERS if sampler.name == name), SAMPLERS[0]), schedule


def effective_schedule(sampler: Sampler, schedule: Schedule) -> Schedule:
    """Return the schedule that runs: the sampler's own where nothing else was asked for."""
    if schedule is not AUTOMATIC:
        return schedule
    return next((known for known in SCHEDULES if known.name == sampler.options.get("scheduler")), AUTOMATIC)


def _words(schedule: Schedule) -> tuple[str, ...]:
    return (schedule.label, schedule.name, *(schedule.aliases or ()))
