import numpy as np
import pytest

from models import generator
from models.writing import Writer
from pipeline.fields import Passages, Prompt
from tests.models import fit, numpy, options, randomize

NAMES = [("female", "Ann"), ("male", "Bobby"), ("female", "Zoe")]


@pytest.mark.parametrize("cell, depth", [("gru", 1), ("lstm", 2), ("lru", 1), ("bag", 1)])
@pytest.mark.parametrize("temperature, prompt", [(None, "female"), (0.8, "female"), (1.5, "male: Bo")])
def test_what_is_written_symbol_by_symbol_is_what_is_decoded_at_once(cell, depth, temperature, prompt):
    field, output = fit(Prompt(), [one for one, _ in NAMES]), fit(Passages(), [name for _, name in NAMES])
    # The vectors of one of them are tied.
    given = options(cell=cell, layers=depth, temperature=temperature, tie_embeddings=cell == "lstm")
    model = randomize(generator.build(field, output, given))
    decoder = generator.decode(model, output, given)
    writer = Writer(model, decoder)
    encoded = field.encode(prompt)
    for position in (0, 3):
        arrays = {name: encoded[name][None] for name in decoder.input if name in encoded}
        whole = numpy(
            decoder({**arrays, "position": np.array([position], "int32")} if temperature else arrays)["output"]
        )
        written = list(writer.write(encoded, position))
        assert output.decode(np.array(written, "int32")) == output.decode(whole[0])


def test_a_seed_of_a_running_text_is_read_and_not_written():
    texts = [("", "abca"), ("abca", "bc"), ("ca", "bcab")]
    field, output = fit(Prompt(), [""] * 3), fit(Passages(), texts)
    given = options(cell="gru", temperature=1.0, max_output_length=9)
    model = randomize(generator.build(field, output, given))
    decoder = generator.decode(model, output, given)
    encoded = field.encode("abc")
    whole = numpy(
        decoder({**{name: array[None] for name, array in encoded.items()}, "position": np.array([0], "int32")})[
            "output"
        ]
    )
    written = list(Writer(model, decoder).write(encoded))
    assert len(written) == 9 and written == whole[0].tolist()
