"""Fidelity of pictures to their prompts: the share of 60 held-out prompts whose pictures show what they say.

The pictures come from the embedded Web UI with the checkpoint of the project, or from a running SD Web UI. The judge is
plain image analysis: segmentation by colour, outline and place of each region.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.bare_loop import send_request
from benchmarks.command_line import Target, benchmark_parser, exit_on_sigterm, print_json, target_lines
from benchmarks.generation_effects import measure_effects, measure_styles
from benchmarks.picture_judge.held_out import held_out_prompts
from benchmarks.picture_judge.scene import judge_picture
from benchmarks.processes import serving
from benchmarks.webui_pictures import PictureSource, WebUiPictures
from embedded_webui.models.kinds import TRAINED_MODELS

#: Part of the prompts whose colours and shapes must be right, and of the pairs whose relation must be right.
OBJECTS_SHARE: Final = 0.9
RELATIONS_SHARE: Final = 0.75
SIZES: Final = ("512x512", "256x256", "768x512")


@contextmanager
def started_webui() -> Iterator[str]:
    """Run the embedded Web UI with the models of the project during the block; yield its address."""
    with serving(["-m", "embedded_webui", "--lazy", "--port", "0", "--models-folder", str(TRAINED_MODELS)]) as webui:
        address = f"127.0.0.1:{webui.port}"
        send_request(address, "/sdapi/v1/options", {"sd_model_checkpoint": "shapes.safetensors"})
        yield address


def measure_size(webui: PictureSource, *, every: int, pictures: Path | None) -> dict[str, float]:
    """Return the shares of right pictures of one size; print each wrong one."""
    objects, relations, seconds = [], [], []
    for number, (prompt, expected) in enumerate(held_out_prompts()):
        if number % every:
            continue
        started_at = time.monotonic()
        picture = webui.draw(prompt)
        seconds.append(time.monotonic() - started_at)
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            picture.save(pictures / f"{webui.width}x{webui.height}-{number:02}.png")
        judged = judge_picture(picture, expected)
        objects.append(judged.has_objects)
        if expected.relation:
            relations.append(judged.has_relation)
        if not (judged.has_objects and judged.has_relation):
            print(f"  wrong: {prompt}: {judged.found}", flush=True)
    return {
        "objects": float(np.mean(objects)),
        "relations": float(np.mean(relations)),
        "seconds_per_picture": float(np.median(seconds)),
    }


def parse_options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--webui-url", help="a running SD Web UI with a model; by default the embedded one starts")
    parser.add_argument(
        "--size", action="append", metavar="WxH", help=f"of the pictures; by default {', '.join(SIZES)}"
    )
    parser.add_argument("--effects-size", default=SIZES[0], metavar="WxH", help="of the pictures that show an effect")
    parser.add_argument("--steps", type=int, default=16, help="of each picture, with the default sampler")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="draw every Nth prompt only")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write the pictures to DIR")
    return parser.parse_args()


def measure(options: argparse.Namespace, address: str) -> tuple[dict[str, float], list[Target]]:
    """Return the figures and the targets of all sizes and effects."""
    figures: dict[str, float] = {}
    targets = []
    for size in options.size or SIZES:
        width, height = map(int, size.split("x"))
        webui = WebUiPictures(address, width=width, height=height, steps=options.steps)
        shares = measure_size(webui, every=options.every, pictures=options.pictures)
        figures |= {f"{name}_{size}": value for name, value in shares.items()}
        print(
            f"{size}, {options.steps} steps: colours and shapes {shares['objects']:.0%}, relations"
            f" {shares['relations']:.0%}, {shares['seconds_per_picture']:.1f} s a picture",
            flush=True,
        )
        targets += [
            Target(f"{size}: colours and shapes at least {OBJECTS_SHARE:.0%}", shares["objects"] >= OBJECTS_SHARE),
            Target(f"{size}: relations at least {RELATIONS_SHARE:.0%}", shares["relations"] >= RELATIONS_SHARE),
        ]
    width, height = map(int, options.effects_size.split("x"))
    webui = WebUiPictures(address, width=width, height=height, steps=options.steps)
    styles = () if options.webui_url else measure_styles(webui)
    for name, share, limit in chain(measure_effects(webui), styles):
        figures[name.replace(" ", "_")] = share
        targets.append(Target(f"{name}: in {share:.0%} of the trials, at least {limit:.0%}", share >= limit))
    return figures, targets


def main() -> int:
    """Print the figures; exit code 1 if a target was missed."""
    options = parse_options()
    exit_on_sigterm()
    if options.webui_url:
        figures, targets = measure(options, options.webui_url.removeprefix("http://"))
    else:
        with started_webui() as address:
            figures, targets = measure(options, address)
    print(target_lines(targets))
    print_json(options, figures)
    return int(not all(target.is_reached for target in targets))


if __name__ == "__main__":
    sys.exit(main())
