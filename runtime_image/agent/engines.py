"""Composition of the engine that the settings name. Only its own package is loaded."""

from collections.abc import Callable
from typing import Final

from runtime_image.agent.core.engine import Engine
from runtime_image.agent.settings import AgentSettings
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog

#: Loops that run in threads as long as the agent, by the names of the threads.
Threads = dict[str, Callable[[], None]]
#: Name of the file, next to the agent's status, with the options of the Web UI that are to be restored.
PENDING_OPTIONS_FILE: Final = "options-to-restore.json"


def build_engine(settings: AgentSettings, clock: Clock, log: EventLog) -> tuple[Engine, Threads]:
    """Return the engine and the loops of its threads."""
    return _ENGINES[settings.runtime_type](settings, clock, log)


def _build_webui(settings: AgentSettings, clock: Clock, log: EventLog) -> tuple[Engine, Threads]:
    from runtime_image.webui.client import WebUiClient  # noqa: PLC0415 - only one engine is loaded
    from runtime_image.webui.engine import WebUiEngine  # noqa: PLC0415 - see above
    from runtime_image.webui.readiness import gate_of  # noqa: PLC0415 - see above

    url, status_file = settings.webui_url, settings.status_file
    engine = WebUiEngine(
        client=WebUiClient(
            base_url=url, gate=gate_of(base_url=url, ready_file=settings.engine_ready_file, clock=clock)
        ),
        allowed_options=settings.allowed_options,
        limits=settings.limits,
        models_folder=settings.models_directory if settings.model_bucket else None,
        pending_options_file=status_file and status_file.with_name(PENDING_OPTIONS_FILE),
        clock=clock,
        log=log,
    )
    return engine, {}


def _build_comfyui(settings: AgentSettings, clock: Clock, log: EventLog) -> tuple[Engine, Threads]:
    from contract.pipeline.node_list import NodeList, core_nodes  # noqa: PLC0415 - only one engine is loaded
    from contract.pipeline.node_rules import NodeRules  # noqa: PLC0415 - see above
    from runtime_image.comfyui.client import ComfyUiClient  # noqa: PLC0415 - see above
    from runtime_image.comfyui.engine import ComfyUiEngine  # noqa: PLC0415 - see above
    from runtime_image.comfyui.folders import folders_of  # noqa: PLC0415 - see above
    from runtime_image.comfyui.message_feed import MessageFeed  # noqa: PLC0415 - see above

    feed = MessageFeed(base_url=settings.comfyui_url.rstrip("/"), clock=clock, log=log)
    engine = ComfyUiEngine(
        client=ComfyUiClient(base_url=settings.comfyui_url),
        feed=feed,
        folders=folders_of(settings),
        nodes=NodeList.read(settings.node_list) if settings.node_list else core_nodes(),
        rules=NodeRules(
            allowed_nodes=settings.allowed_nodes,
            disallowed_nodes=settings.disallowed_nodes,
            api_nodes=settings.api_nodes,
        ),
        limits=settings.limits,
        models_folder=settings.models_directory,
        ready_file=settings.engine_ready_file,
        clock=clock,
        log=log,
    )
    return engine, {"messages": feed.run}


_ENGINES: Final = {"sdwebui": _build_webui, "comfyui": _build_comfyui}
