"""Runtime in the environment file: its model, queue, container and GPUs."""

import math
import re
from itertools import combinations
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from contract.routing import CHECKPOINT_EXTENSIONS, Catalogue, Runtime, is_checkpoint_name, same_checkpoint
from stacks.config.capacity import Capacity, Disk, Purchase, Scaling
from stacks.config.gpu_instances import GPU_FAMILIES, GPU_INSTANCES, GpuInstance, sizes_of
from stacks.config.image import CustomNode, ImageAddress
from stacks.config.validation import RESERVED_ARGUMENTS, is_reserved_variable, matches, unique

#: Bytes of the runtimes as JSON: Lambda allows 4 KB of environment variables in all, and the others need 1 KB.
MAX_CATALOGUE_BYTES: Final = 3 * 1024
#: Highest number of runtimes. The monitoring stack reads the names of their queues in one parameter of Systems Manager,
#: which has 8 KiB at most: three names of up to 80 characters for each runtime.
MAX_RUNTIMES: Final = 32
#: Time that a stopping replica needs beyond its longest task to store the last outputs and to stop its processes:
#: seconds, and a part of the task's own length, because the processes share the time.
STOP_MARGIN_SECONDS: Final = 30
STOP_MARGIN_PART: Final = 0.1
#: Families with 24 GB per GPU, enough for SDXL, and with local NVMe. Their usual cost per picture is the lowest.
DEFAULT_FAMILIES: Final = ("g5", "g6")
#: Processors per GPU of the types that are bought on demand. Larger ones only cost more, because a replica uses the
#: processors of the smallest type.
MAX_ON_DEMAND_VCPUS: Final = 16

#: Secret of Secrets Manager (with a key of its JSON, if any), or parameter of Systems Manager.
_SECRET: Final = re.compile(
    r"arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+(:[\w.-]+::)?|ssm:[a-z0-9-]+:\d{12}:parameter/[\w/.-]+)",
    re.ASCII,
)
_SecretArn = Annotated[
    str,
    matches(
        _SECRET,
        "the ARN of a secret or of a parameter, such as"
        " arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-AbCdEf",
    ),
]


def _check_model_filename(value: str | None) -> str | None:
    if value is not None and not (value.endswith(CHECKPOINT_EXTENSIONS) and is_checkpoint_name(value)):
        raise ValueError("is not the name of a checkpoint; write a file name such as v1-5-pruned-emaonly.safetensors")
    return value


def _check_instance_type(value: str) -> str:
    if value not in GPU_INSTANCES:
        family = value.partition(".")[0]
        sizes = ", ".join(name for name in GPU_INSTANCES if name.partition(".")[0] == family)
        advice = f"write one of {sizes}" if sizes else f"write one of the families {', '.join(GPU_FAMILIES)}"
        raise ValueError(f"is {value!r}, not an instance type with NVIDIA GPUs; {advice}")
    return value


def _check_family(value: str) -> str:
    if value not in GPU_FAMILIES:
        raise ValueError(f"is {value!r}, not a family with NVIDIA GPUs; write any of {', '.join(GPU_FAMILIES)}")
    return value


def _check_argument(value: str) -> str:
    name, *rest = re.split(r"[=\s]", value, maxsplit=1)
    if rest and value.startswith("-") and value[len(name)] != "=":
        raise ValueError(f"is {value!r}, two arguments in one; write each in a separate entry, or with = between them")
    if name in RESERVED_ARGUMENTS:
        raise ValueError(f"is {value!r}, which the container sets itself; leave it out")
    return value


