from hypothesis import given
from hypothesis import strategies as st

from embedded_webui.images import infotext

WORDS = st.text(alphabet="abc ,:\"'", max_size=12).map(str.strip)
SETTINGS = {"Steps": 3, "Sampler": "Euler", "CFG scale": 7.0, "Seed": 1, "Size": "64x32", "Model": "m"}


def test_it_is_written_as_the_web_ui_writes_it() -> None:
    text = infotext.write(prompt="a cat", negative_prompt="bad", settings={**SETTINGS, "VAE": None, "Note": "a, b: c"})
    assert text == (
        "a cat\nNegative prompt: bad\n"
        'Steps: 3, Sampler: Euler, CFG scale: 7.0, Seed: 1, Size: 64x32, Model: m, Note: "a, b: c"'
    )


def test_a_size_is_read_as_two_numbers() -> None:
    found = infotext.read(infotext.write(prompt="", negative_prompt="", settings=SETTINGS))
    assert (found["Size-1"], found["Size-2"], found["Prompt"]) == ("64", "32", "")


@given(prompt=WORDS, negative_prompt=WORDS, model=st.text(min_size=1).map(lambda text: f"{text}!"))
def test_what_was_written_is_read_again(prompt: str, negative_prompt: str, model: str) -> None:
    text = infotext.write(prompt=prompt, negative_prompt=negative_prompt, settings={**SETTINGS, "Model": model})
    found = infotext.read(text)
    assert (found["Prompt"], found["Negative prompt"]) == (prompt, negative_prompt)
    if model == model.strip() and model.isprintable() and not model.startswith('"'):
        assert found["Model"] == model


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert {"Prompt", "Negative prompt", "Schedule type"} <= infotext.read(text).keys()


def test_a_text_of_few_settings_is_a_prompt() -> None:
    assert infotext.read("a cat\nSteps: 3, Seed: 1")["Prompt"] == "a cat\nSteps: 3, Seed: 1"


def test_it_sets_fields_of_a_request() -> None:
    text = infotext.write(prompt="a cat", negative_prompt="", settings=SETTINGS)
    fields = infotext.request_fields(text)
    assert {name: fields[name] for name in ("prompt", "steps", "width")} == {
        "prompt": "a cat",
        "steps": "3",
        "width": "64",
    }
    assert "hr_scale" not in fields
