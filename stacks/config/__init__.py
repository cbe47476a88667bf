"""Configuration of one environment: the typed form of a file under `environments/`, the input of all stacks."""

from stacks.config.access import (
    SNS_DEFAULT_MESSAGE_BYTES,
    Alarms,
    CallbackSubscriber,
    NamedPublisher,
    Subscriber,
    Throttling,
)
from stacks.config.capacity import Disk, Purchase, PurchaseOption, Scaling
from stacks.config.environment import Environment
from stacks.config.gpu_instances import GPU_INSTANCES, GpuInstance
from stacks.config.image import EcrImage
from stacks.config.network import Network
from stacks.config.runtime import RuntimeConfig, pascal_name

__all__ = [
    "GPU_INSTANCES",
    "SNS_DEFAULT_MESSAGE_BYTES",
    "Alarms",
    "CallbackSubscriber",
    "Disk",
    "EcrImage",
    "Environment",
    "GpuInstance",
    "NamedPublisher",
    "Network",
    "Purchase",
    "PurchaseOption",
    "RuntimeConfig",
    "Scaling",
    "Subscriber",
    "Throttling",
    "pascal_name",
]
