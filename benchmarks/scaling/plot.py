"""Plot of a scenario: waiting tasks and replicas over time, one row for each policy."""

from collections.abc import Mapping
from pathlib import Path

from cli.cost.fleet import SimulatedFleet


def draw(title: str, fleets: Mapping[str, SimulatedFleet], file: Path) -> None:
    """Write a PNG of the fleets by the names of their policies."""
    # Only this function needs matplotlib, which is expensive to import.
    import matplotlib as mpl  # noqa: PLC0415 - see above
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(7.5, 2.4 * len(fleets)), layout="constrained")
        figure.suptitle(title)
        rows = zip(figure.subplots(len(fleets), squeeze=False)[:, 0], fleets.items(), strict=True)
        for axes, (name, fleet) in rows:
            states = fleet.states
            hours = [state.at / 3600 for state in states]
            axes.fill_between(
                hours, [state.replicas for state in states], step="post", color="#d8d8d8", label="paid for"
            )
            axes.fill_between(hours, [state.busy for state in states], step="post", color="#4c9a6a", label="at work")
            axes.set_ylabel(f"{name}\nreplicas")
            waiting = axes.twinx()
            waiting.plot(hours, [state.waiting for state in states], color="#c0504d", linewidth=0.9)
            waiting.set_ylabel("tasks waiting", color="#c0504d")
            axes.legend(loc="upper right", frameon=False)
        axes.set_xlabel("hours")
        file.parent.mkdir(parents=True, exist_ok=True)
        # Nothing of the library's version within: a new picture in a change means new figures.
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
