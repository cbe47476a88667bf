"""Rules of the console's files, and the tests of its modules, which Node runs."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conventions.language import PROJECT

CONSOLE = PROJECT / "console"
NODE = str(PROJECT / ".venv" / "bin" / "node")
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))
#: What a browser loads, with the bundle of the modules.
PAGE = CONSOLE / "page"
MODULES = sorted(path for path in CONSOLE.rglob("*.js") if path.parent != PAGE)
#: Bytes that a browser without a cache loads, compressed.
MAX_COMPRESSED_BYTES = 150 * 1024
MAX_MODULE_LINES = 300
#: Texts of the console. The file grows with the console, because all texts are in it.
STRINGS = CONSOLE / "strings.js"

#: Value of an attribute with an address: a place in the console, or what `safeLink` has returned.
SAFE_ADDRESS = re.compile(r'\$\{(?:placeOf\(.*|address|picture|view|smallView\(\w+\))\}?|"#\w+"')
#: Text of a template that is not a value.
TEMPLATE_TEXT = re.compile(
    r"(?<![=\-])>\s*([A-Za-z]{3,}[^<$`]*)<|(?:aria-label|placeholder|alt)=\"([^\"]*[a-z]{3}[^\"]*)\""
)
#: htm's own types describe another form of its module.
TYPES_OF_HTM = """
declare const htm: { bind(h: unknown): (texts: TemplateStringsArray, ...values: unknown[]) => any };
export default htm;
"""

#: Request whose texts would break out of a careless quotation.
NASTY: dict[str, Any] = {
    "task": {
        "metadata": {"id": "a", "runtime": "r", "tasktype": "text-to-image", "policy": {"preview": True}},
        "content": {
            "prompt": 'it\'s "quoted" $HOME `id` \\ JSON\nJSON\n</script> ☃ 😀',
            "seed": -1,
            "cfg_scale": 7.5,
            "styles": [],
            "alwayson_scripts": {},
            "infotext": None,
            "init_images": ["s3://bucket/it's.png"],
            "tiling": False,
        },
    }
}


def relative(path: Path) -> str:
    return path.relative_to(CONSOLE).as_posix()


def code_of(path: Path) -> str:
    """Return a module without its comments."""
    return re.sub(r"/\*.*?\*/|^\s*//.*?$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


class FirstPage(HTMLParser):
    """Elements of the first page, each with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed((PAGE / "index.html").read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def files(self) -> list[str]:
        """Return the files that a browser loads with the page."""
        return [
            str(attributes["src" if tag == "script" else "href"])
            for tag, attributes in self.elements
            if tag in {"script", "link"}
        ]


def test_modules_pass_their_tests() -> None:
    command = [
        NODE,
        "--test",
        "--test-isolation=none",
        "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
        *map(str, TESTS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert "fail 0" in done.stdout
    assert "pass 0" not in done.stdout


def test_a_browser_loads_few_files() -> None:
    assert FirstPage().files() == ["icon.svg", "console.css", "console.js"]


def test_the_bundle_has_every_module_and_style_sheet_as_it_is(tmp_path: Path) -> None:
    command = ["make", "--silent", "--assume-old=node_modules/.ready", "console", f"CONSOLE_PAGE={tmp_path}"]
    subprocess.run(command, cwd=PROJECT, check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {name: (PAGE / name).read_bytes() for name in ("console.css", "console.js")}
    assert made == kept, "run `make console`"
    types_only = {"api/types.js"}
    sources = {relative(path) for path in [*MODULES, *CONSOLE.glob("vendor/*.mjs"), *CONSOLE.glob("styles/*.css")]}
    bundled = set(re.findall(r"^/[/*] console/(\S+)", b"".join(made.values()).decode(), re.MULTILINE))
    assert bundled == sources - types_only


def test_imports_lead_to_files() -> None:
    imports = [
        (path, (path.parent / name).resolve())
        for path in MODULES
        for name in re.findall(r'^(?:import|export) [^"]*? from "([^"]+)";$', code_of(path), re.MULTILINE)
    ]
    assert len(imports) > len(MODULES) - 5
    assert not [(relative(path), str(target)) for path, target in imports if not target.is_file()]


def test_the_policy_for_content_finds_nothing_inline() -> None:
    for tag, attributes in FirstPage().elements:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        assert tag != "script" or attributes.get("src")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_makes_no_html_or_code_from_text(path: Path) -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\b|new Function|srcdoc"
        r"|setTimeout\([\"'`]|localStorage|document\.cookie|javascript:|style=\""
    )
    assert not re.search(forbidden, code_of(path))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_an_address_out_of_data_passes_the_allow_list(path: Path) -> None:
    for attribute in re.findall(r"\b(?:src|href)=(\$\{[^}]*\}|\"[^\"]*\")", code_of(path)):
        assert SAFE_ADDRESS.fullmatch(attribute), attribute


@pytest.mark.parametrize("path", [path for path in MODULES if path != STRINGS], ids=relative)
def test_texts_are_in_the_file_of_strings(path: Path) -> None:
    templates = re.findall(r"html`.*?`", code_of(path), re.DOTALL)
    found = [match.group(0) for template in templates for match in TEMPLATE_TEXT.finditer(template)]
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_its_place_and_has_one_job(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("/** ")
    assert path == STRINGS or len(text.splitlines()) <= MAX_MODULE_LINES


def test_the_console_is_small() -> None:
    files = [PAGE / name for name in ("index.html", *FirstPage().files())]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= MAX_COMPRESSED_BYTES


def test_every_error_of_a_task_has_advice() -> None:
    document = (PROJECT / "docs" / "how-to" / "troubleshooting.md").read_text()
    table = document.partition("### Of a task\n")[2]
    first_columns = "".join(re.findall(r"^\|([^|]*`[^|]*)\|", table, re.MULTILINE))
    codes = set(re.findall(r"`(\w+)`", first_columns))
    advice = run_module('import { TEXT } from "./strings.js"; show(Object.keys(TEXT.task.advice));')
    assert codes
    assert set(advice) == codes


def run_module(code: str) -> Any:
    """Return what a module next to the console's gives to `show`."""
    script = f"const show = (value) => console.log(JSON.stringify(value));\n{code}"
    script = script.replace('from "./', f'from "{CONSOLE.as_uri()}/')
    command = [NODE, "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--input-type=module", "--eval", script]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def views() -> dict[str, str]:
    """Views of the nasty request by their names."""
    shown: dict[str, str] = run_module(
        'import { VIEWS } from "./create/request_views.js";\n'
        f"const request = {json.dumps(NASTY)};\n"
        'show(Object.fromEntries(Object.entries(VIEWS).map(([name, view]) => [name, view(request, "https://a.example")])));'
    )
    return shown


def test_the_json_is_the_request(views: dict[str, str]) -> None:
    assert json.loads(views["json"]) == NASTY


def test_curl_sends_the_request(views: dict[str, str], tmp_path: Path) -> None:
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$RECORDED/arguments"\ncat > "$RECORDED/body"\n')
    curl.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RECORDED": str(tmp_path), "API_KEY": "secret"}
    bash = shutil.which("bash") or "bash"
    subprocess.run([bash, "-c", views["curl"]], env=environment, check=True)
    assert json.loads((tmp_path / "body").read_text()) == NASTY
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert "x-api-key: secret" in arguments
    assert "https://a.example/v1alpha2" in arguments


def test_python_sends_the_request(views: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []

    class Client:
        """Client that records its calls."""

        def __init__(self, url: str, key: str) -> None:
            sent.append((url, key))

        def submit_request(self, request: dict[str, Any]) -> str:
            sent.append(request)
            return "task"

        def wait(self, task: str) -> str:
            return task

        def save(self, task: str, folder: str) -> list[str]:
            return [task, folder]

    module = ModuleType("darkroom")
    module.__dict__["Client"] = Client
    monkeypatch.setitem(sys.modules, "darkroom", module)
    monkeypatch.setenv("API_KEY", "secret")
    exec(compile(views["python"], "view", "exec"), {})  # noqa: S102 - the test's own request
    assert sent == [("https://a.example", "secret"), NASTY]


@pytest.mark.slow
def test_types_are_right(tmp_path: Path) -> None:
    """Check the console's types with TypeScript, against the API's description and the library's own types."""
    shutil.copytree(CONSOLE, tmp_path / "console", ignore=shutil.ignore_patterns("*.mjs", "page"))
    for module, package in (("preact", "preact"), ("hooks", "preact/hooks")):
        (tmp_path / f"console/vendor/{module}.d.mts").write_text(f'export * from "{package}";\n')
    (tmp_path / "console/vendor/htm.d.mts").write_text(TYPES_OF_HTM)
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    generator = str(PROJECT / "node_modules" / "openapi-typescript" / "bin" / "cli.js")
    document = str(PROJECT / "docs" / "reference" / "openapi.json")
    types = str(tmp_path / "openapi.d.ts")
    subprocess.run([NODE, generator, document, "-o", types], check=True, capture_output=True)
    shutil.copy(Path(__file__).with_name("api_types.mts"), tmp_path / "api_types.mts")
    options: dict[str, object] = dict.fromkeys(("allowJs", "checkJs", "noEmit", "strict", "skipLibCheck"), True)
    options |= {"target": "es2024", "module": "nodenext", "lib": ["es2024", "dom", "dom.iterable"], "types": []}
    config = {"compilerOptions": options, "include": ["console/**/*.js", "*.mts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    compiler = str(PROJECT / "node_modules" / "typescript" / "bin" / "tsc")
    done = subprocess.run([NODE, compiler, "-p", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
