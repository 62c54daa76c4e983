"""Export: a trained run as a folder with a model for other programs; see harness/export/__init__.py."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from harness.evaluate import answer
from harness.experiment import Experiment
from harness.export import readme
from harness.export.check import check, choose_samples
from harness.export.format import Arrays, Runner, Subject
from harness.export.keras_file import Logits
from harness.export.model import assemble, open_in_float32
from harness.export.program import write_program
from harness.export.request import Request
from harness.process.console import doing, say
from harness.runs import write_json, write_text
from pipeline import fields, files
from pipeline.example import Example
from tasks.task import Scores


class Quantized(TypedDict):
    """What 8-bit weights cost. scores, before: of the validation split, with them and without."""

    before: Scores
    scores: Scores
    megabytes_before: float


class Summary(TypedDict):
    """What was exported.

    answers: the names of what comes out. length: the only one of its inputs; None: any. checked_inputs: how many it was
    checked on. checked_lengths: theirs in time steps, where they have any. largest_difference: of a number, from the
    run's.
    """

    run: str
    format: str
    output: str
    megabytes: float
    answers: list[str]
    length: int | None
    checked_inputs: int
    checked_lengths: list[int]
    largest_difference: float
    quantized: Quantized | None


def export(experiment: Experiment, examples: Sequence[Example], request: Request, decoding: dict[str, Any]) -> Summary:
    """Write a run's model as a folder, and return what was written; nothing is written where it is not as it should be.

    experiment: in float32; see harness/export/model.py. examples: of the validation split. decoding: options in place
    of the run's own. Raises BadInput for a run without a model, for a model that the format cannot hold, and where it
    answers otherwise than the run.
    """
    form = request.format
    samples = choose_samples(experiment, examples, request.length)
    trained = open_in_float32(experiment)
    subject = Subject(experiment.directory, decoding, request.include, request.length)
    summaries: list[Summary] = []

    def fill(folder: Path) -> None:
        path = folder / form.file
        with doing(f"writing {form.title}"):
            form.write(subject, path)
        exported = form.open(path, subject)
        reference: Runner = assemble(trained) if form.answers else Logits(trained.model)
        with doing("comparing its answers with those of the run"):
            checked = check(experiment, reference, exported, samples)
        quantized = quantize(path) if request.int8 else None
        summary = Summary(
            run=str(experiment.directory),
            format=form.name,
            output=str(request.output),
            megabytes=measure_megabytes(path),
            answers=list(checked.answers),
            length=request.length,
            checked_inputs=checked.inputs,
            checked_lengths=list(checked.lengths),
            largest_difference=checked.difference,
            quantized=quantized,
        )
        add_companions(folder, experiment, request, summary)
        summaries.append(summary)

    def quantize(path: Path) -> Quantized:
        assert form.quantize
        with files.temporary_folder() as temporary, doing("quantizing, and measuring what it costs"):
            small = temporary / form.file
            form.quantize(subject, path, small)
            before, after = (score(experiment, form.open(one, subject), examples) for one in (path, small))
            megabytes = measure_megabytes(path)
            shutil.copyfile(small, path)
        return Quantized(before=before, scores=after, megabytes_before=megabytes)

    files.write_folder(request.output, fill, replace=True)
    return summaries[0]


class WithoutLogits:
    """What answers batches, without the numbers that are for comparison only."""

    def __init__(self, runner: Runner):
        self.runner, self.input = runner, runner.input

    def predict_on_batch(self, inputs: Arrays) -> Arrays:
        """Return the answers to a batch, by name."""
        return {name: array for name, array in self.runner.predict_on_batch(inputs).items() if name != "logits"}


def score(experiment: Experiment, runner: Runner, examples: Sequence[Example]) -> Scores:
    """Return the task's metrics of what a model answers to examples."""
    answers = answer(experiment, WithoutLogits(runner), experiment.encode(examples)).answers
    outputs = [example.output for example in examples]
    return experiment.task.metrics(outputs, [one.output for one in answers])


def measure_megabytes(path: Path) -> float:
    """Return the size of a model: of a file, with what belongs to it by name, or of a folder."""
    parts = (
        [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else list(path.parent.glob(f"{path.stem}.*"))
    )
    return round(sum(one.stat().st_size for one in parts) / 1e6, 3)


def add_companions(folder: Path, experiment: Experiment, request: Request, summary: Summary) -> None:
    """Write what stands beside the model: vocabulary.json, predict.py, README.md, and the run's model card."""
    given, wanted = experiment.input_field, experiment.output_field
    saved: dict[str, Any] = {"input": fields.save(given), "output": fields.save(wanted)}
    program = write_program(request.format, given, wanted, saved)
    if program is None and request.format.answers:
        say(
            f"no predict.py is written: it knows no way to read {type(given).__name__} and to write "
            f"{type(wanted).__name__}; README.md says what the model takes"
        )
    if program and program.pattern:
        saved["pattern"] = program.pattern
    write_json(folder / "vocabulary.json", saved)
    if program:
        write_text(folder / "predict.py", program.source)
    card = experiment.directory / "README.md"
    if card.is_file():
        shutil.copyfile(card, folder / "MODEL_CARD.md")
    write_text(folder / "README.md", readme.write(experiment, request.format, program, summary, card=card.is_file()))
