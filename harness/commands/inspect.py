"""run.py inspect RUN INPUT"""

from argparse import Namespace
from pathlib import Path

from harness.arguments import Parser, path
from harness.commands.command import FLAG, Arguments, Command, add_machine
from harness.commands.machine import start_again
from harness.commands.printing import emit
from harness.commands.subject import find_run
from harness.options import override
from harness.process.console import print_table, say
from pipeline.errors import BadInput

SUFFIXES = (".html", ".png")


def inspect(arguments: Arguments) -> None:
    """Show the network unrolled over one input: states, gates, predictions, what contributed, gradients."""
    experiment, parser = find_run(COMMAND, arguments)
    given = parser.read(arguments)
    check(given)
    from harness import inputs
    from harness.experiment import pointing_at
    from harness.inspection.answer import check_answer, check_inspected

    check_inspected(experiment)
    experiment = override(experiment, parser.chosen(given))
    experiment = inputs.take_tokenized(experiment) if given.tokenized else experiment
    value = inputs.parse(experiment, [("INPUT", inputs.read_words([given.input])[0][1])])[0].value
    # What is wrong with the input is told before Keras starts, which takes seconds.
    with pointing_at("INPUT"):
        experiment.input_field.encode(value)
    answer = None
    if given.answer is not None:
        with pointing_at("--answer"):
            answer = experiment.output_field.parse(inputs.read_words([given.answer])[0][1])
            check_answer(experiment, value, answer)
    start_again(given, experiment)
    from harness.inspection import page, pictures
    from harness.inspection.inspect import inspect as look
    from harness.inspection.inspection import to_plain
    from harness.runs import write_text
    from harness.runs.trained import open_model

    found = look(open_model(experiment), value, answer=answer, step=given.step, explain=given.explain)
    output = given.output or experiment.directory / "inspection.html"
    if output.suffix == ".png":
        pictures.save(found, output)
    else:
        write_text(output, page.format_page(found))
    if given.json:
        return emit({"page": str(output), "inspection": to_plain(found)})
    rows = page.list_rows(found)
    print_table([{"step": str(one.number), "read": one.step, "answer": one.answer, "probability": one.probability,
                  "others": one.others} for one in rows])  # fmt: skip
    print_table(page.list_checks(found.contributions))
    for note in found.notes:
        say(note)
    print(output)


def check(given: Namespace) -> None:
    """Raise BadInput for options that cannot be followed."""
    output: Path | None = given.output
    if output and output.suffix not in SUFFIXES:
        raise BadInput(f"--output {output}: expected a file that ends with {' or '.join(SUFFIXES)}")
    if output and not output.parent.is_dir():
        raise BadInput(f"--output {output}: there is no folder {output.parent}; make it first")
    if output and output.exists() and not output.is_file():
        raise BadInput(f"--output {output}: not a file; choose another name")
    if given.explain and output and output.suffix == ".png":
        raise BadInput("--explain: the arithmetic is on the page alone; give an --output that ends with .html")
    if not given.input.strip():
        raise BadInput("INPUT: there is nothing in it; give a text, or the path of an image or a recording")


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.groups["data"].add_argument
    add("--tokenized", action=FLAG, default=False, help="The sentence has blanks between its tokens.")
    add("--answer", default=None, metavar="TEXT", help="The right answer, for the loss; else that of the model.")
    add = parser.run.add_argument
    add(
        "--output",
        type=path,
        default=None,
        metavar="FILE",
        help="A page, .html, or a picture, .png; else RUN/inspection.html.",
    )
    add("--explain", action=FLAG, default=False, help="With the arithmetic of one step, to be redone by hand.")
    add(
        "--step",
        type=int,
        default=None,
        metavar="N",
        help="The step to explain, and whose loss is followed back; else the last.",
    )
    return add_machine(parser)


COMMAND = Command("inspect", inspect, {"run": None, "input": None}, add_options)
