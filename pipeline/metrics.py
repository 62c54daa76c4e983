"""Metrics: references and predictions in, named scores out, each computed by the field's standard library."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.example import Example
from pipeline.fields.tokenizers import tokenize

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

Scores = dict[str, float]


def tag_accuracy(references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]) -> Scores:
    """Return the share of tokens with the right tag (scikit-learn)."""
    return accuracy([tag for tags in references for tag in tags], [tag for tags in predictions for tag in tags])


def spans(references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]) -> Scores:
    """Return F1, precision and recall of whole spans, micro-averaged as by conlleval, and tag accuracy (seqeval)."""
    from seqeval.metrics import f1_score, precision_score, recall_score

    pair = [list(tags) for tags in references], [list(tags) for tags in predictions]
    scores = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
    measured = {name: float(score(*pair, zero_division=0)) for name, score in scores.items()}
    return measured | tag_accuracy(references, predictions)


def accuracy(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return the share of right labels (scikit-learn)."""
    from sklearn.metrics import accuracy_score

    return {"accuracy": float(accuracy_score(list(references), list(predictions)))}


def accuracy_and_macro_f1(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return the share of right labels, and the mean of the F1 of each label, all counting alike (scikit-learn)."""
    from sklearn.metrics import f1_score

    references, predictions = list(references), list(predictions)
    macro = f1_score(references, predictions, average="macro", zero_division=0)
    return accuracy(references, predictions) | {"macro_f1": float(macro)}


def recall_accuracy(references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]], blank: str) -> Scores:
    """Return the share of right symbols among the steps where one is due that is not `blank` (scikit-learn)."""
    pairs = [pair for one, other in zip(references, predictions, strict=True) for pair in zip(one, other, strict=True)]
    due = [(reference, prediction) for reference, prediction in pairs if reference != blank]
    return {"recalled": accuracy(*zip(*due, strict=True))["accuracy"]}


def exact(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return the share of outputs that are right to the last symbol (scikit-learn)."""
    return {"exact_match": accuracy(references, predictions)["accuracy"]}


def captions(references: Sequence[str | Sequence[str]], predictions: Sequence[str]) -> Scores:
    """Return chrF and BLEU-1 to BLEU-4 of all captions together, 0 to 100 (sacrebleu), and the share that is exact.

    references: one caption per image, or a tuple of several, any of which counts. Upper and lower case are one.
    Exact: the same words and marks as one of the references.
    """
    from sacrebleu.metrics import BLEU, CHRF

    several = [found if isinstance(found, tuple) else (found,) for found in references]
    # sacrebleu takes a list of all first references, of all second ones ..., with None where there is no further one
    # (its own types do not say so).
    streams: list[Sequence[str]] = [
        [found[number] if number < len(found) else None for found in several]  # type: ignore[misc]
        for number in range(max(map(len, several)))
    ]
    right = [tokenize(answer) in map(tokenize, found) for answer, found in zip(predictions, several, strict=True)]
    scores = {"chrf": CHRF(lowercase=True).corpus_score(predictions, streams).score}
    for order in range(1, 5):
        scores[f"bleu_{order}"] = BLEU(lowercase=True, max_ngram_order=order).corpus_score(predictions, streams).score
    return {name: float(score) for name, score in scores.items()} | {"exact_match": sum(right) / len(right)}


def translation(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return corpus BLEU (Papineni et al. 2002), also lower-cased, chrF (Popović 2015), and the share of exact matches.

    BLEU and chrF from 0 to 100 (sacrebleu; its signatures say how: see `translation_signature`).
    """
    pair = list(predictions), [list(references)]
    scores = {name: metric.corpus_score(*pair).score for name, metric in _sacrebleu().items()}
    return scores | exact(references, predictions)


def translation_signature() -> str:
    """Return sacrebleu's signatures of the scores of `translation`: version, tokenizer, smoothing ..."""
    metrics = _sacrebleu()
    for metric in metrics.values():
        # The number of references is a part of the signature, and known from a score only.
        metric.corpus_score(["a"], [["a"]])
    return "  ".join(f"{name}: {metric.get_signature()}" for name, metric in metrics.items())


def _sacrebleu() -> "dict[str, Metric]":
    from sacrebleu.metrics import BLEU, CHRF

    # force: no warning where texts look tokenized, as a user's own may be.
    return {"bleu": BLEU(force=True), "bleu_lowercase": BLEU(lowercase=True, force=True), "chrf": CHRF()}


def error_rates(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return the word and the character error rate, substitutions, deletions and insertions to 1 of the reference.

    Over all references together (jiwer). Either may exceed 1.
    """
    import jiwer

    pair = list(references), list(predictions)
    return {"wer": float(jiwer.wer(*pair)), "cer": float(jiwer.cer(*pair))}


def errors(references: Sequence[float], predictions: Sequence[float]) -> Scores:
    """Return the mean absolute error, its root mean square, Pearson's r, and accuracy after rounding.

    The first two in the numbers' own unit (scikit-learn, scipy). Pearson's r is not defined, and left out, where all
    references or all predictions are equal; and so is accuracy where not all references are whole numbers.
    """
    import numpy as np
    from scipy.stats import pearsonr
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    scores = {
        "mae": float(mean_absolute_error(references, predictions)),
        "rmse": float(root_mean_squared_error(references, predictions)),
    }
    if len(references) > 1 and np.ptp(references) > 0 and np.ptp(predictions) > 0:
        scores["r"] = float(pearsonr(references, predictions).statistic)
    if np.array_equal(references, np.round(references)):
        scores["rounded_accuracy"] = float(np.mean(references == np.round(predictions)))
    return scores


def distinct(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return the share of different predictions; the references are not asked for."""
    return {"distinct": len(set(predictions)) / len(predictions)}


def squared_error(references: Sequence[float], predictions: Sequence[float], tolerance: float) -> Scores:
    """Return the mean squared error (scikit-learn) and the share within `tolerance`, in the numbers' own unit."""
    import numpy as np
    from sklearn.metrics import mean_squared_error

    close = np.abs(np.subtract(references, predictions)) < tolerance
    return {"mse": float(mean_squared_error(references, predictions)), f"within_{tolerance:g}": float(close.mean())}


def perplexity(loss: float) -> Scores:
    """Return what a cross-entropy of `loss` nats per symbol is: "nats", "bits", and "perplexity", e to its power."""
    return {"nats": loss, "bits": loss / math.log(2), "perplexity": math.exp(min(loss, 700))}


def perplexity_and_novelty(training: Sequence[Example], samples: Sequence[str], loss: float) -> Scores:
    """Return nats and bits per symbol, the perplexity, and the share of samples not found in the training data.

    A sample is found if it is one of the texts, or stands in the running text. Left out if no training data is given.
    """
    outputs = [example.output for example in training]
    if not outputs:
        return perplexity(loss)
    known = "".join(passage for _, passage in outputs) if isinstance(outputs[0], tuple) else {"", *outputs}
    return perplexity(loss) | {"novel": sum(sample not in known for sample in samples) / len(samples)}


def format_scores(monitor: str, scores: Mapping[str, float]) -> str:
    """Return the scores on one line, the monitored one first."""
    names = [monitor, *(name for name in scores if name != monitor)]
    return "  ".join(f"{name} {scores[name]:.4f}" for name in names if name in scores)
