"""Command line of the benchmarks: options with their defaults, targets, and figures as one JSON object on request."""

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Target of a figure."""

    text: str
    is_reached: bool


def target_lines(targets: Iterable[Target]) -> str:
    """Return a line for each target, reached or missed."""
    return "\n".join(f"  {'reached' if target.is_reached else 'MISSED ':7} {target.text}" for target in targets)


def benchmark_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on the last line")
    return parser


def print_json(options: argparse.Namespace, figures: Mapping[str, object]) -> None:
    """Print the figures as one JSON object if `--json` asks for it, floats with four digits after the point."""
    if options.json:
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
        print(json.dumps(rounded))


def exit_on_sigterm() -> None:
    """Exit on SIGTERM as on an error, because only then do the started programs end as well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
