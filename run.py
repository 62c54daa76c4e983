"""Unrolled: train recurrent networks on sequence tasks, compare RNN types, ask a trained run."""

import harness.process.allocator  # noqa: F401 (first of all: threads are started)

# isort: split
import sys

from harness.process import interrupt, streams

if __name__ == "__main__":
    # What comes next takes seconds.
    streams.prepare()
    interrupt.listen(sys.argv[1:])

from argparse import SUPPRESS, BooleanOptionalAction, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tasks
from harness.arguments import Parser, find_words, path, show, spell
from harness.options import defaults, find_options, list_names, override, refuse
from harness.process.console import doing, print_table, say
from harness.process.machine import Machine
from pipeline import files
from pipeline.errors import BadInput, unknown
from pipeline.option import Option, Value, declared, read_flag
from pipeline.readers.request import Reading
from pipeline.record import dump
from tasks.task import SHAPES, Task

if TYPE_CHECKING:
    from harness.experiment import Experiment

interrupt.before_end.append(files.remove_unfinished)

Arguments = Sequence[str]
FLAG = BooleanOptionalAction
READING = declared(Reading, "data")


def list_tasks(arguments: Arguments) -> None:
    """List the tasks."""
    given = add_json(make_parser("list")).read(arguments)
    rows = [{"name": task.name, "shape": task.shape, "summary": task.summary} for task in tasks.find().values()]
    emit({"tasks": rows}) if given.json else print_table(rows)


def show_task(arguments: Arguments) -> None:
    """Show a task: its data sources with their licences, its columns, and its options."""
    given = add_json(make_parser("show")).read(arguments)
    task = tasks.get(given.task)
    sources = [{"data": name, "licence": one.licence, "holds": one.summary} for name, one in task.sources.items()]
    if task.reader:
        for name in task.reader.datasets:
            sources.append({"data": name, "licence": "as its catalogue page says", "holds": "TensorFlow Datasets"})
        sources.append({"data": "a path", "licence": "yours", "holds": f"your own files: {task.reader.formats}"})
    columns = {"input": task.columns.input, "output": task.columns.output}
    facts = {"name": task.name, "summary": task.summary, "shape": task.shape, "monitor": task.monitor}
    if given.json:
        return emit(facts | {"sources": sources, "columns": columns, "options": defaults(task).as_dict()})
    print_table([{"task": name, "": value} for name, value in facts.items()])
    print_table(sources)
    if task.reader:
        print_table([{"side": side, "known names of columns": ", ".join(names)} for side, names in columns.items()])
    options = find_options(task).values()
    print_table([{"option": one.name, "default": show(one.default), "takes": one.describe()} for one in options])


def train(arguments: Arguments) -> None:
    """Train a task, or go on where the same command stopped; then print the test scores."""
    task = find_task("train", arguments)
    parser = make_parser("train", find_options(task).values())
    parser.explain = partial(explain, task)
    given = add_train(parser).read(arguments)
    from harness.training import request
    from harness.training.begin import begin

    options = defaults(task).replace(**parser.chosen(given))
    asked = request.settle(task, options, given.runs, name=given.name, fresh=given.fresh)
    summary = request.read_complete(asked)
    if summary is None:
        # What is wrong with the data is told before Keras starts, which takes seconds.
        with begin(asked) as training:
            where = start(given, training.experiment)
            from harness.training.train import train_run

            summary = train_run(training, where)
    emit(summary) if given.json else print_summary(summary)


def evaluate(arguments: Arguments) -> None:
    """Score a trained run on its own test data, another split, or other data."""
    experiment, parser = find_run("evaluate", arguments)
    given = parser.read(arguments)
    from harness import selection

    reading, decoding = divide(parser.chosen(given))
    experiment = override(experiment, decoding)
    selected = selection.select(experiment, given.data, given.split, reading=reading)
    start_again(given, experiment)
    from harness.score import score

    summary = score(experiment, selected, source=given.data, keep=not decoding)
    emit(summary) if given.json else print_summary(summary)


def predict(arguments: Arguments) -> None:
    """Answer inputs with a trained run."""
    experiment, parser = find_run("predict", arguments)
    given = parser.read(arguments)
    check_predict(given)
    from harness import inputs

    reading, decoding = divide(parser.chosen(given))
    experiment = override(experiment, decoding)
    experiment = inputs.take_tokenized(experiment) if given.tokenized else experiment
    if given.input:
        asked = inputs.read_file(experiment, given.input, reading)
    else:
        asked = inputs.parse(experiment, inputs.read_words(given.texts))
    inputs.check_any(asked)
    start_again(given, experiment)
    from harness import predict as answers
    from harness.runs import write_text
    from harness.runs.trained import open_model

    found = answers.predict(open_model(experiment), asked, attention=given.attention_weights)
    content = {"run": given.run, "predictions": found}
    if given.output:
        text = dump(content, indent=1) if given.json else answers.format_plainly(found)
        write_text(given.output, text + "\n")
    else:
        emit(content) if given.json else print(answers.format_plainly(found))


