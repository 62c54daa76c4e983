"""Unrolled's command line: parse, call the harness, print. Nothing else."""

import harness.process.allocator  # noqa: F401 (first of all: threads are started)

# isort: split
import sys

from harness.process import interrupt, streams

if __name__ == "__main__":
    # What comes next takes seconds.
    streams.prepare()
    interrupt.listen(sys.argv[1:])

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional, UseAppendAction, arg

import tasks
from harness.options import AS_STORED, AS_TRAINED, Decoding, Options, Reading, defaults
from harness.process.console import print_table, say
from pipeline import cache, files
from pipeline.errors import BadInput, unknown
from pipeline.record import dump

if TYPE_CHECKING:
    from harness.runs.stored import Stored

interrupt.before_end.append(files.remove_unfinished)

Include = Annotated[
    UseAppendAction[tuple[Path, ...]],
    arg(metavar="FILE", help="A Python file that defines a task or a cell of your own; may be given several times."),
]
Json = Annotated[FlagCreatePairsOff[bool], arg(help="Print one JSON object, and nothing else, on standard output.")]
Backend = Annotated[
    Literal["jax", "tensorflow", "torch"] | None,
    arg(help="What Keras computes with; else KERAS_BACKEND, else JAX where installed, else TensorFlow."),
]
Device = Annotated[Literal["cpu", "gpu"] | None, arg(help="Where to compute; a GPU is used if there is one.")]
Kernels = Annotated[
    Literal["auto", "off"],
    arg(help="The recurrent loops as native code, compiled at first use (not on torch, not on a GPU), or not."),
]
Name = Annotated[Positional[str], arg(metavar="TASK", help="Name of the task; `list` shows them.")]
Run = Annotated[Positional[Path], arg(metavar="RUN", help="The run directory.")]
# Options whose values are paths.
PATHS = (
    *("--data", "--train-file", "--validation-file", "--test-file"),
    *("--runs", "--include", "--input", "--output", "--folder"),
)
# Options that have no value.
FLAGS = {"-h", "--help", "--fresh", "--json"} | {
    f"--{no}{field.name.replace('_', '-')}" for field in fields(Options) if field.type is bool for no in ("", "no-")
}
Shape = Literal["one-to-many", "many-to-one", "many-to-many", "many-to-many-unequal"]


def list_tasks(json: Json = False, include: Include = ()) -> None:
    """List the tasks."""
    found = tasks.find(include).values()
    rows = [{"name": task.name, "shape": task.shape, "summary": task.summary} for task in found]
    emit({"tasks": rows}) if json else print_table(rows)


def show(task: Name, json: Json = False, include: Include = ()) -> None:
    """Show a task: its data sources with their licences, its metrics and its defaults."""
    found = tasks.get(task, include)
    sources = [{"data": name, "licence": one.licence, "holds": one.summary} for name, one in found.sources.items()]
    if found.reader:
        for name in found.reader.examples:
            sources.append({"data": name, "licence": "as its catalogue page says", "holds": "TensorFlow Datasets"})
        sources.append({"data": "a path", "licence": "yours", "holds": f"your own files: {found.reader.formats}"})
    columns = {"input": found.columns.input, "output": found.columns.output}
    facts = {"name": found.name, "summary": found.summary, "shape": found.shape, "monitor": found.monitor}
    if json:
        return emit(facts | {"sources": sources, "columns": columns, "options": asdict(defaults(found))})
    print_table([{"task": name, "": value} for name, value in facts.items()])
    print_table(sources)
    if found.reader:
        print_table([{"side": side, "known names of columns": ", ".join(names)} for side, names in columns.items()])
    print_table([{"option": name, "default": str(value)} for name, value in asdict(defaults(found)).items()])


