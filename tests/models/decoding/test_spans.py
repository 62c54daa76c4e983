import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from models.decoding.spans import count_spans
from pipeline.fields import Tags
from tests.models import fit


@pytest.mark.parametrize("seed", range(20))
def test_spans_are_counted_as_seqeval_counts_them_on_any_path_of_tags(seed):
    field = fit(Tags(spans=True), [("B-x", "I-x", "B-y", "I-y", "O")])
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 9, 6)
    mask = np.arange(9) < lengths[:, None]
    told, expected = random.integers(0, len(field.tags), (2, 6, 9))
    # Half of them the same: else hardly a span is right.
    told = np.where(random.random((6, 9)) < 0.5, told, expected)
    sequences = (
        [[field.tags[tag] for tag in row[:length]] for row, length in zip(rows, lengths, strict=True)]
        for rows in (told, expected)
    )
    found, wanted = (set(get_entities(rows)) for rows in sequences)
    counted = count_spans(told, expected, mask, transitions=field.transitions, outside=field.outside)
    assert counted.tolist() == [len(found & wanted), len(found), len(wanted)]
