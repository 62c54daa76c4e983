import math
import warnings

import pytest

from pipeline import metrics
from pipeline.example import Example


def test_tag_accuracy_counts_tokens_not_sentences():
    assert metrics.tag_accuracy([("A", "B", "C"), ("A",)], [("A", "B", "B"), ("B",)]) == {"accuracy": 0.5}


def test_spans_count_whole_spans_of_all_sentences_together():
    references = [("B-X", "I-X", "O", "B-Y"), ("O", "B-X"), ("B-Y", "O")]
    predictions = [("B-X", "O", "O", "B-Y"), ("O", "B-X"), ("B-X", "B-X")]
    # Right: Y in the first, X in the second. Predicted: 2 + 1 + 2. Expected: 2 + 1 + 1.
    scores = metrics.spans(references, predictions)
    assert scores["precision"] == pytest.approx(2 / 5)
    assert scores["recall"] == pytest.approx(2 / 4)
    assert scores["f1"] == pytest.approx(2 * 2 / 9)
    assert scores["accuracy"] == pytest.approx(5 / 8)


def test_no_predicted_span_is_0_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = metrics.spans([("B-X", "O")], [("O", "O")])
    assert (scores["f1"], scores["precision"], scores["recall"]) == (0, 0, 0)
    assert scores["accuracy"] == 0.5


def test_accuracy_of_labels():
    assert metrics.accuracy(["a", "b", "b"], ["a", "a", "b"]) == {"accuracy": pytest.approx(2 / 3)}


def test_errors_of_numbers():
    scores = metrics.errors([1.0, 2.0, 6.0], [2.0, 2.2, 4.0])
    assert scores["mae"] == pytest.approx(3.2 / 3)
    assert scores["rmse"] == pytest.approx((5.04 / 3) ** 0.5)
    # Deviations from the means 3 and 8.2 / 3: products -2, -1, 3 with the predictions' own.
    assert scores["r"] == pytest.approx(5.8 / (14 * (4 + 4.84 + 16 - 8.2**2 / 3)) ** 0.5)
    assert scores["rounded_accuracy"] == pytest.approx(1 / 3)


def test_recalled_symbols_are_those_that_are_due():
    references, predictions = [("-", "-", "a", "b"), ("-", "-", "b", "b")], [("a", "-", "a", "-"), ("-", "b", "b", "b")]
    assert metrics.recall_accuracy(references, predictions, "-") == {"recalled": 3 / 4}


def test_squares_and_the_share_within_a_tolerance():
    scores = metrics.squared_error([1.0, 2.0, 0.5], [1.03, 1.8, 0.5], 0.04)
    assert scores == {"mse": pytest.approx((0.03**2 + 0.2**2) / 3), "within_0.04": pytest.approx(2 / 3)}


def test_information_of_a_loss():
    uniform = metrics.perplexity(math.log(16))
    assert uniform == {"nats": math.log(16), "bits": pytest.approx(4), "perplexity": pytest.approx(16)}
    assert math.isfinite(metrics.perplexity(1e9)["perplexity"])


def test_distinct_predictions():
    assert metrics.distinct(["x"] * 4, ["a", "b", "a", "c"]) == {"distinct": 3 / 4}


@pytest.mark.parametrize("references, predictions", [([1, 2], [3, 3]), ([2, 2], [1, 3]), ([1], [2])])
def test_correlation_is_left_out_where_it_is_not_defined(references, predictions):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = metrics.errors(references, predictions)
    assert list(scores) == ["mae", "rmse", "rounded_accuracy"]


def test_description_begins_with_the_monitored_score():
    assert metrics.format_scores("f1", {"accuracy": 0.5, "f1": 0.25}) == "f1 0.2500  accuracy 0.5000"
    assert metrics.format_scores("f1", {"loss": 1.0}) == "loss 1.0000"