def make_train(options: Options) -> Callable[..., None]:
    """Return the train command with a task's own defaults, so that its --help shows them."""

    def train(
        task: Name,
        options: OmitArgPrefixes[Options] = options,
        runs: Path = Path("runs"),
        fresh: FlagCreatePairsOff[bool] = False,
        device: Device = None,
        backend: Backend = None,
        kernels: Kernels = "auto",
        json: Json = False,
        include: Include = (),
    ) -> None:
        """Train a task, or go on where the same command stopped; then print the test scores.

        Args:
            runs: Folder of all runs; this one's directory is RUNS/TASK/CELL-sSEED.
            fresh: Delete the earlier run of the same name and start over.
        """
        from harness import experiment

        run = experiment.settle(tasks.get(task, include), options, runs, include, fresh)
        summary = experiment.read_complete(run)
        if summary is None:
            # What is wrong with the data is told before Keras starts, which takes seconds.
            with experiment.begin(run) as begun:
                where = start(backend, device, begun.run.options.precision, kernels)
                from harness.train import train_experiment

                summary = train_experiment(begun, where)
        emit(summary) if json else print_scores(summary)

    return train


def evaluate(
    run: Run,
    data: str | None = None,
    split: Literal["train", "validation", "test"] = "test",
    reading: OmitArgPrefixes[Reading] = AS_STORED,
    decoding: OmitArgPrefixes[Decoding] = AS_TRAINED,
    device: Device = None,
    backend: Backend = None,
    kernels: Kernels = "auto",
    json: Json = False,
    include: Include = (),
) -> None:
    """Score a trained run on its own test data, another split, or other data.

    Args:
        data: Other data than the run's own: a source of the task, tfds:NAME, or a path.
        split: Which part of the data.
    """
    from harness import selection
    from harness.runs.stored import read_run

    stored = read_run(run, include, decoding, partial(select_backend, backend, device))
    chosen = selection.select(stored, data, split, reading)
    start_again(stored, backend, device, kernels)
    from harness.evaluate import score

    summary = score(stored, chosen, data, keep=decoding == AS_TRAINED)
    emit(summary) if json else print_scores(summary)


def predict(
    run: Run,
    texts: Annotated[Positional[tuple[str, ...]], arg(metavar="[TEXT ...]", help="The inputs.")] = (),
    input: str | None = None,
    output: Path | None = None,
    tokenized: FlagCreatePairsOff[bool] = False,
    attention_weights: FlagCreatePairsOff[bool] = False,
    reading: OmitArgPrefixes[Reading] = AS_STORED,
    decoding: OmitArgPrefixes[Decoding] = AS_TRAINED,
    device: Device = None,
    backend: Backend = None,
    kernels: Kernels = "auto",
    json: Json = False,
    include: Include = (),
) -> None:
    """Answer inputs with a trained run.

    Args:
        input: A file with one input per line, or a table or corpus as for training; - for standard input.
        output: Write the answers to this file, not to standard output.
        tokenized: The sentences have blanks between their tokens.
        attention_weights: With --json, add for each written symbol how much it looked at each symbol of the input.
    """
    if texts and input:
        raise BadInput("TEXT and --input: give one of them, not both")
    if output and not output.parent.is_dir():
        raise BadInput(f"--output {output}: there is no folder {output.parent}; make it first")
    if output and output.exists() and not output.is_file():
        raise BadInput(f"--output {output}: not a file; leave the option out for standard output")
    if attention_weights and not json:
        raise BadInput("--attention-weights: they are tables of numbers, written with --json only; add that")
    from harness import inputs
    from harness.runs.stored import read_run

    stored = read_run(run, include, decoding, partial(select_backend, backend, device))
    stored = inputs.take_tokenized(stored) if tokenized else stored
    asked = inputs.read_file(stored, input, reading) if input else inputs.parse(stored, inputs.read_words(texts))
    inputs.check_any(asked)
    start_again(stored, backend, device, kernels)
    from harness import predict as answers
    from harness.runs import write_text

    found = answers.answer_inputs(stored, asked, attention_weights)
    content = {"run": str(run), "predictions": found}
    if output:
        write_text(output, (dump(content, indent=1) if json else answers.format_plainly(found)) + "\n")
    else:
        emit(content) if json else print(answers.format_plainly(found))


