"""Damage: files of a run, changed by chance, and what is asked of the run then.

No change may end in a traceback, or in another answer than that of the whole run: it changes nothing, or is refused
with one message. tests/test_damage.py makes a few of them, benchmarks/damage.py 10,000.
"""

import contextlib
import dataclasses
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import tasks
from harness import runs
from harness.comparison import plan, sweep_worker
from harness.comparison.sweep import Entry
from harness.learning_curve import read_learning_curve
from harness.options import restore
from harness.runs.card import format_card
from harness.runs.listing import find_runs as read_rows
from harness.runs.restored import read_run
from harness.runs.schema import FORMAT
from harness.training.begin import begin
from harness.training.loop import Loop
from harness.training.request import Request
from harness.training.train import build
from harness.training.variables import list_variables
from pipeline.errors import BadInput
from run import main
from tests.fuzzing.mutations import list_holders
from tests.test_run import NAMED, write_reviews

Random = np.random.Generator
# JSON of other kinds than what it takes the place of, and what no program expects.
STRANGE = (
    "null", "true", "false", "0", "-1", "7", "1.5", "1e400", "NaN", "-Infinity", '"x"', '"\\udc80"', '"8"', "[]", "{}",
    "[1]", '{"a": 1}', "1" * 5000, "9" * 19, "[" * 100_000, "[" * 60 + "]" * 60, '"' + "x" * 100_000 + '"',
)  # fmt: skip


