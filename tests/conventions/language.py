"""Language check of the project: lists each sentence and name that breaks the rule of CONTRIBUTING.md.

Run it as `python -m tests.conventions.language [PATH…]`. It reads docstrings, comments, messages of errors, log event
names, names that the code defines, Markdown and comments of configuration files. It leaves string data, such as
prompts, and code blocks alone.
"""

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conventions.language_rules import FUNCTION_OPENING, MODULE_OPENING, OLD_NAME_FORMS, OLD_NAMES, PHRASES

PROJECT = Path(__file__).parents[2]

#: Hard limit of a docstring's sentence. The rule asks for 20; five more save a split that would read worse.
MAX_SENTENCE_WORDS = 25

#: Files written by a program: their words come from the sources that are checked.
GENERATED = re.compile(
    r"^console/vendor/|^console/page/console\.|^tests/infrastructure/snapshots/|^docs/reference/configuration\.md$|\.lock$|^constraints\.txt$|"
    r"^LICENSE$"
)

_HASH_COMMENTS = (
    *(".yaml", ".yml", ".toml", ".sh", ".env", "Makefile", "Dockerfile"),
    *(".dockerignore", ".gitignore", ".gitattributes", ".editorconfig"),
)
_LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
_MESSAGE_CALLS = {"echo", "secho", "fail", "FieldError", "ClickException", "UsageError", "BadParameter"}


@dataclass(frozen=True)
class Finding:
    """Place in a file that breaks the rule."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def check_text(file: str, text: str) -> list[Finding]:
    """Return the findings in one file's text; its name decides how the text is read."""
    if GENERATED.search(file):
        return []
    name = Path(file).name
    if name.endswith(".py"):
        found = _check_python(text)
        if _is_old(Path(file).stem):
            found = [(1, f"old name `{Path(file).stem}`"), *found]
    elif name.endswith(".md"):
        found = _phrases_in(_markdown_prose(text))
    elif name.endswith((".js", ".mjs", ".css")):
        found = _phrases_in(_block_comments(text))
    elif name.endswith(_HASH_COMMENTS) or text.startswith("#!"):
        found = _phrases_in(_hash_comments(text))
    else:
        return []
    return [Finding(file, line, finding) for line, finding in sorted(set(found))]


def tracked_files(paths: list[str]) -> list[str]:
    """Return the project's files below `paths`, those that are not committed yet included."""
    git = shutil.which("git") or "git"
    command = [git, "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted({file for file in listed if (PROJECT / file).is_file()})


def check_files(files: list[str]) -> list[Finding]:
    """Return the findings in all `files`, whose names are relative to the project."""
    readable = (file for file in files if not file.endswith((".png", ".safetensors", ".gz")))
    return [found for file in readable for found in check_text(file, (PROJECT / file).read_text(encoding="utf-8"))]


def _check_python(text: str) -> list[tuple[int, str]]:
    nodes = list(ast.walk(ast.parse(text)))
    found = _phrases_in([*_comments(text), *(message for node in nodes for message in _messages(node))])
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found += _check_docstring(node)
        found += _check_names(node)
    return found


def _check_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[int, str]]:
    docstring = ast.get_docstring(node)
    if docstring is None:
        return []
    line = node.body[0].lineno
    found = _phrases_in([(line, docstring)])
    opening = docstring.split(maxsplit=1)[0] if docstring.strip() else ""
    if isinstance(node, ast.Module) and MODULE_OPENING.match(docstring):
        found.append((line, f"a module opens with a noun phrase, not `{opening}`"))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and FUNCTION_OPENING.match(docstring):
        found.append((line, f"a docstring opens with `Return True if` or another imperative, not `{opening}`"))
    for sentence in sentences(docstring):
        if (count := len(sentence.split())) > MAX_SENTENCE_WORDS:
            start = " ".join(sentence.split()[:6])
            found.append((line, f"a sentence of {count} words (at most {MAX_SENTENCE_WORDS}): `{start} …`"))
    return found


