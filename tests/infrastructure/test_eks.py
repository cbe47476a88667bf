"""Kubernetes objects of a runtime: confined replicas, their probes and resources, and a scaler from zero."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from stacks.config.capacity import Scaling
from stacks.constructs.kubernetes.keda import scaled_object
from stacks.constructs.kubernetes.node_pools import node_pools
from stacks.constructs.runtime.environment_variables import webui_container_environment
from stacks.constructs.runtime.images import WEBUI_HOST_COMMAND
from stacks.constructs.runtime.replica_limits import WEBUI_FOLDERS, WRITABLE_FOLDERS
from stacks.pinned_versions import PINS
from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import Templates, without_hash
from tests.infrastructure.test_manifests import KUBERNETES_VERSION

PROJECT = Path(__file__).parents[2]
NAMESPACE = "runtime-sdruntime"


def pod_of(templates: Templates, namespace: str = NAMESPACE) -> dict[str, Any]:
    pod: dict[str, Any] = templates.manifest("Deployment", namespace)["spec"]["template"]["spec"]
    return pod


def container_of(templates: Templates, namespace: str = NAMESPACE, *, name: str = "runtime") -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [container for container in pod_of(templates, namespace)["containers"] if container["name"] == name]
    return found


def test_a_replica_is_confined(everything: Templates) -> None:
    pod, container = pod_of(everything), container_of(everything)
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == set(WRITABLE_FOLDERS.values())
    volumes = {volume["name"]: volume.get("emptyDir") for volume in pod["volumes"]}
    assert all(volumes[name] == {"sizeLimit": "50Gi"} for name in WRITABLE_FOLDERS)
    labels = everything.manifest("Namespace", name=NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_web_ui_has_no_keys(everything: Templates) -> None:
    template = everything.manifest("Deployment", NAMESPACE)["spec"]["template"]
    pod, webui, agent = template["spec"], container_of(everything, name="webui"), container_of(everything)
    # EKS adds the role's token to all containers but these, and Kubernetes adds its own to none.
    assert template["metadata"]["annotations"] == {"eks.amazonaws.com/skip-containers": "webui"}
    assert pod["automountServiceAccountToken"] is False
    assert pod.get("shareProcessNamespace", False) is pod.get("hostPID", False) is False
    mounts = {mount["name"]: mount for mount in webui["volumeMounts"]}
    assert mounts.keys() == {"models", *WEBUI_FOLDERS}
    assert mounts["models"] == {"name": "models", "mountPath": "/models", "readOnly": True}
    assert [mount["mountPath"] for mount in agent["volumeMounts"] if mount["name"] == "account"] == [
        "/var/run/secrets/kubernetes.io/serviceaccount"
    ]
    assert webui["securityContext"] == {**agent["securityContext"], "runAsUser": 10002, "runAsGroup": 10002}
    variables = {item["name"]: item["value"] for item in webui["env"]}
    runtime = everything.environment.runtimes[0]
    assert variables == webui_container_environment(runtime, everything.environment)
    assert tuple(webui["command"]) == WEBUI_HOST_COMMAND
    assert "ports" not in webui


def test_files_of_the_web_ui_end_with_an_error_before_they_harm_another(everything: Templates) -> None:
    volumes = {volume["name"]: volume.get("emptyDir") for volume in pod_of(everything)["volumes"]}
    for name in WEBUI_FOLDERS:
        # In memory the file system itself has a limit. On disk the pod would be evicted with the agent's tasks.
        assert volumes[name] == {"medium": "Memory", "sizeLimit": "256Mi"}


def test_a_replica_is_probed_where_its_supervisor_answers(everything: Templates) -> None:
    container = container_of(everything)
    assert container["ports"] == [{"name": "health", "containerPort": 8080, "protocol": "TCP"}]
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    variables = {item["name"]: item.get("value") for item in container["env"]}
    assert variables["HEALTH_PORT"] == "8080"
    assert variables["ORCHESTRATOR"] == "kubernetes"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "AWS::Region"
    fields = {
        item["name"]: item["valueFrom"]["fieldRef"]["fieldPath"] for item in container["env"] if "valueFrom" in item
    }
    assert fields == {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    assert variables["QUEUE_URL"] == "RuntimeSdruntimeQueue"


def test_traced_replicas_send_their_spans_to_a_collector_that_outlives_them(everything: Templates) -> None:
    assert everything.environment.tracing
    (collector,) = pod_of(everything)["initContainers"]
    assert collector["restartPolicy"] == "Always", "a sidecar: it starts before the replica and ends after it"
    settings = {item["name"]: item["value"] for item in collector["env"]}
    receiver = json.loads(settings["AOT_CONFIG_CONTENT"])["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    variables = {item["name"]: item.get("value") for item in container_of(everything)["env"]}
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{receiver}"
    assert settings["AWS_REGION"] == "AWS::Region"
    assert collector["securityContext"] == container_of(everything)["securityContext"]
    role = everything.named("RuntimeSdruntimeRoleDefaultPolicy", "AWS::IAM::Policy")
    assert "xray:PutTraceSegments" in json.dumps(role.body)


def test_replicas_without_tracing_have_no_collector(everything: Templates) -> None:
    from stacks.constructs.kubernetes.deployment import deployment  # noqa: PLC0415  # starts Node

    runtime = everything.environment.runtimes[0]
    manifest = deployment(
        runtime, image="image", environment={}, webui_environment={}, region="eu-central-1", tracing=False
    )
    pod = manifest["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in {item["name"] for item in pod["containers"][0]["env"]}


@pytest.mark.slow
def test_an_environment_without_tracing_has_no_permission_for_it(templates_of: TemplatesOf) -> None:
    assert "xray:" not in json.dumps(templates_of("eks").stacks["Eks"])


def test_a_replica_has_the_time_to_finish_its_longest_task(everything: Templates) -> None:
    assert pod_of(everything)["terminationGracePeriodSeconds"] == 690
    assert pod_of(everything, "runtime-sd-xl")["terminationGracePeriodSeconds"] == 400


def test_a_replica_asks_for_what_every_instance_has(everything: Templates) -> None:
    agent, webui = (container_of(everything, name=name)["resources"] for name in ("runtime", "webui"))
    # g5.xlarge and g6.xlarge: 4 processors, 16 GiB, 232 GiB of NVMe, of which three quarters are for replicas.
    assert agent["requests"] == {"cpu": "300m", "memory": "1229Mi", "ephemeral-storage": "50Gi"}
    assert webui["requests"] == {"cpu": "2700m", "memory": "11059Mi", "nvidia.com/gpu": "1"}
    assert agent["limits"] == {"memory": "1229Mi"}
    assert webui["limits"] == {"memory": "11059Mi", "nvidia.com/gpu": "1"}
    # NVIDIA's container runtime gives a container without a request all GPUs, unless its environment refuses them.
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"} in container_of(everything)["env"]
    # g5.12xlarge: four replicas share 48 processors and 192 GiB.
    shared = container_of(everything, "runtime-dynamic", name="webui")["resources"]["requests"]
    assert (shared["cpu"], shared["memory"]) == ("8100m", "33177Mi")


def test_the_number_of_replicas_is_the_scalers_business(everything: Templates) -> None:
    assert "replicas" not in everything.manifest("Deployment", NAMESPACE)["spec"]
    scaled = everything.manifest("ScaledObject", NAMESPACE)["spec"]
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"], scaled["cooldownPeriod"]) == (0, 4, 300)
    (trigger,) = scaled["triggers"]
    assert trigger["type"] == "aws-sqs-queue"
    assert trigger["metadata"] == {
        "queueURL": "RuntimeSdruntimeQueue",
        "awsRegion": "AWS::Region",
        "queueLength": str(everything.environment.runtimes[0].scaling.tasks_per_replica),
        "activationQueueLength": "0",
        "scaleOnInFlight": "true",
        "scaleOnDelayed": "false",
    }
    behavior = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert scaled["fallback"] == {"failureThreshold": 3, "replicas": 1, "behavior": "currentReplicasIfHigher"}


def test_the_scaler_looks_at_queues_with_its_own_rights_and_at_nothing_else(everything: Templates) -> None:
    authentication = everything.manifest("TriggerAuthentication", NAMESPACE)["spec"]
    assert authentication == {"podIdentity": {"provider": "aws", "identityOwner": "keda"}}
    (policy,) = [p for p in everything.resources("AWS::IAM::Policy") if p.name == "RuntimeSdruntimeKedaPolicy"]
    (statement,) = policy.properties["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sqs:GetQueueAttributes"
    assert everything.flat(statement["Resource"]) == "RuntimeSdruntimeQueue.Arn"


def api_access(templates: Templates) -> dict[str, Any]:
    (cluster,) = templates.resources("AWS::EKS::Cluster")
    found: dict[str, Any] = cluster.properties["ResourcesVpcConfig"]
    return found


def test_named_addresses_reach_the_cluster_over_the_internet(everything: Templates) -> None:
    assert api_access(everything)["PublicAccessCidrs"] == ["203.0.113.0/24"]


@pytest.mark.slow
def test_by_default_only_the_network_reaches_the_cluster(templates_of: TemplatesOf) -> None:
    assert api_access(templates_of("eks"))["EndpointPublicAccess"] is False


def test_administrators_get_in_and_whoever_deployed_does_not_by_that_alone(everything: Templates) -> None:
    (cluster,) = everything.resources("AWS::EKS::Cluster")
    assert cluster.properties["AccessConfig"] == {
        "AuthenticationMode": "API",
        "BootstrapClusterCreatorAdminPermissions": False,
    }
    entries = {everything.flat(e.properties["PrincipalArn"]): e for e in everything.resources("AWS::EKS::AccessEntry")}
    (policy,) = entries["arn:aws:iam::123456789012:role/operators"].properties["AccessPolicies"]
    assert everything.flat(policy["PolicyArn"]).endswith("cluster-access-policy/AmazonEKSClusterAdminPolicy")
    assert len(entries) == 2, "the administrator and the function that runs kubectl"


def test_roles_are_handed_to_the_pods_of_one_service_account(everything: Templates) -> None:
    associations = everything.resources("AWS::EKS::PodIdentityAssociation")
    handed = {
        everything.flat(a.properties["RoleArn"]): (a.properties["Namespace"], a.properties["ServiceAccount"])
        for a in associations
    }
    assert handed == {
        **{
            f"Runtime{name}Role.Arn": (f"runtime-{namespace}", "runtime")
            for name, namespace in (("Sdruntime", "sdruntime"), ("SdXl", "sd-xl"), ("Dynamic", "dynamic"))
        },
        "KedaRole.Arn": ("keda", "keda-operator"),
        "LogsRole.Arn": ("log-shipping", "fluent-bit"),
    }
    for name, (namespace, account) in handed.items():
        role = everything.named(name.removesuffix(".Arn"), "AWS::IAM::Role")
        (statement,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        assert sorted(statement["Action"]) == ["sts:AssumeRole", "sts:TagSession"]
        assert statement["Condition"]["StringEquals"] == {
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": account,
        }


def test_a_runtime_is_switched_off_without_a_maximum_that_keda_refuses(everything: Templates) -> None:
    (runtime, *_) = everything.environment.runtimes
    off = runtime.model_copy(update={"scaling": Scaling(max_replicas=0)})
    rule = scaled_object(off, queue_url="https://queue", region="eu-central-1")
    assert rule["metadata"]["annotations"] == {"autoscaling.keda.sh/paused-replicas": "0"}
    assert rule["spec"]["maxReplicaCount"] == 1
    on = scaled_object(runtime, queue_url="https://queue", region="eu-central-1")
    assert "annotations" not in on["metadata"]
    for _, pool in node_pools(off):
        assert pool["spec"]["limits"]["nvidia.com/gpu"] == "0"


def test_kedas_chart_is_pinned(everything: Templates) -> None:
    (chart,) = everything.resources("Custom::AWSCDK-EKS-HelmChart")
    values = json.loads(chart.properties["Values"])
    assert f"keda-{chart.properties['Version']}.tgz" in PINS["KEDA_CHART"]
    assert values["nodeSelector"] == {"karpenter.sh/nodepool": "system"}
    assert values["image"].keys() == {"keda", "metricsApiServer", "webhooks"}
    for image in values["image"].values():
        assert re.fullmatch(rf"{re.escape(chart.properties['Version'])}@sha256:[0-9a-f]{{64}}", image["tag"])


def test_the_chart_has_time_for_the_first_node_and_its_operator_a_substitute(everything: Templates) -> None:
    (chart,) = everything.resources("Custom::AWSCDK-EKS-HelmChart")
    # Helm's own limit is five minutes, and the CDK's function ends after 15.
    assert chart.properties["Wait"] is True
    assert 5 * 60 < int(chart.properties["Timeout"].removesuffix("s")) < 15 * 60
    values = json.loads(chart.properties["Values"])
    assert values["operator"]["replicaCount"] == 2
    assert values["podDisruptionBudget"]["operator"] == {"minAvailable": 1}


def test_the_cluster_costs_no_extended_support_and_can_be_created_a_second_time(everything: Templates) -> None:
    (cluster,) = everything.resources("AWS::EKS::Cluster")
    assert cluster.properties["Version"] == KUBERNETES_VERSION
    assert cluster.properties["UpgradePolicy"] == {"SupportType": "STANDARD"}
    # EKS creates the group of the control plane's logs itself, so a group of the template may exist already.
    (retention,) = everything.resources("Custom::LogRetention")
    assert retention.properties["LogGroupName"] == f"/aws/eks/{everything.environment.cluster_name}/cluster"
    assert retention.properties["RetentionInDays"] == everything.environment.log_retention_days
    names = [group.properties.get("LogGroupName") for group in everything.resources("AWS::Logs::LogGroup")]
    assert not [name for name in names if isinstance(name, str)]


def test_no_function_of_the_cdk_runs_before_its_log_group_exists(everything: Templates) -> None:
    """Otherwise Lambda creates the group, and CloudFormation ends the stack because it exists already."""
    groups = {
        group.logical_id
        for group in everything.resources("AWS::Logs::LogGroup")
        if "/aws/lambda/" in json.dumps(group.properties.get("LogGroupName"))
    }
    assert len(groups) == 2
    barrier = everything.named("KubernetesClusterKubectlReadyBarrier", "AWS::SSM::Parameter")
    assert groups <= set(barrier.body["DependsOn"])
    for applied in everything.resources("Custom::AWSCDK-EKS-KubernetesResource", "Custom::AWSCDK-EKS-HelmChart"):
        assert barrier.logical_id in applied.body["DependsOn"]


def test_what_replicas_log_arrives_as_it_is(everything: Templates) -> None:
    configuration = everything.manifest("ConfigMap", "log-shipping")["data"]["fluent-bit.conf"]
    assert "    log_key log\n    log_format json/emf\n" in configuration
    assert "    log_group_name LogsRuntimeLogs\n" in configuration
    assert "*_runtime-*_runtime-*.log" in configuration


def test_each_node_is_counted_once_a_minute_in_the_environments_own_metric(everything: Templates) -> None:
    configuration = everything.manifest("ConfigMap", "log-shipping")["data"]["fluent-bit.conf"]
    (section,) = [part for part in configuration.split("[INPUT]\n") if "Name dummy" in part]
    settings = dict(line.split(maxsplit=1) for line in section.partition("[")[0].splitlines())
    # Only the value of `log` is sent.
    said = json.loads(json.loads(settings["Dummy"])["log"])
    assert settings["Interval_Sec"] == "60"
    assert fnmatch(settings["Tag"], "runtime.*"), "the tags that are sent"
    (filter_,) = [f for f in everything.resources("AWS::Logs::MetricFilter") if f.name == "LogsNodes"]
    assert filter_.properties["FilterPattern"] == f'{{ $.event = "{said["event"]}" }}'
    (transformation,) = filter_.properties["MetricTransformations"]
    assert (transformation["MetricNamespace"], transformation["MetricName"]) == ("Darkroom/everything", "Nodes")
    assert transformation["MetricValue"] == "1"


def test_each_part_of_a_cold_start_is_a_metric_that_some_process_logs(everything: Templates) -> None:
    sources = "".join(path.read_text() for path in (PROJECT / "runtime_image").rglob("*.py"))
    names = set()
    for filter_ in everything.resources("AWS::Logs::MetricFilter"):
        if not filter_.name.startswith("ColdStart") or filter_.name.endswith("BusyShare"):
            continue
        (transformation,) = filter_.properties["MetricTransformations"]
        assert transformation["MetricNamespace"] == "Darkroom/everything"
        names.add(transformation["MetricName"])
        event = re.search(r'event = "(\w+)"', filter_.properties["FilterPattern"])
        assert event
        assert f'"{event[1]}"' in sources
        assert transformation["MetricValue"].removeprefix("$.") in sources
    assert names == {
        "NodeSeconds",
        "PullSeconds",
        "ModelSeconds",
        "WebUiSeconds",
        "ReadySeconds",
        "FirstTaskSeconds",
    }


@pytest.mark.slow
def test_a_second_runtime_changes_nothing_of_the_first(templates_of: TemplatesOf) -> None:
    eks, grown = templates_of("eks"), templates_of("two-runtimes")
    for stack in ("Network", "Storage"):
        assert grown.stacks[stack] == eks.stacks[stack]
    before, after = eks.stacks["Eks"]["Resources"], grown.stacks["Eks"]["Resources"]
    assert {name: after[name] for name in before} == before
    assert {without_hash(name) for name in after.keys() - before.keys()} == {
        "RuntimeDynamicDeployment",
        "RuntimeDynamicKedaPolicy",
        "RuntimeDynamicNodeClass",
        "RuntimeDynamicNodePoolOnDemand",
        "RuntimeDynamicRole",
        "RuntimeDynamicRoleDefaultPolicy",
        "RuntimeDynamicRoleIdentity",
        "RuntimeDynamicScaler",
        "RuntimeDynamicSurroundings",
        "SharedQueuesOfRuntimeDynamic",
    }


def test_no_runtime_is_held_by_what_others_know_of_it(everything: Templates) -> None:
    # CloudFormation refuses to remove an export that another stack uses.
    exports = [name for name, output in everything.stacks["Messaging"]["Outputs"].items() if "Export" in output]
    assert not [name for name in exports if "Runtime" in name]
