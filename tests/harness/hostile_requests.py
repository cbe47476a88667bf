"""Corpus of hostile requests: what each asks for, and the field that its refusal must name.

Tests send the whole corpus by every way in.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final

from contract.script_tables import TEXT_TO_IMAGE_AXES

#: The beginning of a PNG in base64.
PICTURE: Final = "iVBORw0KGgo="
LINK: Final = "http://169.254.169.254/latest/meta-data/"
TEXT: Final = "text-to-image"
IMAGE: Final = "image-to-image"
#: The environment's own buckets. A system with other names replaces them: `in_buckets`.
TASK_BUCKET: Final = "task-bucket"
OUTPUT_BUCKET: Final = "output-bucket"
#: More than a function may read in quadratic time.
LONG: Final = 200_000
#: A data URL that holds nothing.
BLANK_PICTURE: Final = "data:image/png;base64," + " " * LONG


@dataclass(frozen=True)
class HostileRequest:
    """One request; a request without `field` may be accepted and must cost no time."""

    label: str
    tasktype: str
    content: dict[str, Any]
    #: Path of the field below the content, without which the refusal is wrong.
    field: str | None
    code: str = "invalid_task"

    @property
    def task_id(self) -> str:
        """Id of its task."""
        return re.sub(r"[^a-z0-9]+", "-", self.label.lower())


def in_buckets(request: HostileRequest, *, task_bucket: str, output_bucket: str) -> HostileRequest:
    """Return the request for an environment with these buckets."""
    text = json.dumps(request.content)
    text = text.replace(f"//{TASK_BUCKET}/", f"//{task_bucket}/").replace(f"//{OUTPUT_BUCKET}/", f"//{output_bucket}/")
    return replace(request, content=json.loads(text))


#: What a script may not be given as.
_BROKEN_ARGUMENTS: Final[tuple[Any, ...]] = (
    [],
    "args",
    {},
    {"args": {}},
    {"args": [1], "more": 1},
    {"Args": []},
    None,
)


def _unit(label: str, unit: Any, field: str, **more: Any) -> HostileRequest:
    content = {"alwayson_scripts": {"ControlNet": {"args": [unit]}}}
    return HostileRequest(label, TEXT, content, f"alwayson_scripts.ControlNet.args[0]{field}", **more)


def _selected(label: str, script: str, arguments: list[Any], field: str, **more: Any) -> HostileRequest:
    content = {"init_images": [PICTURE], "script_name": script, "script_args": arguments}
    return HostileRequest(label, IMAGE, content, field, **more)


def _plot(label: str, axis: str, values: str, field: str, **more: Any) -> HostileRequest:
    place, nothing = TEXT_TO_IMAGE_AXES.index(axis), [0, "", []]
    arguments = [place, values, [], *nothing, *nothing, *[False] * 7, 0, True]
    return HostileRequest(label, TEXT, {"script_name": "x/y/z plot", "script_args": arguments}, field, **more)


def _field(label: str, name: str, value: Any, *, tasktype: str = TEXT, **more: Any) -> HostileRequest:
    content = {name: value} | ({"init_images": [PICTURE]} if tasktype == IMAGE and name != "init_images" else {})
    return HostileRequest(label, tasktype, content, more.pop("field", name), **more)


def _option(name: str, value: Any, code: str = "unknown_option") -> HostileRequest:
    content = {"override_settings": {name: value}}
    return HostileRequest(f"option {name}", TEXT, content, f"override_settings.{name}", code)


_SCRIPTS: Final = (
    *(
        _unit(f"unit with {field}", {"enabled": False, field: value}, f".{field}")
        for field, value in {
            "ipadapter_input": "gASVIQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==",
            "batch_images": "/var/darkroom",
            "batch_mask_dir": "/var/darkroom",
            "batch_modifiers": ["/var/darkroom"],
            "output_dir": "/models/embeddings",
            "is_ui": "/var/darkroom",
            "input_mode": "batch",
            "image": "/var/darkroom/outputs/a.png",
            "input_image": "/etc/hostname",
            "mask": "../a.png",
            "effective_region_mask": f"{LINK}\n{LINK}",
            "module": LINK,
            "model": [LINK],
            "weight": "nan",
            "unknown": 1,
        }.items()
    ),
    _unit("unit with a huge preprocessor", {"processor_res": 1_000_000}, ".processor_res", code="limit_exceeded"),
    _unit("unit with a path in an object", {"image": {"image": "/etc/hostname", "mask": PICTURE}}, ".image.image"),
    _unit("unit with a path in a list", {"image": [PICTURE, "/etc/hostname"]}, ".image[1]"),
    _unit("unit with a path in a list of objects", {"image": [{"image": "/x"}]}, ".image[0].image"),
    _unit("unit that is a text", LINK, ""),
    HostileRequest(
        "units without end",
        TEXT,
        {"alwayson_scripts": {"ControlNet": {"args": [{}] * 11}}},
        "alwayson_scripts.ControlNet.args",
    ),
    *(
        HostileRequest(
            f"script given as {given!r}", TEXT, {"alwayson_scripts": {"Seed": given}}, "alwayson_scripts.Seed"
        )
        for given in _BROKEN_ARGUMENTS
    ),
    *(
        HostileRequest(
            f"script {name} always on",
            TEXT,
            {"alwayson_scripts": {name: {"args": [LINK]}}},
            f"alwayson_scripts.{name}",
            "unknown_script",
        )
        for name in ("unknown", "prompts from file or textbox", "Custom Code", "dynamic thresholding", "")
    ),
    HostileRequest("scripts as pairs", TEXT, {"alwayson_scripts": [["Seed", {"args": []}]]}, "alwayson_scripts"),
    HostileRequest(
        "scripts without end",
        TEXT,
        {"alwayson_scripts": {f"script-{number}": {"args": []} for number in range(20_000)}},
        "alwayson_scripts.script-0",
        "unknown_script",
    ),
    _selected(
        "prompts from file",
        "Prompts from file or textbox",
        [False, False, "start", "--steps 10000"],
        "script_name",
        code="unknown_script",
    ),
    _selected("custom code", "custom code", ["import os", 1], "script_name", code="unknown_script"),
    _selected(
        "arguments of the next script", "sd upscale", ["", 8, "None", 2.0, {"ipadapter_input": "x"}], "script_args"
    ),
    _selected("too few arguments", "sd upscale", [], "script_args"),
    _selected("upscaler behind a link", "sd upscale", ["", 8, LINK, 2.0], "script_args[2]"),
    _selected("a thousand loops", "loopback", [1000, 0.5, "Linear", "None"], "script_args[0]", code="limit_exceeded"),
    _selected("arguments without a script", "", [LINK], "script_args"),
    _selected("arguments in an object", "loopback", {"0": 1}, "script_args"),  # type: ignore[arg-type] # hostile
    _plot("a range without end", "Seed", "1-999999999", "script_args[1]", code="limit_exceeded"),
    _plot("a range with a step of nought", "CFG Scale", "1-2 (+0)", "script_args[1]", code="limit_exceeded"),
    _plot("a count without end", "CFG Scale", "1-2 [999999999]", "script_args[1]", code="limit_exceeded"),
    _plot("many steps", "Steps", "20, 10000", "script_args[1]", code="limit_exceeded"),
    _plot("a large picture", "Size", "64x64, 16384x16384", "script_args[1]", code="limit_exceeded"),
    _plot("permutations without end", "Prompt order", ",".join("a" * 1000), "script_args[1]"),
    _plot("permutations", "Prompt order", "a,b,c,d,e,f,g,h,i,j", "script_args[1]"),
    _plot("values that are no numbers", "Steps", "__import__('os')", "script_args[1]"),
    _plot("an axis without values", "Steps", "", "script_args[1]"),
)

_OPTIONS: Final = (
    *(
        _option(name, value)
        for name, value in {
            "directories_filename_pattern": "/models/embeddings",
            "samples_filename_pattern": "../../x",
            "outdir_samples": "/models",
            "outdir_init_images": "/models",
            "save_txt": True,
            "samples_save": True,
            "grid_save": True,
            "save_init_img": True,
            "temp_dir": "/models",
            "font": "/etc/passwd",
            "api_enable_requests": True,
            "api_forbid_local_requests": False,
            "api_useragent": "x",
            "profiling_enable": True,
            "profiling_filename": "/models/x",
            "img_max_size_mp": 100_000,
            "use_old_hires_fix_width_height": True,
            "img2img_fix_steps": True,
            "restore_config_state_file": "/x",
            "disabled_extensions": [],
            "sd_checkpoint_cache": 10,
            "interrogate_clip_dict_limit": 0,
            "unknown": 1,
        }.items()
    ),
    _option("CLIP_stop_at_last_layers", "abc", "invalid_task"),
    _option("CLIP_stop_at_last_layers", 10**6, "limit_exceeded"),
    _option("samples_format", "../x", "invalid_task"),
    _option("sd_vae", LINK, "invalid_task"),
    _option("tiling", {"a": 1}, "invalid_task"),
    HostileRequest("options in a list", TEXT, {"override_settings": [["tiling", True]]}, "override_settings"),
    HostileRequest(
        "options without end",
        TEXT,
        {"override_settings": {f"option-{number}": 1 for number in range(20_000)}},
        "override_settings.option-0",
        "unknown_option",
    ),
)

_FIELDS: Final = (
    _field("second pass as text", "enable_hr", "perhaps"),
    _field("pictures perhaps", "send_images", "perhaps"),
    _field("second pass in an object", "enable_hr", {}),
    _field("many digits", "width", "9" * LONG),
    _field("a huge number", "seed", 10**300, code="limit_exceeded"),
    _field("no number", "cfg_scale", "nan"),
    _field("endless", "denoising_strength", "-Infinity"),
    _field("steps in a list", "steps", [20]),
    _field("a long prompt", "prompt", "x" * LONG, code="limit_exceeded"),
    _field("a prompt in a list", "prompt", [LINK]),
    _field("a prompt in an object", "negative_prompt", {"image": LINK}),
    _field("a wide blur", "mask_blur", 100_000, tasktype=IMAGE, code="limit_exceeded"),
    _field("a wide blur to one side", "mask_blur_x", "100000", tasktype=IMAGE, code="limit_exceeded"),
    _field("a first picture", "firstpass_image", LINK),
    _field("comments", "comments", {"a": LINK}, field="comments.a"),
    _field("a link as a sampler", "sampler_name", LINK),
    _field("a link behind blanks as a refiner", "refiner_checkpoint", f" \n{LINK}"),
    _field("a link as a style", "styles", ["noir", LINK], field="styles[1]"),
    _field("styles without end", "styles", ["noir"] * LONG, code="limit_exceeded"),
    _field("a picture in an object", "init_images", [{"path": "/x"}], tasktype=IMAGE, field="init_images[0]"),
    _field("a path as a picture", "init_images", ["/var/darkroom/a"], tasktype=IMAGE, field="init_images[0]"),
    _field("a link behind blanks", "init_images", [f" {LINK}"], tasktype=IMAGE, field=None),
    _field("a link and more", "init_images", [f"{LINK}\nx"], tasktype=IMAGE, field="init_images[0]"),
    _field("a HEIC picture", "init_images", ["AAAAGGZ0eXBoZWljAAAAAA=="], tasktype=IMAGE, field="init_images[0]"),
    _field("a data URL of text", "mask", "data:image/svg+xml,<svg/>", tasktype=IMAGE),
    _field("base64 that is cut off", "mask", "data:image/png;base64,iVBORw0KGgoAA", tasktype=IMAGE),
    _field("a mask in a list", "mask", [PICTURE], tasktype=IMAGE),
    _field("a path as a mask", "mask", "/var/darkroom/a", tasktype=IMAGE),
    _field("a link behind blanks as a mask", "latent_mask", f"\t{LINK}", tasktype=IMAGE, field=None),
    _field("pictures without end", "init_images", [PICTURE] * LONG, tasktype=IMAGE, code="limit_exceeded"),
    HostileRequest("a path to enlarge", "extra-single-image", {"image": "/etc/hostname"}, "image"),
    HostileRequest(
        "a path in a batch",
        "extra-batch-images",
        {"imageList": [{"data": "/etc/hostname", "name": "a"}]},
        "imageList[0].data",
    ),
    HostileRequest(
        "a link as a name", "extra-batch-images", {"imageList": [{"data": PICTURE, "name": LINK}]}, "imageList[0].name"
    ),
    HostileRequest("a path to describe", "interrogate", {"image": "/etc/hostname"}, "image"),
    HostileRequest("a link as a model", "interrogate", {"image": PICTURE, "model": LINK}, "model"),
    HostileRequest("a path to read", "png-info", {"image": "/etc/hostname"}, "image"),
)

_LIMIT: Final = "limit_exceeded"
#: Work that no single field shows.
_COSTS: Final = (
    *(
        HostileRequest(label, TEXT, {"steps": 20, **content}, field, _LIMIT)
        for label, content, field in (
            ("a side left out", {"enable_hr": True, "width": 64, "height": 2048, "hr_resize_x": 1024}, "hr_resize_x"),
            ("the other side left out", {"enable_hr": 1, "height": 64, "hr_resize_y": 2048}, "hr_resize_y"),
            ("a factor", {"enable_hr": "true", "hr_scale": "1e9"}, "hr_scale"),
            ("steps of the second pass", {"enable_hr": True, "hr_second_pass_steps": 10_000}, "hr_second_pass_steps"),
            ("a first pass of another size", {"firstphase_width": 100_000}, "firstphase_width"),
            ("noise", {"seed_resize_from_h": 1_000_000}, "seed_resize_from_h"),
            ("an infotext", {"infotext": "a\nSeed: 1, CFG scale: 7, Size: 16384x16384"}, "infotext"),
            (
                "work of all pictures",
                {"steps": 150, "width": 1024, "height": 2048, "batch_size": 8, "n_iter": 8},
                "width",
            ),
            (
                "a matrix",
                {
                    "script_name": "prompt matrix",
                    "script_args": [False, False, "positive", "comma", 0],
                    "prompt": "|" * 30,
                },
                "prompt",
            ),
            (
                "steps of a script",
                {"alwayson_scripts": {"Sampler": {"args": [100_000, "Euler", "Automatic"]}}},
                "alwayson_scripts.Sampler.args[0]",
            ),
            ("parts of a prompt", {"prompt": "a AND " * 10_000}, "prompt"),
            (
                "steps beside those of a script",
                {"steps": 10_000, "alwayson_scripts": {"Sampler": {"args": [1, "Euler", "Automatic"]}}},
                "steps",
            ),
            (
                "an overlap of tiles",
                {"override_settings": {"DAT_tile": 16, "DAT_tile_overlap": 15}},
                "override_settings.DAT_tile_overlap",
            ),
            (
                "details without end",
                {"alwayson_scripts": {"ADetailer": {"args": [{"ad_use_steps": True, "ad_steps": 10_000}]}}},
                "alwayson_scripts.ADetailer.args[0].ad_steps",
            ),
        )
    ),
    _plot("steps of a plot", "Steps", "20, 100000", "script_args[1]", code=_LIMIT),
    _plot("sizes of a plot", "Size", "64x64, 64x100000", "script_args[1]", code=_LIMIT),
    _plot("sizes of a plot with a sign", "Size", "+9000x+9_000", "script_args[1]", code=_LIMIT),
    HostileRequest(
        "work behind a first pass that does not exist",
        IMAGE,
        {
            "init_images": [PICTURE],
            "steps": 150,
            "width": 1024,
            "height": 2048,
            "batch_size": 8,
            "n_iter": 8,
            "firstphase_width": 8,
            "firstphase_height": "broken",
            "hr_scale": [],
        },
        "width",
        _LIMIT,
    ),
    HostileRequest(
        "work of loops",
        IMAGE,
        {
            "init_images": [PICTURE],
            "script_name": "Loopback",
            "script_args": [32, 0.5, "Linear", "None"],
            "steps": 150,
            "width": 1024,
            "height": 2048,
        },
        "script_args[0]",
        _LIMIT,
    ),
    HostileRequest(
        "an enlargement", "extra-single-image", {"image": PICTURE, "upscaling_resize": 1000}, "upscaling_resize", _LIMIT
    ),
    HostileRequest(
        "a target",
        "extra-batch-images",
        {
            "imageList": [{"data": PICTURE, "name": "a"}],
            "resize_mode": 1,
            "upscaling_resize_w": 100_000,
            "upscaling_resize_h": 100_000,
        },
        "upscaling_resize_w",
        _LIMIT,
    ),
)

_TENANTS: Final = (
    *(
        _field(label, "init_images", [link], tasktype=IMAGE, field="init_images[0]", code="link_refused")
        for label, link in {
            "an upload of another key": f"s3://{TASK_BUCKET}/uploads/guest/x.png",
            "an upload of another key by dots": f"s3://{TASK_BUCKET}/uploads/default/../guest/x.png",
            "an upload that is not there": f"s3://{TASK_BUCKET}/uploads/default/x.png",
            "a message of another task": f"S3://{TASK_BUCKET}/messages/sdruntime/a/0123456789abcdef.json",
            "options of another key": f"s3://{TASK_BUCKET}/webui/sdruntime/options/guest.json",
            "an unreadable message": f"s3://{TASK_BUCKET}/unreadable/m-1.json",
            "an output of another key": f"s3://{OUTPUT_BUCKET}/output/a/a-0123456789abcdef-1.png",
        }.items()
    ),
    _field(
        "an upload as a mask", "mask", f"s3://{TASK_BUCKET}/uploads/guest/x.png", tasktype=IMAGE, code="link_refused"
    ),
    _unit("an upload in a unit", {"image": f"s3://{TASK_BUCKET}/uploads/guest/x.png"}, ".image", code="link_refused"),
)

#: Texts on which an expression that reads twice would take minutes; none of them is a mistake in itself.
_SLOW: Final = (
    _field("LoRA without end", "prompt", "<lora:" * 10_000, code=_LIMIT),
    _field("letters in a LoRA", "prompt", "<lora:" + "a" * 60_000, field=None),
    _field("blanks in a sampler", "sampler_name", " " * LONG, code=_LIMIT),
    _field("letters in an infotext", "infotext", "a\nSeed: 1, Steps: 2, " + "a" * 60_000, field=None),
    _field("blanks in an infotext", "infotext", "Steps: " + " " * 60_000, field=None),
    _field(
        "a picture of blanks",
        "init_images",
        ["data:image/png;base64," + " " * LONG],
        tasktype=IMAGE,
        field="init_images[0]",
    ),
    _field("unknown fields", "note", [f"http{LINK}"] * LONG, field=None),
)

HOSTILE_REQUESTS: Final = (*_SCRIPTS, *_OPTIONS, *_FIELDS, *_COSTS, *_TENANTS, *_SLOW)
