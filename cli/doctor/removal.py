"""Checks before `cdk destroy`: what would make it fail half-way."""

from collections.abc import Iterator

from cli.doctor.deployed import gpu_instances
from cli.doctor.finding import Clients, DoctorCheck, Finding, ok, problem, warning
from cli.doctor.stacks import check_stacks, deployed_stacks, outputs_of, stack_name, unprotect_command
from stacks.config import Environment


def check_protection(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that no stack refuses its deletion."""
    for name, stack in deployed_stacks(environment, clients).items():
        if stack.get("EnableTerminationProtection"):
            whole = stack_name(environment, name)
            yield problem(f"{whole} is protected against deletion", f"run: {unprotect_command(whole)}")
        else:
            yield ok(f"{stack_name(environment, name)} can be deleted")


def check_buckets(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that the buckets that would be deleted are empty."""
    if environment.removal_policy == "retain":
        yield ok("removalPolicy: retain keeps all buckets, the table, keys, secrets and logs")
        return
    if "Storage" not in deployed_stacks(environment, clients):
        yield ok("no bucket is deployed")
        return
    storage = stack_name(environment, "Storage")
    pages = clients("cloudformation").get_paginator("list_stack_resources").paginate(StackName=storage)
    for item in (item for page in pages for item in page["StackResourceSummaries"]):
        if item["ResourceType"] == "AWS::S3::Bucket" and "PhysicalResourceId" in item:
            yield _judged_bucket(item["PhysicalResourceId"], clients)


def _judged_bucket(bucket: str, clients: Clients) -> Finding:
    # A bucket with nothing but versions of deleted objects is not empty either.
    page = clients("s3").list_object_versions(Bucket=bucket, MaxKeys=1)
    if page.get("Versions") or page.get("DeleteMarkers"):
        return problem(
            f"the bucket {bucket} is not empty, and CloudFormation deletes only empty ones",
            "empty it in the console of S3, which deletes old versions as well",
        )
    return ok(f"the bucket {bucket} is empty")


def check_fleet(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that no GPU node runs and no task waits."""
    outputs = outputs_of(environment, clients)
    for runtime in environment.runtimes if outputs and environment.engine != "none" else ():
        if runtime.scaling.max_replicas:
            yield warning(
                f"{runtime.name}: maxReplicas is {runtime.scaling.max_replicas}, so a waiting task would start a node",
                "deploy minReplicas: 0 and maxReplicas: 0, and wait until no node is left",
            )
    if environment.engine == "ecs" and outputs:
        nodes = gpu_instances(environment, clients)
        if nodes:
            yield problem(
                f"{len(nodes)} GPU nodes run: {', '.join(nodes)}; those with replicas are protected against deletion",
                "wait until they have gone; one that never joined goes by: aws autoscaling delete-auto-scaling-group"
                " --force-delete --auto-scaling-group-name GROUP",
            )
        else:
            yield ok("no GPU node runs")


#: Checks of `darkroom doctor --before-destroy`.
REMOVAL_CHECKS = (
    DoctorCheck("stacks", check_stacks),
    DoctorCheck("protection", check_protection),
    DoctorCheck("buckets", check_buckets),
    DoctorCheck("fleet", check_fleet),
)
