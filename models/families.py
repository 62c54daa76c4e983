"""The model families by name, each with its options. It needs no Keras: a family is imported when a model is made."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from models.cells import CELLS
from models.family import Family, Fitter, OutputField
from pipeline.option import Options, option

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LazyFamily:
    """A model family, before it is imported.

    module: the one that has `build`, `loss` and `decode`; see models/family.py. options: a dataclass that declares what
    they read. streams: whether it can answer each step of an input that is still to come ("reading"; see
    models/streaming.py), or write symbol by symbol ("writing"; see models/writing.py); None: neither.
    measures: the module has a function of that name too, from the output field to losses that are measured beside the
    loss, by name, and not learned from.
    fits_decoding: the module has a function `make_fitter` too, from a model, the output field and the options to a
    function from drawn batches: it fits to examples that validate what decoding goes by, keeps it in weights named
    FITTED, and returns it, by option; it is called before each validation.
    carries: it hands the states of its cell from one batch to the next; so it needs a cell that has some.
    """

    module: str
    options: type
    streams: Literal["reading", "writing"] | None = None
    measures: bool = False
    fits_decoding: bool = False
    carries: bool = False

    def load(self) -> Family:
        """Import the family, and with it Keras."""
        return cast(Family, importlib.import_module(self.module))

    def load_measures(self, output_field: OutputField) -> "dict[str, keras.losses.Loss]":
        """Return what the family measures beside the loss, by name; nothing for most families."""
        if not self.measures:
            return {}
        measures: Callable[[OutputField], dict[str, keras.losses.Loss]]
        measures = importlib.import_module(self.module).measures
        return measures(output_field)

    def make_fitter(self, model: "keras.Model", output_field: OutputField, options: Options) -> Fitter:
        """Return what fits to examples what decoding goes by, and returns it by option; nothing for most families."""
        if not self.fits_decoding:
            return lambda batches: {}
        make: Callable[[keras.Model, OutputField, Options], Fitter]
        make = importlib.import_module(self.module).make_fitter
        return make(model, output_field, options)


@dataclass
class Recurrent:
    """Options of the recurrent layers."""

    cell: str = option("simple", f"RNN type: {', '.join(CELLS)}, or one of your own.")
    units: int = option(128, "Size of the hidden state, for each direction.", low=1)
    layers: int = option(1, "Recurrent layers on top of each other.", low=1)
    block: bool = option(
        False, "Each recurrent layer in a block: norm, residual connection, and an MLP behind it.", rare=True
    )
    dropout: float = option(
        0.3, "Share of the numbers between layers set to 0 in training.", low=0, high=0.95, adjustable=True
    )
    locked_dropout: bool = option(
        False, "Between layers, set the same numbers to 0 at every step of a sequence.", adjustable=True, rare=True
    )


@dataclass
class Encoder(Recurrent):
    """Options of layers that read a sequence to its end."""

    bidirectional: bool = option(True, "Read the sequence in both directions.")


@dataclass
class Embedding:
    """Options of the vectors that words enter the recurrent layers as."""

    embedding: Literal["dense", "onehot"] = option("dense", "Words as learned vectors, or as one-hot vectors.")
    embedding_size: int = option(128, "Length of a word's vector.", low=1)
    vectors: str | None = option(
        None, "File of word vectors to begin with: GloVe, .vec, word2vec's binary; gzip.", adjustable=True
    )
    freeze_vectors: bool = option(False, "Leave the word vectors as they are in the file.", adjustable=True, rare=True)


@dataclass
class WordDropout:
    """Options of word dropout."""

    word_dropout: float = option(0.0, "Share of the words made unknown in training.", low=0, high=0.95, adjustable=True)


@dataclass
class Pooling:
    """Options of one vector out of all hidden states."""

    pooling: Literal["last", "max", "mean", "max+mean", "attention"] = option(
        "last", "One vector out of all hidden states."
    )


@dataclass
class Labels:
    """Options of answers that are one of a few labels."""

    calibrate: bool = option(
        True,
        "When training ends, fit the probabilities to the validation split (temperature).",
        group="training",
        rare=True,
    )
    focal: float = option(
        0.0, "Gamma of a focal loss: the more, the less counts what is answered right for sure.", group="training",
        low=0, high=10, rare=True,
    )  # fmt: skip


@dataclass
class NGrams:
    """Options of the n-grams beside what is read."""

    ngrams: int = option(
        0, "Longest n-grams, in words, that are weighed beside the recurrent layers; 0 is none.", low=0, high=5
    )
    ngram_buckets: int = option(
        2**18,
        "Different n-grams that can be told apart; at most 8 million by the number of labels.",
        low=16,
        high=2**22,
        rare=True,
    )


@dataclass
class Attention:
    """Options of a decoder that looks at its input."""

    attention: Literal["none", "bahdanau", "luong"] = option("none", "Additive or multiplicative attention, or none.")
    input_feeding: bool = option(
        False, "The decoder reads what it has just looked at beside each symbol; slower.", rare=True
    )


@dataclass
class BeamSearch:
    """Options of beam search."""

    beam: int = option(1, "Outputs kept side by side in the search; 1 is greedy.", group="decoding", low=1, high=1000)


@dataclass
class Writing(BeamSearch):
    """Options of the search of a decoder: how it ranks what it has found."""

    length_penalty: float = option(
        1.0, "Of a beam: how much longer outputs are favoured, GNMT's alpha; 0: not at all.", group="decoding",
        low=0, high=10,
    )  # fmt: skip


@dataclass
class AttentiveWriting(Writing):
    """Options of the search of a decoder that may look at its input."""

    coverage_penalty: float = option(
        0.0, "Of a beam: how much it counts against an output that input is not looked at, GNMT's beta.",
        group="decoding", low=0, high=10, rare=True,
    )  # fmt: skip


@dataclass
class Decoder:
    """Options of the layers that write."""

    tie_embeddings: bool = option(
        False, "Write symbols by the vectors by which they are read; those of the input too where both sides share "
        "their vocabulary.",
    )  # fmt: skip
    scheduled_sampling: float = option(
        0.0, "Share of the symbols written so far that are the model's own in training; it grows from 0.",
        low=0, high=1, adjustable=True, rare=True,
    )  # fmt: skip


@dataclass
class LabelSmoothing:
    """Options of the cross-entropy of written symbols."""

    label_smoothing: float = option(
        0.0, "Share of the expected probability spread over all symbols.", low=0, high=0.9, adjustable=True
    )


@dataclass
class Tagger(WordDropout, Embedding, Encoder):
    """Options of the tagger."""

    decoder: Literal["none", "path", "crf"] = option(
        "path", "The best tag of each word; the best path of tags that is allowed; or that of a trained CRF."
    )
    fit_outside: bool = option(
        False, "Tell spans so readily that the validation split's F1 is best: by a bias of the tag outside.", rare=True
    )  # fmt: skip
    outside_bias: float | None = option(
        None, "How many nats likelier a word is outside of all spans; none: by --fit-outside.",
        group="decoding", low=-20, high=20, rare=True,
    )  # fmt: skip


@dataclass
class Classifier(Labels, NGrams, Pooling, WordDropout, Embedding, Encoder):
    """Options of the classifier and regressor."""

    pretrain: int = option(
        0, "Epochs in which embedding and first layer learn to foresee the words of the training texts.",
        group="training", low=0, rare=True,
    )  # fmt: skip
    adversarial: float = option(
        0.0, "Learn each batch once more, its word vectors moved against the answer by this share of their length.",
        group="training", low=0, high=10, rare=True,
    )  # fmt: skip
    adversarial_kind: Literal["label", "virtual"] = option(
        "label",
        "With --adversarial: moved against the right answer; or against the model's own, so that it stays (virtual).",
        group="training",
        rare=True,
    )


@dataclass
class Forecaster(Pooling, Encoder):
    """Options of the forecaster."""

    decoding: Literal["direct", "autoregressive"] = option(
        "direct", "All steps of a forecast at once, or each after the one before."
    )


@dataclass
class SeriesClassifier(Labels, Pooling, Encoder):
    """Options of the classifier and regressor of measured series."""

    noise: float = option(
        0.0, "Standard deviation of the noise added to each number in training, those of the data being 1.",
        low=0, high=10, adjustable=True,
    )  # fmt: skip
    spec_augment: float = option(
        0.0, "Share of a series' steps and channels hidden in training (SpecAugment).", low=0, high=0.9, adjustable=True
    )


@dataclass
class EncoderDecoder(AttentiveWriting, Decoder, LabelSmoothing, Attention, WordDropout, Embedding, Encoder):
    """Options of the encoder-decoder."""


@dataclass
class Generator(Writing, Decoder, WordDropout, Recurrent):
    """Options of the generator. With a temperature it samples; without one it searches for the likeliest."""

    embedding_size: int = option(128, "Length of a symbol's vector.", low=1)
    temperature: float | None = option(
        None, "Below 1 likely symbols become likelier; none: take the likeliest.", group="decoding", low=0.01, high=100
    )
    top_k: int | None = option(None, "Sample from the K likeliest symbols only.", group="decoding", low=1)
    top_p: float | None = option(
        None, "Sample from the likeliest symbols that have this probability together.", group="decoding",
        low=1e-6, high=1,
    )  # fmt: skip
    max_output_length: int | None = option(None, "Most symbols to write.", group="decoding", low=1, aliases=("length",))
    sampling_seed: int = option(0, "Seed of the random numbers of sampling.", group="decoding", low=0, high=2**31)
    dynamic_evaluation: float = option(
        0.0, "Learning rate at which it goes on learning from what is scored.", group="decoding", low=0, high=10,
        aliases=("adapt",),
    )  # fmt: skip


@dataclass
class LanguageModel(WordDropout, Recurrent):
    """Options of the language model."""

    embedding_size: int = option(192, "Length of a word's vector.", low=1)
    frequent_words: int | None = option(
        2000, "Words with a vector of that length, the most frequent; others have one of a quarter; none: all.", low=1
    )


@dataclass
class Captioner(AttentiveWriting, Decoder, LabelSmoothing, Attention, WordDropout, Recurrent):
    """Options of the captioner."""

    embedding_size: int = option(128, "Length of a word's vector.", low=1)
    colour_histogram: int = option(
        0, "Shades per colour of a histogram beside the image's grid; 0: none.", low=0, high=16, aliases=("colours",)
    )
    random_affine: float = option(
        0.0, "How far images are zoomed and shifted in training, as a share of their side.", low=0, high=0.9,
        aliases=("warping",), adjustable=True,
    )  # fmt: skip
    random_crop: float = option(
        0.0, "How much of an image's height and width is cut off at most in training.", low=0, high=0.9, rare=True
    )
    random_mirror: bool = option(False, "Mirror every other image in training, left to right.", rare=True)
    colour_jitter: float = option(
        0.0,
        "How far brightness, contrast and saturation of images are changed in training.",
        low=0,
        high=0.9,
        rare=True,
    )
    residual_blocks: int = option(
        0, "Residual blocks of convolutions for each size of the image's grid; 0: none.", low=0, high=8, rare=True
    )


@dataclass
class Transcriber(BeamSearch, Encoder):
    """Options of the transcriber."""

    spec_augment: float = option(
        0.0, "Share of a recording's frames and bands hidden in training (SpecAugment).", low=0, high=0.9,
        aliases=("masking",), adjustable=True,
    )  # fmt: skip
    vocal_tract_perturbation: float = option(
        0.0,
        "How far a recording's bands are stretched in training.",
        low=0,
        high=0.9,
        aliases=("warping",),
        adjustable=True,
    )
    language_model_weight: float = option(
        0.0, "How much the n-grams of --language-model-order count in the beam.", group="decoding", low=0, high=10
    )
    word_bonus: float = option(
        0.0, "What each word adds to a text's score in the beam, in nats, beside --language-model-weight.",
        group="decoding", low=-20, high=20, rare=True,
    )  # fmt: skip


@dataclass
class Corrector(WordDropout, Encoder):
    """Options of the corrector."""

    embedding_size: int = option(128, "Length of a word's vector.", low=1)
    keep_share: float | None = option(
        None, "Share of right texts to leave as they are: by so much surer changes, found on the validation split.",
        low=0.01, high=0.9999,
    )  # fmt: skip
    keep_bias: float | None = option(
        None, "How many nats likelier than a word as it is a change must be; none: by --keep-share.",
        group="decoding", low=-20, high=20,
    )  # fmt: skip


TAGGER = LazyFamily("models.tagger", Tagger, streams="reading", fits_decoding=True)
CLASSIFIER = LazyFamily("models.classifier", Classifier, streams="reading")
SERIES_CLASSIFIER = LazyFamily("models.series_classifier", SeriesClassifier, streams="reading")
GENERATOR = LazyFamily("models.generator", Generator, streams="writing")
LANGUAGE_MODEL = LazyFamily("models.language_model", LanguageModel, streams="reading", measures=True, carries=True)
CAPTIONER = LazyFamily("models.captioner", Captioner)
ENCODER_DECODER = LazyFamily("models.encoder_decoder", EncoderDecoder)
FORECASTER = LazyFamily("models.forecaster", Forecaster)
TRANSCRIBER = LazyFamily("models.transcriber", Transcriber, streams="reading")
CORRECTOR = LazyFamily("models.corrector", Corrector, fits_decoding=True)
