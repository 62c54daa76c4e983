"""Inspect: the network of a trained run, unrolled over one input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from scipy.cluster import hierarchy

from harness import data
from harness.comparison.gradient_reach import GradientProbe
from harness.evaluate import compute
from harness.experiment import Experiment, pointing_at
from harness.inspection.answer import check_answer, check_inspected
from harness.inspection.arithmetic import Line, Unrolled, explain_step, find_arithmetic, unroll_cell
from harness.inspection.inspection import (
    Attention,
    Choice,
    Contributions,
    Course,
    Explanation,
    Inspection,
    Loss,
    Shown,
    States,
)
from harness.inspection.network import MOST_STEPS, POINTS, READ, WRITTEN, Network, Recurrent, Target
from harness.runs.trained import Trained
from pipeline.batches.padding import measure
from pipeline.errors import BadInput
from pipeline.example import Value
from pipeline.fields import Arrays, NextWord, OutputField, is_aligned, is_autoregressive
from pipeline.multi_label import name_labels

# What is longer is cut to its first steps; the answers that are explained, and the prefixes, are so many at most.
LONGEST, MOST_TARGETS, LEAST_TARGETS, MOST_PREFIXES = 1000, 32, 4, 256
# Prefixes that are answered at once.
PREFIXES = 64
# Other answers, and units of an explanation, that are shown.
OTHERS, UNITS = 3, 3
# Above so many units, the leaves of the tree that orders them are not turned: that takes their number cubed.
MOST_ORDERED = 300
# A difference between the states by the gates and those of the layer that rounding does not explain, in float32 and in
# numbers of half the size.
ROUNDING, COARSE = 1e-2, 0.2
LOG_ODDS = "log-odds, log p / (1 - p), in nats"
ORIGIN = "the input"


@dataclass(frozen=True)
class Question:
    """One input, encoded, and the answer of the model as the output field encodes it.

    arrays: of the input. steps: of it. own: the model's answer. answer: decoded. probability: as `decode` gives it.
    """

    arrays: Arrays
    steps: int
    own: Arrays
    answer: Value
    probability: float | None


def inspect(
    trained: Trained,
    value: Value,
    *,
    answer: Value = None,
    step: int | None = None,
    explain: bool = False,
) -> Inspection:
    """Return what is seen of a trained network at work on an input.

    value: as the input field takes it. answer: the right one, as the output field takes it; None: it is not known.
    step: the one that is looked at closely, from 1; None: the last. explain: with the arithmetic of that step.
    Raises BadInput for an input or an answer that cannot be encoded, and for a step that there is not.
    """
    experiment = trained.experiment
    check_inspected(experiment)
    notes: list[str] = []
    output = experiment.output_field
    question = ask(trained, value, notes)
    own = draw(experiment, question.arrays, question.own)
    wanted = own
    if answer is not None:
        with pointing_at("the right answer"):
            check_answer(experiment, value, answer)
        wanted = draw(experiment, question.arrays, cut(output.encode(answer), output, question))
    network = Network(trained, read_values(experiment))
    seen = network.trace(own[0])
    shown = show_input(experiment, value, question, seen=seen, layers=network.layers)
    written = list_written(experiment, question.own["output"]) if network.decoder else ()
    real = {True: -(-question.steps // shown.factor), False: len(written)}
    layers = tuple(read_states(one, seen, real[one.reads], notes) for one in network.layers)
    first = network.layers[0]
    at = choose_step(step, real[first.reads])
    course = follow_course(trained, question, seen["logits"], shown=shown, written=written, notes=notes)
    targets, texts = choose_targets(experiment, question, seen["logits"], shown=shown, written=written, notes=notes)
    return Inspection(
        task=experiment.task.name,
        run=str(experiment.directory),
        cell=experiment.options.cell,
        shown=shown,
        answer=name_labels(question.answer) if output.arrays["output"].independent else describe(question.answer),
        probability=question.probability,
        written=written,
        layers=tuple(one for one, _ in layers),
        course=course,
        contributions=contribute(network, own[0], targets, texts=texts, real=real),
        attention=read_attention(seen, real),
        loss=follow_loss(trained, network, wanted, right=answer is not None, step=step, notes=notes),
        explanation=explain_first(first, layers[0], at, token=name_token(shown, written, first, at))
        if explain
        else None,
        notes=tuple(notes),
    )


def ask(trained: Trained, value: Value, notes: list[str]) -> Question:
    """Return an input and the model's answer to it; what was cut of it is added to the notes."""
    experiment = trained.experiment
    given, output = experiment.input_field, experiment.output_field
    with pointing_at(ORIGIN):
        arrays = given.encode(value)
    if cut := given.count_cut(value):
        notes.append(f"{cut:,} steps of the input are left out, as in training (--max-length): its two ends are read.")
    steps = measure(arrays, given.arrays)
    if steps > LONGEST:
        notes.append(f"The input has {steps:,} steps; its first {LONGEST:,} are looked at, as if it ended there.")
        arrays = {name: one[:LONGEST] if given.arrays[name].timed else one for name, one in arrays.items()}
        steps = LONGEST
    batches = experiment.batch([ORIGIN], [arrays])
    drawn = {**batches.draw(*batches.plan()[0])[0], "position": np.zeros(1, "int32")}
    found = compute(trained.decoder, drawn)
    raw = found["output"][0]
    probability = float(found["probability"][0]) if "probability" in found else None
    wanted = output.arrays["output"]
    if is_autoregressive(output):
        ends = np.flatnonzero(raw == output.end)
        ids = raw[: ends[0] + 1] if output.ends and len(ends) else raw
        answer = output.decode(ids)
        # What a text goes on from is not written again, and yet read.
        raw = np.array([*([] if output.ends else read_seed(arrays, output.symbols)), *ids], "int32")
    elif wanted.timed and wanted.per_step:
        raw = raw[:steps]
        rows = {name: np.asarray(array)[0] for name, array in found.items()}
        answer = output.compose({name: row[:steps] if row.ndim else row for name, row in rows.items()})
        if output.suggests:
            # Of several it is the likeliest that is looked into.
            raw, answer = raw[:, 0], tuple(step[0] for step in answer)
    else:
        answer = output.decode(raw)
        if wanted.timed:
            raw = raw[raw != wanted.padding]
    own = {"output": raw.astype(wanted.dtype)}
    if wanted.shape and not wanted.timed:
        # Against the very distribution that it has answered, the loss has no gradient.
        own = output.encode(answer)
    elif not wanted.shape and not wanted.size:
        own = {"output": raw.astype(wanted.dtype) + 1}
        notes.append(
            "The loss of a number against itself has no gradient: it is taken against the answer plus 1, in the units "
            "in which the model gives it."
        )
    if "weight" in output.arrays:
        own["weight"] = np.ones(len(raw), "float32")
    return Question(arrays, steps, own, answer, probability)


