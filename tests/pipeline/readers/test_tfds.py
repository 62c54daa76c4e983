import io
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest

from pipeline.errors import BadInput
from pipeline.fields import recording
from pipeline.readers import tfds as datasets
from pipeline.readers.tabular.columns import Columns

ROOT = Path(__file__).parents[3]
# An address kept for documentation (RFC 5737): nothing answers there.
NOWHERE = (("192.0.2.1", 443), ("192.0.2.2", 443))

TEXT = Columns(input=("text", "sentence"), output=("label",))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A data folder of this test alone, and no network."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(datasets, "HOSTS", NOWHERE)
    monkeypatch.setattr(datasets, "PATIENCE", 0.1)
    return tmp_path / "data"


@pytest.fixture
def prepare(folder):
    """Write a dataset as TensorFlow Datasets would after a download, with the true features of `name`."""

    def write(name, splits, features=None):
        import tensorflow_datasets as tfds

        dataset, _, config = name.partition("/")
        version = "1.0.0"
        if features is None:
            builder = tfds.builder(name, data_dir=str(folder))
            features, version = builder.info.features, str(builder.version)
            config = builder.builder_config.name if builder.builder_config else None
        tfds.dataset_builders.store_as_tfds_dataset(
            name=dataset,
            version=version,
            config=config or None,
            features=features,
            split_datasets={split: list(enumerate(examples)) for split, examples in splits.items()},
            data_dir=str(folder),
            disable_shuffling=True,
        )

    return write


def pairs(examples):
    return [(example.input, example.output) for example in examples]


@pytest.mark.parametrize(
    "output, tags", [("ner", ("B-PER", "O", "B-LOC")), ("pos", ("NNP", "VBZ", "NNP")), (None, None)]
)
def test_conll2003_gives_tokens_and_tag_names(prepare, output, tags):
    sentence = {
        "tokens": ["Zoë", "visits", "Oslo"],
        "ner": ["B-PER", "O", "B-LOC"],
        "pos": ["NNP", "VBZ", "NNP"],
        "chunks": ["B-NP", "B-VP", "B-NP"],
    }
    empty = {"tokens": [], "ner": [], "pos": [], "chunks": []}
    prepare("conll2003", {"train": [sentence, empty, sentence], "dev": [sentence], "test": [sentence]})
    if output is None:
        with pytest.raises(BadInput, match=r"several .* chunks \(sequence of class\), ner .*--label-column"):
            datasets.read("conll2003", "tagged", columns=Columns(("tokens",), ("upos",)))
        return
    splits = datasets.read("conll2003", "tagged", columns=Columns(("tokens",), (output,)))
    assert list(splits) == ["train", "validation", "test"]
    assert pairs(splits["train"]) == [(("Zoë", "visits", "Oslo"), tags)] * 2
    assert [example.origin for example in splits["train"]] == [
        "tfds:conll2003 train[0]",
        "tfds:conll2003 train[2]",
    ]
    assert splits["validation"][0].origin == "tfds:conll2003 dev[0]"


def test_universal_dependencies_give_coarse_and_fine_tags(prepare):
    texts = {key: ["a", "b"] for key in ("lemmas", "feats", "head", "deprel", "deps", "misc")}
    sentence = {"idx": "1", "text": "It rains", "tokens": ["It", "rains"], "upos": ["PRON", "VERB"]}
    prepare(
        "universal_dependencies/en_ewt",
        {split: [{**texts, **sentence, "xpos": ["PRP", "VBZ"]}] for split in ("train", "dev", "test")},
    )
    coarse, fine = ("PRON", "VERB"), ("PRP", "VBZ")
    for candidates, tags in ((("ner", "upos"), coarse), ((), coarse), (("xpos",), fine)):
        splits = datasets.read("universal_dependencies/en_ewt", "tagged", columns=Columns(("tokens",), candidates))
        assert pairs(splits["validation"]) == [(("It", "rains"), tags)]