def change_bytes(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for place in random.integers(len(content), size=random.integers(1, 4)):
        changed[place] = random.integers(256)
    return bytes(changed)


def cut(content: bytes, random: Random) -> bytes:
    return content[: random.integers(len(content))]


def change_lines(content: bytes, random: Random) -> bytes:
    """Leave a line out, or have it twice."""
    lines = content.splitlines(keepends=True)
    place = random.integers(len(lines))
    return b"".join(lines[:place] + lines[place : place + 1] * int(random.choice([0, 2])) + lines[place + 1 :])


def change_value(content: bytes, random: Random) -> bytes:
    """Change a value, or a key, of the JSON on one line, or on all of them."""
    whole = not content.endswith(b"}\n{") and content.count(b"\n{") == 0
    lines = [content] if whole else content.splitlines()
    place = int(random.integers(len(lines)))
    lines[place] = _change_value(json.loads(lines[place]), random).encode()
    return b"\n".join(lines) + b"\n" * (not whole)


def _change_value(root: Any, random: Random) -> str:
    holders = list_holders(root)
    holder = holders[random.integers(len(holders))]
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    key = keys[random.integers(len(keys))]
    deed = random.choice(["replace", "replace", "delete", "swap", "add"])
    strange = str(random.choice(STRANGE))
    if deed == "delete":
        del holder[key]
    elif deed == "swap":
        other = keys[random.integers(len(keys))]
        holder[key], holder[other] = holder[other], holder[key]
    elif deed == "add" and isinstance(holder, dict):
        # Twice, or one that there is not.
        holder["<new>"] = "<new>"
        text = json.dumps(root)
        return text.replace('"<new>": "<new>"', f"{json.dumps(str(random.choice([key, 'new'])))}: {strange}")
    else:
        holder[key] = "<new>"
    return json.dumps(root, indent=int(random.integers(3)) or None).replace('"<new>"', strange)


def change_json(content: bytes, random: Random) -> bytes:
    changes = (change_bytes, cut, change_lines, change_value, change_value, change_value)
    return changes[random.integers(len(changes))](content, random)


def change_archive(content: bytes, random: Random) -> bytes:
    return [change_bytes, cut][random.integers(2)](content, random)


def change_state(content: bytes, random: Random) -> bytes:
    """Change what state.npz says of the progress, or the shape of an array, or its bytes."""
    deed = random.integers(4)
    if not deed:
        return change_archive(content, random)
    with np.load(io.BytesIO(content)) as saved:
        arrays = {name: saved[name] for name in saved.files}
    if deed == 1:
        name = str(random.choice([name for name in arrays if name != "progress"]))
        arrays[name] = [arrays[name][..., None], np.zeros((0, 3)), np.array("x")][random.integers(3)]
    else:
        changed = change_json(str(arrays["progress"]).encode(), random)
        arrays["progress"] = np.array(changed.decode("utf-8", "replace"))
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


Question: TypeAlias = Callable[["Run"], Any]


class Run:
    """A complete run with every file, its data, and what can be asked of it: each returns what no damage may change."""

    def __init__(self, folder: Path):
        self.folder, self.directory = folder, folder / "runs" / "sentiment" / "simple-s0"
        self.data, self.runs = write_reviews(folder / "reviews.csv"), folder / "runs"
        self.loop: Loop | None = None
        # Of the whole run, by the question.
        self.answers: dict[Question, Any] = {}
        assert main(self.command) == 0
        sweep_worker.recall(self.directory)
        runs.write_record(self.runs / "sentiment" / "speed.json", {"simple": 900, "gru": 1000})
        self.files = {path: path.read_bytes() for path in self.runs.rglob("*") if path.is_file()}

    @property
    def command(self) -> list[str]:
        # Few reviews validate: by default no probability would be calibrated.
        options = [*NAMED, "--keep-epoch", "best", "--json"]
        return ["train", "sentiment", "--data", str(self.data), "--runs", str(self.runs), *options]

    @property
    def entry(self) -> Entry:
        task = tasks.get("sentiment")
        config = json.loads(self.files[self.directory / "config.json"])
        return Entry("sentiment", restore(config["options"], task, FORMAT), self.runs, self.directory)

    def make_whole(self) -> None:
        for path in self.runs.rglob("*"):
            if path.is_file() and path not in self.files:
                path.unlink()
        for path, content in self.files.items():
            path.write_bytes(content)

    def evaluate(self) -> Any:
        return self.ask("evaluate", str(self.directory), "--json")["scores"]

    def list(self) -> Any:
        """Return the row of the run in the list of all runs."""
        rows = read_rows(self.runs)
        if not rows:
            raise BadInput("it is said, and left out")
        return rows

    def describe(self) -> Any:
        """Return its model card, without what is computed anew."""
        return format_card(read_run(self.directory))

    def predict(self) -> Any:
        return self.ask("predict", str(self.directory), "good fun", "cold", "--json")["predictions"]

    def train_again(self) -> Any:
        return self.ask(*self.command)

    def go_on(self) -> Any:
        (self.directory / "scores.json").unlink()
        return self.ask(*self.command)["scores"]

    def take_up(self) -> Any:
        """Return what a training that goes on takes up: how far it had come, and all of its numbers."""
        if not self.loop:
            # Once: what is damaged is read afterwards.
            with begin(Request(tasks.get("sentiment"), self.entry.options, self.directory)) as training:
                self.loop = build(training, "")
        checkpoint = self.loop.checkpoint
        checkpoint.restore()
        return checkpoint.progress, [np.array(variable).tolist() for variable in list_variables(checkpoint.model)]

    def compare(self) -> Any:
        """Return what a comparison takes from the run: scores, cost, learning curve, memory."""
        result = sweep_worker.run(self.entry, device="", fresh=False, remember=True)
        return {name: value for name, value in result.items() if name != "spent"}

    def recall(self) -> Any:
        """Return its memory, as a comparison takes it."""
        return sweep_worker.recall(self.directory)

    def draw(self) -> Any:
        """Return its learning curve."""
        return read_learning_curve(self.directory, "accuracy")

    def match(self) -> Any:
        """Return the epochs of other types that take as long."""
        return plan.match_seconds(tasks.get("sentiment"), self.entry.options, ("simple", "gru"), self.runs)

    def ask(self, *arguments: str) -> Any:
        """Return what a command answers; BadInput if it refuses, with one message."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = main(list(arguments))
        if code == 2 and errors.getvalue().count("error: ") == 1 and not out.getvalue():
            raise BadInput(errors.getvalue())
        assert code == 0, errors.getvalue()
        return json.loads(out.getvalue())


QUESTIONS: dict[str, tuple[Question, ...]] = {
    "config.json": (Run.evaluate, Run.predict, Run.train_again, Run.go_on, Run.list),
    "environment.json": (Run.describe,),
    "fields/input.json": (Run.evaluate, Run.predict, Run.go_on),
    "fields/output.json": (Run.evaluate, Run.predict, Run.go_on),
    "metrics.jsonl": (Run.go_on, Run.compare, Run.draw),
    "calibration.json": (Run.predict,),
    "data.json": (Run.describe,),
    "scores.json": (Run.evaluate, Run.train_again, Run.compare, Run.list),
    "memory.json": (Run.recall,),
    "../speed.json": (Run.match,),
    "state.npz": (Run.take_up,),
    "best.keras": (Run.evaluate, Run.predict),
}
CHANGES = {"state.npz": change_state, "best.keras": change_archive}


@dataclass
class Found:
    """What became of the changes of one file. refused, unchanged: how many. wrong: what was neither, each in words."""

    refused: int = 0
    unchanged: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)


def damage(run: Run, name: str, count: int, random: Random, questions: int | None = None) -> Found:
    """Change a file of a run so many times, and ask after each change. questions: how many of the file's; None: all."""
    found, path = Found(), (run.directory / name).resolve()
    for ask in QUESTIONS[name]:
        if ask not in run.answers:
            run.make_whole()
            run.answers[ask] = ask(run)
    for _ in range(count):
        content = CHANGES.get(name, change_json)(run.files[path], random)
        every = QUESTIONS[name]
        for place in random.permutation(len(every))[:questions]:
            run.make_whole()
            path.write_bytes(content)
            try:
                answer = every[place](run)
            except BadInput:
                found.refused += 1
            except Exception as error:
                found.wrong.append(f"{every[place].__name__}: {error!r}: {content[:2000]!r}")
            else:
                if answer == run.answers[every[place]]:
                    found.unchanged += 1
                else:
                    found.wrong.append(f"{every[place].__name__}: another answer, {answer!r:.500}: {content[:2000]!r}")
    run.make_whole()
    return found
