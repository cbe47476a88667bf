"""The judges of Kubernetes that need no cluster: the API's own schemas, and those of Karpenter, KEDA and EKS."""

import json
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings
from jsonschema import Draft202012Validator

from stacks.nodejs import node_program
from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import Templates, environment_parameters

#: The version of the cluster (stacks/constructs/kubernetes/cluster.py).
KUBERNETES_VERSION = "1.36"
#: Environments with an engine on Kubernetes.
ENVIRONMENTS = ("everything", "eks", "eks-china", "existing", "two-runtimes", "example")
#: Kinds that npm has models of.
MODELLED = {"NodePool", "ScaledObject", "TriggerAuthentication"}
#: Kinds that extend Kubernetes.
EXTENSIONS = {*MODELLED, "NodeClass"}
#: Definitions as their projects publish them, on machines that have them.
DEFINITIONS = Path(__file__).parents[3] / "shared" / "crds"
#: Language of the rules in the definitions.
RULES = cel.NewEnv(variables={"self": cel.Type.DYN}, extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings()])


@pytest.fixture(params=environment_parameters(*ENVIRONMENTS))
def manifests(request: pytest.FixtureRequest, templates_of: TemplatesOf) -> list[dict[str, Any]]:
    manifests: list[dict[str, Any]] = templates_of(request.param).manifests
    return manifests


def test_every_object_of_kubernetes_itself_fits_its_schema(manifests: list[dict[str, Any]]) -> None:
    core = [manifest for manifest in manifests if manifest["kind"] not in EXTENSIONS]
    assert {"Namespace", "ServiceAccount", "Deployment", "NetworkPolicy", "ConfigMap"} <= {m["kind"] for m in core}
    for manifest in core:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)


