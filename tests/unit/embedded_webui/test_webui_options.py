from pathlib import Path

import pytest

from embedded_webui.lists import read_data
from embedded_webui.options import ValidationError, WebUiOptions

DEFAULTS = {"clip_skip": 1, "format": "png", "live": True, "names": ["a"], "nothing": None, "outdir_samples": ""}


def failing() -> None:
    raise RuntimeError("cannot load")


def test_an_unknown_option_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        WebUiOptions(defaults=DEFAULTS).set("nope", 1)


def test_a_restricted_option_is_ignored() -> None:
    options = WebUiOptions(defaults=DEFAULTS)
    options.set("outdir_samples", "/elsewhere")
    assert options["outdir_samples"] == ""


def test_a_change_that_fails_is_taken_back_silently() -> None:
    options = WebUiOptions(defaults=DEFAULTS)
    options.set("format", "jpg")
    options.set("format", "webp", on_change=failing)
    assert options["format"] == "jpg"


def test_a_first_change_that_fails_leaves_the_default() -> None:
    options = WebUiOptions(defaults=DEFAULTS)
    options.set("format", "webp", on_change=failing)
    assert options["format"] == "png"


def test_only_what_was_set_explicitly_is_restored() -> None:
    options = WebUiOptions(defaults=DEFAULTS)
    options.set("format", "jpg")
    remembered = options.remember(["format", "clip_skip"])
    options.set("format", "webp")
    options.set("clip_skip", 2)
    options.restore(remembered)
    assert (options["format"], options["clip_skip"]) == ("jpg", 2)


@pytest.mark.parametrize(
    ("name", "value", "answered"), [("clip_skip", 2, 2.0), ("clip_skip", "2", 2.0), ("nothing", {"any": 1}, {"any": 1})]
)
def test_the_answer_has_the_type_of_the_default(name: str, value: object, answered: object) -> None:
    options = WebUiOptions(defaults=DEFAULTS)
    options.set(name, value)
    assert options.answer()[name] == answered
    assert type(options.answer()[name]) is type(answered)


def test_options_of_a_wrong_type_fail_all_together() -> None:
    options = WebUiOptions(defaults=DEFAULTS)
    options.set("clip_skip", "abc")
    options.set("names", 3)
    with pytest.raises(ValidationError) as refusal:
        options.answer()
    assert str(refusal.value) == (
        "2 validation errors for Options\n"
        "response -> clip_skip\n  value is not a valid float (type=type_error.float)\n"
        "response -> names\n  value is not a valid list (type=type_error.list)"
    )


def test_what_was_saved_is_set_explicitly_in_the_next_life(tmp_path: Path) -> None:
    options = WebUiOptions(defaults=DEFAULTS, file=tmp_path / "config.json")
    options.set("clip_skip", 2)
    options.save()
    options.set("format", "jpg")

    options = WebUiOptions(defaults=DEFAULTS, file=tmp_path / "config.json")

    assert (options["clip_skip"], options["format"]) == (2, "png")
    assert options.remember(["clip_skip", "format"]) == {"clip_skip": 2}


def test_a_wrong_type_outlives_a_restart(tmp_path: Path) -> None:
    options = WebUiOptions(defaults=DEFAULTS, file=tmp_path / "config.json")
    options.set("clip_skip", "abc")
    options.save()
    with pytest.raises(ValidationError):
        WebUiOptions(defaults=DEFAULTS, file=tmp_path / "config.json").answer()


def test_the_defaults_are_those_of_the_web_ui() -> None:
    defaults = read_data("options")
    assert (defaults["samples_format"], defaults["CLIP_stop_at_last_layers"], defaults["send_seed"]) == ("png", 1, True)
