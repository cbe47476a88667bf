"""Log shipping from replicas to CloudWatch, which extracts the metrics in the logs.

Fluent Bit sends each line unchanged. The lines of agent and supervisor are JSON, and CloudWatch's embedded metric
format must not be wrapped.
"""

import json
from typing import Final

from aws_cdk import Aws, aws_iam, aws_logs
from constructs import Construct

from contract.cold_start import log_metrics_namespace
from stacks.config import Environment
from stacks.constructs.kubernetes.cluster import KubernetesCluster, pod_principal
from stacks.constructs.kubernetes.names import NAMESPACE_PREFIX, RUNTIME, RUNTIME_LABEL, WEBUI, Manifest
from stacks.constructs.monitoring.metrics import MINUTE, NODES_METRIC
from stacks.constructs.permissions import allow
from stacks.constructs.retention import TaskLogGroup
from stacks.pinned_versions import PINS

NAMESPACE: Final = "log-shipping"
NAME: Final = "fluent-bit"
#: The kubelet's logs of containers, named `{pod}_{namespace}_{container}-{id}.log`.
LOG_FILES: Final = ",".join(f"/var/log/containers/*_{NAMESPACE_PREFIX}*_{name}-*.log" for name in (RUNTIME, WEBUI))
#: Event that each of these pods logs once a minute for its node.
NODE_EVENT: Final = "node_present"


class LogShipping(Construct):
    """Pod on each node with replicas, which may write to one log group.

    It counts the nodes as well: EKS Auto Mode has no metric of them, and those of EC2 mix all environments.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        cluster: KubernetesCluster,
        environment: Environment,
    ) -> None:
        super().__init__(scope, id_)
        self.log_group = TaskLogGroup(self, "RuntimeLogs", environment=environment)
        aws_logs.MetricFilter(
            self,
            "Nodes",
            log_group=self.log_group,
            filter_pattern=aws_logs.FilterPattern.string_value("$.event", "=", NODE_EVENT),
            metric_namespace=log_metrics_namespace(environment.name),
            metric_name=NODES_METRIC,
            metric_value="1",
        )
        role = aws_iam.Role(self, "Role", assumed_by=pod_principal(NAMESPACE, NAME))
        allow(role, "logs:CreateLogStream", "logs:PutLogEvents", on=self.log_group.log_group_arn)
        identity = cluster.identify("Identity", role=role, namespace=NAMESPACE, service_account=NAME)
        manifests = cluster.apply(
            "LogShipping",
            _namespace(),
            _service_account(),
            _configuration(region=Aws.REGION, log_group=self.log_group.log_group_name),
            _daemon_set(),
        )
        manifests.node.add_dependency(identity)


def _namespace() -> Manifest:
    # It reads files of the node, which confined pods must not.
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _service_account() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "automountServiceAccountToken": False,
    }


def _configuration(*, region: str, log_group: str) -> Manifest:
    lines = [
        "[SERVICE]",
        "    Flush 5",
        "    Log_Level warn",
        "    Parsers_File /fluent-bit/etc/parsers.conf",
        "[INPUT]",
        "    Name tail",
        "    Tag runtime.*",
        f"    Path {LOG_FILES}",
        "    multiline.parser cri",
        "    DB /var/state/tail.db",
        "    Mem_Buf_Limit 32MB",
        "    Skip_Long_Lines On",
        "    Read_from_Head On",
        "[INPUT]",
        "    Name dummy",
        "    Tag runtime.node",
        f"    Dummy {json.dumps({'log': json.dumps({'event': NODE_EVENT})})}",
        f"    Interval_Sec {MINUTE}",
        "    Flush_on_startup true",
        "[OUTPUT]",
        "    Name cloudwatch_logs",
        "    Match runtime.*",
        f"    region {region}",
        f"    log_group_name {log_group}",
        "    log_stream_prefix pod-",
        "    log_key log",
        "    log_format json/emf",
        "    auto_create_group false",
    ]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {"fluent-bit.conf": "\n".join(lines) + "\n"},
    }


def _daemon_set() -> Manifest:
    labels = {"app.kubernetes.io/name": NAME}
    only_with_replicas = {"matchExpressions": [{"key": RUNTIME_LABEL, "operator": "Exists"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": NAME,
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 30,
                    "affinity": {
                        "nodeAffinity": {
                            "requiredDuringSchedulingIgnoredDuringExecution": {
                                "nodeSelectorTerms": [only_with_replicas]
                            }
                        }
                    },
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        {
                            "name": NAME,
                            "image": PINS["FLUENT_BIT_IMAGE"],
                            "command": ["/fluent-bit/bin/fluent-bit", "-c", "/configuration/fluent-bit.conf"],
                            "resources": {
                                "requests": {"cpu": "50m", "memory": "64Mi"},
                                "limits": {"memory": "256Mi"},
                            },
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                # The node's log files belong to root. The container only reads them.
                                "runAsUser": 0,
                                "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]},
                                "seccompProfile": {"type": "RuntimeDefault"},
                            },
                            "volumeMounts": [
                                {"name": "configuration", "mountPath": "/configuration", "readOnly": True},
                                {"name": "logs", "mountPath": "/var/log", "readOnly": True},
                                {"name": "state", "mountPath": "/var/state"},
                            ],
                        }
                    ],
                    "volumes": [
                        {"name": "configuration", "configMap": {"name": NAME}},
                        {"name": "logs", "hostPath": {"path": "/var/log"}},
                        {"name": "state", "emptyDir": {}},
                    ],
                },
            },
        },
    }
