"""Rules that hold in every simulation, whatever fails: each yields the name of a task or batch, and what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from contract.batch import Batch
from contract.callback import callback_for
from contract.json_values import compact_json
from contract.record import MAX_ATTEMPTS, Record
from tests.simulation.callers import KEYS, TOKEN
from tests.simulation.simulation import Simulation

Broken = Iterator[tuple[str, str]]


def all_has_ended(simulation: Simulation) -> Broken:
    """No task, batch or message is left behind."""
    for version in simulation.stream.latest.values():
        if not version.is_final:
            yield version.id, f"it is still {version.status.value}"
    for queue, messages in simulation.sqs.queues.items():
        for message in messages:
            yield message.id, f"message {message.id} is still in the queue {queue}: {message.body[:300]}"
    for reader in simulation.readers:
        if reader.set_aside or not reader.is_at_end:
            yield "", f"changes of the table are not settled: {reader.set_aside}"


def an_accepted_task_is_recorded(simulation: Simulation) -> Broken:
    """The HTTP API accepts no task that is nowhere."""
    recorded = {(version.id, version.run_id) for version in simulation.stream.versions}
    for record in simulation.callers.accepted:
        if (record.id, record.run_id) not in recorded:
            yield record.id, f"run {record.run_id} was accepted and never recorded"


def attempts_have_a_limit(simulation: Simulation) -> Broken:
    """No run has more attempts than it may have."""
    for record in _records(simulation):
        if record.attempts > MAX_ATTEMPTS:
            yield record.id, f"run {record.run_id} has {record.attempts} attempts; {MAX_ATTEMPTS} are allowed"


def a_final_state_stays(simulation: Simulation) -> Broken:
    """A run ends once."""
    ended: dict[tuple[str, str], str] = {}
    for version in simulation.stream.versions:
        run = version.id, version.run_id
        if run in ended and ended[run] != version.status.value:
            yield version.id, f"run {version.run_id} was {ended[run]}, and became {version.status.value}"
        if version.is_final:
            ended[run] = version.status.value


def each_end_is_published(simulation: Simulation) -> Broken:
    """Each run and batch that ended has one callback, which may come several times, and its webhook."""
    sent = Counter(body for body, _ in simulation.completion_topic.sent)
    webhooks = {(ended.id, ended.run_id) for ended in simulation.harness.webhooks.sent}
    for ended in _ended(simulation).values():
        if not sent[compact_json(callback_for(ended))]:
            yield ended.id, f"run {ended.run_id} is {ended.status.value} without a callback"
        if ended.webhook and (ended.id, ended.run_id) not in webhooks:
            yield ended.id, f"run {ended.run_id} is {ended.status.value} without its webhook"


def batches_count_their_tasks(simulation: Simulation) -> Broken:
    """The states of a batch are those of its tasks."""
    records = defaultdict(list)
    for ended in _ended(simulation).values():
        if isinstance(ended, Record) and ended.batch:
            records[ended.batch, ended.batch_number].append(ended.status.value.lower())
    for batch in simulation.stream.latest.values():
        if isinstance(batch, Batch):
            for number in range(1, batch.task_count + 1):
                states = [state.value for state, numbers in batch.states.items() if number in numbers]
                allowed = records[batch.id, number][:1] or ["refused", "cancelled"]
                if len(states) != 1 or states[0] not in allowed:
                    yield batch.id, f"its task {number} is {states}, and the record says {allowed}"


def tokens_reach_the_agent(simulation: Simulation) -> Broken:
    """A message alone has the token of its task, so each claimed one must have it."""
    with_secret = {(record.key, record.run_id) for record in _records(simulation) if record.has_secret}
    for agent in (*simulation.agents.values(), *simulation.former_agents):
        for message in agent.messages:
            if (message.task_key, message.run_id) in with_secret and TOKEN not in message.to_body():
                yield message.task.metadata.id, f"run {message.run_id} was claimed without its token"


def places_are_released(simulation: Simulation) -> Broken:
    """A place under the limit of a key belongs to an active run, or can be released."""
    for key in KEYS:
        names = list(simulation.active_runs.reserved_at_ms(key) or {})
        for name in set(names) - set(simulation.active_runs.ended(names) if names else ()):
            yield name.partition("/")[0], f"{name} keeps its place under the limit of the key {key}"


RULES = (
    all_has_ended,
    an_accepted_task_is_recorded,
    attempts_have_a_limit,
    a_final_state_stays,
    each_end_is_published,
    batches_count_their_tasks,
    tokens_reach_the_agent,
    places_are_released,
)


def _records(simulation: Simulation) -> Iterator[Record]:
    return (version for version in simulation.stream.versions if isinstance(version, Record))


def _ended(simulation: Simulation) -> dict[tuple[str, str], Record | Batch]:
    """Return the first final version of each run and batch."""
    final = [version for version in simulation.stream.versions if version.is_final]
    return {(version.key, version.run_id): version for version in reversed(final)}
