"""N-grams: a bag of the words, and pairs of words, of a text, weighed beside what a recurrent network reads in it."""

from collections.abc import Iterable

import keras
import numpy as np
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

# Words that an n-gram may have.
PLACES = 8
# With what weight an n-gram's ratio counts before anything is learned.
FIRST_WEIGHT = 0.04


def draw_codes(words: int, longest: int, buckets: int) -> np.ndarray:
    """Return a code for each word at each place of an n-gram, (longest, words) of int32, from 0 to buckets - 1.

    The same for ever, whatever the machine, and however many words there are: SplitMix64 (Steele et al. 2014, "Fast
    Splittable Pseudorandom Number Generators") of the word and the place.
    """
    numbers = PLACES * np.arange(words, dtype="uint64") + np.arange(1, longest + 1, dtype="uint64")[:, None]
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed % np.uint64(buckets)).astype("int32")


def hash_ngrams(coded: Tensor, size: int, buckets: int) -> Tensor:
    """Return the bucket of the n-gram of `size` words that begins at each place: the last axis is size - 1 shorter.

    coded: (longest, ..., time), the codes of a text's words at each place of an n-gram; of NumPy or of a backend. A
    bucket is the sum of the codes (Zobrist 1970, "A New Hashing Method", with sums).
    """
    # Of a time axis that is not known yet, only the distance from its end is.
    return sum(coded[place][..., place : (place - size + 1) or None] for place in range(size)) % buckets


def measure_ratios(texts: Iterable[np.ndarray], wanted: np.ndarray, *, codes: np.ndarray, buckets: int) -> np.ndarray:
    """Return how much likelier an n-gram is in texts of which something is true than in others: its log-count ratio.

    texts: each (time,), the numbers of its words. wanted: (texts, size) from 0 to 1, what is true of each. codes: see
    `draw_codes`.
    Returns (buckets, size): log (p / |p|) / (q / |q|), where p is 1 and the number of texts that have the n-gram and of
    which it is true, q likewise of which it is not ("Baselines and Bigrams", Wang and Manning 2012, section 2.1). An
    n-gram that no text has is 0.
    """
    true = np.zeros((buckets, wanted.shape[1]), "float32")
    seen = np.zeros((buckets, 1), "float32")
    for words, row in zip(texts, wanted, strict=True):
        coded = codes[:, words]
        found = [hash_ngrams(coded, size, buckets) for size in range(1, min(len(codes), len(words)) + 1)]
        places = np.unique(np.concatenate(found))
        true[places] += row
        seen[places] += 1
    false = seen - true
    used = seen > 0
    ratios = np.log1p(true) - np.log1p(np.maximum(false, 0))
    ratios -= np.log((1 + true).sum(axis=0, where=used) / (1 + false).sum(axis=0, where=used))
    return np.where(used, ratios, 0).astype("float32")


@keras.saving.register_keras_serializable(PACKAGE)
class NGrams(layers.Layer):
    """Scores of a text by the n-grams that it has: the sum of w_f r_f over its different n-grams f.

    w_f is learned. r_f, one for each score, is the ratio of `measure_ratios`, which `ratios.assign` sets beforehand and
    which stays: what a few texts have counts little, however fast it is learned (NB-SVM, Wang and Manning 2012; as a
    layer beside a deep one: "Wide & Deep Learning", Cheng et al. 2016). An n-gram's place in the tables is its hash.

    size: how many scores there are. vocabulary: how many words. longest: words of the longest n-gram. buckets: rows of
    the tables. dropout: the share of the n-grams that are left out in training.
    """

    def __init__(
        self, size: int, vocabulary: int, longest: int, buckets: int, dropout: float = 0.0, **options: LayerArgument
    ):
        super().__init__(**options)
        self.size, self.vocabulary, self.longest, self.buckets = size, vocabulary, longest, buckets
        self.dropout = dropout
        self.codes = draw_codes(vocabulary, longest, buckets)
        self.generator = keras.random.SeedGenerator()

    def build(self, words_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        first = keras.initializers.Constant(FIRST_WEIGHT)
        self.scales = self.add_weight((self.buckets,), first, name="scales")
        self.ratios = self.add_weight((self.buckets, self.size), "zeros", trainable=False, name="ratios")

    def call(self, words: Tensor, mask_in: Tensor, training: bool = False) -> Tensor:
        """Return (batch, size). words: (batch, time) of int32. mask_in: (batch, time), true where there is a word."""
        places, different = self.list_different(words, mask_in)
        weights = ops.where(different, ops.take(self.scales, places, axis=0), 0.0)
        if training and self.dropout:
            kept = keras.random.uniform(ops.shape(weights), seed=self.generator) >= self.dropout
            weights = ops.where(kept, weights / (1 - self.dropout), 0.0)
        return ops.sum(ops.expand_dims(weights, 2) * ops.take(self.ratios, places, axis=0), axis=1)

    def list_different(self, words: Tensor, mask_in: Tensor) -> tuple[Tensor, Tensor]:
        """Return the buckets of a text's n-grams, (batch, places), and whether each stands there for the first time."""
        coded = ops.take(ops.convert_to_tensor(self.codes), words, axis=1)
        found = []
        for size in range(1, self.longest + 1):
            # Padding is on the right: where the last word is none, there is no n-gram.
            buckets = hash_ngrams(coded, size, self.buckets)
            found.append(ops.where(mask_in[:, size - 1 :], buckets, self.buckets))
        ordered = ops.sort(ops.concatenate(found, axis=1), axis=1)
        before = ops.pad(ordered[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
        different = ops.logical_and(ops.not_equal(ordered, before), ordered < self.buckets)
        return ops.minimum(ordered, self.buckets - 1), different

    def get_config(self) -> dict:
        sizes = {"size": self.size, "vocabulary": self.vocabulary, "longest": self.longest, "buckets": self.buckets}
        return {**super().get_config(), **sizes, "dropout": self.dropout}


@keras.saving.register_keras_serializable(PACKAGE)
class EitherOrBoth(layers.Layer):
    """The sum of two scores; in training, one of them alone for a third of the examples each.

    So each learns to answer alone, and neither leaves to the other what it would learn later.
    """

    def __init__(self, **options: LayerArgument):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator()

    def call(self, one: Tensor, other: Tensor, training: bool = False) -> Tensor:
        """Return (batch, size), as both are."""
        if not training:
            return one + other
        drawn = keras.random.uniform((ops.shape(one)[0], 1), seed=self.generator)
        return ops.where(drawn < 2 / 3, one, 0.0) + ops.where(drawn > 1 / 3, other, 0.0)
