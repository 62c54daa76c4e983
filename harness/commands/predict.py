"""run.py predict RUN [TEXT ...]"""

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

from harness.arguments import Parser, path
from harness.commands.command import FLAG, READING, Arguments, Command, add_machine, divide
from harness.commands.machine import start_again
from harness.commands.printing import writes_unicode
from harness.commands.subject import find_run
from harness.hypothesis import check_count
from harness.options import override
from pipeline.errors import BadInput
from pipeline.printable import show_controls
from pipeline.readers import files

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.inputs import Input
    from harness.predict import Prediction

# What ends a sequence of a stream; see harness/streaming/source.py.
ENDS = ("line", "empty-line", "never")


def predict(arguments: Arguments) -> None:
    """Answer inputs with a trained run."""
    experiment, parser = find_run(COMMAND, arguments)
    given = parser.read(arguments)
    check(given)
    from harness import inputs

    reading, decoding = divide(parser.chosen(given))
    experiment = override(experiment, decoding)
    experiment = inputs.take_tokenized(experiment) if given.tokenized else experiment
    if given.plot:
        from harness.forecast_picture import check_plot

        check_plot(given.plot, experiment)
    if given.interactive:
        return type_along(given, experiment)
    if given.stream:
        return stream(given, experiment, str(reading.get("encoding", "utf-8")))
    asked: Iterable[Sequence[inputs.Input]]
    if given.input:
        asked = inputs.read_parts(experiment, given.input, reading)
    elif not given.texts and experiment.task.latest:
        asked = [inputs.read_latest(experiment)]
    else:
        asked = [inputs.parse(experiment, inputs.read_words(given.texts))]
    asked = inputs.find_any(asked)
    if given.plot:
        # A picture is of all of them.
        asked = [[one for part in asked for one in part]]
    check_count(experiment.options, given.n_best)
    start_again(given, experiment)
    write_answers(given, experiment, asked)


def write_answers(given: Namespace, experiment: "Experiment", asked: Iterable[Sequence["Input"]]) -> None:
    """Answer inputs part by part, and write the answers as they come."""
    from harness.answer_file import format_answers
    from harness.predict import add_suggestions, predict_parts
    from harness.runs import write_lines
    from harness.runs.trained import open_model

    trained = open_model(experiment)

    def answer() -> Iterator[Sequence["Prediction"]]:
        found = predict_parts(trained, asked, attention=given.attention_weights, n_best=given.n_best)
        for part, predictions in found:
            if experiment.output_field.suggests:
                add_suggestions(trained, predictions)
            if given.plot:
                from harness.forecast_picture import draw_forecasts

                draw_forecasts(given.plot, part, predictions)
            yield predictions

    def name_steps(text: str) -> Sequence[str]:
        return experiment.input_field.list_steps(text, experiment.input_field.encode(text))

    texts = format_answers(
        answer(),
        run=given.run,
        path=given.output,
        as_json=given.json,
        name_steps=name_steps,
        ascii_only=not given.output and not writes_unicode(),
    )
    if given.output:
        write_lines(given.output, texts)
        return
    for text in texts:
        print(text if given.json else show_controls(text, keep="\n\t"), end="")


def type_along(given: Namespace, experiment: "Experiment") -> None:
    """Suggest words while lines are typed in the terminal."""
    if not experiment.output_field.suggests:
        raise BadInput(
            f"--interactive: the task {experiment.task.name!r} suggests no words; give a run of suggest, say, or use "
            "--stream"
        )
    if not (sys.stdin and sys.stdin.isatty()):
        raise BadInput("--interactive: standard input is no terminal; give TEXT after the run, or --input FILE")
    if find_spec("prompt_toolkit") is None:
        raise BadInput("--interactive: prompt_toolkit is not installed; run: pip install -r requirements-extra.txt")
    start_again(given, experiment)
    from harness.runs.trained import open_model
    from harness.suggesting.suggester import Suggester
    from harness.suggesting.typing import Typing, type_lines

    type_lines(Typing(Suggester(open_model(experiment))))


