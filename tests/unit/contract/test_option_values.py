"""Values of options: only what leaves the Web UI able to answer, tried out on its options as they behave."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import FieldError
from contract.option_values import MAX_PROBLEMS, option_problems, read_options
from embedded_webui.lists import read_data
from embedded_webui.options import WebUiOptions

DEFAULTS = read_data("options")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(alphabet=st.characters()),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CLIP_stop_at_last_layers", 2),
        ("CLIP_stop_at_last_layers", 2.0),
        ("samples_format", "webp"),
        ("send_seed", False),
        ("quicksettings_list", ["sd_vae"]),
        ("upscaler_for_img2img", "Lanczos"),
        ("upscaler_for_img2img", None),
    ],
)
def test_known_keys_with_the_type_that_is_shown(key: str, value: object) -> None:
    assert option_problems({key: value}, DEFAULTS, "f") == []


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("CLIP_stop_at_last_layers", "abc", "must be a number from"),
        ("CLIP_stop_at_last_layers", True, "not a boolean"),
        ("CLIP_stop_at_last_layers", None, "not null"),
        ("CLIP_stop_at_last_layers", 10**400, "must be a number from"),
        ("samples_format", 7, "must be text"),
        ("samples_format", "\ud800", "must be text"),
        ("samples_format", "x" * 20_000, "must be text of at most 10000 characters"),
        ("send_seed", 1, "must be true or false"),
        ("quicksettings_list", ["a", 1], "must be a list"),
        ("upscaler_for_img2img", {"a": 1}, "must be a name or null"),
        ("clip_stop_at_last_layers", 2, "did you mean 'CLIP_stop_at_last_layers'?"),
        ("nope" * 1000, 2, "no such option"),
    ],
)
def test_everything_else_names_its_key(key: str, value: object, words: str) -> None:
    (problem,) = option_problems({key: value}, DEFAULTS, "task.content.override_settings")

    assert problem.field.startswith(f"task.content.override_settings.{key[:100]}")
    assert words in problem.message
    assert len(problem.field + problem.message) < 400


def test_an_error_does_not_grow_with_the_request() -> None:
    assert len(option_problems({f"key-{number}": 1 for number in range(500)}, DEFAULTS, "f")) == MAX_PROBLEMS


@given(st.sampled_from(sorted(DEFAULTS)), VALUES)
def test_no_value_that_is_let_through_keeps_the_web_ui_from_showing_its_options(key: str, value: object) -> None:
    if option_problems({key: value}, DEFAULTS, "f"):
        return
    options = WebUiOptions(defaults=DEFAULTS)
    options.set(key, value)

    # As its web framework writes answers: without escapes, so half a character cannot be written.
    json.dumps(options.answer(), ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("return_grid", "leave it out"),
        ("samples_save", "leave it out"),
        ("control_net_no_detectmap", "write `save_detected_map: false` in the unit of ControlNet"),
    ],
)
def test_options_that_many_programs_send_are_refused_with_what_to_do(key: str, advice: str) -> None:
    # A similar name, such as `return_mask`, would be another picture.
    errors: list[FieldError] = []
    read_options({key: True}, "x", errors)
    assert [(error.field, error.code) for error in errors] == [(f"x.{key}", "unknown_option")]
    assert advice in errors[0].message
    assert "did you mean" not in errors[0].message
