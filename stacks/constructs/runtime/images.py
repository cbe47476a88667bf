"""Image of a runtime's containers: the one that the environment names, or one built from this project."""

from pathlib import Path
from typing import Final

from aws_cdk import Aws, IgnoreMode, aws_ecr_assets
from constructs import Construct

from stacks.config import EcrImage, RuntimeConfig

#: Command of the Web UI's container, instead of the image's own. It drops what the orchestrator adds to the environment
#: before it starts the image's init.
WEBUI_HOST_COMMAND: Final = ("/opt/agent-environment/bin/python", "-m", "runtime_image.webui_host")


class RuntimeImages(Construct):
    """Images of all runtimes. Docker builds the project's image once, at deployment."""

    def __init__(self, scope: Construct, id_: str, *, project: Path) -> None:
        super().__init__(scope, id_)
        self._project = project
        self._built: aws_ecr_assets.DockerImageAsset | None = None

    def uri_for(self, runtime: RuntimeConfig) -> str:
        """Return the image's address with its tag or digest."""
        return runtime.image or self._build().image_uri

    def repository_arn_for(self, runtime: RuntimeConfig) -> str | None:
        """Return the image's repository; None for a registry other than ECR."""
        if runtime.image is None:
            return self._build().repository.repository_arn
        image = EcrImage.parse(runtime.image)
        if image is None:
            return None
        return f"arn:{Aws.PARTITION}:ecr:{image.region}:{image.account}:repository/{image.repository}"

    def _build(self) -> aws_ecr_assets.DockerImageAsset:
        if self._built is None:
            self._built = aws_ecr_assets.DockerImageAsset(
                self,
                "Built",
                directory=str(self._project),
                file="runtime_image/Dockerfile",
                platform=aws_ecr_assets.Platform.LINUX_AMD64,
                # .dockerignore selects the image's files, and so the changes that start new replicas.
                ignore_mode=IgnoreMode.DOCKER,
            )
        return self._built