def test_a_misspelt_field_would_be_found(manifests: list[dict[str, Any]]) -> None:
    (deployment,) = [manifest for manifest in manifests if manifest["kind"] == "Deployment"][:1]
    broken = deepcopy(deployment)
    broken["spec"]["template"]["spec"]["terminationGracePeriod"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(broken, KUBERNETES_VERSION, strict=True)


def complaints(manifests: list[dict[str, Any]]) -> list[str | None]:
    script = Path(__file__).with_name("validate_manifests.mjs")
    command = [str(node_program()), str(script)]
    result = subprocess.run(command, input=json.dumps(manifests), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found: list[str | None] = json.loads(result.stdout)
    return found


def test_karpenters_and_kedas_objects_fit_the_models_of_npm(manifests: list[dict[str, Any]]) -> None:
    found = [manifest for manifest in manifests if manifest["kind"] in MODELLED]
    assert {manifest["kind"] for manifest in found} == MODELLED
    broken = deepcopy(found[0])
    broken["spec"] = 3
    *good, bad = complaints([*found, broken])
    assert [complaint for complaint in good if complaint] == []
    assert bad


def published_schema(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the published schema of an object's kind."""
    for file in DEFINITIONS.glob("*.yaml"):
        document = yaml.safe_load(file.read_text())
        if document["spec"]["names"]["kind"] == manifest["kind"]:
            version = manifest["apiVersion"].partition("/")[2]
            schema: dict[str, Any]
            (schema,) = [
                entry["schema"]["openAPIV3Schema"] for entry in document["spec"]["versions"] if entry["name"] == version
            ]
            return schema
    raise AssertionError(f"no definition of {manifest['kind']}")


def definition(manifest: dict[str, Any]) -> Draft202012Validator:
    """Return the definition of an object's kind; the API server would drop unknown fields."""
    return Draft202012Validator(closed(published_schema(manifest)))


def broken_rules(schema: dict[str, Any], value: Any) -> Iterator[str]:
    """Yield the messages of the rules that a new object breaks, as the API server evaluates them."""
    for rule in schema.get("x-kubernetes-validations", ()):
        # A rule with the old value concerns changes. `find` is an extension of Kubernetes, here for a label's domain.
        if "oldSelf" not in rule["rule"]:
            text = rule["rule"].replace('.find("^([^/]+)")', '.split("/")[0]')
            if RULES.compile(text).eval(data={"self": value}).plain_value() is not True:
                yield rule.get("message", rule["rule"])
    match value:
        case dict():
            for key, part in value.items():
                inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
                yield from broken_rules(inner, part) if isinstance(inner, dict) else ()
        case list():
            for part in value:
                yield from broken_rules(schema["items"], part)


def closed(schema: Any) -> Any:
    """Return a schema that allows no properties but those that it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        named = result["properties"]
        if schema.get("type") == "object" and "apiVersion" in named and "metadata" in named:
            named["metadata"] = {"type": "object"}
        result.setdefault("additionalProperties", False)
    return result


@pytest.mark.skipif(not DEFINITIONS.is_dir(), reason="this machine has no folder shared/crds")
def test_karpenters_and_kedas_objects_fit_their_definitions_and_have_no_unknown_field(
    manifests: list[dict[str, Any]],
) -> None:
    for manifest in manifests:
        if manifest["kind"] in MODELLED:
            assert [error.message for error in definition(manifest).iter_errors(manifest)] == []
            assert list(broken_rules(published_schema(manifest), manifest)) == []


@pytest.mark.skipif(not DEFINITIONS.is_dir(), reason="this machine has no folder shared/crds")
def test_an_unknown_field_would_be_found(everything: Templates) -> None:
    manifest = deepcopy(everything.manifest("ScaledObject", "runtime-sdruntime"))
    manifest["spec"]["scaleOnInFlight"] = True
    assert [error.message for error in definition(manifest).iter_errors(manifest)]


@pytest.mark.skipif(not DEFINITIONS.is_dir(), reason="this machine has no folder shared/crds")
@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ({"key": "karpenter.sh/purchase", "operator": "In", "values": ["spot"]}, 'label domain "karpenter.sh" is'),
        ({"key": "darkroom/runtime", "operator": "In", "values": []}, "requirements with operator 'In' must have a"),
        ({"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}, 'label "kubernetes.io/hostname" is'),
    ],
)
def test_a_broken_rule_would_be_found(everything: Templates, requirement: dict[str, Any], message: str) -> None:
    manifest = deepcopy(everything.manifest("NodePool", name="runtime-sdruntime-spot"))
    manifest["spec"]["template"]["spec"]["requirements"].append(requirement)
    (found,) = broken_rules(published_schema(manifest), manifest)
    assert found.startswith(message)


#: The fields of EKS Auto Mode's NodeClass that we use, as the user guide of EKS describes them; it has no published
#: definition.
NODE_CLASS = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "eks.amazonaws.com/v1"},
        "kind": {"const": "NodeClass"},
        "metadata": {"type": "object", "properties": {"name": {"not": {"const": "default"}}}},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["role", "subnetSelectorTerms", "securityGroupSelectorTerms"],
            "properties": {
                "role": {"type": "string"},
                "subnetSelectorTerms": {"$ref": "#/$defs/terms"},
                "securityGroupSelectorTerms": {"$ref": "#/$defs/terms"},
                "advancedNetworking": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"ipv4PrefixSize": {"enum": ["Auto", "32"]}},
                },
                "networkPolicy": {"enum": ["DefaultAllow", "DefaultDeny"]},
                "networkPolicyEventLogs": {"enum": ["Enabled", "Disabled"]},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                "ephemeralStorage": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "size": {"type": "string", "pattern": r"^\d{1,5}Gi$"},
                        "iops": {"type": "integer", "minimum": 3000, "maximum": 16000},
                        "throughput": {"type": "integer", "minimum": 125, "maximum": 1000},
                    },
                },
            },
        },
    },
    "$defs": {
        "terms": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "additionalProperties": False, "properties": {"id": {"type": "string"}}},
        }
    },
}


def test_node_classes_are_what_the_guide_of_eks_describes(manifests: list[dict[str, Any]]) -> None:
    classes = [manifest for manifest in manifests if manifest["kind"] == "NodeClass"]
    assert classes
    for manifest in classes:
        assert [error.message for error in Draft202012Validator(NODE_CLASS).iter_errors(manifest)] == []
