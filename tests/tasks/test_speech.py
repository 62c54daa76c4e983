import dataclasses

import numpy as np
import pytest
import soundfile

import tasks
from harness import data
from harness.experiment import Experiment
from harness.options import defaults
from harness.training.epochs import Epochs
from pipeline.errors import BadInput
from tests.harness import encode


def prepare(folder, *rows):
    """Return the examples of a folder with 0.3 seconds of noise for each text, and the speech task's fitted fields."""
    lines = ["audio\ttext"]
    for number, text in enumerate(rows):
        noise = np.random.default_rng(number).normal(scale=0.1, size=2400)
        soundfile.write(folder / f"{number}.wav", noise, 8000)
        lines.append(f"{number}.wav\t{text}")
    (folder / "train.tsv").write_text("\n".join(lines) + "\n")
    task = tasks.get("speech")
    options = dataclasses.replace(defaults(task), data=str(folder))
    examples = data.read(task, options)["train"]
    input_field, output_field = task.input(options), task.output(options)
    input_field.fit(example.input for example in examples)
    output_field.fit(example.output for example in examples[:1])
    return examples, input_field, output_field


def test_a_transcript_too_long_for_its_recording_is_refused_with_the_line_of_the_table(tmp_path):
    # 28 frames, 14 steps.
    prepared = prepare(tmp_path, "one two three", "one two threes")
    with pytest.raises(BadInput, match=r"^train.tsv:3: the transcript .* needs 15 steps .* the recording has 14"):
        encode(*prepared)


def test_a_character_that_training_did_not_have_is_encoded_as_unknown(tmp_path):
    batches = encode(*prepare(tmp_path, "one two", "tönt"))
    assert (batches.outputs[1]["output"] == 1).sum() == 1


def test_training_hears_other_speeds_in_each_epoch_but_none_too_fast_for_the_transcript(tmp_path):
    # 28 frames, 14 steps: as many as the second has letters.
    examples, input_field, output_field = prepare(tmp_path, "one two", "one two one tw")
    task = tasks.get("speech")
    options = defaults(task).replace(data=str(tmp_path), batch_size=2)
    field = dataclasses.replace(input_field, speed_perturbation=0.3)
    experiment = Experiment(task, options, tmp_path, field, output_field, "")
    epochs = Epochs(experiment.encode(examples, seed=0))
    lengths = []
    for _ in range(8):
        (batch,) = [epochs[place] for place in range(len(epochs))]
        order = np.argsort((batch[1] > 0).sum(axis=1))
        lengths.append(batch[0]["mask"].sum(axis=1)[order].tolist())
        epochs.on_epoch_end()
    short, long = zip(*lengths, strict=True)
    assert len(set(short)) > 3 and min(short) < 28 <= min(long) and max(long) > 28
    # A run that goes on after four epochs draws what it would have drawn.
    again = Epochs(experiment.encode(examples, seed=0), first=4)
    (batch,) = [again[place] for place in range(len(again))]
    assert sorted(batch[0]["mask"].sum(axis=1).tolist()) == sorted(lengths[4])
    assert len({len(one["frames"]) for one in experiment.encode(examples).inputs}) == 1
