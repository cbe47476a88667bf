"""Checks of the container images and the models that a deployment needs."""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import ClientError

from cli.doctor.deployed import outputs_of
from cli.doctor.finding import Clients, Finding, Level, ok
from contract.routing import CHECKPOINT_EXTENSIONS
from contract.storage import checkpoint_key
from stacks.config import EcrImage, Environment

_MISSING_IMAGE: Final = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})
_MISSING_OBJECT: Final = frozenset({"404", "NoSuchKey", "NoSuchBucket"})


def check_images(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck that each runtime's image is in its registry."""
    if environment.engine == "none":
        yield ok("no engine, so no image is built or pulled")
        return
    for runtime in environment.runtimes:
        if runtime.image is None:
            yield ok(f"{runtime.name}: its image is built from runtime_image/ at the deployment, which needs Docker")
        elif not (image := EcrImage.parse(runtime.image)):
            yield Finding(Level.UNKNOWN, f"{runtime.name}: {runtime.image} is not in ECR, so it was not checked")
        else:
            wanted = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
            try:
                clients("ecr").describe_images(
                    registryId=image.account, repositoryName=image.repository, imageIds=[wanted]
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _MISSING_IMAGE:
                    raise
                yield Finding(
                    Level.PROBLEM, f"{runtime.name}: there is no image {runtime.image}", "push it, or correct `image`"
                )
            else:
                yield ok(f"{runtime.name}: {runtime.image} is there")


def check_models(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck that each runtime's checkpoint is in the model bucket."""
    bucket = environment.model_bucket or outputs_of(environment, clients).get("ModelBucketName")
    if bucket is None:
        yield from _check_first_deployment(environment)
        return
    for runtime in environment.runtimes:
        if runtime.model_filename is None:
            continue
        key = checkpoint_key(runtime.model_filename)
        try:
            clients("s3").head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING_OBJECT:
                raise
            yield Finding(
                Level.PROBLEM,
                f"{runtime.name}: there is no s3://{bucket}/{key}",
                f"run: darkroom --environment {environment.name} models push {runtime.model_filename}",
            )
        else:
            yield ok(f"{runtime.name}: s3://{bucket}/{key} is there")


def _check_first_deployment(environment: Environment) -> Iterator[Finding]:
    """Find replicas that the deployment starts before their models can be in its new bucket."""
    early = [runtime for runtime in environment.runtimes if runtime.model_filename and runtime.scaling.min_replicas]
    if environment.engine != "ecs" or not early:
        yield ok("the model bucket is made by the deployment; push the models after it: darkroom models push")
        return
    files = " ".join(str(runtime.model_filename) for runtime in early)
    yield Finding(
        Level.PROBLEM,
        f"{', '.join(runtime.name for runtime in early)}: minReplicas starts replicas before their models can be in"
        " the new bucket; they end, and ECS rolls the whole stack back",
        f"first run: cdk deploy -c environment={environment.name} Darkroom-{environment.name}-Api; then: darkroom"
        f" --environment {environment.name} models push {files}; then deploy --all",
    )


def any_checkpoint(bucket: str, clients: Clients) -> str | None:
    """Return the name of any checkpoint in the bucket."""
    folder = checkpoint_key("")
    objects = clients("s3").list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", ())
    names = (entry["Key"].removeprefix(folder) for entry in objects)
    return next((name for name in names if name.endswith(CHECKPOINT_EXTENSIONS)), None)
