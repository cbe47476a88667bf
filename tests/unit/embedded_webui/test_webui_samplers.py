import pytest

from embedded_webui.generation.samplers import SAMPLER_ENTRIES, resolve_sampler


@pytest.mark.parametrize(
    ("sampler", "schedule", "runs"),
    [
        ("Euler", None, ("Euler", "Automatic")),
        ("Euler a", "karras", ("Euler a", "Karras")),
        ("Euler", "SGM Uniform", ("Euler", "SGM Uniform")),
        ("DPM++ 2M", None, ("DPM++ 2M", "Karras")),
        ("DPM++ 2M", "Automatic", ("DPM++ 2M", "Karras")),
        ("DPM++ 2M Karras", None, ("DPM++ 2M", "Karras")),
        ("DPM++ 2M SDE Exponential", None, ("DPM++ 2M SDE", "Exponential")),
        ("Euler", "NoSuch", ("Euler", "Automatic")),
        ("NoSuch", None, ("DPM++ 2M", "Karras")),
        ("k_euler", None, ("DPM++ 2M", "Karras")),
        (None, None, ("DPM++ 2M", "Karras")),
    ],
)
def test_unknown_names_are_replaced_silently(sampler: str | None, schedule: str | None, runs: tuple[str, str]) -> None:
    found = resolve_sampler(sampler, schedule)
    assert (found.name, found.schedule) == runs


def test_every_sampler_of_the_list_is_found_by_its_name() -> None:
    assert [resolve_sampler(entry["name"], None).name for entry in SAMPLER_ENTRIES] == [
        entry["name"] for entry in SAMPLER_ENTRIES
    ]