def test_ted_talks_are_translated_in_the_direction_of_their_name_or_as_asked(prepare):
    pair, empty = {"pt": "Olá.", "en": "Hello."}, {"pt": "", "en": "(Laughter)"}
    prepare("ted_hrlr_translate/pt_to_en", {"train": [pair, empty], "validation": [pair], "test": [pair]})
    names = ("source",), ("target",)
    splits = datasets.read("ted_hrlr_translate/pt_to_en", "translated", columns=Columns(*names))
    assert list(splits) == ["train", "validation", "test"]
    assert pairs(splits["train"]) == [("Olá.", "Hello.")]
    back = datasets.read("ted_hrlr_translate/pt_to_en", "translated", columns=Columns(*names, "en", "pt"))
    assert pairs(back["train"]) == [("Hello.", "Olá.")]


def test_imdb_reviews_give_label_names_and_ignore_the_unlabelled_split(prepare):
    good, bad = {"text": "Good.", "label": "pos"}, {"text": "Bad…", "label": "neg"}
    unknown = {"text": "?", "label": -1}
    prepare("imdb_reviews", {"train": [good, bad], "test": [bad], "unsupervised": [unknown]})
    for name in ("imdb_reviews", "imdb_reviews/plain_text:1.0.0"):
        splits = datasets.read(name, "labelled", columns=TEXT)
        assert list(splits) == ["train", "test"]
        assert pairs(splits["train"]) == [("Good.", "pos"), ("Bad…", "neg")]


def test_tiny_shakespeare_gives_its_texts_alone(prepare):
    text = "Speak, speak.\n\nAll:\nResolved. resolved.\n" * 20
    prepare("tiny_shakespeare", {split: [{"text": text}] for split in ("train", "validation", "test")})
    columns = Columns(("text",), ("category",))
    splits = datasets.read("tiny_shakespeare", "text", columns=columns)
    assert {split: pairs(examples) for split, examples in splits.items()} == {
        split: [(text, "")] for split in ("train", "validation", "test")
    }
    with pytest.raises(BadInput, match="--label-column x: only texts are read"):
        datasets.read("tiny_shakespeare", "text", columns=Columns(("text",), (), None, "x"))


def test_hidden_labels_are_skipped_and_a_split_of_them_is_dropped(prepare):
    known = {"sentence": "fine", "label": "positive", "idx": 0}
    hidden = {"sentence": "secret", "label": -1, "idx": 1}
    prepare("glue/sst2", {"train": [known, hidden], "validation": [known], "test": [hidden, hidden]})
    splits = datasets.read("glue/sst2", "labelled", columns=TEXT)
    assert list(splits) == ["train", "validation"]
    assert pairs(splits["train"]) == [("fine", "positive")]


def test_amazon_us_reviews_give_a_number_from_nested_features(prepare):
    texts = "marketplace customer_id review_id product_id product_parent product_title product_category"
    review = {key: "x" for key in f"{texts} review_headline review_date".split()}
    numbers = {"helpful_votes": 7, "total_votes": 9, "vine": "N", "verified_purchase": "Y"}
    name = "amazon_us_reviews/Books_v1_00"
    review |= {**numbers, "review_body": "Five!"}
    prepare(name, {"train": [{"data": {**review, "star_rating": stars}} for stars in (5, 1)]})
    splits = datasets.read(name, "number", columns=Columns(("text", "review_body"), ("rating", "star_rating")))
    assert pairs(splits["train"]) == [("Five!", 5.0), ("Five!", 1.0)]
    assert isinstance(splits["train"][0].output, float)
    asked = Columns((), (), given_input="data/review_body", given_output="data/product_category")
    assert pairs(datasets.read(name, "labelled", columns=asked)["train"]) == [("Five!", "x")] * 2
    with pytest.raises(BadInput, match=r"several .*data/product_title \(text\).*--text-column"):
        datasets.read(name, "number", columns=Columns(("text",), ("star_rating",)))
    with pytest.raises(BadInput, match=r"--label-column 'stars' .*data/star_rating \(integer\)"):
        datasets.read(name, "number", columns=Columns(("review_body",), (), given_output="stars"))
    with pytest.raises(BadInput, match=r"'review_body' is text, expected number"):
        datasets.read(name, "number", columns=Columns(("review_headline",), (), given_output="review_body"))


