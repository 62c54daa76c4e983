"""Hypothesis: one of the outputs that a beam search found."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.errors import BadInput
from pipeline.example import Value
from pipeline.fields import OutputField
from pipeline.option import Options


@dataclass(frozen=True)
class Hypothesis:
    """An output with its score.

    log_probability: of the whole output, in nats. score: by which it is ranked, where that is another number.
    """

    output: Value
    log_probability: float
    score: float | None = None


def read_hypotheses(output_field: OutputField, found: Mapping[str, np.ndarray], row: int) -> list[Hypothesis]:
    """Return the hypotheses in one row of what a decoder gives for a batch, the best first.

    Where there are fewer outputs than the beam is wide, they are fewer.
    """
    # Keras comes with it, and `check_count` is asked before that.
    from models.decoding.viterbi import FORBIDDEN

    likely = found["log_probabilities"][row]
    scores = found["scores"][row] if "scores" in found else [None] * len(likely)
    return [
        Hypothesis(output_field.decode(text), float(chance), None if score is None else float(score))
        for text, chance, score in zip(found["hypotheses"][row], likely, scores, strict=True)
        if chance > FORBIDDEN / 2
    ]


def check_count(options: Options, count: int | None) -> None:
    """Raise BadInput for no hypotheses, or more than a run's search keeps. count: None: none are asked for."""
    if count is None:
        return
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise BadInput(f"--n-best {count}: expected a whole number of at least 1")
    known = options.as_dict()
    if "beam" not in known:
        raise BadInput(f"--n-best {count}: this task has no beam search; leave it out")
    if known.get("temperature") is not None:
        raise BadInput(f"--n-best {count}: with --temperature each symbol is drawn; add --temperature none")
    if (beam := int(known["beam"] or 1)) < max(count, 2):
        raise BadInput(f"--n-best {count}: the search keeps {beam}; add --beam {max(count, 2)}")
