"""Checks of the container images and the models that a deployment needs."""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from cli.aws import unless_missing
from cli.doctor.finding import Clients, Finding, ok, problem, unknown
from cli.doctor.stacks import outputs_of
from contract.routing import CHECKPOINT_EXTENSIONS
from contract.storage import checkpoint_key
from stacks.config import EcrImage, Environment

_MISSING_OBJECT: Final = ("404", "NoSuchKey", "NoSuchBucket")
#: Pins of what the build of the image downloads.
PINS: Final = Path(__file__).parents[2] / "runtime_image" / "versions.env"
#: Seconds in which the Docker daemon answers, if it runs.
_DOCKER_SECONDS: Final = 20


def check_build(environment: Environment, clients: Clients) -> Iterator[Finding]:  # noqa: ARG001 - the interface of a check
    """Check that Docker runs here, and that each download has its hash, if the deployment builds an image."""
    built = [runtime.name for runtime in environment.runtimes if runtime.image is None]
    if environment.engine == "none" or not built:
        return
    names = ", ".join(built)
    try:
        asked = ["docker", "info", "--format", "{{.ServerVersion}}"]
        docker = subprocess.run(asked, capture_output=True, text=True, timeout=_DOCKER_SECONDS, check=False)  # noqa: S603 - no input of anyone
        reason = docker.stderr.strip().splitlines()[-1:] if docker.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        docker, reason = None, [str(error)]
    if docker is None or docker.returncode:
        yield problem(
            f"{names}: the deployment builds the image from runtime_image/, and Docker does not run here:"
            f" {''.join(reason) or 'no reason was given'}",
            "start Docker, or write `image` with one of a registry",
        )
    else:
        yield ok(f"{names}: the deployment builds the image, and Docker {docker.stdout.strip()} runs here")
    # The build refuses an empty hash, minutes after its start.
    lines = PINS.read_text(encoding="utf-8").splitlines()
    if unknown_hashes := [line.removesuffix("=") for line in lines if line.endswith("_SHA256=")]:
        yield problem(
            f"{names}: runtime_image/versions.env has no value for {', '.join(unknown_hashes)}, without which the image"
            " cannot be built",
            "run: make pins",
        )


def check_images(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that each image named in the file is in its registry."""
    for runtime in environment.runtimes if environment.engine != "none" else ():
        if runtime.image is None:
            continue
        if not (image := EcrImage.parse(runtime.image)):
            yield unknown(f"{runtime.name}: {runtime.image} is not in ECR, so it was not checked")
        elif (ecr := clients("ecr")).meta.region_name != image.region:
            yield unknown(f"{runtime.name}: {runtime.image} is in another region, so it was not checked")
        else:
            wanted = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
            look_up = partial(
                ecr.describe_images,
                registryId=image.account,
                repositoryName=image.repository,
                imageIds=[wanted],
            )
            if unless_missing(look_up, "ImageNotFoundException", "RepositoryNotFoundException") is None:
                yield problem(f"{runtime.name}: there is no image {runtime.image}", "push it, or correct `image`")
            else:
                yield ok(f"{runtime.name}: {runtime.image} is there")


def check_models(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that each runtime's checkpoint, or what ComfyUI preloads, is in the model bucket."""
    bucket = environment.model_bucket or outputs_of(environment, clients).get("ModelBucketName")
    if bucket is None:
        yield from _check_first_deployment(environment)
        return
    for runtime in environment.runtimes:
        checkpoints = [checkpoint_key(runtime.model_filename)] if runtime.model_filename else []
        for key in (*checkpoints, *runtime.preload):
            if has_model(bucket, key, clients):
                yield ok(f"{runtime.name}: s3://{bucket}/{key} is there")
                continue
            folder, _, name = key.rpartition("/")
            push = f"{name or 'FILE'}{'' if key in checkpoints else f' --folder {folder}'}"
            yield problem(
                f"{runtime.name}: there is no s3://{bucket}/{key}",
                f"run: darkroom --environment {environment.name} models push {push}",
            )


def has_model(bucket: str, key: str, clients: Clients) -> bool:
    """Return True if the bucket holds a key, or any file of a folder."""
    if key.endswith("/"):
        return bool(clients("s3").list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"))
    found = unless_missing(lambda: clients("s3").head_object(Bucket=bucket, Key=key), *_MISSING_OBJECT)
    return found is not None


def _check_first_deployment(environment: Environment) -> Iterator[Finding]:
    """Find replicas that the deployment starts before their models can be in its new bucket."""
    early = [runtime for runtime in environment.runtimes if runtime.model_filename and runtime.scaling.min_replicas]
    if environment.engine != "ecs" or not early:
        yield ok("the model bucket is made by the deployment; push the models after it: darkroom models push")
        return
    files = " ".join(str(runtime.model_filename) for runtime in early)
    yield problem(
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
