"""Saved queries of CloudWatch Logs Insights for questions that operators ask again and again."""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_logs
from constructs import Construct

#: Query by its name in the console. Functions log an event's name as `message`, agents as `event`.
#: A metric in a line is a list of one number, and Logs Insights names the elements of a list: `TotalSeconds.0`.
QUERIES: Final[Mapping[str, str]] = {
    "Journey of a task": """fields @timestamp, coalesce(event, message) as happened, attempt, status, reason, @log
| filter task_id = "PUT THE ID OF THE TASK HERE"
| sort @timestamp asc""",
    "Why tasks fail": """filter message = "callback_published" and status in ["FAILED", "TIMED_OUT"]
| stats count(*) as tasks, latest(reason) as example, latest(task_id) as example_id by runtime, code
| sort tasks desc""",
    "Why tasks are refused": """filter message in ["task_rejected", "request_refused"]
| stats count(*) as tasks, latest(error.message) as example by error.code
| sort tasks desc""",
    "Why webhooks fail": """filter message = "webhook_attempted" and state != "delivered"
| stats count(*) as attempts, latest(task_id) as example by host, http_status, error, state
| sort attempts desc""",
    "Slowest tasks": """filter ispresent(TotalSeconds.0)
| fields @timestamp, runtime, task_id, tasktype, TotalSeconds.0
| fields TaskDelaySeconds.0, FetchSeconds.0, GenerateSeconds.0, StoreSeconds.0
| sort TotalSeconds.0 desc
| limit 50""",
    "Where the time goes": """filter ispresent(TotalSeconds.0)
| stats count(*) as tasks, pct(TaskDelaySeconds.0, 50) as delay_p50, pct(TaskDelaySeconds.0, 95) as delay_p95,
    pct(GenerateSeconds.0, 50) as generate_p50, pct(GenerateSeconds.0, 95) as generate_p95,
    pct(TotalSeconds.0, 50) as total_p50, pct(TotalSeconds.0, 95) as total_p95 by runtime, tasktype""",
    "Released tasks": """filter event = "task_released"
| stats count(*) as tasks, latest(reason) as example by code, @logStream
| sort tasks desc""",
    "Tasks cancelled or lost": """filter event in ["task_cancelled", "lease_lost", "lease_expired", "message_lost"]
    or message = "replica_vanished"
| fields coalesce(event, message) as happened
| stats count(*) as tasks, latest(task_id) as example by happened, runtime, @logStream
| sort tasks desc""",
    "Output of Web UIs": """filter event = "webui_output"
| fields @timestamp, line, @logStream
| sort @timestamp desc
| limit 500""",
    # Lambda itself writes why a function ended, as text. A refused key ends the authorizer in the same way.
    "Errors": r"""filter level = "ERROR" or @message like /^\[ERROR\]|Task timed out after|Runtime exited with error/
| filter @message not like /^\[ERROR\] Unauthorized:/
| fields @timestamp, coalesce(event, message, @message) as happened, service, task_id, exception_name, exception, @log
| sort @timestamp desc
| limit 100""",
}
#: Part of the logical id of a query that was renamed. A new id would delete and create the query again.
_FORMER_NAMES: Final = {"Released tasks": "Tasks Handed Back"}


class SavedQueries(Construct):
    """One definition for each query, over all `log_groups`, in a folder with the environment's name."""

    def __init__(self, scope: Construct, id_: str, *, environment: str, log_groups: Sequence[str]) -> None:
        super().__init__(scope, id_)
        for name, query in QUERIES.items():
            aws_logs.CfnQueryDefinition(
                self,
                _FORMER_NAMES.get(name, name).title().replace(" ", ""),
                name=f"Darkroom/{environment}/{name}",
                query_string=query,
                log_group_names=list(log_groups),
            )
