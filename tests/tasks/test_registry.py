import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tasks
from harness.options import defaults
from pipeline.errors import BadInput
from tasks.task import SHAPES

ROOT = Path(__file__).parents[2]
TASK = """
from models.families import Classifier, LazyFamily
from pipeline import metrics
from pipeline.fields import Label, Text
from pipeline.option import Configured
from tasks.task import Task

TASK = Task(
    name="{name}", summary="?", shape="{shape}", sources={{}}, family=LazyFamily(__name__, Classifier),
    metrics=metrics.accuracy, input=Configured(Text), output=Configured(Label), monitor="accuracy",
)
"""


@pytest.fixture
def write(tmp_path):
    def file(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    yield file
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"included_{path.stem}", None)


def test_every_file_of_the_folder_is_a_task_of_that_name():
    found = tasks.find()
    files = {path.stem for path in (ROOT / "tasks").glob("*.py")} - {"__init__", "task"}
    assert list(found) == sorted(files)
    for name, task in found.items():
        assert task.name == name
        assert task.summary and task.shape in SHAPES and task.sources
        assert all(source.licence and source.summary for source in task.sources.values())
        assert (ROOT / f"{task.family.module.replace('.', '/')}.py").exists()
        defaults(task)


def test_all_tasks_load_without_keras_and_its_backends():
    heavy = ("keras", "tensorflow", "jax", "torch", "pandas", "sklearn", "tensorflow_datasets")
    program = f"import sys, tasks; tasks.find(); print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_from_elsewhere_is_a_task_too(write):
    path = write(TASK.format(name="mine", shape="many-to-one"))
    assert "mine" not in tasks.find()
    # The same file twice, in two spellings, is one task.
    again = path.parent / "." / ".." / path.parent.name / path.name
    tasks.include([path, again])
    assert tasks.get("mine").name == "mine"
    assert [file.path for file in tasks.included()] == [path.resolve()]
    tasks.forget()
    assert "mine" not in tasks.find()


def test_a_file_that_has_changed_takes_the_place_of_what_it_was(write):
    path = write(TASK.format(name="mine", shape="many-to-one"))
    tasks.include([path])
    write(TASK.format(name="yours", shape="many-to-one"))
    tasks.include([path])
    assert "yours" in tasks.find() and "mine" not in tasks.find()


def test_a_task_that_a_program_makes_is_known_once_it_is_registered():
    task = dataclasses.replace(tasks.get("pos"), name="mine")
    assert tasks.register(task) is task is tasks.get("mine")
    with pytest.raises(BadInput, match="there is a task 'pos' already"):
        tasks.register(tasks.get("pos"))


def test_a_file_of_the_folder_given_again_is_one_task():
    before = list(tasks.find())
    tasks.include([Path("tasks/pos.py")])
    assert list(tasks.find()) == before


def test_a_name_defined_twice_is_refused_with_both_files(write):
    path = write(TASK.format(name="pos", shape="many-to-one"))
    with pytest.raises(BadInput, match="'pos'") as error:
        tasks.include([path])
    assert "pos" in tasks.find()
    assert str(path) in str(error.value) and str(ROOT / "tasks" / "pos.py") in str(error.value)


def test_a_field_defined_twice_is_refused_with_both_files(write):
    field = "class Own(Text): ...\n\n\nTASK = Task("
    paths = []
    for name in ("mine", "yours"):
        text = TASK.format(name=name, shape="many-to-one").replace("TASK = Task(", field)
        paths.append(write(text.replace("Configured(Text)", "Configured(Own)"), f"{name}.py"))
    with pytest.raises(BadInput, match="two files define the field 'Own'") as error:
        tasks.include(paths)
    assert all(str(path) in str(error.value) for path in paths)
    # One of them alone is a task, and both may use the same field of this suite.
    assert "mine" in tasks.find() and "yours" not in tasks.find()


def test_an_unknown_name_gets_the_closest_and_the_list():
    with pytest.raises(BadInput, match=r"unknown task 'sentimant'. Did you mean 'sentiment'\? Known: .*ner.*pos"):
        tasks.get("sentimant")


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = 1\ndef f(:\n", r"mine\.py:2: the task file does not run: SyntaxError"),
        ("x = 1\n\nimport no_such_module\n", r"mine\.py:3: .*ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f():\n    return 1 / 0\n\nf()\n", r"mine\.py:2: .*ZeroDivisionError"),
        ("x = '\0'\n", r"mine\.py:\d+: .*null"),
        ("x = 1\n", r"mine\.py: expected TASK = Task"),
        ("TASK = 'ner'\n", r"mine\.py: expected TASK = Task"),
        (
            TASK.format(name="mine", shape="many-to-one").replace("Configured(Text)", "lambda options: Text()"),
            r"mine\.py:\d+: the task file does not run: input: expected Configured\(FIELD\)",
        ),
        (
            TASK.format(name="mine", shape="many-to-one").replace(
                "LazyFamily(__name__, Classifier)", "'models.tagger'"
            ),
            r"mine\.py:\d+: the task file does not run: family: expected one of models/families.py",
        ),
        (
            TASK.format(name="mine", shape="many-to-few"),
            r"unknown shape in .*mine\.py 'many-to-few'.*Known: .*many-to-one",
        ),
    ],
)
def test_a_file_that_is_no_task_says_where_and_why(write, text, message):
    with pytest.raises(BadInput, match=message):
        tasks.include([write(text)])


def test_a_syntax_error_in_what_a_task_imports_points_at_the_import(write, monkeypatch):
    write("\n\n\n\nx = = 2\n", "broken_helper_of_mine.py")
    path = write("x = 1\nimport broken_helper_of_mine\n")
    monkeypatch.syspath_prepend(str(path.parent))
    with pytest.raises(BadInput, match=r"mine\.py:2: .*SyntaxError.*broken_helper_of_mine\.py"):
        tasks.include([path])


def test_a_file_that_is_missing_or_not_python_is_refused(tmp_path, write):
    missing = tmp_path / "missing.py"
    with pytest.raises(BadInput, match=rf"--include {re.escape(str(missing))}: there is no such file"):
        tasks.include([missing])
    with pytest.raises(BadInput, match=r"mine\.txt: expected a Python file"):
        tasks.include([write("", "mine.txt")])


def test_the_documents_show_a_task_file_as_it_is():
    blocks = (ROOT / "docs" / "adding_a_task.md").read_text(encoding="utf-8").split("```python\n")[1:]
    (shown,) = [block.split("```")[0] for block in blocks if 'name="pos"' in block]
    assert (ROOT / "tasks" / "pos.py").read_text(encoding="utf-8").endswith(shown)
