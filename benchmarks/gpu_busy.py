"""Busy share of the GPU under the agent, next to bare loops that only send requests.

The stub Web UI represents the GPU: its lock is held for a chosen time a picture. With `--engine comfyui` it is the
stub ComfyUI, which runs one prompt at a time. The agent, the local AWS and the engine are separate processes. All
figures of one run come from one machine at one time.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.agent_process import cpu_ms, peak_rss_mb
from benchmarks.bare_loop import bare_request, run_bare_loop, send_request
from benchmarks.benchmark_runtime import BenchmarkRuntime
from benchmarks.comfyui_stub import ComfyUiStub
from benchmarks.command_line import Target, benchmark_parser, exit_on_sigterm, print_json, target_lines
from benchmarks.lock_use import lock_use
from benchmarks.processes import Server, local_aws, running, serving, start, start_agent, wait_until
from benchmarks.stub_arguments import stub_arguments
from stub_webui.journal import GenerationStep, JournaledGeneration, count_steps, read_journal
from stub_webui.web_ui import LINKS

IN_FLIGHT: Final = (1, 2, 3)
#: Seconds for which each bare loop goes on, at most and at least as many requests.
BARE_SECONDS: Final = 6.0
BARE_MIN_TASKS: Final = 5
#: Tasks of the simplest worker, whose CPU is measured.
SEQUENTIAL_TASKS: Final = 20
#: Seconds beyond those that the lock is held for, after which tasks that are not done are lost.
PATIENCE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
#: Rate of the local S3 on a busy machine.
UPLOAD_BYTES_PER_SECOND: Final = 8_000_000
#: Part of the time for which the GPU must be busy.
BUSY_SHARE: Final = 0.99
#: Seconds a picture below which no loop keeps the GPU busy, and the part of the best bare loop's rate to reach then.
SHORT_SECONDS: Final = 0.1
SHORT_SHARE: Final = 0.9
#: With a noisy neighbour: the part of the rate of the bare loop with so many requests in flight, whatever the length
#: of a picture, and the agent's CPU a task as a multiple of that of a loop which sends one request after the other.
NOISY_SHARE: Final = 0.85
NOISY_IN_FLIGHT: Final = 3
NOISY_CPU_FACTOR: Final = 4.0
#: The agent's milliseconds of CPU for a task of one picture, by kind: those of an agent without leases, and a quarter
#: more. They were measured on one machine; another may be slower.
CPU_MS: Final[Mapping[str, float]] = {"txt2img": 25.0, "img2img": 35.0, "pipeline": 35.0}
#: Of one picture of 512² a task. A workflow's files stay on the disk, whatever their size.
MEMORY_MB: Final[Mapping[str, float]] = {"webui": 120.0, "comfyui": 130.0}
#: With ComfyUI, whose prompts of a quarter of a second follow each other a little later.
SHORT_PROMPT_SECONDS: Final = 0.5
SHORT_PROMPT_SHARE: Final = 0.98
FIRST_REQUEST_SECONDS: Final = 0.8
_TASK_TYPES: Final = {"txt2img": "text-to-image", "img2img": "image-to-image", "pipeline": "pipeline"}


@dataclass(frozen=True)
class GpuBusyResult:
    """Measured figures; shares are 0 to 1."""

    busy_share: float
    tasks_per_second: float
    best_loop_tasks_per_second: float
    best_loop_busy_share: float
    loop_tasks_per_second: dict[str, float]
    sequential_cpu_ms_per_task: float
    gap_ms_p50: float
    gap_ms_p95: float
    cpu_ms_per_task: float
    peak_rss_mb: float
    start_to_first_request_s: float
    lost: int
    doubled: int


def targets_of(options: argparse.Namespace, result: GpuBusyResult) -> list[Target]:
    """Return the targets of this kind of work, most of them relative to what the bare loops reached in this run."""
    if options.neighbour is not None:
        loop_ratio = result.tasks_per_second / result.loop_tasks_per_second[str(NOISY_IN_FLIGHT)]
        cpu_ratio = result.cpu_ms_per_task / result.sequential_cpu_ms_per_task
        return [
            Target(
                f"share of the tasks of the loop with {NOISY_IN_FLIGHT} in flight at least {NOISY_SHARE:.0%}",
                loop_ratio >= NOISY_SHARE,
            ),
            Target(f"CPU a task at most {NOISY_CPU_FACTOR:g} times a sequential loop's", cpu_ratio <= NOISY_CPU_FACTOR),
            _nothing_lost(result),
        ]
    is_short = options.seconds_per_picture < SHORT_SECONDS
    share = SHORT_SHARE if is_short else BUSY_SHARE
    reached, name = result.busy_share, "busy share"
    if options.engine == "comfyui":
        share = SHORT_PROMPT_SHARE if options.seconds_per_picture < SHORT_PROMPT_SECONDS else BUSY_SHARE
    elif is_short:
        reached = result.tasks_per_second / result.best_loop_tasks_per_second
        name = "share of the best bare loop's tasks"
    targets = [
        Target(f"{name} at least {share:.0%}", reached >= share),
        _nothing_lost(result),
    ]
    if options.pictures_per_task == 1:
        cpu_limit_ms, memory_limit_mb = CPU_MS[options.kind], MEMORY_MB[options.engine]
        # The processor's time for a large video is that of its checksum.
        if not options.video_bytes:
            targets.append(Target(f"CPU a task at most {cpu_limit_ms:g} ms", result.cpu_ms_per_task <= cpu_limit_ms))
        targets.append(Target(f"peak memory at most {memory_limit_mb:g} MB", result.peak_rss_mb <= memory_limit_mb))
    if options.kind == "txt2img":
        # The time of an input picture's link is not the agent's.
        is_quick = result.start_to_first_request_s <= FIRST_REQUEST_SECONDS
        targets.append(Target(f"first request within {FIRST_REQUEST_SECONDS:g} s", is_quick))
    return targets


def _nothing_lost(result: GpuBusyResult) -> Target:
    return Target("nothing lost or doubled", result.lost + result.doubled == 0)


class Benchmark:
    """One run."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._options = options
        self._log_file = folder / "agent.log"
        self._journal = folder / "journal.jsonl"
        self._path = f"/sdapi/v1/{options.kind}"
        self._comfyui = ComfyUiStub(
            folder / "comfyui", self._journal, seconds=options.seconds_per_picture, video_bytes=options.video_bytes
        )
        self._is_comfyui = options.engine == "comfyui"

    def run(self) -> GpuBusyResult:
        """Measure the loops, then the agent."""
        with ExitStack() as stack:
            arguments = self._comfyui.arguments() if self._is_comfyui else self._webui_arguments()
            engine = stack.enter_context(serving(arguments))
            if self._options.neighbour is not None:
                words = ["-m", "benchmarks.noisy_neighbour", "--seed", str(self._options.neighbour)]
                stack.enter_context(running(start(words, log_file=self._log_file)))
            aws_url, endpoint_url = stack.enter_context(local_aws(delay_ms=self._options.aws_delay_ms))
            runtime = BenchmarkRuntime(aws_url)
            if self._is_comfyui:
                return self._measure_agent(engine, runtime, endpoint_url, {}, 0.0)
            loops = {number: self._measure_loop(engine, number) for number in IN_FLIGHT}
            sequential_cpu_ms = self._measure_sequential_cpu(engine, runtime)
            return self._measure_agent(engine, runtime, endpoint_url, loops, sequential_cpu_ms)

    def _webui_arguments(self) -> list[str]:
        options = self._options
        return stub_arguments(
            self._journal,
            seconds_per_picture=options.seconds_per_picture,
            link_seconds=options.link_ms / 1000,
            picture_side=options.picture_side,
            picture_kb=options.picture_kb,
        )

    def _measure_loop(self, webui: Server, in_flight: int) -> tuple[float, float]:
        """Return tasks per second and busy share of a bare loop."""
        content = bare_request(self._options)
        tasks = max(BARE_MIN_TASKS, min(self._options.tasks, int(BARE_SECONDS / self._options.seconds_per_picture)))
        run_bare_loop(f"127.0.0.1:{webui.port}", path=self._path, content=content, in_flight=in_flight, tasks=tasks)
        use = lock_use(self._generations(f"bare-{in_flight}-"))
        return use.tasks_per_second, use.busy_share

    def _measure_sequential_cpu(self, webui: Server, runtime: BenchmarkRuntime) -> float:
        """Return the milliseconds of CPU that the simplest worker needs for a task."""
        for number in range(SEQUENTIAL_TASKS):
            task_id = f"sequential-{number}"
            runtime.submit(task_id, _TASK_TYPES[self._options.kind], self._content(task_id, webui))
        # A Web UI accepts pictures, and the queued tasks have links.
        address, request = f"127.0.0.1:{webui.port}", bare_request(self._options)
        return 1000 * runtime.run_sequentially(lambda: send_request(address, self._path, request))

    def _measure_agent(
        self,
        webui: Server,
        runtime: BenchmarkRuntime,
        endpoint_url: str,
        loops: Mapping[int, tuple[float, float]],
        sequential_cpu_ms: float,
    ) -> GpuBusyResult:
        task_ids = [f"task-{number}" for number in range(self._options.tasks)]
        for task_id in task_ids:
            runtime.submit(task_id, _TASK_TYPES[self._options.kind], self._content(task_id, webui))
        variables = runtime.agent_variables(endpoint_url=endpoint_url, webui_url=webui.url)
        if self._is_comfyui:
            variables |= self._comfyui.variables(webui.url)
        before = self._steps(GenerationStep.ANSWERED)
        started_at = time.monotonic()
        agent = start_agent(variables, log_file=self._log_file)
        with running(agent):
            self._wait(lambda: self._steps(GenerationStep.ARRIVED) > before, "the first request", PATIENCE_SECONDS)
            cpu_before_ms = cpu_ms(agent.pid)
            seconds = PATIENCE_SECONDS + self._options.tasks * self._options.seconds_per_picture
            self._wait(
                lambda: self._steps(GenerationStep.ANSWERED) >= before + len(task_ids), "the last answer", seconds
            )
            seconds = PATIENCE_SECONDS + len(task_ids) * self._options.video_bytes / UPLOAD_BYTES_PER_SECOND
            self._wait(lambda: runtime.queued_messages() == 0, "the last message's deletion", seconds)
            cpu_after_ms, memory_mb = cpu_ms(agent.pid), peak_rss_mb(agent.pid)
        generations = self._generations("task-")
        use = lock_use(generations)
        best = max(loops.values(), default=(0.0, 0.0))
        return GpuBusyResult(
            busy_share=use.busy_share,
            tasks_per_second=use.tasks_per_second,
            best_loop_tasks_per_second=best[0],
            best_loop_busy_share=best[1],
            loop_tasks_per_second={str(number): loop[0] for number, loop in loops.items()},
            sequential_cpu_ms_per_task=sequential_cpu_ms,
            gap_ms_p50=use.gap_ms_p50,
            gap_ms_p95=use.gap_ms_p95,
            cpu_ms_per_task=(cpu_after_ms - cpu_before_ms) / len(task_ids),
            peak_rss_mb=memory_mb,
            start_to_first_request_s=generations[0].arrived - started_at,
            lost=len(set(task_ids) - runtime.whole_tasks()),
            doubled=sum(count - 1 for count in Counter(generation.prompt for generation in generations).values()),
        )

    def _content(self, task_id: str, webui: Server) -> dict[str, Any]:
        if self._is_comfyui:
            return self._comfyui.workflow(task_id)
        content: dict[str, Any] = {"prompt": task_id, "batch_size": self._options.pictures_per_task}
        if self._options.kind == "img2img":
            content["init_images"] = [f"{webui.url}{LINKS}{task_id}.png"]
        return content

    def _generations(self, prefix: str) -> list[JournaledGeneration]:
        return [generation for generation in read_journal(self._journal) if generation.prompt.startswith(prefix)]

    def _steps(self, step: GenerationStep) -> int:
        return count_steps(self._journal, step)

    def _wait(self, poll: Callable[[], bool], what: str, seconds: float) -> None:
        wait_until(poll, what, seconds=seconds, poll_seconds=POLL_SECONDS, log_file=self._log_file)


