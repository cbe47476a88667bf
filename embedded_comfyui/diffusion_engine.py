"""Engine of real pictures: samplers and autoencoders of the embedded Web UI, under ComfyUI's names."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from embedded_comfyui.engine import LatentBatch, LoadedCheckpoint, LoraUse, OnStep, SamplingJob
from embedded_webui.generation.progress import ProgressState
from embedded_webui.generation.run import GenerationRun, choose_seeds
from embedded_webui.generation.samplers import SAMPLER_ENTRIES, resolve_sampler
from embedded_webui.models.checkpoints import CheckpointFile, CheckpointFolder
from embedded_webui.models.engine import ModelEngine
from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.models.loras import LoraFile
from embedded_webui.options import WebUiOptions
from embedded_webui.requests import TextToImageRequest

if TYPE_CHECKING:
    from embedded_webui.models.model import Model

#: Samplers of the Web UI by the beginning of ComfyUI's names, which are its aliases but for four.
_SAMPLERS: Final[Mapping[str, str]] = {
    **{alias.removeprefix("k_"): entry["name"] for entry in SAMPLER_ENTRIES for alias in entry["aliases"]},
    "dpm_2_ancestral": "DPM2 a",
    "dpm_adaptive": "DPM adaptive",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "uni_pc": "UniPC",
}
#: Schedules of the Web UI whose names differ; one that it lacks runs as `normal`.
_SCHEDULES: Final = {"ddim_uniform": "ddim"}
_SHARED_SCHEDULES: Final = frozenset({"simple", "sgm_uniform", "karras", "exponential", "normal"})
#: Seeds of torch end here; ComfyUI's have twice the range.
_SEED_LIMIT: Final = 2**63 - 2**16


class _StepReporter(ProgressState):
    """Reports the steps of a sampler. An error of the report ends the sampler."""

    def __init__(self, report: Callable[[int, Callable[[], Image.Image]], None]) -> None:
        super().__init__()
        self._report = report

    def step(self, number: int, make_preview: Callable[[], Image.Image]) -> None:
        """Report a finished step; number 0 is the start."""
        if number:
            self._report(number, make_preview)


class DiffusionEngine:
    """Runs checkpoints with the embedded Web UI's parts. torch is imported with the first checkpoint."""

    def __init__(self, *, models_folder: Path, threads: int) -> None:
        self._models = ModelEngine(
            checkpoints=CheckpointFolder(models_folder / "checkpoints"),
            options=WebUiOptions(),
            models_folder=models_folder,
            threads=threads,
        )
        self._files: dict[Path, CheckpointFile] = {}

    def load(self, checkpoint: Path) -> None:
        """Load a checkpoint, or raise for a corrupt one."""
        try:
            self._model(checkpoint)
        except Exception:
            # After a failed load, the Web UI's engine keeps a model that makes other pictures.
            self._models.unload()
            raise

    def sample(self, job: SamplingJob, on_step: OnStep) -> LatentBatch:
        """Return the sampled latents. Fewer than all of the steps' noise keeps a part of the input."""
        if job.denoise <= 0:
            return job.latent
        import torch  # noqa: PLC0415 - see the class

        from embedded_webui.generation.sampling import SamplingPass, Start  # noqa: PLC0415 - imports torch

        model, latent = self._model(job.model.path), job.latent
        start, steps = None, job.steps
        if latent.samples is not None or job.denoise < 1:
            steps = int(job.steps / job.denoise)
            # The pass runs one step more than the whole number below strength times steps.
            start = Start(latents=self._samples(model, latent), strength=(job.steps - 0.5) / steps)
        request = TextToImageRequest(
            prompt=_escaped(job.positive.text) + "".join(_named(*lora) for lora in _loras(job)),
            negative_prompt=_escaped(job.negative.text),
            width=latent.width,
            height=latent.height,
            batch_size=latent.count,
            steps=steps,
            cfg_scale=job.cfg,
            seed=job.seed % _SEED_LIMIT,
        )
        seeds = choose_seeds(request, count=latent.count)
        schedule = _SCHEDULES.get(job.scheduler, job.scheduler if job.scheduler in _SHARED_SCHEDULES else "normal")
        run = GenerationRun(
            request=request,
            sampler=resolve_sampler(_sampler(job.sampler), schedule),
            seeds=seeds,
            clip_skip=job.positive.clip.clip_skip,
            checkpoint=model.checkpoint,
            state=_StepReporter(lambda number, preview: on_step(number, job.steps, preview)),
            load_model=lambda _: model,
            find_loras=lambda: [LoraFile(use.path) for use, *_ in _loras(job)],
        )
        with torch.inference_mode():
            samples = SamplingPass(run=run, model=model, seeds=seeds, start=start).latents()
            on_step(job.steps, job.steps, lambda: model.preview(samples[0]))
        return replace(latent, samples=samples)

    def decode(self, vae: LoadedCheckpoint, latent: LatentBatch) -> list[Image.Image]:
        """Return the pictures of latents."""
        import torch  # noqa: PLC0415 - see the class

        model = self._model(vae.path)
        with torch.inference_mode():
            return model.decode(self._samples(model, latent))

    def encode(self, vae: LoadedCheckpoint, pictures: list[Image.Image]) -> LatentBatch:
        """Return the latents of pictures, whose sides are cut to whole latent pixels."""
        import torch  # noqa: PLC0415 - see the class

        width, height = (side // LATENT_PIXELS * LATENT_PIXELS for side in pictures[0].size)
        with torch.inference_mode():
            samples = self._model(vae.path).encode([picture.crop((0, 0, width, height)) for picture in pictures])
        return LatentBatch(width=width, height=height, count=len(pictures), samples=samples)

    def unload(self) -> None:
        """Drop the loaded model."""
        self._models.unload()

    def _model(self, path: Path) -> "Model":
        file = self._files.setdefault(path, CheckpointFile(path, name=path.name))
        return self._models.model(file)

    @staticmethod
    def _samples(model: "Model", latent: LatentBatch) -> Any:
        import torch  # noqa: PLC0415 - see the class

        if latent.samples is None:
            size = (latent.height // LATENT_PIXELS, latent.width // LATENT_PIXELS)
            return torch.zeros(latent.count, model.latent_channels, *size, device=model.device)
        return latent.samples.repeat(latent.count // len(latent.samples), 1, 1, 1)


def _sampler(name: str) -> str:
    """Return the sampler whose name begins most like this one, Euler for an unknown one."""
    return _SAMPLERS[max((start for start in _SAMPLERS if name.startswith(start)), key=len, default="euler")]


def _loras(job: SamplingJob) -> list[tuple[LoraUse, float, float]]:
    """Return each LoRA of the model with its weights for the text encoder and the U-Net."""
    read_by_text = set(job.positive.clip.loras)
    return [(use, use.text_weight if use in read_by_text else 0.0, use.image_weight) for use in job.model.loras]


def _named(use: LoraUse, text_weight: float, image_weight: float) -> str:
    return f"<lora:{use.path.stem}:{text_weight}:{image_weight}>"


def _escaped(text: str) -> str:
    """Return a text without the square brackets and networks that mean nothing to ComfyUI."""
    return text.replace("[", r"\[").replace("]", r"\]").replace("<", "")
