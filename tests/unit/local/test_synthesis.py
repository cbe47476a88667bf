import json
from pathlib import Path
from typing import Any

from local.synthesis import read_assembly


def stack(file: str, dependencies: list[str], **properties: str) -> dict[str, Any]:
    properties = {"templateFile": file, **properties}
    return {"type": "aws:cloudformation:stack", "dependencies": dependencies, "properties": properties}


def test_stacks_are_read_dependencies_first(tmp_path: Path) -> None:
    artifacts = {
        "Api": stack("api.json", ["Messaging", "Api.assets"]),
        "Api.assets": {"type": "cdk:asset-manifest"},
        "Messaging": stack("messaging.json", ["Storage"], stackName="Named"),
        "Storage": stack("storage.json", []),
        "Tree": {"type": "cdk:tree"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    for name in ("api", "messaging", "storage"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"Description": name}))
    stacks = read_assembly(tmp_path)
    assert [stack.name for stack in stacks] == ["Storage", "Named", "Api"]
    assert stacks[1].template == {"Description": "messaging"}