def report(options: argparse.Namespace, result: GpuBusyResult, targets: Sequence[Target]) -> str:
    """Return the figures in words."""
    loops = worker = ""
    if result.loop_tasks_per_second:
        ratio = result.tasks_per_second / result.best_loop_tasks_per_second
        each = ", ".join(f"{rate:.2f} with {number}" for number, rate in result.loop_tasks_per_second.items())
        worker = f", {result.sequential_cpu_ms_per_task:.1f} ms the simplest worker"
        loops = f", {ratio:.1%} of the best bare loop, busy {result.best_loop_busy_share:.1%} ({each} in flight)"
    return f"""\
{options.tasks} {options.kind} tasks of {options.seconds_per_picture:g} s, {options.aws_delay_ms:g} ms more per AWS call
  busy share      {result.busy_share:.1%}
  tasks a second  {result.tasks_per_second:.2f}{loops}
  gap             median {result.gap_ms_p50:.1f} ms, 95th percentile {result.gap_ms_p95:.1f} ms
  agent           {result.cpu_ms_per_task:.1f} ms CPU a task{worker}, peak memory {result.peak_rss_mb:.0f} MB
  start           first request after {result.start_to_first_request_s:.2f} s
  lost, doubled   {result.lost}, {result.doubled}
""" + target_lines(targets)