def test_the_only_features_that_fit_are_found_whatever_their_names(prepare):
    import numpy
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "utterance": tfds.features.Text(),
            "stars": tfds.features.ClassLabel(names=["1", "2.5", "4"]),
            "picture": tfds.features.Image(shape=(1, 1, 3)),
            "old": tfds.features.Sequence(
                {"word": tfds.features.Text(), "mark": tfds.features.ClassLabel(names=["a", "b"])}
            ),
        }
    )
    example = {
        "utterance": "so so",
        "stars": "2.5",
        "picture": numpy.zeros((1, 1, 3), numpy.uint8),
        "old": [{"word": "so", "mark": "b"}, {"word": "so", "mark": "a"}],
    }
    prepare("mine", {"train": [example], "val": [example]}, features)
    nothing = Columns((), ())
    for kind, expected in (
        ("labelled", ("so so", "2.5")),
        ("number", ("so so", 2.5)),
        ("tagged", (("so", "so"), ("b", "a"))),
    ):
        splits = datasets.read("mine", kind, columns=nothing)
        assert pairs(splits["train"]) == pairs(splits["validation"]) == [expected]


def test_sequences_of_plain_strings_are_tokens_and_tags_of_equal_number(prepare):
    import numpy
    import tensorflow_datasets as tfds

    string = tfds.features.Tensor(shape=(), dtype=numpy.str_)
    features = tfds.features.FeaturesDict(
        {
            "tokens": tfds.features.Sequence(string),
            "tags": tfds.features.Sequence(string),
            "bad": tfds.features.Tensor(shape=(None,), dtype=numpy.str_),
        }
    )
    prepare("mine", {"train": [{"tokens": ["a", "é"], "tags": ["X", "Y"], "bad": ["X"]}]}, features)
    assert pairs(datasets.read("mine", "tagged", columns=Columns(("tokens",), ("tags",)))["train"]) == [
        (("a", "é"), ("X", "Y"))
    ]
    with pytest.raises(BadInput, match=r"tfds:mine train\[0\]: 2 tokens in tokens but 1 tags in bad"):
        datasets.read("mine", "tagged", columns=Columns(("tokens",), ("bad",)))
    with pytest.raises(BadInput, match=r"no feature fits, expected text .*tokens \(sequence of text\)"):
        datasets.read("mine", "labelled", columns=TEXT)


def test_limit_takes_the_first_examples_of_each_split(prepare):
    examples = [{"text": str(number), "label": "pos"} for number in range(5)]
    prepare("imdb_reviews", {"train": examples, "test": examples[:1], "unsupervised": examples})
    splits = datasets.read("imdb_reviews", "labelled", columns=TEXT, limit=2)
    assert {split: [example.input for example in found] for split, found in splits.items()} == {
        "train": ["0", "1"],
        "test": ["0"],
    }


def test_a_dataset_without_labelled_training_examples_is_refused(prepare):
    prepare("imdb_reviews", {"train": [{"text": "?", "label": -1}], "test": [{"text": "!", "label": "pos"}]})
    with pytest.raises(BadInput, match="no split 'train' with labelled examples.* test"):
        datasets.read("imdb_reviews", "labelled", columns=TEXT)


@pytest.mark.parametrize(
    "name, message",
    [
        ("imdb_review", "unknown TensorFlow dataset 'imdb_review'. Did you mean 'imdb_reviews'"),
        ("glue/sst5", "unknown configuration of glue 'sst5'. Did you mean 'sst2'"),
        ("glue/sst2:9.9.9", "glue cannot be loaded at version 9.9.9, only: 2.0.0"),
        ("movie reviews", "cannot be the name"),
        ("imdb_reviews", "no network was reached .*192.0.2.1 and 192.0.2.2 did not answer.*TFDS_DATA_DIR"),
    ],
)
def test_a_name_that_cannot_be_had_says_why(name, message):
    with pytest.raises(BadInput, match=message):
        datasets.read(name, "labelled", columns=TEXT)


def test_a_dataset_to_download_by_hand_gives_its_instructions_and_folder(folder):
    with pytest.raises(BadInput, match=r"by hand into .*downloads/manual: .*requires registration"):
        datasets.read("newsroom", "number", columns=Columns(("text",), ("density",)))


