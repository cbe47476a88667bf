"""Training loop that every stage shares: optimizer, averaged weights, progress, and a state to resume from."""

import copy
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

_logger = logging.getLogger(__name__)

#: Steps between two saved states, and between two lines of progress.
_SAVE_EVERY: Final = 100
_REPORT_EVERY: Final = 25
_WARM_UP_STEPS: Final = 40
#: Length of the gradient from which on it is shortened.
_LONGEST_GRADIENT: Final = 1.0
#: Steps between two exchanges of several training processes; each trains with other pictures in between.
_EXCHANGE_EVERY: Final = 10
#: Steps that the average of the weights reaches back.
_AVERAGED_STEPS: Final = 200


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Length of a stage, and its learning rate from the first step to the last one."""

    name: str
    steps: int
    learning_rate: tuple[float, float]
    #: True if Muon changes the matrices, which needs a third of the steps for a text encoder, and nothing for a U-Net.
    has_muon: bool = False


def train(module: nn.Module, loss_of: Callable[[int], Tensor], plan: Plan, *, state: Path) -> list[float]:
    """Train a module and leave the average of its last weights in it; return the losses since the start or resumption.

    `loss_of` returns the loss of a step. It draws its random numbers from the number that it receives, so that a
    resumed training equals an uninterrupted one. Several processes train on different numbers and share their weights.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizers = _optimizers(module, plan)
    average = copy.deepcopy(module).requires_grad_(requires_grad=False)
    first = _resume(state, module, average, optimizers)
    processes = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    number = process_number()
    losses: list[float] = []
    began_at = time.monotonic()
    for step in range(first, plan.steps):
        loss = loss_of(step * processes + number)
        module.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch has no types here
        nn.utils.clip_grad_norm_(trained, _LONGEST_GRADIENT)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(plan, step)
            optimizer.step()
        if processes > 1 and step % _EXCHANGE_EVERY == 0:
            _share_weights(module, processes)
        _update(average, module, step)
        losses.append(loss.item())
        done = step + 1
        if number == 0 and done % _REPORT_EVERY == 0:
            seconds = (time.monotonic() - began_at) / len(losses) * (plan.steps - done)
            recent = losses[-_REPORT_EVERY:]
            mean = sum(recent) / len(recent)
            _logger.info("%s: step %d of %d, loss %.4f, %.0f s left", plan.name, done, plan.steps, mean, seconds)
        if number == 0 and (done % _SAVE_EVERY == 0 or done == plan.steps):
            _save(state, module, average, optimizers, done)
    module.load_state_dict(average.state_dict())
    return losses


def process_number() -> int:
    """Return the number of this process among those that train together."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def _learning_rate(plan: Plan, step: int) -> float:
    start, end = plan.learning_rate
    return (start + (end - start) * step / plan.steps) * min(1.0, (step + 1) / _WARM_UP_STEPS)


@torch.no_grad()
def _share_weights(module: nn.Module, processes: int) -> None:
    weights = torch.nn.utils.parameters_to_vector(module.parameters())
    torch.distributed.all_reduce(weights)
    torch.nn.utils.vector_to_parameters(weights / processes, module.parameters())


@torch.no_grad()
def _update(average: nn.Module, module: nn.Module, step: int) -> None:
    part = max(1 / _AVERAGED_STEPS, 10 / (step + 10))
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), min(1.0, part))


def _optimizers(module: nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    named = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
    # An embedding is a table of vectors, not a matrix that turns one vector into another.
    matrices = [value for name, value in named if plan.has_muon and value.ndim == 2 and "embedding" not in name]  # noqa: PLR2004
    others = [value for _, value in named if all(value is not matrix for matrix in matrices)]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    ]
    if matrices:
        optimizers.append(torch.optim.Muon(matrices, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"))
    return optimizers


def _save(
    path: Path, module: nn.Module, average: nn.Module, optimizers: Sequence[torch.optim.Optimizer], step: int
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    states = [optimizer.state_dict() for optimizer in optimizers]
    parts = {"module": module.state_dict(), "average": average.state_dict(), "optimizers": states}
    torch.save({"step": step, **parts}, partial)
    partial.replace(path)


def _resume(path: Path, module: nn.Module, average: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> int:
    if not path.exists():
        return 0
    saved = torch.load(path, map_location=next(module.parameters()).device)
    module.load_state_dict(saved["module"])
    average.load_state_dict(saved["average"])
    for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    return int(saved["step"])
