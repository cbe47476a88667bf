"""Language of the project: the rules find what they ban, and the tree keeps them."""

import ast
from collections import defaultdict

import pytest

from tests.conventions.language import PROJECT, Finding, check_files, check_text, sentences, tracked_files

FOLLOWS_THE_RULE = (
    '"""Adaptive limit on requests outstanding at the Web UI."""',
    'def is_idle() -> bool:\n    """Return True if the Web UI is idle."""',
    "x = 1  # A start takes 30 s, at most a minute, and then takes effect.",
    'x = "a painting of a man who takes a picture, nobody near"',
    'PROMPT = f"tell {1}"',
    'log.info("task_requeued", reason="lease_lost")',
    'raise ValueError("`region` is required when `engine` is `eks`, for example `eu-central-1`")',
    'class Stub:\n    """Stand-in of the Web UI. `take` and "tell me" are quoted."""',
    "import look\nlook.tell()",
    "x = 1  # More than 5 GB is over 4 GB. The result is None.",
)

BREAKS_THE_RULE = (
    ('"""What the agent does."""', "opens with a noun phrase"),
    ('"""How tasks pass."""', "opens with a noun phrase"),
    ('def f():\n    """Tell whether it is idle."""', "`Return True if`"),
    ('def f():\n    """Return whether it is idle."""', "`Return True if`"),
    ('def f():\n    """True if it is idle."""', "`Return True if`"),
    ('def f():\n    """Take a task."""', "`Take a`"),
    ("x = 1  # A message that is none.", "`is none`"),
    ("x = 1  # The request\n# is over.", "`is over`"),
    ("# Nobody answers.\nx = 1", "`Nobody`"),
    ("x = 1  # Note that it ended.", "`Note that`"),
    ("x = 1  # A process of its\n# own.", "`of its own`"),
    ("x = 1  # Tasks are taken from the queue.", "`taken from`"),
    ("x = 1  # They have the container started again.", "`have the container started`"),
    ("x = 1  # The agent hands the task back.", "`release` a record"),
    ("x = 1  # A sign of life.", "`heartbeat`"),
    ("x = 1  # Let the message be.", "`Let the message be`"),
    ("x = 1  # Nothing that is not there.", "one negative"),
    ('raise ValueError(f"the key {1} stands twice")', "`stands`"),
    ('click.echo("nobody is there")', "`nobody`"),
    ('FieldError("a", "tell the runtime")', "`tell`"),
    ('log.warning("was_told")', "`told`"),
    ("class Crew: ...", "old name `Crew`"),
    ("def _hand_back(): ...", "old name `_hand_back`"),
    ("def f(given_up): ...", "old name `given_up`"),
    ("self.look_after = 1", "old name `look_after`"),
    ("class QueuePump: ...", "old name `QueuePump`"),
    (f'"""Agent.\n\nThis has {"word " * 30}in it."""', "a sentence of 34 words"),
)


def test_the_tree_follows_the_rule() -> None:
    files = tracked_files([])
    found = check_files(files)
    assert len(files) > 500
    assert not found, "\n".join(str(finding) for finding in found)


def test_one_name_is_one_class() -> None:
    places = defaultdict(list)
    for file in tracked_files([]):
        if file.endswith(".py") and not file.startswith(("tests/", "docs/")):
            for node in ast.parse((PROJECT / file).read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(file)
    assert not {name: files for name, files in places.items() if len(files) > 1}, (
        "a search for a name must find one thing"
    )


@pytest.mark.parametrize("code", FOLLOWS_THE_RULE)
def test_what_follows_the_rule_is_not_found(code: str) -> None:
    assert not check_text("module.py", code)


@pytest.mark.parametrize(("code", "finding"), BREAKS_THE_RULE)
def test_what_breaks_the_rule_is_found(code: str, finding: str) -> None:
    assert [found for found in check_text("module.py", code) if finding in found.text]


def test_a_finding_names_its_line() -> None:
    module = '"""Agent.\n\nIt was\ntold."""\n\nx = 1\n# One.\n# Nobody.\n'
    assert check_text("a.py", module) == [
        Finding("a.py", 4, "`told`: write `report`, `detect`, `return`, `show`"),
        Finding("a.py", 7, "`Nobody`: write name who does not"),
    ]


def test_a_module_named_as_in_the_earlier_design_is_found() -> None:
    assert [found.text for found in check_text("agent/sightings.py", "")] == []
    assert [found.text for found in check_text("contract/acknowledgement.py", "")] == ["old name `acknowledgement`"]


def test_markdown_is_read_without_its_code() -> None:
    document = (
        "# Tasks\n\n```bash\necho nobody\n```\n\nRun `tell`, [here](nobody.md).\n\n- One is\n  told.\n- Whoever.\n"
    )
    assert [(found.line, found.text.split(":")[0]) for found in check_text("a.md", document)] == [
        (10, "`told`"),
        (11, "`Whoever`"),
    ]


def test_comments_of_configuration_files_are_read() -> None:
    assert [found.line for found in check_text("a.yaml", "a: b#nobody\nb: nobody\nc: 1 # nobody\n# tell\n")] == [3, 4]


def test_comments_of_scripts_and_style_sheets_are_read() -> None:
    script = 'tell();\n/** @param {nobody} a Tell it. */\n// Nobody\nconst a = "https://nobody.example"; // told\n'
    assert [found.line for found in check_text("a.js", script)] == [2, 3, 4]
    assert [found.line for found in check_text("a.css", "/* One\n   nobody. */\n.told {}")] == [2]


def test_generated_files_are_left_alone() -> None:
    assert not check_text("tests/infrastructure/snapshots/a.yaml", "# nobody")


def test_lists_and_arguments_end_a_sentence() -> None:
    docstring = "Return it. It is 3.5 s old:\n\n- one\n- two\n\nArgs:\n    id: The name.\n    x: The `a. b` file."
    assert len(sentences(docstring)) >= 6
