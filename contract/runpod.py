"""RunPod form of a task, `{"input": {"api", "payload"}}` or `{"input": {"workflow"}}`, and its allowed Web UI calls."""

from collections.abc import Mapping
from typing import Any, Final

from contract import runpod_workflow
from contract.errors import FieldError
from contract.findings import Findings
from contract.json_values import describe
from contract.task import TaskType

_POST: Final = """
    sdapi/v1/txt2img sdapi/v1/img2img sdapi/v1/extra-single-image sdapi/v1/extra-batch-images sdapi/v1/png-info
    sdapi/v1/interrogate sdapi/v1/options sdapi/v1/refresh-checkpoints sdapi/v1/refresh-vae sdapi/v1/refresh-loras
    sdapi/v1/refresh-embeddings v1/download v1/sync
"""
_GET: Final = """
    sdapi/v1/options sdapi/v1/cmd-flags sdapi/v1/samplers sdapi/v1/schedulers sdapi/v1/upscalers
    sdapi/v1/latent-upscale-modes sdapi/v1/sd-models sdapi/v1/sd-vae sdapi/v1/hypernetworks sdapi/v1/face-restorers
    sdapi/v1/realesrgan-models sdapi/v1/prompt-styles sdapi/v1/embeddings sdapi/v1/memory sdapi/v1/scripts
    sdapi/v1/script-info sdapi/v1/extensions sdapi/v1/loras controlnet/model_list controlnet/module_list
"""
#: Endpoints (without leading slash) that a `webui-api` task may call, by method.
ALLOWED_CALLS: Final = {"GET": frozenset(_GET.split()), "POST": frozenset(_POST.split())}
TEXT_TO_IMAGE_ENDPOINT: Final = "sdapi/v1/txt2img"
DOWNLOAD_ENDPOINT: Final = "v1/download"
SYNC_ENDPOINT: Final = "v1/sync"
#: Calls that bring files into a replica's models folder.
MODEL_ENDPOINTS: Final = frozenset({DOWNLOAD_ENDPOINT, SYNC_ENDPOINT})
IMAGE_TO_IMAGE_ENDPOINT: Final = "sdapi/v1/img2img"
GENERATION_ENDPOINTS: Final = frozenset({TEXT_TO_IMAGE_ENDPOINT, IMAGE_TO_IMAGE_ENDPOINT})
#: The endpoint that a task of each type calls; `webui-api` names its own.
ENDPOINT_OF_TASKTYPE: Final = {
    TaskType.TEXT_TO_IMAGE: TEXT_TO_IMAGE_ENDPOINT,
    TaskType.IMAGE_TO_IMAGE: IMAGE_TO_IMAGE_ENDPOINT,
    TaskType.EXTRA_SINGLE_IMAGE: "sdapi/v1/extra-single-image",
    TaskType.EXTRA_BATCH_IMAGES: "sdapi/v1/extra-batch-images",
    TaskType.INTERROGATE: "sdapi/v1/interrogate",
    TaskType.PNG_INFO: "sdapi/v1/png-info",
}
TASKTYPE_OF_ENDPOINT: Final = {endpoint: tasktype for tasktype, endpoint in ENDPOINT_OF_TASKTYPE.items()}

#: Keys of a RunPod request.
REQUEST_KEYS: Final = ("input", "webhook", "policy", "output")
#: Schedulers of the Web UI as they appear at the end of a joined sampler name ("DPM++ SDE Karras"). The longest
#: comes first: "polyexponential" ends in "exponential", "sgm uniform" in "uniform".
SCHEDULER_SUFFIXES: Final = {
    "align your steps": "align_your_steps",
    "polyexponential": "polyexponential",
    "sgm uniform": "sgm_uniform",
    "exponential": "exponential",
    "kl optimal": "kl_optimal",
    "uniform": "uniform",
    "karras": "karras",
    "simple": "simple",
    "normal": "normal",
    "turbo": "turbo",
    "beta": "beta",
    "ddim": "ddim",
}