def _check_extra_env(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
            raise ValueError(f"{name!r} is not the name of a variable; write letters, digits and underscores")
        if is_reserved_variable(name):
            raise ValueError(f"{name} is set by Darkroom; leave it out, or use the key that sets it")
    return value


class RuntimeConfig(Runtime):
    """Runtime: its routing, its queue, and the container that executes its tasks."""

    model_filename: Annotated[str | None, AfterValidator(_check_model_filename)] = Field(
        default=None, description="the only checkpoint that this runtime serves"
    )
    visibility_timeout_seconds: int = Field(
        default=60,
        ge=10,
        le=43_200,
        description="seconds after which another replica receives the task of an unresponsive one; a working replica"
        " extends them",
    )
    image: ImageAddress | None = Field(
        default=None, description="the container's image with its tag or digest; null builds runtime_image/"
    )
    instance_types: tuple[Annotated[str, AfterValidator(_check_instance_type)], ...] = Field(
        default=(), description="instance types with GPUs, instead of gpuFamilies"
    )
    gpu_families: tuple[Annotated[str, AfterValidator(_check_family)], ...] = Field(
        default=(),
        description="families whose sizes with exactly gpusPerReplica GPUs are used;"
        f" {' and '.join(DEFAULT_FAMILIES)} by default",
    )
    price_per_gpu_hour: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="your cost of one GPU-hour, in your currency; with it the dashboard shows the cost of pictures",
    )
    gpus_per_replica: int = Field(default=1, ge=1, le=8, description="GPUs of each container")
    capacity: Capacity = Capacity()
    scaling: Scaling = Scaling()
    disk: Disk = Disk()
    grace_period_seconds: int | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="seconds until a stopping replica is killed; null is longestTaskSeconds, a tenth of it, and"
        f" {STOP_MARGIN_SECONDS} seconds",
    )
    extra_env: Annotated[dict[str, str], AfterValidator(_check_extra_env)] = Field(
        default={},
        description="additional environment variables of the agent and the Web UI, for example PYTORCH_CUDA_ALLOC_CONF",
    )
    secrets: Annotated[dict[str, _SecretArn], AfterValidator(_check_extra_env)] = Field(
        default={},
        description="additional secret variables of the agent, not of the Web UI: for each the ARN of a secret of"
        " Secrets Manager or of a parameter of Systems Manager; on ECS only",
    )
    webui_arguments: tuple[Annotated[str, Field(pattern=r"^\S.*$"), AfterValidator(_check_argument)], ...] = Field(
        default=(),
        description="additional arguments of the engine, for example --no-half-vae or --lowvram, one per entry",
    )
    custom_nodes: tuple[CustomNode, ...] = Field(
        default=(),
        description="only for `comfyui`: custom nodes in the built image; none are installed later",
    )
    preload: tuple[Annotated[str, Field(pattern=r"^[^/\x00-\x1f]+/[^\x00-\x1f]*$")], ...] = Field(
        default=(),
        description="only for `comfyui`: models that a replica fetches before it is ready, as folder and name in the"
        " model bucket, or a folder with a slash at its end; workflows name the others, which are fetched then",
    )

    hang_seconds: int = Field(
        default=300,
        ge=30,
        le=43_200,
        description="seconds without progress of the Web UI before it is replaced; twice as long before a generation's"
        " first step, because its model may have to be loaded, and for upscaling, which reports no steps",
    )
    allowed_options: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,100}$")], ...] = Field(
        default=(),
        description="options of the Web UI that webui-api tasks may set for all later tasks of their replica",
    )

    @model_validator(mode="after")
    def _instances_fit(self) -> Self:
        unique(self.instance_types, lambda name: name, "instance type")
        unique(self.gpu_families, lambda name: name, "family")
        if self.instance_types and self.gpu_families:
            raise ValueError("has instanceTypes and gpuFamilies; write one of the two")
        for name in self.instance_types:
            if GPU_INSTANCES[name].gpus < self.gpus_per_replica:
                raise ValueError(
                    f"instanceTypes: {name} has {GPU_INSTANCES[name].gpus} GPUs and a replica requires"
                    f" {self.gpus_per_replica}; write a larger type, or gpusPerReplica: {GPU_INSTANCES[name].gpus}"
                )
        for family in self.gpu_families or DEFAULT_FAMILIES:
            if not self.instance_types and not sizes_of([family], self.gpus_per_replica):
                raise ValueError(
                    f"gpuFamilies: no size of {family} has exactly {self.gpus_per_replica} GPUs; write another family,"
                    " another gpusPerReplica, or instanceTypes"
                )
        if self.image is None:
            for instance in self.instances:
                if self.type not in GPU_FAMILIES[instance.family].built_images:
                    raise ValueError(
                        f"image: is required for {instance.family}, because PyTorch of the built image for {self.type}"
                        " has no code for this GPU; write an image with another PyTorch, or another family"
                    )
        return self

    @model_validator(mode="after")
    def _keys_of_comfyui(self) -> Self:
        if self.type != "comfyui" and (self.custom_nodes or self.preload):
            name = "customNodes" if self.custom_nodes else "preload"
            raise ValueError(f"{name} is for runtimes of type comfyui; leave it out")
        if self.custom_nodes and set(self.allowed_nodes) <= {"*"}:
            raise ValueError(
                'customNodes: workflows with them would be refused; name their classes, such as allowedNodes: ["*",'
                " UpscaleTiles]"
            )
        if self.custom_nodes and self.image is not None:
            raise ValueError("customNodes: have no effect because image is set and brings its own; leave them out")
        unique(self.custom_nodes, lambda node: node.repository.rpartition("/")[2].removesuffix(".git"), "name")
        return self

    @model_validator(mode="after")
    def _variables_have_one_value(self) -> Self:
        if both := sorted(self.extra_env.keys() & self.secrets.keys()):
            raise ValueError(f"secrets: {both[0]} is in extraEnv as well; write it in one of the two")
        return self

    @model_validator(mode="after")
    def _grace_period_is_long_enough(self) -> Self:
        needed = self._least_grace_period_seconds
        if self.grace_period_seconds is not None and self.grace_period_seconds < needed:
            raise ValueError(
                f"gracePeriodSeconds {self.grace_period_seconds} is too short for the longest task; write {needed} or"
                " more, or a shorter longestTaskSeconds"
            )
        return self

    @property
    def instances(self) -> tuple[GpuInstance, ...]:
        """Instance types on which the runtime may run."""
        if self.instance_types:
            return tuple(GPU_INSTANCES[name] for name in self.instance_types)
        return sizes_of(self.gpu_families or DEFAULT_FAMILIES, self.gpus_per_replica)

    def instances_bought(self, purchase: Purchase) -> tuple[GpuInstance, ...]:
        """Return the instance types of a purchase option. On demand, none is much larger than a replica needs."""
        if purchase == "spot" or self.instance_types:
            return self.instances
        small = [item for item in self.instances if item.vcpus <= MAX_ON_DEMAND_VCPUS * self.gpus_per_replica]
        return tuple(small) or self.instances

    @property
    def stop_seconds(self) -> int:
        """Seconds from SIGTERM until the container is killed."""
        return self.grace_period_seconds or self._least_grace_period_seconds

    @property
    def _least_grace_period_seconds(self) -> int:
        longest = self.longest_task_seconds
        return longest + math.ceil(longest * STOP_MARGIN_PART) + STOP_MARGIN_SECONDS

    @property
    def pascal_name(self) -> str:
        """Name in the ids of the runtime's resources and outputs."""
        return pascal_name(self.name)