def parse_options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--engine", choices=("webui", "comfyui"), default="webui", help="what the agent works with")
    parser.add_argument("--video-bytes", type=int, default=0, metavar="N", help="of a video in each workflow")
    parser.add_argument("--kind", choices=("img2img", "txt2img"), default="txt2img", help="what the tasks ask for")
    parser.add_argument("--seconds-per-picture", type=float, default=1.0, metavar="T", help="the lock is held for")
    parser.add_argument("--aws-delay-ms", type=float, default=0.0, metavar="D", help="added to every call of AWS")
    parser.add_argument("--tasks", type=int, default=40, metavar="N", help="for the agent")
    parser.add_argument("--neighbour", type=int, metavar="SEED", help="burn a core in bursts meanwhile")
    parser.add_argument("--link-ms", type=float, default=300.0, help="until an input picture's link answers")
    parser.add_argument("--pictures-per-task", type=int, default=1, help="in each answer")
    parser.add_argument("--picture-kb", type=int, default=450, help="size of each picture")
    parser.add_argument("--picture-side", type=int, default=512, help="pixels of each picture")
    options = parser.parse_args()
    if options.engine == "comfyui":
        options.kind = "pipeline"
    return options


def main() -> int:
    """Print the figures; exit code 1 if a target was missed."""
    options = parse_options()
    exit_on_sigterm()
    with tempfile.TemporaryDirectory() as folder:
        result = Benchmark(options, Path(folder)).run()
    targets = targets_of(options, result)
    print(report(options, result, targets))
    print_json(options, asdict(result))
    return int(not all(target.is_reached for target in targets))


if __name__ == "__main__":
    sys.exit(main())