def read_seed(arrays: Arrays, symbols: Sequence[str]) -> list[int]:
    """Return the ids of the text that a model goes on from, where it was given one; unknown characters are left out."""
    ids = {symbol: number for number, symbol in enumerate(symbols) if len(symbol) == 1}
    return [ids[chr(code)] for code in arrays.get("seed", ()) if code and chr(code) in ids]


def draw(experiment: Experiment, inputs: Arrays, outputs: Arrays) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """Return one example as a batch: its inputs, what is expected, and the sample weights."""
    batches = experiment.batch([ORIGIN], [inputs], [outputs])
    arrays, expected, weights = batches.draw(*batches.plan()[0])
    return arrays, expected, weights


def cut(outputs: Arrays, field: OutputField, question: Question) -> Arrays:
    """Return an answer that is as long as its input, cut as that was; any other as it is."""
    array = field.arrays["output"]
    if field.autoregressive or not (array.timed and array.per_step):
        return outputs
    return {name: one[: question.steps] if field.arrays[name].timed else one for name, one in outputs.items()}


def read_values(experiment: Experiment) -> np.ndarray | None:
    """Return the number that each range of an answered distribution stands for; None where that is not answered."""
    array = experiment.output_field.arrays["output"]
    (ranges,) = array.shape or (None,)
    if array.size or array.timed or array.independent or ranges is None:
        return None
    return np.array([experiment.output_field.decode(row) for row in np.eye(ranges)])


