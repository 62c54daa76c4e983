"""Predict: answers of a trained run to inputs that nobody has labelled."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness import data
from harness.evaluate import Answer, answer
from harness.experiment import describe_windows, pointing_at
from harness.hypothesis import check_count
from harness.inputs import Input, check_any
from harness.process.console import say
from harness.runs.trained import Trained
from harness.suggesting.suggester import Suggester, suggest
from pipeline.batches.bucketing import Batches
from pipeline.batches.lengths import Lengths
from pipeline.errors import BadInput
from pipeline.example import Value
from pipeline.multi_label import name_labels

Prediction = dict[str, Any]
# Labels that are shown with their probability, where an answer may have several: the likeliest.
MOST_LABELS = 8


def predict(
    trained: Trained, inputs: Sequence[Input], *, attention: bool = False, n_best: int | None = None
) -> list[Prediction]:
    """Return for each input its "input" as the task reads it, its "output", and its probability; where the output is
    several labels, the "probabilities" of all labels, by name.

    Both are None where the input is empty. attention: return "attention" too, where the model has it: a list for each
    written symbol, the end symbol included, of its weight for each time step of the input. n_best: return so many of
    what a beam search found too, fewer where there are no more: "n_best", a list of outputs, each with its
    "log_probability" and the "score" by which they are ranked. BadInput for more than the beam keeps.

    All inputs are answered in batches of similar length. BadInput names the origin of an input with nothing in it, and
    is raised if there is none at all.
    """
    check_any(inputs)
    ((_, found),) = predict_parts(trained, [inputs], attention=attention, n_best=n_best)
    return found


def predict_parts(
    trained: Trained,
    parts: Iterable[Sequence[Input]],
    *,
    attention: bool = False,
    n_best: int | None = None,
) -> Iterator[tuple[Sequence[Input], list[Prediction]]]:
    """Yield each part of many inputs with its predictions; see `predict`.

    What the first is padded to, the others are too, so that what was compiled for it serves all.
    """
    check_count(trained.experiment.options, n_best)
    settled: Lengths | None = None
    for inputs in parts:
        found, batches = _answer(trained, inputs, attention=attention, n_best=n_best, settled=settled)
        if batches:
            settled = Lengths(tuple(batches.padded), settled.outputs if settled else ())
        yield inputs, found


def _answer(
    trained: Trained, inputs: Sequence[Input], *, attention: bool, n_best: int | None, settled: Lengths | None
) -> tuple[list[Prediction], Batches | None]:
    experiment = trained.experiment
    asked = [one for one in inputs if one.value is not None]
    encoded = []
    for one in asked:
        with pointing_at(one.origin):
            encoded.append(experiment.encode_input(one.value))
    if attention and "attention" not in trained.decoder.output:
        raise BadInput(
            f"--attention-weights: {experiment.directory} has none; train a run with --attention bahdanau or luong"
        )
    if not asked:
        return [{"input": None, "output": None} for _ in inputs], None
    batches = experiment.batch([one.origin for one in asked], encoded, settled=settled)
    if windowed := describe_windows(batches, experiment.options):
        say(windowed)
    found = iter(answer(experiment, trained.decoder, batches, n_best=n_best or 0).answers)
    answers: list[Prediction] = []
    for one in inputs:
        if one.value is None:
            answers.append({"input": None, "output": None})
            continue
        told = experiment.input_field.tell(one.value)
        answers.append({**to_prediction(data.to_plain(one.value), next(found), attention=attention), **told})
    return answers, batches


def add_suggestions(trained: Trained, predictions: Sequence[Prediction]) -> None:
    """Add what may come next: "suggestions", each a "word" with its "probability", and the likeliest "completion"."""
    suggester = Suggester(trained)
    for found in predictions:
        if found["input"] is not None:
            suggestions, completion = suggest(suggester, found["input"])
            found |= {"suggestions": [asdict(word) for word in suggestions], "completion": completion}


def to_prediction(shown: Value, found: Answer, *, attention: bool = False) -> Prediction:
    """Return an answer as it is printed. shown: the input, as JSON can hold it. attention: see `predict`."""
    prediction = {"input": shown, "output": found.output, **found.further, **found.details}
    if found.probabilities:
        prediction["probabilities"] = dict(found.probabilities)
    if found.hypotheses:
        prediction["n_best"] = [
            {name: value for name, value in asdict(one).items() if value is not None} for one in found.hypotheses
        ]
    if attention and found.attention is not None:
        prediction["attention"] = found.attention.astype("float64").round(4).tolist()
    return prediction


def format_plainly(predictions: Sequence[Prediction], name_steps: Callable[[str], Sequence[str]] = list) -> str:
    """Return predictions for a reader's eye: token and tag side by side, or the output, its probability, the input.

    An empty line stands for an empty input. name_steps: a text to what each of its steps is called.
    """
    blocks = []
    for found in predictions:
        if found["input"] is None:
            blocks.append("")
        elif isinstance(found["output"], Mapping):
            blocks.append(format_table(found))
        elif "suggestions" in found:
            words = [f"{one['word']} {one['probability']:.3f}" for one in found["suggestions"]]
            blocks.append(f"{found['input']:.100}\n  next  {'  '.join(words)}\n  text  {found['completion']}")
        elif "probabilities" in found:
            likely = sorted(found["probabilities"].items(), key=lambda pair: -pair[1])[:MOST_LABELS]
            shares = "  ".join(f"{label} {share:.3f}" for label, share in likely)
            blocks.append(f"{name_labels(found['output'])}  {found['input']:.100}\n  {shares}")
        elif isinstance(found["output"], tuple):
            tokens = name_steps(found["input"]) if isinstance(found["input"], str) else found["input"]
            width = max(map(len, tokens))
            pairs = zip(tokens, found["output"], strict=True)
            blocks.append("\n".join(f"{token:{width}}  {tag}" for token, tag in pairs) + "\n")
        else:
            output = f"{found['output']:.2f}" if isinstance(found["output"], float) else found["output"]
            sure = (value for name, value in found.items() if isinstance(value, float) and name != "output")
            numbers = "".join(f"  {value:.3f}" for value in sure)
            listed = "".join(
                f"\n  {rank}  {one.get('score', one['log_probability']):.3f}  {one['output']}"
                for rank, one in enumerate(found.get("n_best", ()), 1)
            )
            blocks.append(f"{output}{numbers}  {found['input']:.100}{listed}")
    return "\n".join(blocks)


def format_table(found: Prediction) -> str:
    """Return several numbers for each of many times as a table, under the name of the series if it has one."""
    columns = found["output"]
    rows = [("time", *columns)]
    rows += [
        (time, *(f"{number:.6g}" for number in numbers))
        for time, numbers in zip(found["times"], zip(*columns.values(), strict=True), strict=True)
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([*([str(found["series"])] if "series" in found else []), *lines, ""])