def divide(chosen: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the options of reading, and those of decoding, that are given for a trained run."""
    reading = {name: value for name, value in chosen.items() if name in READING}
    return reading, {name: value for name, value in chosen.items() if name not in READING}


def check_predict(given: Namespace) -> None:
    """Raise BadInput for options of predict that do not go together."""
    if given.texts and given.input:
        raise BadInput("TEXT and --input: give one of them, not both")
    if given.output and not given.output.parent.is_dir():
        raise BadInput(f"--output {given.output}: there is no folder {given.output.parent}; make it first")
    if given.output and given.output.exists() and not given.output.is_file():
        raise BadInput(f"--output {given.output}: not a file; leave the option out for standard output")
    if given.attention_weights and not given.json:
        raise BadInput("--attention-weights: they are tables of numbers, written with --json only; add that")


def compare(arguments: Arguments) -> int:
    """Train tasks with several RNN types and seeds, and say which type is better, how sure that is, and what it costs.

    Each run is as `train` makes it; complete ones are used as they are, stopped ones go on. One that fails is shown as
    failed, and the others go on; the exit code is 1 then.
    """
    each = {}
    for name in find_tasks("compare", arguments):
        task = tasks.get(name)
        options = find_options(task)
        parser = make_parser("compare", [one for one in options.values() if one.name != "cell"])
        parser.explain = partial(explain, task)
        given = add_compare(parser).read(arguments)
        each[name] = defaults(task).replace(**parser.chosen(given))
    from harness.comparison.command import compare_and_report
    from harness.comparison.sweep import Sweep
    from harness.comparison.table import print_comparison

    cells = tuple(word.strip() for word in given.cells.split(","))
    sweep = Sweep(each, cells, seeds=given.seeds, match=given.match, folder=given.runs, fresh=given.fresh)
    found, folder = compare_and_report(
        sweep, starter(given), output=given.output, workers=given.workers, address=given.ray
    )
    emit(found) if given.json else print_comparison(found)
    say(f"report: {folder / 'report.html'}")
    return int(any(run["status"] == "failed" for run in found["runs"]))


def list_runs(arguments: Arguments) -> None:
    """List what has been trained: task, options that differ from the defaults, score, minutes."""
    parser = make_parser("runs")
    add_runs(parser)
    parser.run.add_argument("--task", default=None, help="Runs of this task alone, the best score first.")
    given = add_json(parser).read(arguments)
    from harness.runs import listing

    found = listing.find_runs(given.runs, given.task)
    emit({"runs": found}) if given.json else listing.print_runs(found, given.runs)


def new(arguments: Arguments) -> None:
    """Write a task file of your own that trains as it is, with a comment at each place to change."""
    parser = make_parser("new")
    parser.run.add_argument(
        "--shape", default="many-to-one", choices=SHAPES, help="What goes in and out. [many-to-one]"
    )
    parser.run.add_argument("--folder", type=path, default=Path("."), metavar="DIR", help="Where to write it. [.]")
    parser.run.add_argument("--parts", action=FLAG, default=False, help="With a field and a model family of its own.")
    given = add_json(parser).read(arguments)
    from harness.new import write_task

    written = write_task(given.name, given.shape, given.folder, parts=given.parts)
    if given.json:
        return emit({"file": str(written)})
    print(f"wrote {written}\ntrain it:  python run.py train {given.name} --include {written}")


# What a command takes: its words, and its options beside those of the task.

COMMANDS: dict[str, Callable[[Arguments], int | None]] = {
    "list": list_tasks,
    "show": show_task,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "compare": compare,
    "runs": list_runs,
    "new": new,
}
# Each with its number, as argparse has it.
WORDS: dict[str, dict[str, str | None]] = {
    "show": {"task": None},
    "train": {"task": None},
    "evaluate": {"run": None},
    "predict": {"run": None, "text": "*"},
    "compare": {"task": "*"},
    "new": {"name": None},
}


def make_parser(command: str, options: Iterable[Option] = ()) -> Parser:
    """Return the parser of a command, with options of a task."""
    words = WORDS.get(command, {})
    usage = " ".join(f"[{word.upper()} ...]" if count else word.upper() for word, count in words.items())
    parser = Parser(command, f"{usage} [options]".strip(), COMMANDS[command].__doc__)
    for word, count in words.items():
        name = f"{word}s" if count else word
        # The usage shows them.
        parser.add_argument(name, nargs=count, metavar=word.upper(), help=SUPPRESS, default=[] if count else SUPPRESS)
    parser.add_options(options)
    return parser


def add_json(parser: Parser) -> Parser:
    parser.run.add_argument("--include", action="append", metavar="FILE", help="A Python file with a task or a cell.")
    parser.run.add_argument("--json", action=FLAG, default=False, help="Print one JSON object on standard output.")
    return parser


def add_runs(parser: Parser) -> None:
    parser.run.add_argument("--runs", type=path, default=Path("runs"), metavar="DIR", help="Folder of all runs. [runs]")


def add_machine(parser: Parser) -> Parser:
    parser.add_options(declared(Machine, "run").values())
    return add_json(parser)


def add_train(parser: Parser) -> Parser:
    add_runs(parser)
    add = parser.run.add_argument
    add("--name", default=None, help="The run's directory is RUNS/TASK/NAME; else named by the options.")
    add("--fresh", action=FLAG, default=False, help="Delete the earlier run of that name, and start over.")
    return add_machine(parser)


def add_evaluate(parser: Parser) -> Parser:
    add = parser.groups["data"].add_argument
    add("--data", default=None, metavar="DATA", help="Other data: a source of the task, tfds:NAME, or a path.")
    add("--split", default="test", choices=("train", "validation", "test"), help="Which part of the data. [test]")
    parser.add_options(READING.values())
    return add_machine(parser)


def add_predict(parser: Parser) -> Parser:
    add = parser.groups["data"].add_argument
    add("--input", default=None, metavar="FILE", help="One input per line, or a table or corpus; - for standard input.")
    add("--tokenized", action=FLAG, default=False, help="The sentences have blanks between their tokens.")
    parser.add_options(READING.values())
    add = parser.run.add_argument
    add("--output", type=path, default=None, metavar="FILE", help="Write the answers to this file.")
    add("--attention-weights", action=FLAG, default=False, help="With --json: what each written symbol looked at.")
    return add_machine(parser)


def add_compare(parser: Parser) -> Parser:
    add = parser.groups["model"].add_argument
    add("--cells", default="simple,lstm,gru", help="RNN types, with commas between them. [simple,lstm,gru]")
    matches = ("units", "params", "seconds")
    add("--match", default="units", choices=matches, help="What the types have in common. [units]")
    add = parser.run.add_argument
    add("--seeds", type=int, default=5, metavar="N", help="Runs of each type; their seeds count up from --seed. [5]")
    add_runs(parser)
    add("--output", type=path, default=None, metavar="DIR", help="Folder of the report; else RUNS/comparisons/TASKS.")
    add("--workers", type=int, default=1, metavar="N", help="Runs at a time; on a Ray cluster, on each machine. [1]")
    add("--ray", nargs="?", const="auto", default=None, metavar="HOST:PORT", help="Train on a Ray cluster.")
    add("--fresh", action=FLAG, default=False, help="Delete the earlier runs of the same names, and start over.")
    return add_machine(parser)


# What is read first: which task, or which run. Its options follow from it.


def find_tasks(command: str, arguments: Arguments) -> list[str]:
    """Return the tasks that a command names; BadInput if it names none."""
    words = find_words(arguments, add_everything(command))
    if not words and {"-h", "--help"} & set(arguments):
        print(f"usage: run.py {command} TASK [options]\n\n{COMMANDS[command].__doc__}\n")
        print(f"TASK: {', '.join(tasks.find())}\nEach task has its own options: run.py {command} TASK --help")
        sys.exit(0)
    if not words:
        raise BadInput(f"{command}: expected a TASK; known: {', '.join(tasks.find())}")
    return list(dict.fromkeys(words))


def find_task(command: str, arguments: Arguments) -> Task:
    """Return the task that a command names; BadInput if it names none, or none that there is."""
    return tasks.get(find_tasks(command, arguments)[0])


def find_run(command: str, arguments: Arguments) -> tuple["Experiment", Parser]:
    """Return the run that a command names, and the command's parser, with its decoding; BadInput if it names none."""
    words = find_words(arguments, add_everything(command))
    if not words and {"-h", "--help"} & set(arguments):
        options = {one.name: one for task in tasks.find().values() for one in find_decoding(task)}
        ADDERS[command](make_parser(command, options.values())).read(["--help"])
    if not words:
        raise BadInput(f"{command}: expected a RUN, a directory such as runs/sentiment/simple-s0")
    from harness.runs.restored import read_run

    experiment = read_run(path(words[0]), partial(select_backend, arguments))
    parser = ADDERS[command](make_parser(command, find_decoding(experiment.task)))
    parser.explain = partial(explain_decoding, experiment.task)
    return experiment, parser


def find_decoding(task: Task) -> list[Option]:
    """Return the options of a task that a trained run may be asked to decode with."""
    return [one for one in find_options(task).values() if one.group == "decoding"]


ADDERS = {"train": add_train, "evaluate": add_evaluate, "predict": add_predict, "compare": add_compare}


def add_everything(command: str) -> Parser:
    """Return a parser that knows which options of any task have a value; to find the words that are no options."""
    every = [one for task in tasks.find().values() for one in find_options(task).values()]
    parser = Parser(command)
    parser.add_options(every)
    return ADDERS[command](parser)


def explain(task: Task, flag: str) -> BadInput:
    """Return the error for an option that a task does not have."""
    if flag == "--cell":
        return BadInput("--cell: compare takes --cells, such as --cells simple,gru")
    return refuse(read_flag(flag), task)


def explain_decoding(task: Task, flag: str) -> BadInput | None:
    """Return the error for an option that a trained run does not take; None for one that there is nowhere."""
    name = read_flag(flag)
    if name in list_names(find_options(task)):
        return BadInput(f"{flag}: the run was trained with its own; only how it decodes can be changed now")
    having = {one for other in tasks.find().values() for one in list_names(find_options(other))}
    return refuse(name, task) if name in having else None


# Keras.


def select_backend(arguments: Arguments) -> None:
    """Choose what Keras computes with: an included file may import it."""
    from harness.process import backend

    parser = Parser("run.py")
    parser.add_options(declared(Machine, "run").values())
    given = vars(parser.parse_known_args(arguments)[0])
    backend.select(given.get("backend"), given.get("device"))


def starter(given: Namespace, precision: str = "float32") -> Callable[[], str]:
    """Return what starts Keras, and returns what it runs on."""
    from harness.process import backend

    return partial(backend.start, given.backend, given.device, precision=precision, kernels=given.kernels, alone=True)


def start(given: Namespace, experiment: "Experiment") -> str:
    """Start Keras, say what it runs on, and return that."""
    with doing("starting Keras"):
        where = starter(given, experiment.options.precision)()
    say(where)
    return where


def start_again(given: Namespace, experiment: "Experiment") -> None:
    """Start Keras as for a stored run; say what it runs on, and what the run was trained on if not on that."""
    from harness.runs import tell_device

    tell_device(experiment.directory, start(given, experiment))


# What is printed.


def emit(content: object) -> None:
    """Print one JSON object on standard output."""
    text = dump(content, indent=1)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = dump(content, indent=1, ascii_only=True)
    print(text)


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print samples, the scores as a table, the monitored one first, and what else is known of the run."""
    monitor, scores, split = summary["monitor"], summary["scores"], summary.get("split", "test")
    for sample in summary.get("samples", []):
        print(f"{sample['input']}  {sample['output']}".strip())
    if not scores:
        # Nobody knows the answers of such a test.
        best = summary["validation"]
        scores, split = {monitor: float("nan") if best is None else best}, "validation"
    names = [monitor, *(name for name in scores if name != monitor)]
    rows = [{"score": name, split: f"{scores[name]:.4f}"} for name in names]
    for title, known in summary.get("baselines", {}).items():
        rows = [row | {title: f"{known[row['score']]:.4f}" if row["score"] in known else ""} for row in rows]
    print_table(rows)
    shown = ("scores", "monitor", "split", "baselines", "samples")
    facts = {name: value for name, value in summary.items() if name not in shown and value is not None}
    print_table([{"": name, "value": str(value)} for name, value in facts.items()])


# One command.


def execute(arguments: Arguments) -> int:
    """Run one command; return 1 if a run of a comparison failed, else 0. What it cannot do is raised."""
    command, *rest = arguments or [""]
    if command in ("", "-h", "--help"):
        lines = [f"  {name:9} {(call.__doc__ or '').splitlines()[0]}" for name, call in COMMANDS.items()]
        usage = "\n".join(["usage: run.py COMMAND ...", "", str(__doc__), "", *lines, "", "run.py COMMAND --help"])
        if not command:
            raise BadInput(f"expected a COMMAND\n{usage}")
        print(usage)
        return 0
    if command not in COMMANDS:
        raise unknown("command", command, COMMANDS)
    rest = spell(rest)
    tasks.forget()
    parser = Parser(command)
    parser.add_argument("--include", action="append", default=[])
    if include := parser.parse_known_args(rest)[0].include:
        select_backend(rest)
        tasks.include(map(Path, include))
    return COMMANDS[command](rest) or 0


def main(arguments: Arguments) -> int:
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
        from harness.process import backend

        exhausted = backend.describe_out_of_memory(error)
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