def test_without_a_network_the_error_comes_within_five_seconds(folder):
    program = f"""
from pipeline.readers import tfds as datasets
from pipeline.readers.tabular.columns import Columns
datasets.HOSTS = {NOWHERE}
try:
    datasets.read("imdb_reviews", "labelled", columns=Columns(("text",), ("label",)))
except datasets.BadInput as error:
    print("refused:", error)
"""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert time.perf_counter() - start < 5
    assert done.stdout.startswith("refused: TensorFlow dataset 'imdb_reviews' is not in")
    assert done.stderr == ""


def test_a_name_server_that_hangs_does_not_delay_the_error(monkeypatch):
    def hang(*_, **__):
        time.sleep(3)
        return io.BytesIO()

    monkeypatch.setattr(datasets.socket, "create_connection", hang)
    start = time.perf_counter()
    assert not datasets._network()
    assert time.perf_counter() - start < 1


def test_a_download_keeps_standard_output_free_and_its_failure_is_explained(monkeypatch, capsys):
    def download(builder):
        print("Downloading")
        raise OSError("403 Forbidden")

    monkeypatch.setattr(datasets, "_network", lambda: True)
    monkeypatch.setattr("tensorflow_datasets.core.DatasetBuilder.download_and_prepare", download)
    with pytest.raises(BadInput, match="could not be prepared in .*OSError: 403 Forbidden"):
        datasets.read("imdb_reviews", "labelled", columns=TEXT)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Downloading" in printed.err


def test_a_dataset_that_is_not_there_yet_is_prepared_then_read(monkeypatch, folder):
    import tensorflow_datasets as tfds

    class MadeHere(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = "made_here"
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            label = tfds.features.ClassLabel(names=["no", "yes"])
            features = tfds.features.FeaturesDict({"text": tfds.features.Text(), "label": label})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, downloads):
            return {"train": iter([(0, {"text": "a", "label": "yes"})])}

        def _generate_examples(self):
            raise NotImplementedError

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: MadeHere(data_dir=data_dir))
    with pytest.raises(BadInput, match="no network was reached"):
        datasets.read("made_here", "labelled", columns=TEXT)
    monkeypatch.setattr(datasets, "_network", lambda: True)
    for _ in range(2):
        assert pairs(datasets.read("made_here", "labelled", columns=TEXT)["train"]) == [("a", "yes")]
    assert (folder / "made_here" / "1.0.0").is_dir()


def test_a_proxy_is_asked_in_place_of_the_host_behind_it(monkeypatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        assert not datasets._network()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setattr(datasets, "PATIENCE", 2)
        assert datasets._network()


def test_describe_gives_version_home_page_and_licence():
    assert datasets.describe("imdb_reviews") == (
        "TensorFlow dataset imdb_reviews/plain_text/1.0.0, http://ai.stanford.edu/~amaas/data/sentiment/; "
        "licence: see its home page"
    )
    assert "Attribution-ShareAlike" in datasets.describe("wikipedia")


@pytest.mark.parametrize(
    "name, feature, rate, output, text",
    [
        ("spoken_digit", "audio", 8000, {"label": 7, "audio/filename": "7.wav"}, "7"),
        ("librispeech", "speech", 16000, {"text": "SEVEN", "speaker_id": 1, "chapter_id": 2, "id": "3"}, "SEVEN"),
    ],
)
def test_sounds_are_kept_as_files(prepare, tmp_path, monkeypatch, name, feature, rate, output, text):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    samples = [numpy.arange(-500, 500) * number for number in (1, 9)]
    splits = {"spoken_digit": ["train"], "librispeech": ["train_clean100", "dev_clean", "test_clean"]}[name]
    prepare(name, {split: [{feature: sample, **output} for sample in samples] for split in splits})
    found = datasets.read(name, "spoken", columns=Columns(("audio", "speech"), ("text", "label")))
    assert list(found) == ["train", "validation", "test"][: len(splits)]
    assert [example.output for example in found["train"]] == [text] * 2
    for example, sample in zip(found["train"], samples, strict=True):
        read, found_rate = recording.read(example.input)
        assert found_rate == rate
        numpy.testing.assert_array_equal(read * 2**15, sample)
