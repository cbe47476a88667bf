"""Names that the Web UI knows, and tasks that fail because of others."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contract.errors import InvalidTask
from runtime_image.process.engine_http import EngineResponse
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.names import kinds
from runtime_image.webui.names.catalog import NameCatalog
from runtime_image.webui.names.kinds import Kind
from runtime_image.webui.names.referenced import Named
from runtime_image.webui.names.validation import MAX_LIST_LENGTH, MAX_NAMES_LISTED, MAX_PROBLEMS, check_names

LISTS: dict[str, Any] = {
    "samplers": [{"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"]}, {"name": "Euler a", "aliases": ["k_euler_a"]}],
    "schedulers": [
        {"name": "karras", "label": "Karras", "aliases": None},
        {"name": "sgm_uniform", "label": "SGM Uniform", "aliases": ["SGMUniform"]},
    ],
    "upscalers": [{"name": "Lanczos"}],
    "latent-upscale-modes": [{"name": "Latent"}],
    "sd-models": [
        {
            "title": "sd/one.safetensors [3f95]",
            "model_name": "sd_one",
            "hash": "3f95",
            "filename": "/m/sd/one.safetensors",
        }
    ],
    "sd-vae": [{"model_name": "a.vae.pt"}],
    "loras": [{"name": "ink-v2", "alias": "ink"}],
    "prompt-styles": [{"name": "noir"}],
    "scripts": {"txt2img": ["x/y/z plot", "Hypertile"], "img2img": ["sd upscale"]},
}


class FakeWebUi(WebUiClient):
    """Answers lists; what a refresh finds is in `new`."""

    def __init__(self, lists: dict[str, Any] | None = None) -> None:
        self.lists = dict(LISTS if lists is None else lists)
        self.new: dict[str, Any] = {}
        self.calls: list[str] = []

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        name = path.removeprefix("/sdapi/v1/")
        self.calls.append(name)
        if method == "POST":
            self.lists |= self.new
            return EngineResponse(200, b"null")
        return (
            EngineResponse(200, json.dumps(self.lists[name]).encode())
            if name in self.lists
            else EngineResponse(404, b"{}")
        )


def check(webui: FakeWebUi, kind: Kind, *names: str, models_folder: Path | None = None) -> list[str]:
    named = [Named(kind, name, f"field-{number}") for number, name in enumerate(names)]
    catalog = NameCatalog(client=webui, models_folder=models_folder)
    return list(check_names(named, catalog, timeout_seconds=1).values())


@pytest.mark.parametrize(
    ("kind", "name", "listed"),
    [
        (kinds.SAMPLER, "Euler a", "Euler a"),
        (kinds.SAMPLER, "DPM++ 2M Karras", "DPM++ 2M"),
        (kinds.SAMPLER, "DPM++ 2M karras", "DPM++ 2M"),
        (kinds.SAMPLER, "Euler a SGMUniform", "Euler a"),
        (kinds.SCHEDULER, "karras", "karras"),
        (kinds.SCHEDULER, "SGM Uniform", "sgm_uniform"),
        (kinds.UPSCALER, "None", "None"),
        (kinds.HIRES_UPSCALER, "Latent", "Latent"),
        (kinds.HIRES_UPSCALER, "Lanczos", "Lanczos"),
        (kinds.CHECKPOINT, "sd/one.safetensors [3f95]", "sd/one.safetensors"),
        (kinds.CHECKPOINT, "one", "sd/one.safetensors"),
        (kinds.CHECKPOINT, "3F95", "sd/one.safetensors"),
        (kinds.VAE, "Automatic", "Automatic"),
        (kinds.VAE, "a.vae.pt", "a.vae.pt"),
        (kinds.LORA, "ink", "ink-v2"),
        (kinds.STYLE, "noir", "noir"),
        (kinds.TEXT_TO_IMAGE_SCRIPT, "X/Y/Z plot", "x/y/z plot"),
        (kinds.IMAGE_TO_IMAGE_SCRIPT, "SD upscale", "sd upscale"),
    ],
)
def test_what_the_web_ui_would_find_is_known(kind: Kind, name: str, listed: str) -> None:
    assert check(FakeWebUi(), kind, name) == [listed]


@pytest.mark.parametrize(
    ("kind", "name", "code", "words"),
    [
        (kinds.SAMPLER, "k_euler_a", "unknown_sampler", "did you mean 'Euler a'?); it has: DPM++ 2M, Euler a"),
        (kinds.SAMPLER, "euler a", "unknown_sampler", "did you mean 'Euler a'?"),
        (
            kinds.SCHEDULER,
            "SGMUniform",
            "unknown_scheduler",
            "did you mean 'sgm_uniform'?); it has: karras, sgm_uniform",
        ),
        (kinds.UPSCALER, "Latent", "unknown_upscaler", "it has: Lanczos, None"),
        (kinds.CHECKPOINT, "two", "unknown_model", "it has: sd/one.safetensors"),
        (kinds.VAE, "b.pt", "unknown_vae", "it has: Automatic, None, a.vae.pt"),
        (kinds.LORA, "Ink", "unknown_lora", "has no LoRA 'Ink' (did you mean 'ink-v2'?); it has: ink-v2"),
        (kinds.STYLE, "Noir", "unknown_style", "did you mean 'noir'?"),
        (kinds.TEXT_TO_IMAGE_SCRIPT, "sd upscale", "unknown_script", "it has: Hypertile, x/y/z plot"),
    ],
)
def test_what_it_would_replace_is_refused_with_what_there_is(kind: Kind, name: str, code: str, words: str) -> None:
    with pytest.raises(InvalidTask) as raised:
        check(FakeWebUi(), kind, name)

    assert not raised.value.retryable
    assert raised.value.as_dict()["code"] == code
    assert raised.value.details[0].field == "field-0"
    assert words in raised.value.message


def test_lists_are_asked_for_once_and_again_when_a_name_is_missing() -> None:
    webui = FakeWebUi()
    known = NameCatalog(client=webui, models_folder=None)

    for _ in range(3):
        check_names([Named(kinds.LORA, "ink", "x")], known, timeout_seconds=1)
    assert webui.calls == ["loras"]
    webui.new = {"loras": [{"name": "oil", "alias": "oil"}]}
    assert check_names([Named(kinds.LORA, "oil", "x")], known, timeout_seconds=1) == {"x": "oil"}
    assert webui.calls == ["loras", "refresh-loras", "loras"]
    known.forget()
    check_names([Named(kinds.LORA, "oil", "x")], known, timeout_seconds=1)
    assert webui.calls[3:] == ["loras"]


def test_a_list_of_an_earlier_web_ui_is_not_kept_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    webui = FakeWebUi()
    known, ask = NameCatalog(client=webui, models_folder=None), webui.call

    def ask_before_restart(*request: Any, **options: Any) -> EngineResponse:
        known.forget()
        return ask(*request, **options)

    monkeypatch.setattr(webui, "call", ask_before_restart)
    for _ in range(2):
        assert "ink" in known.of(kinds.LORA).accepted
    assert webui.calls == ["loras"] * 2


class SlowlyLookingWebUi(FakeWebUi):
    """Each look at its folders has seen them by the time it `looks`, and ends once it `may_end`."""

    def __init__(self) -> None:
        super().__init__({"loras": []})
        self.looks = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        answer = super().call(method, path, body, timeout_seconds=timeout_seconds)
        if method == "POST":
            self.looks.release()
            assert self.may_end.acquire(timeout=10)
        return answer

    def put(self, *names: str) -> None:
        self.new = {"loras": [{"name": name, "alias": name} for name in names]}


def test_a_file_that_comes_while_the_web_ui_looks_is_found_by_the_next_look() -> None:
    webui = SlowlyLookingWebUi()
    known = NameCatalog(client=webui, models_folder=None)

    def check_one(name: str) -> dict[str, str]:
        return check_names([Named(kinds.LORA, name, name)], known, timeout_seconds=1)

    late_names = [f"late-{number}" for number in range(8)]
    with ThreadPoolExecutor(1 + len(late_names)) as pool:
        webui.put("ink")
        first = pool.submit(check_one, "ink")
        assert webui.looks.acquire(timeout=10)
        webui.put("ink", *late_names)
        late = [pool.submit(check_one, name) for name in late_names]
        # Most of them now wait for the look that is under way; those that come later find what they want at once.
        time.sleep(0.1)
        webui.may_end.release(1 + len(late_names))
        assert first.result(timeout=10) == {"ink": "ink"}
        assert [one.result(timeout=10) for one in late] == [{name: name} for name in late_names]
    assert webui.calls.count("refresh-loras") < len(late_names)


def test_a_look_that_failed_tells_nobody_anything() -> None:
    webui = SlowlyLookingWebUi()
    known = NameCatalog(client=webui, models_folder=None)
    with ThreadPoolExecutor() as pool:
        looks = [pool.submit(check_names, [Named(kinds.LORA, "oil", "x")], known, timeout_seconds=1) for _ in range(2)]
        assert webui.looks.acquire(timeout=10)
        time.sleep(0.05)
        webui.lists["loras"] = "no list"
        webui.may_end.release()
        assert webui.looks.acquire(timeout=10)
        webui.lists["loras"] = [{"name": "oil", "alias": "oil"}]
        webui.may_end.release()
        outcomes = [lookup.exception(timeout=10) for lookup in looks]
    assert sorted(map(type, outcomes), key=str) == sorted([WebUiFailed, type(None)], key=str)


def test_a_thousand_unknown_names_are_one_refresh_and_a_short_error() -> None:
    webui = FakeWebUi({"loras": [{"name": f"lora-{number:04}" + "x" * 60} for number in range(3000)]})

    with pytest.raises(InvalidTask) as raised:
        check(webui, kinds.LORA, *(f"<{number}" * 100 for number in range(1000)))

    assert webui.calls.count("refresh-loras") == 1
    assert len(raised.value.details) == MAX_PROBLEMS
    assert len(raised.value.message) < MAX_PROBLEMS * (MAX_LIST_LENGTH + 500)
    assert raised.value.details[0].message.count("lora-") <= MAX_NAMES_LISTED + 1
    assert raised.value.details[0].message.endswith("more")


@pytest.mark.parametrize("kind", [kinds.SAMPLER, kinds.HIRES_UPSCALER, kinds.CHECKPOINT, kinds.LORA])
def test_a_missing_list_is_the_web_uis_failure_and_is_not_remembered(kind: Kind) -> None:
    webui = FakeWebUi({})
    known = NameCatalog(client=webui, models_folder=None)
    asked = [Named(kind, "anything", "x")]
    with pytest.raises(WebUiFailed):
        check_names(asked, known, timeout_seconds=1)

    webui.lists = dict(LISTS)

    with pytest.raises(InvalidTask):
        check_names(asked, known, timeout_seconds=1)


@pytest.mark.parametrize("answer", ["text", {"a": 1}, 7])
def test_garbage_is_the_web_uis_failure(answer: object) -> None:
    with pytest.raises(WebUiFailed):
        check(FakeWebUi({"loras": answer}), kinds.LORA, "ink")
    assert check(FakeWebUi(LISTS | {"samplers": [None, {"name": 3}, *LISTS["samplers"]]}), kinds.SAMPLER, "Euler a")


UPSCALERS = [
    {"name": "Lanczos", "model_path": None},
    {"name": "ESRGAN_4x", "model_path": "https://example.com/ESRGAN.pth"},
    {"name": "R-ESRGAN 4x+", "model_path": "https://example.com/RealESRGAN_x4plus.pth"},
    {"name": "ScuNET PSNR", "model_path": "https://example.com/psnr.pth"},
    {"name": "LDSR", "model_path": None},
    {"name": "4x-UltraSharp", "model_path": "/models/ESRGAN/4x-UltraSharp.pth"},
]


@pytest.mark.parametrize("kind", [kinds.UPSCALER, kinds.HIRES_UPSCALER])
def test_an_upscaler_without_its_weights_is_refused_until_they_are_there(kind: Kind, tmp_path: Path) -> None:
    webui = FakeWebUi(LISTS | {"upscalers": UPSCALERS})
    for name, file in (("ESRGAN_4x", "ESRGAN/ESRGAN_4x.pth"), ("R-ESRGAN 4x+", "RealESRGAN/RealESRGAN_x4plus.pth")):
        with pytest.raises(InvalidTask, match=f"put {file} into the model bucket; it has: 4x-UltraSharp") as raised:
            check(webui, kind, name, models_folder=tmp_path)
        assert raised.value.as_dict()["code"] == "unknown_upscaler"
        assert not {"LDSR", "ScuNET PSNR"} & set(raised.value.message.partition("it has: ")[2].split(", "))
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
        assert check(webui, kind, name, "4x-UltraSharp", "Lanczos", models_folder=tmp_path)[0] == name


@pytest.mark.parametrize("name", ["ScuNET PSNR", "LDSR"])
def test_upscalers_that_would_use_other_or_half_of_their_weights_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "LDSR").mkdir()
    (tmp_path / "LDSR" / "model.ckpt").touch()
    with pytest.raises(InvalidTask, match=f"the weights of the upscaler {name!r} are missing"):
        check(FakeWebUi(LISTS | {"upscalers": UPSCALERS}), kinds.UPSCALER, name, models_folder=tmp_path)


def test_the_list_alone_decides_about_upscalers_of_a_foreign_web_ui() -> None:
    webui = FakeWebUi(LISTS | {"upscalers": UPSCALERS})
    assert check(webui, kinds.UPSCALER, "ESRGAN_4x", "LDSR") == ["ESRGAN_4x", "LDSR"]


def test_styles_of_the_models_folder_are_known_as_soon_as_they_are_there(tmp_path: Path) -> None:
    webui = FakeWebUi()
    with pytest.raises(InvalidTask, match="has no style 'pop'"):
        check(webui, kinds.STYLE, "pop", models_folder=tmp_path)
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles" / "styles.csv").write_text("name,prompt,negative_prompt\npop,bright,\n")
    assert check(webui, kinds.STYLE, "pop", "noir", models_folder=tmp_path) == ["pop", "noir"]


def test_a_broken_file_is_named_until_a_whole_one_replaces_it(tmp_path: Path) -> None:
    file = tmp_path / "ink.safetensors"
    file.write_bytes(b"\x10\0\0\0\0\0\0\0not a header")
    lists = {
        "loras": [{"name": "ink-v2", "alias": "ink", "path": str(file)}],
        "sd-vae": [
            {"model_name": "soft", "filename": str(file)},
            {"model_name": "gone", "filename": "/no/a.safetensors"},
        ],
    }
    known = NameCatalog(client=FakeWebUi(lists), models_folder=None)
    named = [Named(kinds.LORA, "ink", "content.prompt"), Named(kinds.VAE, "soft", "content.sd_vae")]

    with pytest.raises(InvalidTask) as failure:
        check_names(named, known, timeout_seconds=1)
    assert [detail.code for detail in failure.value.details] == ["broken_model"] * 2
    assert "the LoRA 'ink-v2' is broken: its header" in failure.value.message

    header = b'{"x": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}'
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"x")
    named.append(Named(kinds.VAE, "gone", "content.sd_vae2"))
    assert len(check_names(named, known, timeout_seconds=1)) == 3