@dataclass(frozen=True)
class Comparison:
    """Train tasks with several RNN types and seeds, and say which type is better, how sure that is, and what it costs.

    Each run is as `train` makes it; complete ones are used as they are, stopped ones go on. One that fails is shown as
    failed, and the others go on; the exit code is 1 then.
    """

    tasks: Annotated[Positional[tuple[str, ...]], arg(metavar="TASK [TASK ...]", help="Names of tasks.")] = ()
    cells: str = "simple,lstm,gru"
    """RNN types, with commas between them."""
    seeds: int = 5
    """Runs of each; their seeds count up from --seed."""
    match: Literal["units", "params", "seconds"] = "units"
    """What the types have in common: --units, the number of weights (within 2%), or the time they are trained for."""
    options: OmitArgPrefixes[Options] = field(default_factory=Options)
    runs: Path = Path("runs")
    """Folder of all runs."""
    output: Path | None = None
    """Folder of the report; else RUNS/comparisons/TASKS."""
    workers: int = 1
    """Runs at a time; on a Ray cluster, on each machine."""
    ray: str | None = None
    """Train on a Ray cluster: HOST:PORT, or nothing for the one that this machine belongs to."""
    fresh: FlagCreatePairsOff[bool] = False
    """Delete the earlier runs of the same names and start over."""
    device: Device = None
    backend: Backend = None
    kernels: Kernels = "auto"
    json: Json = False
    include: Include = ()


def make_compare(options: Options, arguments: list[str]) -> Callable[..., int]:
    """Return the compare command with the defaults of the first task that `arguments` name."""

    def compare(given: OmitArgPrefixes[Comparison] = Comparison(options=options)) -> int:
        if not given.tasks:
            raise BadInput(f"compare: expected at least one task; known: {', '.join(tasks.find(given.include))}")
        if any(word.split("=")[0] == "--cell" for word in arguments):
            raise BadInput("--cell: compare takes --cells, such as --cells simple,gru")

        def read_options(name: str) -> Options:
            default = Comparison(options=defaults(tasks.get(name, given.include)))
            return tyro.cli(Comparison, default=default, args=arguments[1:]).options

        from harness.comparison.compare import compare as train_all
        from harness.comparison.report import write_report
        from harness.comparison.sweep import Sweep
        from harness.comparison.table import print_comparison
        from harness.process import backend

        sweep = Sweep(
            {name: read_options(name) for name in dict.fromkeys(given.tasks)},
            tuple(word.strip() for word in given.cells.split(",")),
            given.seeds,
            given.match,
            given.runs,
            given.include,
            given.fresh,
        )
        folder = given.output or given.runs / "comparisons" / "-".join(sweep.each)
        files.check_folder(folder, "--output")
        # Once for all workers.
        cache.prepare(say)
        begin = partial(backend.start, given.backend, given.device, kernels=given.kernels)
        results = train_all(sweep, begin, given.workers, given.ray)
        device = next((result["device"] for result in results if result["status"] == "done"), "")
        found = write_report(folder, results, {name: tasks.get(name, given.include) for name in sweep.each}, device)
        emit(found) if given.json else print_comparison(found)
        say(f"report: {folder / 'report.html'}")
        return int(any(result["status"] == "failed" for result in results))

    return compare


def new(
    name: Annotated[Positional[str], arg(metavar="NAME")], shape: Shape = "many-to-one", folder: Path = Path(".")
) -> None:
    """Write a task file of your own that trains as it is, with a comment at each place to change.

    Args:
        name: Name of the task, and of the file.
        shape: What goes in and what comes out.
        folder: Where to write it.
    """
    from harness.new import write_task

    path = write_task(name, shape, folder)
    print(f"wrote {path}\ntrain it:  python run.py train {name} --include {path}")


def start(backend: str | None, device: str | None, precision: str, kernels: str) -> str:
    """Start Keras, say what it runs on, and return that."""
    from harness.process import backend as keras_backend

    where = keras_backend.start(backend, device, precision, kernels)
    say(where)
    return where


def start_again(stored: "Stored", backend: str | None, device: str | None, kernels: str) -> None:
    """Start Keras as for a stored run; say what it runs on, and what the run was trained on if not on that."""
    from harness.runs import tell_device

    tell_device(stored.directory, start(backend, device, stored.options.precision, kernels))


def emit(content: Any) -> None:
    """Print one JSON object on standard output."""
    text = dump(content, indent=1)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = dump(content, indent=1, ascii_only=True)
    print(text)


