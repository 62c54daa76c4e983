"""The documents: links resolve, what they name exists, commands parse, and examples run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import run
import tasks
from harness import new
from harness.arguments import Parser
from harness.commands.subject import make_full_parser
from harness.runs import restored
from pipeline.option import make_flag
from tests.harness import start_keras, without_new_cells

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
# tests/test_tutorials.py runs them.
TUTORIALS = [path for path in DOCUMENTS if path.parent.name == "tutorials"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
# Written by `run.py new`, and the user's own.
NOT_SHOWN = "my_task.py"
TINY = ["--limit", "40", "--epochs", "1"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read_blocks(path: Path, kind: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return [body for found, body in FENCE.findall(path.read_text(encoding="utf-8")) if found == kind]


def read_prose(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def read_file_name(block: str) -> str | None:
    """Return the name of the file that a block is: its first line is a comment with it."""
    first = re.fullmatch(r"# (\w+\.py)", block.split("\n", 1)[0])
    return first[1] if first else None


def read_files() -> dict[str, str]:
    """Return the files that the documents show, by name."""
    found: dict[str, str] = {}
    for path in DOCUMENTS:
        for block in read_blocks(path, "python"):
            if file := read_file_name(block):
                assert found.setdefault(file, block) == block, f"{name(path)}: another {file} than elsewhere"
    return found


def read_commands(path: Path) -> list[list[str]]:
    """Return the words after run.py of each command that a document shows and that can be typed as it stands."""
    lines = [part for block in read_blocks(path, "sh") for line in block.splitlines() for part in line.split("&&")]
    shown = [match[1] for line in lines if (match := re.search(r"python3? run\.py (.*)", line))]
    for code in CODE.findall(read_prose(path)):
        words = code.removeprefix("python ").split()
        if words[0] == "run.py" and len(words) > 1:
            shown.append(" ".join(words[1:]))
        elif len(words) > 1 and words[0] in run.COMMANDS and words[1] in tasks.find():
            shown.append(code)
    found = [shlex.split(line, comments=True) for line in shown]
    return [words for words in found if not any(re.search(r"^[A-Z]{3,}$|…", word) for word in words)]


def read_results() -> list[list[str]]:
    """Return the commands of the table of results."""
    found = []
    for line in (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines():
        task = ""
        for code in CODE.findall(line.split(" | ")[0]) if line.startswith("| `") else []:
            words = shlex.split(code)
            task = task if words[0].startswith("--") else words.pop(0)
            found.append(["train", task, *words])
    return found


PROGRAMS = [path for path in DOCUMENTS if path not in TUTORIALS and read_blocks(path, "python")]
COMMANDS = [(name(path), words) for path in DOCUMENTS for words in read_commands(path)]
COMMANDS += [("docs/results.md", words) for words in read_results()]
INCLUDING = [words for _, words in COMMANDS if words[0] == "train" and "--include" in words and "--help" not in words]
TRAINED = [shlex.split(line) for line in dict.fromkeys(map(shlex.join, INCLUDING))]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents show, and those that their commands read."""
    folder = tmp_path_factory.mktemp("documents")
    for file, text in read_files().items():
        (folder / file).write_text(text, encoding="utf-8")
    new.write_task(Path(NOT_SHOWN).stem, "many-to-one", folder)
    rows = [f"{number:08b}" for number in range(100)]
    lines = [f"{row} {'yes' if row.count('1') > 4 else 'no'}" for row in rows]
    (folder / "my_rows.bits").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def inside(examples: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory is the folder of the examples, and what they add is forgotten afterwards."""
    monkeypatch.chdir(examples)
    with without_new_cells():
        yield examples
    tasks.forget()


# What the documents name.


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 230


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_relative_links_resolve(path):
    links = re.findall(r"\]\(([^)\s#]*)#?([^)\s]*)\)", read_prose(path).replace("\\", ""))
    for target, heading in links:
        if target.startswith("http"):
            continue
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_python_files_that_are_named_exist(path):
    folders = [ROOT / folder for folder in ("tasks", "pipeline", "models", "harness", "tests", "benchmarks")]
    known = [ROOT / "run.py", *(file for folder in folders for file in folder.rglob("*.py"))]
    known += [ROOT / file for file in (*read_files(), NOT_SHOWN)]
    text = path.read_text(encoding="utf-8").replace("\\", "")
    for named in re.findall(r"(?<![\w/.-])((?:[\w-]+/)*\w+\.py)\b", text):
        assert "NAME" in named or any(f"/{name(file)}".endswith(f"/{named}") for file in known), named


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_options_that_are_named_exist(path):
    known = {"--help", "--help-all"}
    for command in run.COMMANDS.values():
        known |= {flag for action in make_full_parser(command)._actions for flag in action.option_strings}
    known |= {make_flag(one) for text in read_files().values() for one in re.findall(r"(\w+): .* = option\(", text)}
    for code in CODE.findall(read_prose(path)):
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)) <= known, code


# Commands.


class Parsed(Exception):
    """A command line was read to its end."""


@pytest.mark.parametrize("document, words", COMMANDS, ids=lambda value: value if isinstance(value, str) else None)
def test_commands_parse_with_the_names_of_today(document, words, inside, monkeypatch):
    words = [word for word in words if word != "--help"]
    read, left = Parser.read, max(1, sum(word in tasks.find() for word in words[1:]))

    def read_and_stop(parser, arguments):
        nonlocal left
        given = read(parser, arguments)
        earlier = {make_flag(alias) for one in parser.options.values() for alias in one.aliases}
        assert not earlier & set(arguments), "an earlier name of an option"
        left -= 1
        if not left:
            raise Parsed
        return given

    def read_run(directory, prepare=None):
        return SimpleNamespace(task=tasks.get(directory.parent.name))

    monkeypatch.setattr(Parser, "read", read_and_stop)
    monkeypatch.setattr(restored, "read_run", read_run)
    with pytest.raises(Parsed):
        run.execute(words)


# Examples.


def test_every_file_that_is_shown_is_trained_by_a_command():
    assert {*read_files(), NOT_SHOWN} <= {word for words in TRAINED for word in words}


@pytest.mark.slow
@pytest.mark.parametrize("words", TRAINED, ids=" ".join)
def test_commands_with_a_file_of_the_documents_train(words, inside, tmp_path):
    start_keras()
    assert run.main([*words, *TINY, "--runs", str(tmp_path)]) == 0
    assert len(list(tmp_path.rglob("scores.json"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("path", PROGRAMS, ids=name)
def test_programs_run_from_the_first_block_to_the_last(path, inside):
    start_keras()
    namespace = {"__name__": "__main__"}
    for block in read_blocks(path, "python"):
        if not read_file_name(block):
            exec(compile(block, name(path), "exec"), namespace)