def show_input(
    experiment: Experiment,
    value: Value,
    question: Question,
    *,
    seen: Mapping[str, np.ndarray],
    layers: Sequence[Recurrent],
) -> Shown:
    """Return the input as a reader knows it."""
    given, arrays = experiment.input_field, question.arrays
    text = data.to_plain(value)
    timed = [name for name, array in given.arrays.items() if array.timed]
    if not timed:
        image = next((arrays[name] for name, array in given.arrays.items() if len(array.shape) == 3), None)
        return Shown(describe(text), image=image)
    array, main = given.arrays[timed[0]], arrays[timed[0]]
    steps = list(given.list_steps(value, arrays))[: question.steps] or [str(n) for n in range(1, question.steps + 1)]
    known: tuple[bool, ...] = ()
    if array.unknown is not None and main.ndim == 1:
        known = tuple((main != array.unknown).tolist())
    frames = main if main.ndim == 2 and array.size is None else None
    reading = [one for one in layers if one.reads]
    factor = 1
    if reading:
        batch = experiment.batch([ORIGIN], [arrays])
        padded = batch.draw(*batch.plan()[0])[0]["mask"].shape[1]
        factor = -(-padded // len(seen[f"{reading[0].name}:output"]))
    return Shown(describe(text), tuple(steps), known, frames=frames, factor=factor)


def list_written(experiment: Experiment, ids: np.ndarray) -> tuple[str, ...]:
    """Return the symbols that are written, the end symbol included."""
    output = experiment.output_field
    assert is_autoregressive(output)
    return tuple(output.symbols[number] for number in ids)


def describe(value: Value) -> str:
    """Return a value as one text."""
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def choose_step(step: int | None, steps: int) -> int:
    """Return a step, from 1; the last where none is asked for. Raises BadInput for one that there is not."""
    if step is None:
        return steps
    if not 1 <= step <= steps:
        raise BadInput(f"--step {step}: expected a step from 1 to {steps}, as there are {steps}")
    return step


def name_token(shown: Shown, written: Sequence[str], layer: Recurrent, at: int) -> str:
    """Return what a layer reads at a step: its word; where it writes, the symbol before."""
    if layer.reads:
        place = (len(shown.steps) - 1) // shown.factor + 1 - at if layer.backward else at - 1
        return shown.steps[place * shown.factor]
    return written[at - 2] if at > 1 else "<start>"


def order_units(states: np.ndarray) -> np.ndarray:
    """Return an order of units, (units,), in which those that rise and fall together stand together.

    By hierarchical clustering: the average distance, of states less their mean and divided by their length.
    states: (time, units).
    """
    units = states.shape[1]
    if units < 3:
        return np.arange(units)
    moved = states.T - states.mean(axis=0)[:, None]
    moved = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
    tree = hierarchy.linkage(moved, "average", optimal_ordering=units <= MOST_ORDERED)
    return hierarchy.leaves_list(tree)


def read_states(
    layer: Recurrent, seen: Mapping[str, np.ndarray], steps: int, notes: list[str]
) -> tuple[States, Unrolled | None]:
    """Return the states of a layer, in the order of the input, and all numbers of its arithmetic, in its own order."""
    states, sequence = (seen[f"{layer.name}:{side}"][:steps] for side in ("output", "input"))
    first = [seen[name] for name in sorted(seen) if name.startswith(f"{layer.name}:first:")]
    title = f"layer {layer.depth + 1}"
    title = f"{title}, {'backward' if layer.backward else 'forward'}" if layer.reads else f"decoder, {title}"
    plain = States(title, layer.reads, turn(states, layer), order_units(states))
    if arithmetic := find_arithmetic(layer.layer):
        unrolled = arithmetic.unroll(layer.layer, sequence, first)
        exact = float(np.abs(unrolled.collect("h") - states).max())
        if exact <= (ROUNDING if layer.layer.compute_dtype == "float32" else COARSE):
            found = replace(
                plain,
                gates={name: turn(unrolled.collect(name), layer) for name in arithmetic.gates},
                constants={name: unrolled.get_constant(name) for name in arithmetic.constants},
                inner={name: turn(unrolled.collect(name), layer) for name in arithmetic.inner},
                meanings={**arithmetic.gates, **arithmetic.constants, **arithmetic.inner},
                exact=exact,
            )
            return found, unrolled
    note = (
        f"{type(layer.layer).__name__} is a layer whose arithmetic is not known here: its states are shown, no gates."
    )
    if note not in notes:
        notes.append(note)
    if not isinstance(layer.layer, keras.layers.RNN) or len(keras.tree.flatten(layer.layer.cell.state_size)) < 2:
        return plain, None
    inner = {f"s{place}": turn(one, layer) for place, one in enumerate(unroll_cell(layer.layer, sequence, first), 1)}
    meanings = {name: "state that the cell hands from step to step" for name in inner}
    return replace(plain, inner=inner, meanings=meanings), None


def turn(numbers: np.ndarray, layer: Recurrent) -> np.ndarray:
    """Return numbers of all steps in the order of the input, (time, ...), whichever way the layer reads."""
    return numbers[::-1] if layer.backward else numbers


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, over the last axis."""
    logits = logits.astype("float64") - logits.max(axis=-1, keepdims=True)
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def choose(row: np.ndarray, chosen: int, names: Sequence[str]) -> Choice:
    """Return what is answered at one step, and the likeliest others. row: probabilities, (size,)."""
    others = [int(one) for one in np.argsort(-row)[: OTHERS + 1] if one != chosen][:OTHERS]
    return Choice(names[chosen], float(row[chosen]), tuple((names[one], float(row[one])) for one in others))


def name_answers(experiment: Experiment) -> Sequence[str]:
    """Return the name of each answer of a model that has a few: tags, labels, symbols."""
    output = experiment.output_field
    array = output.arrays["output"]
    if output.categories:
        return output.categories
    if is_autoregressive(output):
        return output.symbols
    if isinstance(output, NextWord):
        return output.symbols
    if is_aligned(output):
        return output.symbols
    # One of the user's own may not say.
    return output.id_names.get("output") or [str(number) for number in range(array.size or 0)]


def follow_course(
    trained: Trained,
    question: Question,
    logits: np.ndarray,
    *,
    shown: Shown,
    written: Sequence[str],
    notes: list[str],
) -> Course:
    """Return the prediction at every step."""
    experiment = trained.experiment
    array = experiment.output_field.arrays["output"]
    if not array.timed:
        return follow_prefixes(trained, question, notes)
    names, likely = name_answers(experiment), softmax(logits)
    ids = question.own["output"]
    if written:
        sentence = "Each symbol that is written, its probability given all before it, and what else was likely."
    elif array.per_step:
        sentence = "The answer at each step, its probability, and what else was likely."
    else:
        sentence = "The likeliest symbol of each step: most say nothing, <blank>; one that goes on is written once."
        ids = likely[: -(-question.steps // shown.factor)].argmax(axis=1)
    choices = tuple(choose(row, int(one), names) for row, one in zip(likely, ids, strict=False))
    chosen = list(dict.fromkeys(int(one) for one in ids))
    return Course(
        reads=not written,
        apart=bool(written) or array.per_step,
        steps=tuple(range(1, len(choices) + 1)),
        choices=choices,
        names=tuple(names[one] for one in chosen),
        values=likely[: len(choices), chosen],
        sentence=sentence,
    )


def follow_prefixes(trained: Trained, question: Question, notes: list[str]) -> Course:
    """Return the answer to the first step of the input alone, to its first two, and so on."""
    experiment = trained.experiment
    output, given = experiment.output_field, experiment.input_field
    count = min(question.steps, MOST_PREFIXES)
    lengths = np.unique(np.linspace(1, question.steps, count).round().astype(int))
    if len(lengths) < question.steps:
        notes.append(f"The answer is asked after {len(lengths)} of the {question.steps:,} steps, evenly spaced.")
    if experiment.options.as_dict().get("bidirectional"):
        notes.append("The network reads in both directions, so each beginning of the input was given to it alone.")
    batches = experiment.batch([ORIGIN], [question.arrays])
    whole = batches.draw(*batches.plan()[0])[0]
    found, likely = [], []
    for begin in range(0, len(lengths), PREFIXES):
        some = np.resize(lengths[begin : begin + PREFIXES], min(PREFIXES, 1 << (len(lengths) - 1).bit_length()))
        arrays = cut_prefixes(whole, some, [name for name, array in given.arrays.items() if array.timed])
        real = len(lengths[begin : begin + PREFIXES])
        decoded = compute(trained.decoder, arrays)
        found += list(decoded["output"][:real])
        if output.arrays["output"].independent:
            likely.append(decoded["output"][:real])
        elif output.arrays["output"].size:
            likely.append(softmax(np.asarray(trained.model.predict_on_batch(arrays)))[:real])
    steps = tuple(lengths.tolist())
    if likely:
        rows, names = np.concatenate(likely), name_answers(experiment)
        if output.arrays["output"].independent:
            # That which is surest, whether or not there is one.
            found = list(rows.argmax(axis=1))
        choices = tuple(choose(row, int(one), names) for row, one in zip(rows, found, strict=True))
        chosen = np.argsort(-rows.max(axis=0))[:6]
        chosen = np.sort(chosen)
        sentence = "The probability of each label after the first word, the first two, and so on to the whole input."
        return Course(True, False, steps, choices, tuple(names[one] for one in chosen), rows[:, chosen], sentence)
    numbers = [float(output.decode(one)) for one in found]  # type: ignore[arg-type]
    choices = tuple(Choice(f"{number:.4g}") for number in numbers)
    sentence = "The number that is answered after the first step, the first two, and so on to the whole input."
    return Course(True, False, steps, choices, ("answer",), np.array(numbers)[:, None], sentence)


def cut_prefixes(whole: Arrays, lengths: np.ndarray, timed: Sequence[str]) -> Arrays:
    """Return a batch of the beginnings of one example, of so many steps each. timed: arrays with a time axis."""
    mask = np.arange(whole["mask"].shape[1]) < lengths[:, None]
    found = {name: np.repeat(one, len(lengths), axis=0) for name, one in whole.items()}
    for name in timed:
        found[name][~mask] = 0
    return {**found, "mask": mask}


def choose_targets(
    experiment: Experiment,
    question: Question,
    logits: np.ndarray,
    *,
    shown: Shown,
    written: Sequence[str],
    notes: list[str],
) -> tuple[list[Target], tuple[str, ...]]:
    """Return the answers whose contributions are computed, and how they are called."""
    output = experiment.output_field
    array = output.arrays["output"]
    if array.independent:
        names = name_answers(experiment)
        likely = np.argsort(-logits)[: max(1, min(len(question.answer), MOST_TARGETS))]
        return [Target(0, int(one)) for one in likely], tuple(names[one] for one in likely)
    if not array.timed:
        choice = int(question.own["output"]) if array.size else 0
        return [Target(0, choice)], (describe(question.answer),)
    names = name_answers(experiment)
    if written or array.per_step:
        every = [Target(step, int(one)) for step, one in enumerate(question.own["output"])]
    else:
        ids = logits[: -(-question.steps // shown.factor)].argmax(axis=1)
        begins = np.flatnonzero(np.diff(ids, prepend=-1))
        assert is_aligned(output)
        every = [Target(int(step), int(ids[step])) for step in begins if ids[step] != output.blank]
        every = every or [Target(len(ids) - 1, int(ids[-1]))]
    chosen = every
    # As many as can be followed back in a few seconds.
    most = min(MOST_TARGETS, max(LEAST_TARGETS, MOST_STEPS // (POINTS[0] * len(logits))))
    if len(every) > most:
        places = np.linspace(0, len(every) - 1, most).round().astype(int)
        chosen = [every[place] for place in places]
        notes.append(f"Contributions are shown for {most} of the {len(every):,} answers, evenly spaced.")
    return chosen, tuple(names[one.choice] for one in chosen)


def contribute(
    network: Network, inputs: Arrays, targets: Sequence[Target], *, texts: tuple[str, ...], real: Mapping[bool, int]
) -> Contributions:
    """Return what each step contributed to the targets; see `Network.attribute`."""
    found = network.attribute(inputs, targets)
    read = found.contributions[READ]
    total = sum(one.reshape(len(targets), -1).sum(axis=1) for one in found.contributions.values())
    array = network.trained.experiment.output_field.arrays["output"]
    unit = (
        LOG_ODDS
        if array.size or array.independent
        else "the units of the number"
        if array.shape
        else "as the model gives the number"
    )
    written = found.contributions.get(WRITTEN)
    return Contributions(
        targets=texts,
        read=read[:, : real[True]] if read.ndim == 2 else read,
        written=None if written is None else written[:, : real[False]],
        scores=found.scores,
        baselines=found.baselines,
        differences=total - (found.scores - found.baselines),
        points=found.points,
        unit=unit,
    )


def read_attention(seen: Mapping[str, np.ndarray], real: Mapping[bool, int]) -> Attention | None:
    """Return what a decoder looked at; None where it has no attention."""
    if "attention" not in seen:
        return None
    weights = seen["attention"][: real[False]]
    if any(name.endswith("_forward:output") for name in seen):
        return Attention(weights[:, : real[True]])
    side = round(weights.shape[1] ** 0.5)
    return Attention(weights, (side, weights.shape[1] // side))


def follow_loss(
    trained: Trained,
    network: Network,
    wanted: tuple[Arrays, np.ndarray, np.ndarray],
    *,
    right: bool,
    step: int | None,
    notes: list[str],
) -> Loss:
    """Return the loss, and the norm of its gradient back through time."""
    experiment, (inputs, expected, weights) = trained.experiment, wanted
    seen = network.trace(inputs)
    output = seen["output"][None]
    loss = float(trained.model.loss(expected, output, weights))
    array = experiment.output_field.arrays["output"]
    losses = None
    if array.size and array.timed and array.per_step:
        real = int((weights[0] > 0).sum())
        likely = softmax(seen["logits"])
        losses = -np.log(np.maximum(likely[np.arange(real), expected[0][:real]], 1e-30))
        if output.ndim > 3:
            # Of a chain each loss is that of a tag, given the one before.
            losses = keras.ops.convert_to_numpy(trained.model.loss.call(expected, output))[0, :real]
    reads = network.decoder is None
    try:
        probe = GradientProbe(
            trained.model, trained.model.loss, cell=experiment.options.cell, layers=experiment.options.layers
        )
    except BadInput as reason:
        return Loss(loss, losses, right, reads, 1, np.zeros(1), str(reason))
    entering = keras.ops.convert_to_numpy(probe.differentiate_states(network.variables, inputs, expected, weights))
    read = np.flatnonzero(entering[0].any(axis=1))
    if not len(read):
        return Loss(
            loss, losses, right, reads, 1, np.zeros(1), "The loss is so small that its gradient is 0 everywhere."
        )
    end = int(read[-1])
    if step is not None and step - 1 in read:
        end = step - 1
    chosen = np.where((np.arange(entering.shape[1]) == end)[None, :, None], entering, np.zeros_like(entering))
    norms = keras.ops.convert_to_numpy(probe.differentiate_inputs(network.variables, inputs, chosen))[0]
    return Loss(loss, losses, right, reads, end + 1, norms[: end + 1])


def explain_first(layer: Recurrent, read: tuple[States, Unrolled | None], at: int, *, token: str) -> Explanation | None:
    """Return the arithmetic of one step of a layer, for the units with the largest state; None for an unknown one."""
    states, unrolled = read
    if unrolled is None:
        return None
    step = unrolled.steps[at - 1]
    units = np.sort(np.argsort(-np.abs(step["h"]))[:UNITS])
    named = {name: value for name, value in step.items() if any(name in line for line in unrolled.arithmetic.lines)}
    shapes = {name: " x ".join(map(str, value.shape)) or "1" for name, value in named.items()}
    lines: dict[int, tuple[Line, ...]] = {int(unit): tuple(explain_step(unrolled, at - 1, int(unit))) for unit in units}
    return Explanation(states.title, at, token, unrolled.arithmetic.lines, shapes, lines)