def pascal_name(name: str) -> str:
    """Return a hyphenated name as CloudFormation's ids require it: `sd-xl` becomes `SdXl`."""
    return "".join(part.capitalize() for part in name.split("-"))


def check_runtimes(runtimes: tuple[RuntimeConfig, ...]) -> tuple[RuntimeConfig, ...]:
    """Return the runtimes; raise ValueError if they conflict or are too many."""
    if len(runtimes) > MAX_RUNTIMES:
        raise ValueError(
            f"has {len(runtimes)} entries; write at most {MAX_RUNTIMES}, and move the others to a second environment"
        )
    unique(runtimes, lambda runtime: runtime.name, "name")
    unique(runtimes, lambda runtime: runtime.pascal_name, "name apart from hyphens")
    for first, second in combinations(runtimes, 2):
        models = first.model_filename, second.model_filename
        if models[0] and models[1] and same_checkpoint(models[0], models[1]):
            raise ValueError(
                f"{first.name} and {second.name} both serve {first.model_filename}, so v1alpha1 requests, which name"
                " only the model, would be ambiguous; serve it with one runtime"
            )
    names = [name for runtime in runtimes for name in (runtime.name, *runtime.openai_models)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"openaiModels: {twice} names two runtimes; write it once")
    workflows = {runtime.name for runtime in runtimes if runtime.type == "comfyui"}
    for runtime in runtimes:
        if runtime.pipeline_runtime and runtime.pipeline_runtime not in workflows:
            advice = f"write {' or '.join(sorted(workflows))}" if workflows else "add one"
            raise ValueError(
                f"pipelineRuntime: {runtime.pipeline_runtime!r} is not a runtime of type comfyui; {advice}"
            )
    size = len(Catalogue(runtimes).to_json().encode())
    if size > MAX_CATALOGUE_BYTES:
        raise ValueError(
            f"are {size} bytes of JSON, and the functions' environment allows {MAX_CATALOGUE_BYTES};"
            " shorten names, or divide the runtimes between two environments"
        )
    return runtimes
