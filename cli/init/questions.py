"""Questions about a new environment: each answer is checked before the next question."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

import click

from cli.errors import Refused, WrongUsage
from cli.init.answers import ANY_MODEL, EnvironmentAnswers, RuntimeAnswers
from stacks.environment_file import InvalidEnvironmentFile

Answers = TypeVar("Answers", EnvironmentAnswers, RuntimeAnswers)


@dataclass(frozen=True)
class Question(Generic[Answers]):
    """A question about one field of the answers: a text, or a list that is typed with commas."""

    field: str
    option: str
    text: str
    help: str
    #: Value without an answer; None for that of the field.
    default: Callable[[Answers], Any] | None = None
    is_asked: Callable[[Answers], bool] = lambda _: True


def read_list(text: str) -> tuple[str, ...]:
    """Return the entries of a list that commas separate."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _has_engine(answers: EnvironmentAnswers) -> bool:
    return answers.engine != "none"


QUESTIONS: Final[tuple[Question[EnvironmentAnswers], ...]] = (
    Question("name", "NAME", "Name", "Part of the stacks' names and of the file's."),
    Question(
        "engine",
        "--engine",
        "Engine",
        "eks runs the GPUs with Kubernetes, ecs without it. With none you start agents by hand.",
    ),
    Question("region", "--region", "Region", "AWS region, for example eu-central-1 or us-east-1."),
    Question(
        "zones",
        "--zone",
        "Zones",
        "Availability zones with commas. More zones find more spot capacity, and they cannot change later.",
        default=lambda answers: answers.default_zones,
        is_asked=_has_engine,
    ),
    Question(
        "administrators",
        "--administrator",
        "Administrators",
        "ARNs of roles and users that may use kubectl, with commas. Empty is none, and kubectl works for no one.",
        is_asked=lambda answers: answers.engine == "eks",
    ),
    Question(
        "api_keys",
        "--api-key",
        "API keys",
        "Names of the keys with commas, one for each application. AWS makes the keys themselves.",
    ),
    Question(
        "alarm_addresses",
        "--alarm-address",
        "Alarms to",
        "E-mail addresses with commas. Empty is none, and no alarm reaches you.",
    ),
)
RUNTIME_QUESTIONS: Final[tuple[Question[RuntimeAnswers], ...]] = (
    Question("name", "--runtime", "Runtime", "Name by which tasks choose this runtime."),
    Question(
        "model",
        "--runtime",
        "Model",
        f"File of its checkpoint, or {ANY_MODEL}: then each task names a checkpoint of the model bucket.",
    ),
    Question(
        "instance_types",
        "--runtime",
        "Instance types",
        "With commas, for example g6.xlarge. Empty is every size of g5 and g6 with one GPU.",
    ),
    Question(
        "max_replicas",
        "--runtime",
        "Most replicas",
        "Replicas, with a GPU each, that may run at the same time. Without tasks there is none.",
    ),
)


def parse_runtime(text: str) -> RuntimeAnswers:
    """Return the runtime of `NAME=MODEL`, `NAME=MODEL:TYPES` or `NAME=MODEL:TYPES:REPLICAS`; raises WrongUsage."""
    name, equals, rest = text.partition("=")
    model, *more = rest.split(":")
    if not equals or len(more) > 2:  # noqa: PLR2004 - types and replicas
        raise WrongUsage(
            f"--runtime is {text!r}; write NAME=MODEL, and after it, if you like, instance types and the most replicas:"
            " sdxl=sd_xl_base_1.0.safetensors:g6.xlarge,g5.xlarge:8"
        )
    types, replicas = [*more, "", ""][:2]
    given = RuntimeAnswers(name=name, model=model, instance_types=read_list(types))
    return replace(given, max_replicas=replicas) if replicas else given


class Interview:
    """Collects answers: those that options give, then the user's, or the defaults if nothing is asked.

    `check` raises InvalidEnvironmentFile for answers whose file would have a mistake.
    """

    def __init__(self, *, asks: bool, say: Callable[[str], None], check: Callable[[EnvironmentAnswers], None]) -> None:
        self._asks = asks
        self._say = say
        self._check = check

    def answers(self, given: Mapping[str, Any], runtimes: Sequence[RuntimeAnswers]) -> EnvironmentAnswers:
        """Return all answers, without a mistake; raises Refused for a given one that is broken."""
        answers = EnvironmentAnswers()
        for question in QUESTIONS:
            if given.get(question.field):
                answers = replace(answers, **{question.field: given[question.field]})
                self._refuse_mistakes(question.option, answers)
            elif self._asks and question.is_asked(answers):
                answers = self._ask(question, answers, self._check)
        for runtime in runtimes:
            answers = answers.with_runtime(runtime)
            self._refuse_mistakes("--runtime", answers)
        while self._asks and not runtimes:
            answers = answers.with_runtime(self._runtime(answers))
            if not click.confirm("Another runtime?", default=False, err=True):
                break
        return answers

    def _runtime(self, answers: EnvironmentAnswers) -> RuntimeAnswers:
        runtime = RuntimeAnswers()
        if answers.runtimes:
            # Two runtimes cannot have one name, and not one checkpoint.
            runtime = RuntimeAnswers(name=f"runtime{len(answers.runtimes) + 1}", model=ANY_MODEL)
        for question in RUNTIME_QUESTIONS:
            runtime = self._ask(question, runtime, lambda each: self._check(answers.with_runtime(each)))
        return runtime

    def _ask(self, question: Question[Answers], answers: Answers, check: Callable[[Answers], None]) -> Answers:
        """Ask until the answer has no mistake that the answers before it lack."""
        self._say(f"\n{question.help}")
        present = question.default(answers) if question.default else getattr(answers, question.field)
        is_list = isinstance(present, tuple)
        default = ",".join(present) if is_list else present
        while True:
            typed = click.prompt(question.text, default=default, show_default=bool(default), err=True)
            answer: Any = read_list(typed) if is_list else typed.strip()
            answered = replace(answers, **{question.field: answer})
            try:
                check(answered)
            except InvalidEnvironmentFile as error:
                self._say("\n".join(f"  {problem}" for problem in error.problems))
            else:
                return answered

    def _refuse_mistakes(self, option: str, answers: EnvironmentAnswers) -> None:
        try:
            self._check(answers)
        except InvalidEnvironmentFile as error:
            raise Refused(f"{option}: {'; '.join(error.problems)}") from None