def stream(given: Namespace, experiment: "Experiment", encoding: str) -> None:
    """Answer each token of the texts, of the file, or else of standard input, as it comes."""
    from harness.streaming.source import Recording, Text, open_recording, open_texts
    from harness.streaming.stream import check_streams

    check_streams(experiment)
    with ExitStack() as opened:
        asked: Sequence[Text | Recording]
        if experiment.input_field.listen():
            asked = [open_recording(one) for one in given.texts or [given.input or "-"]]
        else:
            reader = experiment.task.reader
            if given.input and reader and files.suffix(path(given.input)) in reader.inputs:
                raise BadInput(
                    f"--input {given.input}: a table or a corpus, and --stream reads plain text; leave it out"
                )
            asked = opened.enter_context(open_texts(given.texts, given.input))
        start_again(given, experiment)
        from harness.runs.trained import open_model
        from harness.streaming.answer import answer
        from harness.streaming.printing import make_printer
        from harness.streaming.stream import open_stream

        asking = open_stream(open_model(experiment))
        answer(asking, asked, make_printer(asking, given.json), encoding=encoding, ends=given.sequence_ends)


def check(given: Namespace) -> None:
    """Raise BadInput for options that do not go together."""
    if given.texts and given.input:
        raise BadInput("TEXT and --input: give one of them, not both")
    alone = {"TEXT": given.texts, "--input": given.input, "--stream": given.stream, "--output": given.output}
    alone |= {"--n-best": given.n_best is not None, "--json": given.json}
    if given.interactive and (others := [name for name, value in alone.items() if value]):
        raise BadInput(f"--interactive: what is typed in the terminal is answered there; leave out {', '.join(others)}")
    if given.stream and given.output:
        raise BadInput("--output: a stream is answered on standard output, as it comes; redirect that: > FILE")
    if given.stream and given.plot:
        raise BadInput("--plot: a stream has no end to be drawn; leave out --stream")
    if given.stream and given.attention_weights:
        raise BadInput("--attention-weights: what attends has read all of its input; leave out --stream")
    if given.stream and given.n_best is not None:
        raise BadInput("--n-best: what a beam found is known at the end of an input; leave out --stream")
    if given.sequence_ends != "line" and not given.stream:
        raise BadInput("--sequence-ends: it is for --stream; else each line is one input")
    if given.output and not given.output.parent.is_dir():
        raise BadInput(f"--output {given.output}: there is no folder {given.output.parent}; make it first")
    if given.output and given.output.exists() and not given.output.is_file():
        raise BadInput(f"--output {given.output}: not a file; leave the option out for standard output")
    if given.attention_weights and not given.json:
        raise BadInput("--attention-weights: they are tables of numbers, written with --json only; add that")


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.groups["data"].add_argument
    add("--input", default=None, metavar="FILE", help="One input per line, or a table or corpus; - for standard input.")
    add("--tokenized", action=FLAG, default=False, help="The sentences have blanks between their tokens.")
    told = "Answer each token as it comes; tags: the last of the best valid path so far. See docs/streaming.md."
    add("--stream", action=FLAG, default=False, help=told)
    told = "Suggest the next word while you type: Tab takes the first, F1 to F3 one of three."
    add("--interactive", action=FLAG, default=False, help=told)
    add("--sequence-ends", default="line", choices=ENDS, help="With --stream: what ends a sequence. [line]")
    parser.add_options(READING.values())
    add = parser.run.add_argument
    add(
        "--output",
        type=path,
        default=None,
        metavar="FILE",
        help="Write the answers to this file; .jsonl: one per line; .csv: a table.",
    )
    add(
        "--plot", type=path, default=None, metavar="FILE", help="Forecasts: draw history, forecast and interval as PNG."
    )
    add("--attention-weights", action=FLAG, default=False, help="With --json: what each written symbol looked at.")
    add("--n-best", type=int, default=None, metavar="N", help="With --beam: the N best outputs with their scores.")
    return add_machine(parser)


COMMAND = Command("predict", predict, {"run": None, "text": "*"}, add_options)
