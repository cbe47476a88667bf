"""Numbers in the documents: each is that of its constant."""

import pytest

from contract.batch import MAX_BATCH_BYTES, MAX_BATCH_TASKS
from contract.folder import MAX_PREFIX_BYTES
from contract.output_request import MAX_PUT_LINKS
from contract.pipeline.graph_check import MAX_NODES
from contract.script_tables import MAX_PROMPT_LENGTH
from contract.task import (
    DEFAULT_EXECUTION_TIMEOUT_MS,
    DEFAULT_TTL_MS,
    MAX_CONTEXT_BYTES,
    MAX_POLICY_MS,
    MIN_EXECUTION_TIMEOUT_MS,
    MIN_TTL_MS,
)
from contract.upload import MAX_LINKS, MAX_TASK_BYTES, MAX_UPLOAD_BYTES
from contract.webhook import MAX_WEBHOOK_ATTEMPTS, PAUSES_SECONDS
from contract.work import MAX_PIXELS, MAX_TASK_PIXELS
from lambdas.create_upload.upload_forms import FORM_SECONDS
from lambdas.deliver_webhook.webhook_client import ATTEMPT_SECONDS
from lambdas.http.function_url import GATEWAY_RESPONSE_SECONDS
from lambdas.runpod_api.handler import DEFAULT_WAIT_MS, MAX_WAIT_MS, MIN_WAIT_MS
from lambdas.tasks.task_list import DEFAULT_LIMIT, MAX_LIMIT
from runtime_image.agent.generate.ready_queue import MAX_OVERTAKEN
from stacks.config.access import SAFE_MESSAGE_BYTES
from stacks.config.runtime import MAX_RUNTIMES
from stacks.storage import OVERWRITTEN_MODEL_DAYS
from tests.harness.documented_code import PROJECT

KIB, MIB, MEGA = 1024, 1024 * 1024, 1_000_000
#: Minutes between the attempts of a webhook, but for the first two.
_MINUTES = [str(seconds // 60) for seconds in PAUSES_SECONDS[2:]]
TEXTS = (
    ("explanation/scale.md", f"at most {MAX_RUNTIMES} runtimes"),
    ("how-to/batches.md", f"up to {MAX_BATCH_TASKS:,} tasks"),
    ("how-to/batches.md", f"up to {MAX_BATCH_BYTES // MIB} MiB"),
    ("how-to/doors.md", f"after {GATEWAY_RESPONSE_SECONDS:.0f} seconds behind API Gateway"),
    ("how-to/models.md", f"by more than {'eight' if MAX_OVERTAKEN == 8 else MAX_OVERTAKEN}"),
    ("how-to/operations.md", f"for {OVERWRITTEN_MODEL_DAYS} days"),
    ("how-to/outputs.md", f"one a picture and {MAX_PUT_LINKS} at most"),
    ("how-to/runpod.md", f"{MIN_WAIT_MS:,} to {MAX_WAIT_MS:,} (default {DEFAULT_WAIT_MS:,})"),
    ("how-to/uploads.md", f"the entry topic {SAFE_MESSAGE_BYTES // KIB} KiB"),
    ("how-to/uploads.md", f"with this form: {MAX_UPLOAD_BYTES // MIB} MiB"),
    ("how-to/uploads.md", f"the end of the form, after {FORM_SECONDS // 60} minutes"),
    ("how-to/webhooks.md", f"must answer within {ATTEMPT_SECONDS:.0f} seconds"),
    ("how-to/webhooks.md", f"after 10 and 30 seconds, {', '.join(_MINUTES[:-1])} and {_MINUTES[-1]} minutes"),
    ("how-to/webhooks.md", f"{'nine' if MAX_WEBHOOK_ATTEMPTS == 9 else MAX_WEBHOOK_ATTEMPTS} attempts"),
    ("reference/tasks.md", f"any JSON value up to {MAX_CONTEXT_BYTES // KIB} KiB"),
    ("reference/tasks.md", f"the end: {MIN_EXECUTION_TIMEOUT_MS:,} to"),
    ("reference/tasks.md", f"default {DEFAULT_EXECUTION_TIMEOUT_MS:,}, or less"),
    ("reference/tasks.md", f"{MIN_TTL_MS:,} to {MAX_POLICY_MS:,} (7 days); default {DEFAULT_TTL_MS:,} (a day)"),
    ("reference/tasks.md", f"at most {MAX_PREFIX_BYTES} bytes"),
    ("reference/tasks.md", f"at most {MAX_PROMPT_LENGTH:,} characters"),
    ("reference/tasks.md", f"{MAX_LINKS} links a task"),
    ("reference/tasks.md", f"1 to {MAX_LIMIT} (default {DEFAULT_LIMIT})"),
    ("reference/tasks.md", f"more than {MAX_PIXELS // MEGA} megapixels"),
    ("reference/tasks.md", f"more than {MAX_TASK_BYTES // MIB} MiB or {MAX_TASK_PIXELS // MEGA} megapixels in all"),
    ("reference/workflows.md", f"1 to {MAX_NODES:,} nodes"),
)


@pytest.mark.parametrize(("page", "text"), TEXTS)
def test_a_documented_number_is_that_of_the_code(page: str, text: str) -> None:
    assert text in " ".join((PROJECT / "docs" / page).read_text(encoding="utf-8").split())