def sentences(prose: str) -> list[str]:
    """Return the sentences of a docstring; paragraphs, list items and `Args:` entries end one as well."""
    blocks = re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.)\s+|:\n|\n\s*(?=\w+:\s)", _without_code(prose))
    return [
        part
        for block in blocks
        for part in re.split(r"(?<=[.!?])[\"')]*\s+(?=[\"'(`]*[A-Z0-9…])", block.strip())
        if part
    ]


def _check_names(node: ast.AST) -> list[tuple[int, str]]:
    """Return old names that the code defines; what libraries call their own things is not ours to name."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            pass
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            pass
        case _:
            return []
    return [(getattr(node, "lineno", 1), f"old name `{name}`")] if _is_old(name) else []


def _is_old(name: str) -> bool:
    bare = name.lstrip("_")
    return bare in OLD_NAMES or OLD_NAME_FORMS.fullmatch(bare) is not None


def _messages(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts that a person reads: errors, the command line's messages, names of log events."""
    call = node.exc if isinstance(node, ast.Raise) else node
    if not isinstance(call, ast.Call):
        return
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if called in _LOG_METHODS and call.args and isinstance(event := call.args[0], ast.Constant):
        yield event.lineno, str(event.value).replace("_", " ")
    elif isinstance(node, ast.Raise) or called in _MESSAGE_CALLS:
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
            texts = [part.value if isinstance(part, ast.Constant) else "`…`" for part in parts]
            if isinstance(argument, ast.JoinedStr | ast.Constant):
                yield argument.lineno, "".join(str(text) for text in texts)


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield each comment with its first line; lines of comment that follow each other are one."""
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not re.match(r"#!|# (?:noqa|type:|pragma|ruff:)", token.string):
            line = token.start[0]
            if block and (line != last + 1 or token.line.strip()[0] != "#"):
                yield start, " ".join(block)
                block = []
            start = start if block else line
            last = line
            block.append(token.string.lstrip("#: "))
    if block:
        yield start, " ".join(block)


def _hash_comments(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if comment := re.search(r"(?:^|(?<=\s))#+ (.*)", line):
            yield number, comment[1]


def _block_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of a script or style sheet, without the types in them."""
    for comment in re.finditer(r"/\*(.*?)\*/|(?:^|(?<=\s))//(?!#) (.*?)$", text, re.DOTALL | re.MULTILINE):
        prose = re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}|@\w+", " ", comment[1] or comment[2] or "")
        yield text.count("\n", 0, comment.start()) + 1, re.sub(r"(?m)^\s*\*", "", prose)


def _markdown_prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield a Markdown file's paragraphs without code blocks, link targets and HTML."""
    hidden = r"(?ms)^ *(```+|~~~+).*?^ *\1 *$|<!--.*?-->|<[^>\n]*>"
    text = re.sub(hidden, lambda match: "\n" * match[0].count("\n"), text)
    text = re.sub(r"\]\([^)\n]*\)", "]", text)
    line = 1
    for paragraph in re.split(r"(\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.)\s))", text):
        yield line + len(paragraph[: len(paragraph) - len(paragraph.lstrip())].splitlines()), paragraph
        line += paragraph.count("\n")


def _without_code(prose: str) -> str:
    prose = re.sub(r"``[^`]+``|`[^`\n]+`", "`…`", prose)
    return re.sub(r"“[^”\n]{0,80}”|\"[^\"\n]{0,80}\"|https?://\S+", "…", prose)


def _phrases_in(texts: Iterator[tuple[int, str]] | list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [
        (line + _lines_before(match[0], text), f"`{match[0]}`: write {hint}")
        for line, text in texts
        for prose in [re.sub(r"\s+", " ", _without_code(text))]
        for pattern, hint in PHRASES
        for match in pattern.finditer(prose)
    ]


def _lines_before(phrase: str, text: str) -> int:
    found = re.search(re.escape(phrase).replace("\\ ", r"\s+"), text)
    return text.count("\n", 0, found.start()) if found else 0


if __name__ == "__main__":
    findings = check_files(tracked_files(sys.argv[1:]))
    print("\n".join(str(finding) for finding in findings))  # noqa: T201 — this is its answer
    sys.exit(1 if findings else 0)
