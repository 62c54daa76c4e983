"""Metrics: references and predictions in, named scores out, each computed by the field's standard library."""

from collections.abc import Sequence
from typing import Any

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

    return {"accuracy": float(accuracy_score(references, predictions))}


def exact(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return the share of outputs that are right to the last symbol (scikit-learn)."""
    return {"exact_match": accuracy(references, predictions)["accuracy"]}


def transcripts(references: Sequence[str], predictions: Sequence[str]) -> Scores:
    """Return the word and the character error rate, substitutions, deletions and insertions to 1 of the reference.

    Over all references together (jiwer). Either may exceed 1.
    """
    import jiwer

    pair = list(references), list(predictions)
    return {"wer": float(jiwer.wer(*pair)), "cer": float(jiwer.cer(*pair))}


def errors(references: Sequence[float], predictions: Sequence[float]) -> Scores:
    """Return the mean absolute error, its root mean square, Pearson's r, and accuracy after rounding.

    The first three in the numbers' own unit (scikit-learn, scipy). Pearson's r is not defined, and left out, where all
    references or all predictions are equal.
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
    return scores | {"rounded_accuracy": float(np.mean(np.round(references) == np.round(predictions)))}


def describe(monitor: str, scores: dict[str, Any]) -> str:
    """Return the scores on one line, the monitored one first."""
    names = [monitor, *(name for name in scores if name != monitor)]
    return "  ".join(f"{name} {scores[name]:.4f}" for name in names if name in scores)
