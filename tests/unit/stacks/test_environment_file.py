from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stacks.config import Environment
from stacks.environment_file import (
    ENVIRONMENTS_DIRECTORY,
    InvalidEnvironmentFile,
    load_environment,
    read_environment_file,
)

RUNTIME = "runtimes: [{name: sdruntime, modelFilename: v1-5.safetensors}]"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "environment.yaml"


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidEnvironmentFile) as caught:
        read_environment_file(file)
    for line, problem in zip(str(caught.value).splitlines(), caught.value.problems, strict=True):
        assert line == f"{file}: {problem}"
    return list(caught.value.problems)


@pytest.mark.parametrize("path", sorted(ENVIRONMENTS_DIRECTORY.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_environment_of_the_project_can_be_loaded(path: Path) -> None:
    assert load_environment(path.stem).name == path.stem


def test_the_smallest_file_has_safe_defaults(file: Path) -> None:
    file.write_text(f"name: prod\n{RUNTIME}\n")
    environment = load_environment(str(file))
    assert environment.removal_policy == "retain"
    assert [key.name for key in environment.api_keys] == ["default"]
    assert (environment.allowed_link_hosts, environment.link_buckets, environment.callbacks) == ((), (), ())
    # Two bytes in the envelope for each of these fit into a message of SQS.
    assert environment.entry_topic_bytes == 512 * 1024
    assert environment.retention_seconds == 24 * 3600


def test_the_production_file_reserves_nothing_and_pays_for_no_endpoint() -> None:
    """A young account has no executions to reserve, and endpoints cost three times the NAT gateway in front of them."""
    environment = load_environment("prod")
    assert environment.throttling.reserved_concurrency == 0
    assert environment.network
    assert environment.network.interface_endpoints == ()
    assert {runtime.scaling.min_replicas for runtime in environment.runtimes} == {0}


def test_the_local_runtimes_are_those_of_the_documents() -> None:
    environment = load_environment("local")
    first, second, third = environment.runtimes
    assert (first.name, first.model_filename) == ("sdruntime", "v1-5-pruned-emaonly.safetensors")
    assert second.dynamic_model
    assert (third.type, first.pipeline_runtime) == ("comfyui", third.name)
    assert environment.allowed_link_hosts == ()


#: Line that is added to a valid file, and the error.
MISTAKES = {
    "retentionHour: 3": "retentionHour: unknown key; did you mean retentionHours?",
    "qqqq: 3": "qqqq: unknown key; write one of name, account, region,",
    "0: 3": "0: unknown key; write one of name, account, region,",
    "alarms: {5: 3}": "alarms.5: unknown key; write one of extent,",
    "retentionHours: 0": "retentionHours: is 0; write 1 or more (hours that",
    "retentionHours: a day": 'retentionHours: is "a day"; write a whole number (hours',
    "retentionHours: 1.5": "retentionHours: is 1.5; write a whole number (hours",
    "account: 123456789012": "account: is 123456789012; write text, in quotes (12 digits in quotes",
    'account: "1234"': 'account: is "1234"; write ',
    "region: europe": 'region: is "europe"; write ',
    "removalPolicy: keep": "removalPolicy: is \"keep\"; write 'retain' or 'destroy'",
    "tracing: perhaps": 'tracing: is "perhaps"; write true or false',
    "logLevel: LOUD": "logLevel: is \"LOUD\"; write 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
    "apiKeys: []": "apiKeys: is []; write at least 1 entry",
    "apiKeys: {name: a}": 'apiKeys: is {"name": "a"}; write a list',
    "apiKeys: [{name: a}, {name: a}]": "apiKeys: entries 0 and 1 have the same name; give each its own",
    "apiKeys: [{name: A}]": 'apiKeys[0].name: is "A"; write ',
    "throttling: {burst: 0}": "throttling.burst: is 0; write 1 or more",
    "throttling: [1]": "throttling: is [1]; write keys and values",
    "entryTopicMaximumMessageBytes: 2000000": "entryTopicMaximumMessageBytes: is 2000000; write 1048576 or less",
    'tags: {team: "R&D"}': "tags: team is 'R&D'; write at most 256 letters, digits, spaces",
    'tags: {"aws:team": art}': "tags: 'aws:team' is not the key of a tag; write 1 to 128 letters",
    f"tags: {dict.fromkeys(map(str, range(41)), 'a')}": "tags: has 41 entries; write at most 40",
    "linkBuckets: [My_Bucket]": 'linkBuckets[0]: is "My_Bucket"; write ',
    'allowedLinkHosts: ["http://a"]': 'allowedLinkHosts[0]: is "http://a"; write ',
    "allowedLinkHosts: [intranet, 'intranet:65535', 'intranet:65536']": (
        "allowedLinkHosts[2]: is 'intranet:65536', whose port does not exist; write a port from 1 to 65535"
    ),
    "allowedLinkHosts: ['[fd00::1]:0']": "allowedLinkHosts[0]: is '[fd00::1]:0', whose port does not exist",
    "callbacks: [{protocol: https}]": "callbacks[0].endpoint: is required (URL, ARN or address",
    "callbacks: [{protocol: ftp, endpoint: a}]": "callbacks[0].protocol: is \"ftp\"; write 'https', 'sqs'",
    'callbacks: [{protocol: https, endpoint: "http://a/"}]': (
        "callbacks[0]: endpoint 'http://a/' does not fit protocol https: write an https:// URL"
    ),
    "callbacks: [{protocol: sqs, endpoint: a}]": "write the ARN of a queue",
    "callbacks: [{protocol: lambda, endpoint: a}]": "write the ARN of a function",
    "callbacks: [{protocol: email, endpoint: a}]": "write an email address",
    "callbacks: [{protocol: email, endpoint: a@b.c, status: [done]}]": (
        "callbacks[0]: there is no status 'done'; write any of completed, failed, cancelled, timed_out"
    ),
    "callbacks: [{protocol: email, endpoint: a@b.c, tasktype: [batch, paint]}]": (
        'callbacks[0].tasktype[1]: is "paint"; write any of text-to-image, '
    ),
    "callbacks: [{protocol: email, endpoint: a@b.c, runtime: [sdxl]}]": (
        "callbacks[0].runtime: there is no runtime 'sdxl'; write any of sdruntime"
    ),
    "callbacks: [{protocol: email, endpoint: a@b.c}, {protocol: email, endpoint: a@b.c}]": (
        "callbacks: entries 0 and 1 have the same endpoint"
    ),
    "region: cn-north-1\nfunctionUrl: true\nthrottling: {waitingCalls: 2}": (
        "functionUrl: Lambda has no function URLs in cn-north-1; write"
    ),
    "region: cn-north-1\nentryTopicMaximumMessageBytes: 524288": (
        "entryTopicMaximumMessageBytes: SNS allows 262144 in cn-north-1; write that, or leave it out"
    ),
    "functionUrl: true": "functionUrl: requires throttling.waitingCalls",
    "apiKeyHeader: X-Key": 'apiKeyHeader: is "X-Key"; write',
    "throttling: {requestsPerAddress: 9}": "throttling.requestsPerAddress: is 9; write",
    "region: cn-northwest-1\ntracing: true": "tracing: Lambda does not support X-Ray in cn-northwest-1; write false",
    "tags: [a]": 'tags: is ["a"]; write keys and values',
    "name: other": "Duplicate key `name` in line",
    "[": "is not YAML",
    "tags:\n\t- a": "indent with spaces, not tabs",
}


@pytest.mark.parametrize(("addition", "expected"), MISTAKES.items(), ids=list(MISTAKES))
def test_a_mistake_is_told_with_its_key_and_what_to_write(file: Path, addition: str, expected: str) -> None:
    (problem,) = problems(file, f"name: prod\n{RUNTIME}\n{addition}\n")
    assert expected in problem


#: Value of `runtimes`, and the beginning of the error.
RUNTIME_MISTAKES = {
    "[]": "runtimes: is []; write at least 1 entry",
    "[{name: SDXL, dynamicModel: true}]": 'runtimes[0].name: is "SDXL"; write lower-case letters, digits and hyphens',
    "[{name: a, model: a.ckpt}]": "runtimes[0].model: unknown key; did you mean modelFilename or modelCalls?",
    "[{name: a}]": "runtimes[0]: needs either modelFilename or dynamicModel: true, exactly one of them",
    "[{name: a, dynamicModel: true, modelFilename: a.ckpt}]": "runtimes[0]: needs either modelFilename or dynamicModel",
    "[{name: a, modelFilename: a.zip}]": "runtimes[0].modelFilename: is not the name of a checkpoint; write",
    "[{name: a, modelFilename: ../a.ckpt}]": "runtimes[0].modelFilename: is not the name of a checkpoint",
    "[{name: a, dynamicmodel: true}]": "runtimes[0].dynamicmodel: unknown key; did you mean dynamicModel?",
    "[{name: a, dynamicModel: true, type: fooocus}]": (
        "runtimes[0].type: is \"fooocus\"; write 'sdwebui' or 'comfyui'"
    ),
    "[{name: a, dynamicModel: true, type: comfyui}]": (
        "runtimes[0]: dynamicModel is for runtimes of type sdwebui; leave it out"
    ),
    "[{name: a, dynamicModel: true, pipelineRuntime: b}]": (
        "runtimes: pipelineRuntime: 'b' is not a runtime of type comfyui; add one"
    ),
    "[{name: a, dynamicModel: true, limits: {widht: 1}}]": (
        "runtimes[0].limits.widht: unknown key; did you mean width?"
    ),
    "[{name: a, dynamicModel: true, limits: {steps: 0}}]": "runtimes[0].limits.steps: is 0; write 1 or more",
    "[{name: a, dynamicModel: true, visibilityTimeoutSeconds: 50000}]": (
        "runtimes[0].visibilityTimeoutSeconds: is 50000; write 43200 or less"
    ),
    "[{name: a, dynamicModel: true}, {name: a, dynamicModel: true}]": "runtimes: entries 0 and 1 have the same name",
    "[{name: a-1, dynamicModel: true}, {name: a1, dynamicModel: true}]": (
        "runtimes: entries 0 and 1 have the same name apart from hyphens"
    ),
    "[{name: a, dynamicModel: true, openaiModels: [m]}, {name: b, dynamicModel: true, openaiModels: [m]}]": (
        "runtimes: openaiModels: m names two runtimes; write it once"
    ),
    "[{name: a, modelFilename: a.ckpt}, {name: b, modelFilename: a.safetensors}]": (
        "runtimes: a and b both serve a.ckpt, so v1alpha1 requests"
    ),
}


@pytest.mark.parametrize(("runtimes", "expected"), RUNTIME_MISTAKES.items(), ids=list(RUNTIME_MISTAKES))
def test_a_mistake_in_a_runtime_is_told_with_its_place(file: Path, runtimes: str, expected: str) -> None:
    told = problems(file, f"name: prod\nruntimes: {runtimes}\n")
    assert [problem for problem in told if problem.startswith(expected)]


ONE_ZONE_TWICE = (
    "vpcId: vpc-0123456789abcdef0, subnetIds: [subnet-01234567, subnet-01234568], zones: [eu-central-1a, eu-central-1a]"
)
TWO_ZONES = "zones: [eu-central-1a, eu-central-1b]"
#: Engine, network, runtime, and the error.
ENGINE_MISTAKES = {
    ("eks", "zones: [eu-central-1a]", ""): "network.zones: EKS requires two zones or more; write another one",
    ("eks", ONE_ZONE_TWICE, ""): "network.zones: EKS requires two zones or more",
    ("eks", TWO_ZONES, "gpuFamilies: [g7], image: ghcr.io/shop/darkroom:1.4.0"): (
        "runtimes[0]: EKS Auto Mode does not start g7; write another family, or engine: ecs"
    ),
    ("ecs", "zones: [eu-central-1a]", "gpuFamilies: [g7]"): "runtimes[0]: image: is required for g7, because PyTorch",
    ("eks", TWO_ZONES, "instanceTypes: [g7e.2xlarge]"): "runtimes[0]: image: is required for g7e",
    ("eks", TWO_ZONES, "gpuFamilies: [p6-b200], gpusPerReplica: 8"): "runtimes[0]: image: is required for p6-b200",
}


@pytest.mark.parametrize(("case", "expected"), ENGINE_MISTAKES.items(), ids=str)
def test_what_an_engine_cannot_start_is_refused(file: Path, case: tuple[str, str, str], expected: str) -> None:
    engine, network, runtime = case
    runtimes = f"runtimes: [{{name: a, dynamicModel: true{', ' if runtime else ''}{runtime}}}]"
    text = f"name: prod\nregion: eu-central-1\nengine: {engine}\nnetwork: {{{network}}}\n{runtimes}\n"
    (problem,) = problems(file, text)
    assert expected in problem


COMMIT = "0123456789abcdef0123456789abcdef01234567"
NODES = f"{{repository: https://github.com/owner/nodes.git, commit: {COMMIT}}}"
#: Runtime, and the error that it causes, or None.
COMFYUI_KEYS: dict[str, str | None] = {
    "type: comfyui, gpuFamilies: [g7e]": None,
    "type: comfyui, gpuFamilies: [p6-b200], gpusPerReplica: 8": None,
    "type: comfyui, gpuFamilies: [p3dn], gpusPerReplica: 8": "image: is required for p3dn, because PyTorch",
    f"type: comfyui, customNodes: [{NODES}], allowedNodes: ['*', Upscale*]": None,
    f"type: comfyui, customNodes: [{NODES}]": "name their classes, such as allowedNodes",
    f"type: comfyui, customNodes: [{NODES}, {NODES}], allowedNodes: [Upscale*]": "entries 0 and 1 have the same name",
    f"type: comfyui, customNodes: [{NODES}], allowedNodes: [a], image: ghcr.io/shop/comfy:1.4.0": "have no effect",
    f"type: sdwebui, dynamicModel: true, customNodes: [{NODES}]": "customNodes is for runtimes of type comfyui",
    "type: comfyui, customNodes: [{repository: https://github.com/owner/nodes, commit: main}]": "a commit of 40",
    f"type: comfyui, customNodes: [{{repository: 'git@github.com:o/n', commit: {COMMIT}}}]": "an https address",
    "type: comfyui, preload: [vae/ae.safetensors, text_encoders/]": None,
    "type: sdwebui, dynamicModel: true, preload: [vae/a.safetensors]": "preload is for runtimes of type comfyui",
    "type: comfyui, webuiArguments: [--lowvram]": None,
    "type: comfyui, webuiArguments: [--base-directory=/x]": "which the container sets itself",
}


@pytest.mark.parametrize(("runtime", "expected"), COMFYUI_KEYS.items(), ids=list(COMFYUI_KEYS))
def test_the_keys_of_comfyui(file: Path, runtime: str, expected: str | None) -> None:
    text = "name: prod\nregion: eu-central-1\nengine: ecs\nnetwork: {zones: [eu-central-1a]}\n"
    text += f"runtimes: [{{name: a, {runtime}}}]\n"
    if expected is None:
        file.write_text(text)
        assert read_environment_file(file).runtimes[0].type == "comfyui"
    else:
        (problem,) = problems(file, text)
        assert expected in problem


def test_one_zone_and_the_newest_gpus_are_allowed_where_they_work(file: Path) -> None:
    runtimes = "runtimes: [{name: a, dynamicModel: true, gpuFamilies: [g7], image: ghcr.io/shop/darkroom:1.4.0}]"
    file.write_text(f"name: prod\nregion: eu-central-1\nengine: ecs\nnetwork: {{zones: [eu-central-1a]}}\n{runtimes}\n")
    assert read_environment_file(file).engine == "ecs"


def test_no_size_much_larger_than_a_replica_is_bought_on_demand(file: Path) -> None:
    file.write_text("name: prod\nruntimes: [{name: a, dynamicModel: true}]\n")
    (runtime,) = read_environment_file(file).runtimes
    assert max(instance.vcpus for instance in runtime.instances_bought("spot")) == 64
    assert max(instance.vcpus for instance in runtime.instances_bought("onDemand")) == 16
    large = runtime.model_copy(update={"gpu_families": ("p5en",), "gpus_per_replica": 8})
    assert [instance.name for instance in large.instances_bought("onDemand")] == ["p5en.48xlarge"]


def test_more_runtimes_than_the_functions_can_be_told_of_are_refused(file: Path) -> None:
    runtimes = [{"name": f"runtime-{number:032}", "modelFilename": f"{number:040}.ckpt"} for number in range(32)]
    (problem,) = problems(file, yaml.safe_dump({"name": "prod", "runtimes": runtimes}))
    assert "the functions' environment allows 3072" in problem


def test_every_mistake_is_told_at_once(file: Path) -> None:
    told = problems(file, "nmae: prod\nretentionHours: 0\nruntimes: [{name: A}]\n")
    assert [problem.partition(":")[0] for problem in told] == ["name", "retentionHours", "runtimes[0].name", "nmae"]


@pytest.mark.parametrize("text", ["", "[]", "just text", "3"])
def test_a_file_without_keys_is_refused(file: Path, text: str) -> None:
    assert problems(file, text) == ["must contain keys and values, for example name: dev"]


def test_a_file_that_is_not_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidEnvironmentFile, match="cannot be read"):
        read_environment_file(file)


def test_an_unknown_environment_is_told_with_those_that_there_are() -> None:
    with pytest.raises(
        InvalidEnvironmentFile, match="this file does not exist; existing environments: dev, example, local, prod"
    ):
        load_environment("nowhere")


def test_a_copied_file_must_be_given_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.environment_file.ENVIRONMENTS_DIRECTORY", tmp_path)
    (tmp_path / "prod.yaml").write_text(f"name: dev\n{RUNTIME}\n")
    with pytest.raises(InvalidEnvironmentFile, match=r"name: is 'dev' in the file of 'prod'; write name: prod"):
        load_environment("prod")


KEYS = st.sampled_from([field.alias or name for name, field in Environment.model_fields.items()]) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(KEYS, VALUES, max_size=6))
def test_no_document_fails_otherwise_than_with_the_path_of_a_key(
    document: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        told = [read_environment_file(file).name]
    except InvalidEnvironmentFile as error:
        told = list(error.problems)
    assert told
    assert not [problem for problem in told if not problem or problem.startswith(".")]


@given(text=st.text(max_size=200))
def test_no_text_fails_otherwise(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any-text.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidEnvironmentFile):
        read_environment_file(file)
