"""Counter of the attacks that the tests try, for the table in docs/explanation/threat-model.md.

`python docs/count_attacks.py` writes the table. `--check` fails if there are fewer cases than the table says, or other
classes. A case is a test that pytest collects, with one set of parameters, or a request of the corpus by one way in. A
class without a case is an error.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

PROJECT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))

from tests.harness.hostile_requests import HOSTILE_REQUESTS  # noqa: E402 - the project is importable only now

PAGE: Final = PROJECT / "docs" / "explanation" / "threat-model.md"
_BEGIN: Final = "<!-- Written by docs/count_attacks.py -->\n"
_END: Final = "<!-- End of the table -->\n"
_HEAD: Final = "| attack class | what refuses it | cases, at least |\n|---|---|---|\n"


class AttackClass(NamedTuple):
    """Kind of attack: what refuses it, its tests as patterns of pytest's names, and its requests of the corpus.

    The pattern `corpus` is that of the field that a request's refusal names.
    """

    name: str
    refused_by: str
    tests: tuple[str, ...] = ()
    corpus: str = ""


_UNIT: Final = "tests/unit"
#: The test that sends the whole corpus by one way in.
_WAYS_IN: Final = f"{_UNIT}/lambdas/test_hostile_requests.py::test_no_way_in_lets_a_hostile_request_pass.*"
_INPUTS: Final = f"{_UNIT}/runtime_image/agent/prepare/inputs"
ATTACKS: Final = (
    AttackClass(
        "code in model files and fields: pickles, unsafe unpicklers kept early",
        "the launcher of the Web UI",
        (f"{_UNIT}/runtime_image/launcher/test_launcher.py::.*(attack|pickle|unpickler).*",),
    ),
    AttackClass(
        "model files that bring code, lie about their size or replace others",
        "`models push`, the agent's download",
        (
            f"{_UNIT}/contract/test_safetensors_header.py::test_a_header_that_lies.*",
            "tests/integration/cli/test_models_command.py::test_what_should_not_be_uploaded.*",
            "tests/integration/agent/test_model_calls.py::test_(nothing_comes|what_is_no_model|no_model_is).*",
        ),
    ),
    AttackClass(
        "keys, writable models and other networks within reach of the Web UI",
        "the Web UI's container",
        (
            "tests/infrastructure/test_ecs_isolation.py::.*",
            "tests/infrastructure/test_network_policy.py::.*",
            "tests/integration/supervisor/test_webui_host.py::test_the_web_ui_works_without_keys",
            "tests/integration/supervisor/test_hostile_host.py::.*",
        ),
    ),
    AttackClass(
        "names and prefixes that leave their folder",
        "the edge",
        (
            f"{_UNIT}/contract/test_submission.py::test_prefixes_that_are_refused.*",
            f"{_UNIT}/contract/test_routing.py::test_names_that_leave.*",
            f"{_UNIT}/lambdas/test_hostile_input.py::test_a_checkpoint_that_is_no_key.*",
        ),
    ),
    AttackClass(
        "private addresses in every notation, redirects and mixed answers of DNS",
        "`guarded_http`",
        (
            f"{_UNIT}/guarded_http/test_addresses.py::test_private.*",
            f"{_UNIT}/guarded_http/test_client.py::.*(not_public|guarded|redirect).*",
            f"{_INPUTS}/test_http_fetcher.py::.*(redirect|private).*",
            "tests/e2e/test_bad_input.py::test_a_link_to_where_no_link_may_lead.*",
        ),
    ),
    AttackClass(
        "malformed links, foreign buckets and folders",
        "`guarded_http`, the agent",
        (
            f"{_UNIT}/guarded_http/test_url.py::test_bad_links.*",
            f"{_INPUTS}/test_s3_fetcher.py::test_(a_place|what_names_no).*",
        ),
    ),
    AttackClass(
        "pictures that are bombs, too large or something else",
        "the agent",
        (
            f"{_INPUTS}/test_picture_resolver.py::.*(too_large|too_many).*",
            f"{_INPUTS}/test_http_fetcher.py::.*large.*",
            f"{_INPUTS}/test_picture_reader.py::test_(a_picture_that_is|a_text_in|what_the_web_ui_could).*",
            f"{_INPUTS}/test_content_encoding.py::test_a_bomb.*",
        ),
    ),
    AttackClass(
        "regular expressions that a text makes slow",
        "a test of every pattern of the project",
        ("tests/conventions/test_patterns.py::test_a_text_of_twice.*",),
    ),
    AttackClass(
        "scripts and their arguments: code, paths, links, endless plots",
        "the edge, by five ways in",
        corpus=r"(alwayson_scripts|script_).*",
    ),
    AttackClass(
        "options that name paths, commands, saving or the server",
        "the edge, by five ways in",
        corpus=r"override_settings.*",
    ),
    AttackClass(
        "pictures that are paths, links in other fields, values without measure, slow texts",
        "the edge, by five ways in",
        corpus=r"(?!alwayson_scripts|script_|override_settings).*",
    ),
    AttackClass(
        "work beyond the runtime's limits",
        "the edge",
        (f"{_UNIT}/contract/test_work.py::.*", f"{_UNIT}/contract/test_submission.py::test_limits_of_the_runtime.*"),
    ),
    AttackClass(
        "few bytes that need much memory: prompts with choices, broken arguments by the thousand",
        "the edge",
        (
            f"{_UNIT}/contract/test_prompt_matrix.py::test_what_cannot_be_expanded.*",
            f"{_UNIT}/lambdas/test_mcp_tools.py::test_many_broken.*",
        ),
    ),
    AttackClass(
        "values that the Web UI reads in another way, or cannot read",
        "the edge",
        (f"{_UNIT}/contract/test_webui_values.py::.*", f"{_UNIT}/contract/test_option_values.py::.*everything_else.*"),
    ),
    AttackClass(
        "broken JSON, half surrogate pairs, nested and forged messages",
        "the edge, the dead-letter function",
        (
            f"{_UNIT}/contract/test_json_values.py::test_what_is_not.*",
            f"{_UNIT}/lambdas/test_hostile_input.py::test_(a_rejection|half_a|a_pointer|a_made_up).*",
            f"{_UNIT}/runtime_image/agent/intake/test_message_reader.py::.*refused.*",
        ),
    ),
    AttackClass(
        "tasks, outputs, uploads, messages and webhooks of another tenant",
        "the tenant in the key of a task, the edge",
        (
            f"{_UNIT}/contract/test_tenancy.py::test_no_id.*",
            f"{_UNIT}/lambdas/test_tenants.py::.*",
            f"{_UNIT}/lambdas/test_own_links.py::.*(refused|without_end).*",
            f"{_UNIT}/lambdas/test_signing_keys.py::test_a_receiver_cannot.*",
            "tests/e2e/test_tenants.py::.*",
        ),
    ),
    AttackClass(
        "wrong, missing, revoked and disguised keys",
        "authorizer, API Gateway, function URL",
        (
            f"{_UNIT}/lambdas/test_authorizer.py::.*",
            f"{_UNIT}/lambdas/test_handlers.py::test_every_other_key.*",
            f"{_UNIT}/lambdas/test_function_url.py::.*(without_a_key|nobody).*",
            "tests/e2e/test_bad_input.py::test_a_wrong_key.*",
        ),
    ),
    AttackClass(
        "webhooks to private hosts, and redirects of receivers",
        "the edge, `deliver_webhook`",
        (
            f"{_UNIT}/contract/test_submission.py::test_webhooks_that_are_refused.*",
            f"{_UNIT}/lambdas/test_deliver_webhook.py::.*redirect.*",
        ),
    ),
    AttackClass(
        "secrets of callers in records, logs and errors",
        "redaction at the edge, `guarded_http`",
        (
            f"{_UNIT}/lambdas/test_outcomes.py::TestDeadLetters::test_a_token_is_not_kept.*",
            f"{_UNIT}/lambdas/test_task_submission.py::test_a_secret_is_published.*",
            f"{_INPUTS}/test_picture_resolver.py::.*holds_no_secret.*",
            f"{_INPUTS}/test_picture_resolver.py::.*signature.*",
            "tests/integration/agent/test_model_calls.py::test_a_token.*",
        ),
    ),
    AttackClass(
        "packages, wheels, images and charts that were replaced",
        "the image's build, `make pins`",
        (
            f"{_UNIT}/runtime_image/image/test_build_scripts.py::.*(ends_the_build).*",
            f"{_UNIT}/stacks/test_record_pins.py::.*(replaced|missing_pin|does_not_have).*",
        ),
    ),
)


def collected(files: Sequence[str]) -> list[str]:
    """Return the names of all test cases in these files."""
    # The project's own options would shorten the names.
    options = "addopts=--import-mode=importlib -p no:schemathesis -p no:xdist -p no:cacheprovider"
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-o", options, *files]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if result.returncode:
        raise SystemExit(f"pytest cannot collect the attacks:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return [line for line in result.stdout.splitlines() if "::" in line]


def counted() -> list[tuple[AttackClass, int]]:
    """Return the number of cases of each attack class; ends the program if a pattern finds no test."""
    patterns = (_WAYS_IN, *(pattern for attack in ATTACKS for pattern in attack.tests))
    names = collected(sorted({pattern.partition("::")[0] for pattern in patterns}))
    ways_in = sum(1 for name in names if re.fullmatch(_WAYS_IN, name))
    counts = []
    for attack in ATTACKS:
        found = {pattern: {name for name in names if re.fullmatch(pattern, name)} for pattern in attack.tests}
        if missing := [pattern for pattern, cases in found.items() if not cases]:
            raise SystemExit(f"{attack.name}: no test has the name {missing[0]}; correct docs/count_attacks.py")
        requests = sum(
            1 for request in HOSTILE_REQUESTS if attack.corpus and re.fullmatch(attack.corpus, request.field or "")
        )
        cases = len(set().union(*found.values())) + requests * ways_in
        if not cases:
            raise SystemExit(f"{attack.name}: no request has a field of its pattern; correct docs/count_attacks.py")
        counts.append((attack, cases))
    return counts


def check(text: str) -> str:
    """Return what is wrong with the table in the page's text, or nothing."""
    rows = re.findall(r"^\| (.+) \| (.+) \| (\d+) \|$", text, re.MULTILINE)
    documented = {(name, refused_by): int(cases) for name, refused_by, cases in rows}
    actual = {(attack.name, attack.refused_by): cases for attack, cases in counted()}
    if documented.keys() == actual.keys() and all(documented[row] <= cases for row, cases in actual.items()):
        return ""
    return f"{PAGE.relative_to(PROJECT)} is not true; run python docs/count_attacks.py"


def main(arguments: Sequence[str]) -> str:
    """Write or check the page, and return what is wrong with it."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in arguments:
        return check(text)
    before, _, rest = text.partition(_BEGIN)
    rows = "".join(f"| {attack.name} | {attack.refused_by} | {cases} |\n" for attack, cases in counted())
    PAGE.write_text(f"{before}{_BEGIN}\n{_HEAD}{rows}\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
