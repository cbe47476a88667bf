"""Cycles of a workflow, which ComfyUI would refuse without the link that closes each."""

from collections.abc import Iterator, Mapping
from typing import Final

from contract.pipeline.graph import Node, link_of

#: Nodes of a cycle that an error names.
_MAX_SHOWN_NODES: Final = 10


def cycles(sound: Mapping[str, Node]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield node and input of each link that closes a cycle, and the first nodes of the cycle."""
    done: set[str] = set()
    for start in sound:
        if start in done:
            continue
        path, on_path = [start], {start}
        pending = [_sources(sound[start], sound)]
        while pending:
            found = next(pending[-1], None)
            if found is None:
                pending.pop()
                on_path.discard(path[-1])
                done.add(path.pop())
                continue
            name, source = found
            if source in on_path:
                yield path[-1], name, [*path[path.index(source) :], source][:_MAX_SHOWN_NODES]
            elif source not in done:
                path.append(source)
                on_path.add(source)
                pending.append(_sources(sound[source], sound))


def _sources(node: Node, sound: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    for name, value in node.inputs.items():
        link = link_of(value)
        if link and link.node in sound:
            yield name, link.node