def check_call(content: dict[str, Any], field: str) -> list[FieldError]:
    """Return the errors of a `webui-api` content; an allowed call has none."""
    match content:
        case {"api": {"method": str(method), "endpoint": str(endpoint)}}:
            pass
        case _:
            found = ", ".join(repr(key[:40]) for key in list(content)[:10]) or "an empty object"
            message = (
                'must be an object {"method": "GET" or "POST", "endpoint": "/sdapi/v1/…"}, with the body of the call in'
                f" `payload` beside it, because the runtime is an SD Web UI; found {found}"
            )
            return [FieldError(f"{field}.api", message)]
    errors = []
    endpoint = endpoint.removeprefix("/")
    allowed_methods = [name for name, endpoints in ALLOWED_CALLS.items() if endpoint in endpoints]
    if not allowed_methods:
        known = ", ".join(sorted(ALLOWED_CALLS["GET"] | ALLOWED_CALLS["POST"]))
        errors.append(FieldError(f"{field}.api.endpoint", f"{endpoint[:200]!r} is not allowed; allowed: {known}"))
    elif method not in allowed_methods:
        errors.append(
            FieldError(f"{field}.api.method", f"{endpoint} takes {' or '.join(allowed_methods)}, not {method[:20]!r}")
        )
    payload = content.get("payload")
    if payload is None:
        # A call that is refused for its method may be one without a body.
        if method != "GET" and allowed_methods != ["GET"]:
            errors.append(FieldError(f"{field}.payload", "is required: an object with the body of the call"))
    elif not isinstance(payload, dict):
        errors.append(FieldError(f"{field}.payload", f"must be an object, not {describe(payload)}"))
    return errors


def endpoint_of(content: dict[str, Any]) -> str:
    """Return the endpoint of a `webui-api` content without leading slash; empty without an endpoint."""
    match content:
        case {"api": {"endpoint": str(endpoint)}}:
            return endpoint.removeprefix("/")
    return ""


def called_endpoint(tasktype: TaskType, content: dict[str, Any]) -> str:
    """Return the endpoint that a task calls, without leading slash; empty for a workflow."""
    return endpoint_of(content) if tasktype is TaskType.WEBUI_API else ENDPOINT_OF_TASKTYPE.get(tasktype, "")


def split_sampler(payload: dict[str, Any]) -> dict[str, Any]:
    """Return `payload` with a joined sampler name split into `sampler_name` and `scheduler`.

    Web UIs from 1.9 separate samplers and schedulers, and silently run another sampler for a joined name.
    A scheduler of the sender has precedence.
    """
    name_field = sampler_field(payload)
    name = payload.get(name_field)
    if isinstance(name, str):
        for suffix, scheduler in SCHEDULER_SUFFIXES.items():
            if name.lower().endswith(f" {suffix}"):
                split = {name_field: name[: -len(suffix) - 1].rstrip()}
                return payload | split | {"scheduler": payload.get("scheduler") or scheduler}
    return payload


def sampler_field(payload: Mapping[str, Any]) -> str:
    """Return the field whose sampler the Web UI uses: the index only where there is no name."""
    return "sampler_name" if payload.get("sampler_name") else "sampler_index"


def task_from_runpod(body: dict[str, Any], *, task_id: str, runtime: str | None, found: Findings) -> dict[str, Any]:
    """Convert a RunPod request to a v1alpha2 body of type `webui-api` or `pipeline`, which is checked later.

    `found` receives errors, and the fields that are in another place then.
    """
    moved = found.moved
    content = runpod_workflow.parsed_input(body.get("input"))
    if isinstance(content, dict) and isinstance(content.get("payload"), dict):
        given = content["payload"]
        content = {**content, "payload": split_sampler(given)}
        if content["payload"].get("scheduler") != given.get("scheduler"):
            moved["task.content.payload.scheduler"] = f"task.content.payload.{sampler_field(given)}"
    tasktype = TaskType.WEBUI_API
    moved["task.metadata.tasktype"] = "task.content.api"
    if runpod_workflow.is_workflow(content):
        tasktype = TaskType.PIPELINE
        moved["task.metadata.tasktype"] = "task.content.workflow"
        content = runpod_workflow.graph_of(content, found)
    if runtime is None:
        # Only a message can lack it; the path of a call names it.
        message = "is required, as the message attribute `runtime`"
        found.errors.append(FieldError("task.metadata.runtime", message))
    metadata = {"id": task_id, "runtime": runtime, "tasktype": tasktype.value}
    optional = {key: body[key] for key in REQUEST_KEYS[1:] if body.get(key) is not None}
    return {"task": {"metadata": metadata | optional} | ({"content": content} if "input" in body else {})}
