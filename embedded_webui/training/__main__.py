"""Program that trains the tiny model, its second checkpoint and its LoRA file on pictures that it draws."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from embedded_webui.models.coarse_steps import COARSE_FROM_STEP, LARGE_SIDE
from embedded_webui.models.kinds import TINY
from embedded_webui.models.tokenizers import build_tokenizers
from embedded_webui.training import recipe
from embedded_webui.training.autoencoder import decoder_loss
from embedded_webui.training.autoencoder_start import set_start
from embedded_webui.training.loop import Plan, process_number, train
from embedded_webui.training.low_rank import add_changes, lora_tensors
from embedded_webui.training.pictures import NoiseSchedule, PicturePool
from embedded_webui.training.single_file_layout import to_single_file
from embedded_webui.training.words import Reader
from embedded_webui.web_ui import CHECKPOINT_FOLDER, LORA_FOLDER

_DESCRIPTION = (
    "Train the tiny model of the embedded Web UI on pictures that the program draws. It takes about two hours on two "
    "processor cores, and goes on where it was interrupted. For several processes, start it as `python -m "
    "torch.distributed.run --nproc-per-node 2 -m embedded_webui.training`."
)


class Training:
    """The tiny model and the stages of its training, in their order.

    Args:
        states: Folder of the states from which an interrupted training goes on.
        output: Models folder that receives the files.
    """

    def __init__(self, *, states: Path, output: Path) -> None:
        self._states, self._output = states, output
        torch.manual_seed(recipe.SEED)
        self._encoder = CLIPTextModel(CLIPTextConfig(**TINY.config("text_encoder")))
        self._tokenizer = build_tokenizers(TINY, models_folder=output)["tokenizer"]
        self._reader = Reader(self._encoder, self._tokenizer)
        self._mean_reader = Reader(self._encoder, self._tokenizer, reads_mean=True)
        self._vae = AutoencoderKL.from_config(TINY.config("vae"))
        self._unet = UNet2DConditionModel.from_config(TINY.config("unet"))
        device = "cuda" if torch.cuda.is_available() else "cpu"
        for part in (self._reader, self._mean_reader, self._vae, self._unet):
            part.to(device)

    def run(self) -> None:
        """Train all stages that are not complete, and write the files."""
        self._train(self._reader, partial(self._reader.loss, related=0.0), recipe.WORDS)
        for reader, plan in ((self._reader, recipe.RELATIONS), (self._mean_reader, recipe.MEAN)):
            self._train(reader, partial(reader.loss, related=recipe.RELATED), plan)
        set_start(self._vae)
        for part in (self._vae.encoder, self._vae.quant_conv):
            part.requires_grad_(requires_grad=False)
        self._train(self._vae, partial(decoder_loss, self._vae), recipe.AUTOENCODER)
        for stage in recipe.PICTURES:
            self._train_pictures(stage)
        flat = {name: value.clone() for name, value in self._unet.state_dict().items()}
        self._write_checkpoint("shapes")
        self._train_pictures(recipe.CHALK)
        self._write_checkpoint("chalk")
        self._unet.load_state_dict(flat)
        add_changes(self._unet)
        self._train_pictures(recipe.INK)
        self._write(lora_tensors(self._unet), self._output / LORA_FOLDER / "ink.safetensors")

    def _train_pictures(self, stage: recipe.PictureStage) -> None:
        schedule = NoiseSchedule()
        pools: dict[tuple[int, int], PicturePool] = {}

        def loss_of(step: int) -> Tensor:
            size = stage.sizes[step % len(stage.sizes)]
            if size not in pools:
                pools[size] = PicturePool(
                    self._encoder,
                    self._tokenizer,
                    count=stage.pictures,
                    size=size,
                    style=stage.style,
                    related=stage.related,
                    hard_kinds=stage.hard_kinds,
                    with_hard_kind=stage.with_hard_kind,
                    seed=stage.seed + sum(size) + process_number(),
                )
            generator = torch.Generator().manual_seed(step)
            # The Web UI draws a large picture at half the size and only refines it, see `CoarseSteps`. A cut-out shows
            # how, in a quarter of the time.
            is_large = min(size) >= LARGE_SIDE
            highest = COARSE_FROM_STEP if is_large else len(schedule.signal)
            batch = pools[size].batch(
                stage.batch, generator, without_caption=stage.without_caption, cut=stage.cut if is_large else None
            )
            return schedule.loss(self._unet, *batch, generator, highest=highest, focus=stage.focus)

        self._train(self._unet, loss_of, stage.plan)

    def _train(self, module: nn.Module, loss_of: Callable[[int], Tensor], plan: Plan) -> None:
        train(module, loss_of, plan, state=self._states / f"{plan.name}.pt")

    def _write_checkpoint(self, name: str) -> None:
        tensors = to_single_file(unet=self._unet, vae=self._vae, text_encoder=self._encoder)
        self._write(tensors, self._output / CHECKPOINT_FOLDER / f"{name}.safetensors")

    def _write(self, tensors: dict[str, Tensor], path: Path) -> None:
        if process_number():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        halves = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
        # One entry only, because the order of several would change from run to run.
        save_file(halves, path, metadata={recipe.RECIPE_KEY: recipe.recipe_hash()})


def main() -> None:
    """Train what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m embedded_webui.training", description=_DESCRIPTION)
    parser.add_argument(
        "--states",
        type=Path,
        default=Path("out/training"),
        help="folder of the states to go on from (default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("out/models"), help="models folder for the files (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="processor threads of each process (default: %(default)s)"
    )
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    # torch's launcher of several processes sets it.
    if "RANK" in os.environ:
        torch.distributed.init_process_group("gloo")
    Training(states=arguments.states, output=arguments.output).run()


if __name__ == "__main__":
    main()
