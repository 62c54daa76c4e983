"""Vectors: word vectors of other texts, for the words of a run's vocabulary."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields import InputField
from pipeline.files import expand_home
from pipeline.option import Options
from pipeline.readers.request import Say
from pipeline.readers.word_vectors import read_word_vectors

if TYPE_CHECKING:
    import keras


def read_vectors(options: Options, input_field: InputField, say: Say) -> dict[int, np.ndarray]:
    """Return the vectors of --vectors by the ids of their words; none where none are asked for. Say how many there are.

    Raises BadInput as `read_word_vectors` does, and for options that do not go together.
    """
    asked = options.as_dict()
    if asked.get("vectors") is None:
        if asked.get("freeze_vectors"):
            raise BadInput("--freeze-vectors: there are none; give --vectors FILE")
        return {}
    path = expand_home(options.vectors)
    if options.embedding != "dense":
        raise BadInput(f"--vectors {path}: --embedding {options.embedding} has no vectors; leave one of them out")
    if options.freeze_vectors and options.lazy_embeddings:
        raise BadInput("--lazy-embeddings: with --freeze-vectors no word vector is updated; leave one of them out")
    words = input_field.id_names["words"]
    found = read_word_vectors(path, words)
    if found.size != options.embedding_size:
        raise BadInput(
            f"--vectors {path}: a vector has {found.size} numbers, and --embedding-size is {options.embedding_size}; "
            f"give --embedding-size {found.size}"
        )
    share = len(found.vectors) / len(words)
    say(f"{path}: vectors for {len(found.vectors):,} of {len(words):,} words of the vocabulary ({share:.0%})")
    return {number: found.vectors[word] for number, word in enumerate(words) if word in found.vectors}


def set_vectors(model: "keras.Model", vectors: Mapping[int, np.ndarray]) -> None:
    """Put vectors into the rows of a model's embedding; the other rows stay as they were drawn."""
    if vectors:
        table = model.get_layer("embedding").embeddings
        rows = np.array(table)
        rows[list(vectors)] = np.stack(list(vectors.values()))
        table.assign(rows)
