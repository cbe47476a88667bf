"""Image of a runtime's containers: the one that the environment names, or one built from this project."""

import hashlib
from pathlib import Path
from typing import Final

from aws_cdk import Aws, IgnoreMode, aws_ecr_assets
from constructs import Construct

from stacks.config import EcrImage, RuntimeConfig, pascal_name

#: Command of the Web UI's container, instead of the image's own. It drops what the orchestrator adds to the environment
#: before it starts the image's init.
WEBUI_HOST_COMMAND: Final = ("/opt/agent-environment/bin/python", "-m", "runtime_image.webui_host")


class RuntimeImages(Construct):
    """Images of all runtimes. Docker builds one for each engine and set of custom nodes, at deployment."""

    def __init__(self, scope: Construct, id_: str, *, project: Path) -> None:
        super().__init__(scope, id_)
        self._project = project
        self._built: dict[str, aws_ecr_assets.DockerImageAsset] = {}

    def uri_for(self, runtime: RuntimeConfig) -> str:
        """Return the image's address with its tag or digest."""
        return runtime.image or self._build(runtime).image_uri

    def repository_arn_for(self, runtime: RuntimeConfig) -> str | None:
        """Return the image's repository; None for a registry other than ECR."""
        if runtime.image is None:
            return self._build(runtime).repository.repository_arn
        image = EcrImage.parse(runtime.image)
        if image is None:
            return None
        return f"arn:{Aws.PARTITION}:ecr:{image.region}:{image.account}:repository/{image.repository}"

    def _build(self, runtime: RuntimeConfig) -> aws_ecr_assets.DockerImageAsset:
        arguments: dict[str, str] = {}
        id_ = "Built"
        if runtime.type != "sdwebui":
            arguments["RUNTIME_TYPE"] = runtime.type
            id_ += pascal_name(runtime.type)
        if runtime.custom_nodes:
            arguments["CUSTOM_NODES"] = " ".join(f"{node.repository}@{node.commit}" for node in runtime.custom_nodes)
            id_ += hashlib.sha256(arguments["CUSTOM_NODES"].encode()).hexdigest()[:8]
        if id_ not in self._built:
            self._built[id_] = aws_ecr_assets.DockerImageAsset(
                self,
                id_,
                directory=str(self._project),
                file="runtime_image/Dockerfile",
                build_args=arguments or None,
                platform=aws_ecr_assets.Platform.LINUX_AMD64,
                # .dockerignore selects the image's files, and so the changes that start new replicas.
                ignore_mode=IgnoreMode.DOCKER,
            )
        return self._built[id_]
