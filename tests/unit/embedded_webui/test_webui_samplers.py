import pytest

from embedded_webui.samplers import AUTOMATIC, effective_schedule, resolve


@pytest.mark.parametrize(
    ("sampler", "schedule", "runs"),
    [
        ("Euler", None, ("Euler", "Automatic")),
        ("Euler a", "karras", ("Euler a", "Karras")),
        ("Euler", "SGM Uniform", ("Euler", "SGM Uniform")),
        ("DPM++ 2M", None, ("DPM++ 2M", "Karras")),
        ("DPM++ 2M Karras", None, ("DPM++ 2M", "Karras")),
        ("DPM++ 2M SDE Exponential", None, ("DPM++ 2M SDE", "Exponential")),
        ("Euler", "NoSuch", ("Euler", "Automatic")),
        ("NoSuch", None, ("DPM++ 2M", "Karras")),
        ("k_euler", None, ("DPM++ 2M", "Karras")),
        (None, None, ("DPM++ 2M", "Karras")),
    ],
)
def test_unknown_names_are_replaced_silently(sampler: str | None, schedule: str | None, runs: tuple[str, str]) -> None:
    found, asked = resolve(sampler, schedule)
    assert (found.name, effective_schedule(found, asked).label) == runs


def test_the_samplers_own_schedule_is_automatic() -> None:
    assert resolve("DPM++ 2M", None)[1] is AUTOMATIC
