"""Subwords: frequent words whole, rare ones in parts, as sentencepiece learns them from the training texts."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import REASON, BadInput, shorten
from pipeline.fields.vocabulary import END, END_ID, PADDING, PADDING_ID, START, START_ID, UNKNOWN, UNKNOWN_ID

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor as Subwords

# What a subword after a space begins with.
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
# What is said where a field is extended that has such a model: with another one no text would be divided as before.
KEPT = "the subword model as it is"


def learn_subwords(texts: Iterable[str], vocabulary: int) -> str:
    """Return a sentencepiece model (Kudo 2018) of at most `vocabulary` subwords, the reserved ones first, as base64.

    Each digit is a symbol of its own. BadInput if there is too little to learn from.
    """
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    count = 0

    def read() -> Iterator[str]:
        nonlocal count
        for text in texts:
            count += 1
            yield text

    try:
        SentencePieceTrainer.train(
            sentence_iterator=read(),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocabulary,
            # Little data has fewer subwords than asked for.
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            split_digits=True,
            # More threads would add up in another order, and learn another model.
            num_threads=1,
            minloglevel=2,
            pad_id=PADDING_ID,
            unk_id=UNKNOWN_ID,
            bos_id=START_ID,
            eos_id=END_ID,
            pad_piece=PADDING,
            unk_piece=UNKNOWN,
            bos_piece=START,
            eos_piece=END,
        )
    except RuntimeError as error:
        raise BadInput(
            f"--vocabulary {vocabulary}: no subwords can be learned from {count} texts ({_reason(error)}); "
            "raise it, or choose --unit character"
        ) from None
    return base64.b64encode(model.getvalue()).decode()


def open_subwords(model: str) -> "Subwords":
    """Return the sentencepiece processor of a model from `learn_subwords`; BadInput if it is damaged."""
    from sentencepiece import SentencePieceProcessor

    try:
        pieces = SentencePieceProcessor()
        pieces.LoadFromSerializedProto(base64.b64decode(model, validate=True))
        pieces.encode("")
    except (ValueError, RuntimeError) as error:
        raise BadInput(f"the subword model stored with the run is damaged ({error}); train with --fresh") from None
    return pieces


def sample_subwords(pieces: "Subwords", texts: Sequence[str], *, alpha: float, seed: int) -> list[list[int]]:
    """Return the ids of texts, each divided by chance: the same for the same seed.

    A division is drawn by its probability to the power of alpha, out of all there are (Kudo 2018, section 3.3).
    """
    from sentencepiece import set_random_generator_seed

    set_random_generator_seed(seed)
    # A list is encoded by a thread of its own, whose random numbers begin with that seed; a single text is not.
    return pieces.encode(list(texts), enable_sampling=True, alpha=alpha, nbest_size=-1, num_threads=1)


def _reason(error: RuntimeError) -> str:
    # After the condition that is not met, in brackets, it says why; not always.
    return shorten(str(error).rpartition("] ")[2].strip() or str(error), REASON)
