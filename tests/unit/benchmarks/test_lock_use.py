from pathlib import Path

import pytest

from benchmarks.lock_use import lock_use
from stub_webui.journal import GenerationJournal, GenerationStep, JournaledGeneration, count_steps, read_journal


def test_a_journal_tells_how_far_each_generation_came(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    journal = GenerationJournal(file)
    journal.record(GenerationStep.ARRIVED, generation="a", prompt="first")
    journal.record(GenerationStep.ACQUIRED, generation="a")
    journal.record(GenerationStep.ARRIVED, generation="b", prompt="second")
    journal.record(GenerationStep.RELEASED, generation="a")
    journal.record(GenerationStep.ANSWERED, generation="a")
    journal.close()

    first, second = read_journal(file)

    assert (first.prompt, second.prompt) == ("first", "second")
    assert first.acquired is not None
    assert first.answered is not None
    assert first.acquired <= first.answered
    assert second.acquired is None
    assert count_steps(file, GenerationStep.ARRIVED) == 2
    assert count_steps(file, GenerationStep.ANSWERED) == 1


def test_busy_share_is_held_time_over_first_acquisition_to_last_release() -> None:
    use = lock_use([JournaledGeneration("second", 0, 3.0, 4.0, 4.5), JournaledGeneration("first", 0, 1.0, 2.5, 3.0)])

    assert use.busy_share == pytest.approx(2.5 / 3)
    assert use.tasks_per_second == pytest.approx(2 / 3)
    assert use.gap_ms_p50 == pytest.approx(500)
    assert use.gap_ms_p95 == pytest.approx(500)


def test_an_unreleased_generation_does_not_count() -> None:
    whole, cut = JournaledGeneration("whole", 0, 1.0, 2.0, 2.1), JournaledGeneration("cut", 0, 2.0)
    use = lock_use([whole, cut, JournaledGeneration("waiting", 0)])

    assert (use.busy_share, use.tasks_per_second) == (1.0, 1.0)
    assert lock_use([]).busy_share == 0
