"""Recipe of the tiny model: its stages, and the hash by which a file names the recipe that made it."""

import ast
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded_webui.models.kinds import TINY
from embedded_webui.training.loop import Plan

#: Number from which the first weights and the drawn scenes follow.
SEED: Final = 14
#: Key of the hash in the metadata of a file.
RECIPE_KEY: Final = "darkroom_recipe"


@dataclass(frozen=True, kw_only=True)
class PictureStage:
    """One stage of the U-Net; its steps take turns with the sizes, which are those of the latents."""

    plan: Plan
    sizes: tuple[tuple[int, int], ...]
    batch: int
    #: Pictures of each size that are in memory.
    pictures: int
    style: str = "flat"
    #: Number from which its pictures follow.
    seed: int = SEED
    #: Smallest part of the pictures with two objects.
    related: float = 0.5
    #: Kinds of objects that take longest to learn, and the part of the pictures that is sure to show one.
    hard_kinds: tuple[str, ...] = ()
    with_hard_kind: float = 0.0
    #: Part of the examples that learn without a caption, for classifier-free guidance.
    without_caption: float = 0.1
    #: Range of the noise levels from which more of the examples come. The noisier half decides places and colours.
    focus: tuple[float, float] = (0.5, 1.0)
    #: Side of the cut-outs of large pictures, in latent pixels; None for whole ones.
    cut: int | None = None


#: Sizes of the last stages: those at which pictures are drawn, and a large one that is only refined.
_ALL_SIZES: Final = ((32, 32), (32, 32), (48, 32), (32, 32), (32, 32), (64, 64))
WORDS: Final = Plan(name="words", steps=800, learning_rate=(2e-3, 1e-4))
#: Next stages of the text encoder, and their part of scenes with two objects: relations take longest to learn.
RELATIONS: Final = Plan(name="relations", steps=350, learning_rate=(1.5e-3, 5e-5))
MEAN: Final = Plan(name="mean", steps=1000, learning_rate=(2e-3, 1e-4), has_muon=True)
RELATED: Final = 0.8
AUTOENCODER: Final = Plan(name="autoencoder", steps=900, learning_rate=(2e-3, 1e-4))
#: The small sizes are cheap and teach what a prompt means; the large ones only add how it looks there.
PICTURES: Final = (
    PictureStage(
        plan=Plan(name="pictures-128", steps=1500, learning_rate=(2e-3, 1.5e-3)),
        sizes=((16, 16),),
        batch=32,
        pictures=10_000,
    ),
    PictureStage(
        plan=Plan(name="pictures-256", steps=5000, learning_rate=(1.5e-3, 7e-4)),
        sizes=((32, 32),),
        batch=16,
        pictures=12_000,
        seed=1000,
    ),
    # Guidance multiplies the difference between both answers, so errors without a caption bend the outlines.
    PictureStage(
        plan=Plan(name="pictures-all", steps=2400, learning_rate=(7e-4, 1e-5)),
        sizes=(*((32, 32),) * 6, (48, 32), (64, 64)),
        batch=16,
        pictures=6_000,
        seed=2000,
        without_caption=0.3,
    ),
    # Most of the time goes into the size at which every picture is laid out. Their number is odd, so that each of two
    # processes sees all sizes. Outlines and small parts are decided in the middle of the noise levels.
    PictureStage(
        plan=Plan(name="pictures-details", steps=11_000, learning_rate=(1e-3, 1e-5)),
        sizes=((32, 32), (32, 32), (64, 64), (32, 32), (48, 32), (32, 32), (32, 32), (64, 64), (32, 32)),
        batch=16,
        pictures=10_000,
        seed=3000,
        related=0.4,
        hard_kinds=("star", "circle", "cat", "dog"),
        with_hard_kind=0.4,
        without_caption=0.2,
        focus=(0.15, 0.6),
        cut=32,
    ),
)
#: Second checkpoint: the same model, which goes on with another style.
CHALK: Final = PictureStage(
    plan=Plan(name="chalk", steps=90, learning_rate=(8e-4, 5e-5)),
    sizes=_ALL_SIZES,
    batch=16,
    pictures=500,
    style="chalk",
)
#: LoRA file over the first checkpoint.
INK: Final = PictureStage(
    plan=Plan(name="ink", steps=90, learning_rate=(4e-3, 2e-4)),
    sizes=_ALL_SIZES,
    batch=16,
    pictures=500,
    style="ink",
)


def recipe_hash() -> str:
    """Return the hash of this folder's code and the model's configuration; comments and docstrings do not count."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(_syntax(ast.parse(path.read_text(encoding="utf-8"))).encode())
    for path in sorted(TINY.config_folder.rglob("*.json")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _syntax(node: object) -> str:
    """Return a node without positions, docstrings, and what is empty: each Python has other empty fields."""
    match node:
        case ast.AST():
            fields = [f"{name}={_syntax(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
            return f"{type(node).__name__}({', '.join(fields)})"
        case list():
            return f"[{', '.join(_syntax(item) for item in node if not _is_docstring(item))}]"
    return repr(node)


def _is_docstring(line: object) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