def print_scores(summary: dict) -> None:
    """Print samples, the scores as a table, the monitored one first, and what else is known of the run."""
    monitor, scores = summary["monitor"], summary["scores"]
    for sample in summary.get("samples", []):
        print(f"{sample['input']}  {sample['output']}".strip())
    if not scores:
        # Of a test whose answers nobody knows.
        best = summary["validation"]
        scores, summary = {monitor: float("nan") if best is None else best}, {**summary, "split": "validation"}
    names = [monitor, *(name for name in scores if name != monitor)]
    rows = [{"score": name, summary.get("split", "test"): f"{scores[name]:.4f}"} for name in names]
    for title, known in summary.get("baselines", {}).items():
        rows = [row | {title: f"{known[row['score']]:.4f}" if row["score"] in known else ""} for row in rows]
    print_table(rows)
    shown = ("scores", "monitor", "split", "baselines", "samples")
    facts = {name: value for name, value in summary.items() if name not in shown and value is not None}
    print_table([{"": name, "value": str(value)} for name, value in facts.items()])


def spell_out(arguments: list[str]) -> list[str]:
    """Return the command line with - for _ in the names of options, and the home folder for ~ in paths.

    A shell leaves the ~ of --data=~/reviews.csv.
    """
    expanded: list[str] = []
    for word in arguments:
        before = expanded[-1] if expanded else ""
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            name = name.replace("_", "-")
            word = name + equals + value
        if name in PATHS and equals:
            word = f"{name}={os.path.expanduser(value)}"
        expanded.append(os.path.expanduser(word) if before in PATHS else word)
    return expanded


def given(arguments: list[str], name: str) -> list[str]:
    """Return the values given for an option, before the command line is parsed."""
    # The last word has no value.
    pairs = zip(arguments, [*arguments[1:], ""], strict=False)
    return [
        value if word == name else word.removeprefix(f"{name}=")
        for word, value in pairs
        if word == name or word.startswith(f"{name}=")
    ]


def given_includes(arguments: list[str]) -> tuple[Path, ...]:
    """Return the files given by --include, before the command line is parsed: they define the tasks' names."""
    return tuple(map(Path, given(arguments, "--include")))


def select_backend(backend: str | None, device: str | None) -> None:
    """Choose what Keras computes with: an included file may import it."""
    from harness.process import backend as keras_backend

    keras_backend.select(backend, device)


def task_defaults(arguments: list[str]) -> Options:
    """Return the defaults of the first task that a command names, those of all tasks if it names none."""
    if arguments[:1] not in (["train"], ["compare"]):
        return Options()
    known = tasks.find(given_includes(arguments))
    # The value of an option may be the name of a task too.
    pairs = zip(arguments, arguments[1:], strict=False)
    named = next(
        (
            word
            for before, word in pairs
            if word in known and (before in FLAGS or "=" in before or not before.startswith("--"))
        ),
        None,
    )
    return defaults(known[named]) if named else Options()


def execute(arguments: list[str]) -> int:
    """Run one command; return 1 if a run of a comparison failed, else 0. What it cannot do is raised."""
    arguments = spell_out(arguments)
    # --ray alone stands for this machine's own cluster.
    following = [*arguments[1:], "--"]
    arguments = [
        "--ray=auto" if word == "--ray" and following[place].startswith("--") else word
        for place, word in enumerate(arguments)
    ]
    if given_includes(arguments):
        # Before the command line is parsed: they define the tasks.
        select_backend(*(next(iter(given(arguments, name)), None) for name in ("--backend", "--device")))
    commands: dict[str, Callable[..., Any]] = {
        "list": list_tasks,
        "show": show,
        "train": make_train(task_defaults(arguments)),
        "evaluate": evaluate,
        "predict": predict,
        "compare": make_compare(task_defaults(arguments), arguments),
        "new": new,
    }
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands:
        raise unknown("command", arguments[0], commands)
    return tyro.extras.subcommand_cli_from_dict(commands, prog="run.py", args=arguments, description=__doc__) or 0


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code: 0, 1 if a run of a comparison failed, or 2 for a user's mistake."""
    try:
        try:
            return execute(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads standard output (head, say) has enough.
        return 0
    except Exception as error:
        from harness.process import backend as keras_backend

        exhausted = keras_backend.describe_out_of_memory(error)
        # An OSError is of the disk: no space, no permission, a file where a folder should be. Its text names the path.
        if exhausted is None and not isinstance(error, BadInput | OSError):
            raise
        print(f"error: {exhausted or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{interrupt.say_stopped(arguments)}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    interrupt.exit_code = main(sys.argv[1:])
    sys.exit(interrupt.exit_code)
