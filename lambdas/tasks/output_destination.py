"""Check of the destination that a task names for copies of its pictures."""

from contract.errors import FieldError, InvalidTask
from contract.submission import Submission
from contract.tenancy import Tenant


def check_destination(submission: Submission, tenant: Tenant) -> None:
    """Raise InvalidTask if a task names a destination that its tenant may not use."""
    destination = submission.task.metadata.output.destination
    if destination is None or any(each.covers(destination) for each in tenant.destinations):
        return
    places = ", ".join(f"s3://{each.place}" for each in tenant.destinations)
    advice = f"write a folder below {places}" if places else "`outputDestinations` of the environment names none"
    field = submission.original_field("task.metadata.output.destination")
    raise InvalidTask([FieldError(field, f"is not allowed; {advice}", "destination_not_allowed")])
