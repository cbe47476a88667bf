from pathlib import Path

import pytest

from benchmarks.journal import Generation, Journal, Step, count_steps, lock_use, read_journal


def test_a_journal_tells_how_far_each_generation_came(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    journal = Journal(file)
    journal.note(Step.ARRIVED, generation="a", prompt="first")
    journal.note(Step.ACQUIRED, generation="a")
    journal.note(Step.ARRIVED, generation="b", prompt="second")
    journal.note(Step.RELEASED, generation="a")
    journal.note(Step.ANSWERED, generation="a")
    journal.close()

    first, second = read_journal(file)

    assert (first.prompt, second.prompt) == ("first", "second")
    assert first.acquired is not None
    assert first.answered is not None
    assert first.acquired <= first.answered
    assert second.acquired is None
    assert count_steps(file, Step.ARRIVED) == 2
    assert count_steps(file, Step.ANSWERED) == 1


def test_busy_share_is_held_time_over_first_acquisition_to_last_release() -> None:
    use = lock_use([Generation("second", 0, 3.0, 4.0, 4.5), Generation("first", 0, 1.0, 2.5, 3.0)])

    assert use.busy_share == pytest.approx(2.5 / 3)
    assert use.tasks_per_second == pytest.approx(2 / 3)
    assert use.gap_ms_p50 == pytest.approx(500)
    assert use.gap_ms_p95 == pytest.approx(500)


def test_what_was_cut_does_not_count() -> None:
    use = lock_use([Generation("whole", 0, 1.0, 2.0, 2.1), Generation("cut", 0, 2.0), Generation("waiting", 0)])

    assert (use.busy_share, use.tasks_per_second) == (1.0, 1.0)
    assert lock_use([]).busy_share == 0
