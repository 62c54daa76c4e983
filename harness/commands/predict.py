"""run.py predict RUN [TEXT ...]"""

from argparse import Namespace

from harness.arguments import Parser, path
from harness.commands.command import FLAG, READING, Arguments, Command, add_machine, divide
from harness.commands.machine import start_again
from harness.commands.printing import emit
from harness.commands.subject import find_run
from harness.options import override
from pipeline.errors import BadInput
from pipeline.record import dump


def predict(arguments: Arguments) -> None:
    """Answer inputs with a trained run."""
    experiment, parser = find_run(COMMAND, arguments)
    given = parser.read(arguments)
    check(given)
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


def check(given: Namespace) -> None:
    """Raise BadInput for options that do not go together."""
    if given.texts and given.input:
        raise BadInput("TEXT and --input: give one of them, not both")
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
    parser.add_options(READING.values())
    add = parser.run.add_argument
    add("--output", type=path, default=None, metavar="FILE", help="Write the answers to this file.")
    add("--attention-weights", action=FLAG, default=False, help="With --json: what each written symbol looked at.")
    return add_machine(parser)


COMMAND = Command("predict", predict, {"run": None, "text": "*"}, add_options)