def test_captions_agree_with_bleu_computed_by_hand():
    references = ["a red circle above a blue square", ("a cat sits on a mat", "the cat is here")]
    predictions = ["a red square above a blue square", "the cat sits here"]
    # Of all n-grams written, those that a reference has, each counted at most as often as in the one that has most.
    right, written = [6 + 4, 4 + 2, 2 + 0, 1 + 0], [7 + 4, 6 + 3, 5 + 2, 4 + 1]
    for order in range(1, 5):
        precisions = [right[n] / written[n] for n in range(order)]
        # As long as the references whose lengths are nearest: 7 and 4.
        expected = 100 * math.prod(precisions) ** (1 / order)
        assert metrics.captions(references, predictions)[f"bleu_{order}"] == pytest.approx(expected)


def test_a_caption_equal_to_any_reference_but_for_case_is_exact():
    references = [("A dog runs.", "a hound"), "a cat", "a bird"]
    scores = metrics.captions(references, ["a dog runs.", "a cat", "a hound"])
    assert scores["exact_match"] == pytest.approx(2 / 3)
    assert metrics.captions(references[:2], ["a hound", "A cat"])["chrf"] == pytest.approx(100)


def test_bleu_is_that_of_the_formula_on_fixed_pairs():
    # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, and none of 3 fours, which counts as half of one (exp smoothing).
    scores = metrics.translation(["the cat sat on the mat"], ["the cat sat in the mat"])
    assert scores["bleu"] == pytest.approx(100 * (5 / 6 * 3 / 5 * 1 / 4 * (1 / 2) / 3) ** 0.25)
    # Two sentences together: n-grams are added up, and the shorter output costs exp(1 - 9 / 8).
    references, predictions = ["a b c d e", "f g h i"], ["a b c d", "f g h i"]
    assert metrics.translation(references, predictions)["bleu"] == pytest.approx(100 * math.exp(1 - 9 / 8))


def test_translation_scores_of_right_wrong_and_differently_cased_answers():
    references = ["Two dogs run over the grass.", "A man reads."]
    right = metrics.translation(references, references)
    assert right == pytest.approx({"bleu": 100, "bleu_lowercase": 100, "chrf": 100, "exact_match": 1})
    lower = metrics.translation(references, [text.lower() for text in references])
    assert lower["bleu"] < 100 and lower["bleu_lowercase"] == pytest.approx(100) and lower["exact_match"] == 0
    wrong = metrics.translation(references, ["", "xyz"])
    assert (wrong["bleu"], wrong["exact_match"]) == (0, 0)


def test_the_signature_says_how_bleu_and_chrf_are_computed():
    signature = metrics.translation_signature()
    assert "bleu: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in signature
    assert "bleu_lowercase: nrefs:1|case:lc|" in signature
    assert "chrf: nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:" in signature


def test_error_rates_of_transcripts_are_over_all_words_together():
    # One word of four wrong; 2 of 17 characters: an "o" for an "r", an "x" too many.
    scores = metrics.error_rates(["one two three", "four"], ["one two three", "foxuo"])
    assert scores == {"wer": pytest.approx(1 / 4), "cer": pytest.approx(2 / 17)}
    assert metrics.error_rates(["one two"], [""]) == {"wer": 1.0, "cer": 1.0}


def test_samples_are_judged_against_the_training_data() -> None:
    training = [Example("f", "Ann"), Example("m", "Bob")]
    scores = metrics.perplexity_and_novelty(training, ["Ann", "Anna", "", "Bo"], math.log(8))
    assert scores == pytest.approx({"nats": math.log(8), "bits": 3, "perplexity": 8, "novel": 0.5})
    running = [Example("", ("", "to be ")), Example("", ("be ", "or not"))]
    assert metrics.perplexity_and_novelty(running, ["be or", "or be", "not", "nut"], 1.0)["novel"] == 0.5
    assert metrics.perplexity_and_novelty([], ["x"], 1.0).keys() == {"nats", "bits", "perplexity"}
