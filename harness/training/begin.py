"""Begin: the data of a requested run, read and encoded, while no other process may train the run."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

import tasks
from harness import data, runs
from harness.data import SPLITS
from harness.experiment import Experiment, describe_windows
from harness.process.console import doing, say
from harness.process.cost import reset_peak_ram
from harness.process.lock import hold
from harness.runs import included, states
from harness.runs.restored import restore_fields, restore_lengths
from harness.runs.schema import Config, LengthFrom
from harness.training import fine_tuning, last_run
from harness.training.request import Request, read_earlier
from harness.training.schedule import FEWEST, Schedule, is_telling, keeps_last, plan_epochs
from harness.training.vectors import read_vectors
from pipeline.batches import encoded_cache
from pipeline.batches.bucketing import Batches
from pipeline.cache_contents import find_bound
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.fields import InputField
from pipeline.findings import Finding
from pipeline.option import Options


@dataclass(frozen=True)
class Training:
    """An experiment with its data.

    batches: by split. findings: what is worth knowing of the data. begun: the config of a run that goes on; None of a
    new one. vectors: the word vectors that a new run begins with, by the ids of their words. earlier: the run that it
    starts from, if any. schedule: for how long it is trained; length: the same as config.json has it, where it follows
    from another run.
    """

    experiment: Experiment
    examples: Splits
    batches: dict[str, Batches]
    findings: tuple[Finding, ...]
    begun: Config | None
    schedule: Schedule
    fresh: bool
    vectors: Mapping[int, np.ndarray] = field(default_factory=dict)
    earlier: Experiment | None = None
    length: LengthFrom | None = None

    def is_labelled(self, split: str) -> bool:
        """Return whether the outputs of a split's examples are known."""
        return self.examples[split][0].output is not None


@contextmanager
def begin(request: Request) -> Iterator[Training]:
    """Read and encode the data of a run; inside, no other process writes to its directory.

    Raises BadInput for bad data, and if the directory holds another run, or another process trains this one.
    """
    with hold(request.directory):
        stored = None
        if runs.holds_run(request.directory) and not request.fresh:
            stored, options = read_earlier(request)
            included.tell_changes(tasks.included(), stored["include"])
            request = dataclasses.replace(request, options=options)
        say(f"{request.task.name}: {request.task.summary}")
        # What is wrong with it is not to be told when the data has been encoded.
        find_bound()
        reset_peak_ram()
        with doing("reading the data"):
            training = prepare(request, stored)
        yield training


def prepare(request: Request, stored: Config | None, *, joined: bool = False) -> Training:
    """Return the training that a request asks for. stored: the config of the run that its directory holds.

    joined: another process trains the run too, and has sent what its directory holds.
    """
    task, options, directory = request.task, request.options, request.directory
    earlier = fine_tuning.read_start(task, options) if options.from_ else None
    prepared = data.prepare(task, options, say, fine_tuning.find_fields(earlier))
    if stored and stored["data"] != prepared.fingerprint:
        if joined:
            raise BadInput(f"--data {options.data}: the data is not that of process 0")
        raise BadInput(f"{directory}: the data has changed since this run began; start over with --fresh")
    begun = stored if joined or states.find(directory) else None
    fields = prepared.input_field, prepared.output_field
    if begun:
        # Those that the weights belong to: another version, or another machine, may fit them otherwise.
        fields = restore_fields(directory, task, options, config=begun)
    experiment = Experiment(task, options, directory, *fields, fingerprint=prepared.fingerprint)
    train = encode(experiment, "train", prepared.examples)
    length = None
    if options.train_on_validation:
        # As the run has it that says for how long.
        schedule = plan_epochs(options, len(train.take(prepared.own).plan()))
        length = (
            begun["length"]
            if begun and "length" in begun
            else last_run.find_length(request, prepared.fingerprint, schedule)
        )
        steps = len(train.plan()) * schedule.passes
        schedule = dataclasses.replace(schedule, steps=steps, known=last_run.as_length(length))
        say(f"{length['run']} says for how long: {length['epochs']} epochs; the validation examples are learned too")
    else:
        schedule = plan_epochs(options, len(train.plan()))
    passes = schedule.epochs * schedule.passes
    lengths = restore_lengths(directory, begun) if begun else train.at(0).merge_lengths(passes)
    experiment, train = dataclasses.replace(experiment, lengths=lengths), dataclasses.replace(train, known=lengths)
    others = {split: encode(experiment, split, prepared.examples) for split in SPLITS if split != "train"}
    batches = {"train": train, **others}
    if not length:
        schedule = dataclasses.replace(schedule, keeps_last=is_last_kept(options, batches["validation"]))
    validated = "" if length else f"{len(batches['validation'].inputs):,} to validate, "
    say(
        f"{len(train.inputs):,} examples to train on ({train.count_tokens():,} tokens), "
        f"{validated}{len(batches['test'].inputs):,} to test; padded to "
        f"{', '.join(map(str, train.padded))}"
    )
    # A run that goes on has learned others since.
    vectors = {} if begun else read_vectors(options, experiment.input_field, say)
    if vectors and earlier:
        # And so has one that it starts from, of the words that it knows.
        known_words = len(earlier.input_field.id_names["words"])
        vectors = {number: vector for number, vector in vectors.items() if number >= known_words}
    return Training(
        experiment,
        prepared.examples,
        batches=batches,
        findings=prepared.findings,
        begun=begun,
        schedule=schedule,
        fresh=request.fresh,
        vectors=vectors,
        earlier=earlier,
        length=length,
    )


def is_last_kept(options: Options, validation: Batches) -> bool:
    """Return whether the last epoch is kept, not the best of validation; what that is too small for is said."""
    answers = FEWEST
    if len(validation.inputs) < FEWEST:
        answers = sum(int(np.count_nonzero(validation.draw(*entry)[2])) for entry in validation.plan())
    kept = keeps_last(options, answers)
    if not is_telling(options, answers):
        chosen = "choosing an epoch: the last one is kept, and no probability" if kept else "probabilities: none"
        say(f"too few answers to validate by ({answers}) for {chosen} is calibrated (--keep-epoch best: all the same)")
    return kept


def encode(experiment: Experiment, split: str, examples: Splits) -> Batches:
    """Return the batches of a split, kept for the next start if they take long to encode."""
    seed = experiment.options.seed if split == "train" else None
    # The path of a file does not tell what is in it.
    contents = read_contents(experiment.input_field, examples[split])
    joined = "+validation" if split == "train" and experiment.options.train_on_validation else ""
    about = (experiment.fingerprint, split + joined, contents)
    key = encoded_cache.cache_key(about, experiment.input_field, experiment.output_field)
    batches = experiment.encode(examples[split], seed=seed, key=key)
    if told := describe_windows(batches, experiment.options):
        say(f"{split}: {told}")
    return batches


def read_contents(input_field: InputField, examples: Sequence[Example]) -> Sequence[tuple[int, ...]]:
    """Return what tells the contents of the files that inputs stand for; nothing where they are the values."""
    read = input_field.fingerprint
    if not any(read(example.input) for example in examples):
        return ()
    return [read(example.input) for example in examples]
