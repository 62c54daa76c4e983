"""What a practitioner would take instead of a recurrent network, on the same splits: training takes seconds or minutes.

Each function takes the examples by split, and returns the answers to the test's inputs. last: on which splits it is
trained once nothing is left to choose, those of validation among them or not.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline import files
from pipeline.example import Splits


def crfsuite(splits: Splits, last: Sequence[str]) -> list[tuple[str, ...]]:
    """Tag with a conditional random field over hand-made features (python-crfsuite, its own defaults)."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({"c1": 0.1, "c2": 0.1, "max_iterations": 100, "feature.possible_transitions": True})
    for example in (one for split in last for one in splits[split]):
        trainer.append(describe_words(example.input), list(example.output))
    with files.temporary_folder() as folder:
        path = str(folder / "tagger.crfsuite")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        return [tuple(tagger.tag(describe_words(example.input))) for example in splits["test"]]


def describe_words(words: Sequence[str]) -> list[list[str]]:
    """Return the features of each word: itself, its affixes and its form, and the words beside it."""
    described = []
    for place, word in enumerate(words):
        features = ["bias"]
        for offset in (-2, -1, 0, 1, 2):
            if 0 <= place + offset < len(words):
                near = words[place + offset]
                features += [f"{offset}:{near.lower()}", f"{offset}:{shape(near)}"]
            else:
                features.append(f"{offset}:outside")
        features += [f"<{word[:length]}" for length in (1, 2, 3, 4)] + [f"{word[-length:]}>" for length in (1, 2, 3, 4)]
        described.append(features)
    return described


def shape(word: str) -> str:
    """Return a word with X for its capitals, x for its small letters and 0 for its digits, each once in a row."""
    found: list[str] = []
    for letter in word:
        sign = "X" if letter.isupper() else "x" if letter.islower() else "0" if letter.isdigit() else letter
        if not found or found[-1] != sign:
            found.append(sign)
    return "".join(found)


def tfidf(splits: Splits, last: Sequence[str]) -> list[Any]:
    """Classify by words and pairs of words, weighted by TF-IDF, with logistic regression; numbers as labels (sklearn).

    The strength of the regularisation is the one that is best on validation.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def fit(strength: float, *trained_on: str) -> Any:
        vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        model = make_pipeline(vectors, LogisticRegression(C=strength, max_iter=1000))
        return model.fit(*divide(*trained_on))

    def divide(*parts: str) -> tuple[list[str], list[Any]]:
        examples = [one for part in parts for one in splits[part]]
        return [one.input for one in examples], [one.output for one in examples]

    best = max((1.0, 4.0, 16.0), key=lambda strength: fit(strength, "train").score(*divide("validation")))
    return list(fit(best, *last).predict(divide("test")[0]))


ALTERNATIVES: dict[str, Callable[[Splits, Sequence[str]], list[Any]]] = {"crfsuite": crfsuite, "tfidf": tfidf}
