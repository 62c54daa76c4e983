"""How fast a sequence is written: one compiled loop against a call of model.predict for every symbol.

    python benchmarks/generation.py [--cell gru] [--units 256] [--rows 16] [--symbols 200]

Both write the likeliest symbol after the ones before it, with the same random weights, and the symbols are compared.
What predict is given is the cheapest there is: one symbol and the state before it, not the whole sequence so far.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import backend

SIZE, START, NEVER = 65, 2, -1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--rows", type=int, default=16, help="sequences written at a time")
    parser.add_argument("--symbols", type=int, default=200, help="written of each")
    given = parser.parse_args()
    print(backend.start())
    import numpy as np

    contexts = np.random.default_rng(0).normal(size=(given.rows, given.units)).astype("float32")
    found = []
    for name, write in make_writers(given.cell, given.units, given.symbols).items():
        write(contexts)  # compiles
        begun = time.perf_counter()
        symbols = write(contexts)
        speed = symbols.size / (time.perf_counter() - begun)
        print(f"{name:22} {speed:12,.0f} symbols/s")
        found.append((symbols, speed))
    (one, fast), (other, slow) = found
    print(f"{fast / slow:.1f} times as fast; the same symbols: {bool((one == other).all())}")


def make_writers(cell: str, units: int, longest: int) -> dict[str, Any]:
    """Return two functions of contexts, (rows, units), to symbols, (rows, longest), of one random decoder."""
    import keras
    import numpy as np

    from models.decoder import Decoder
    from models.search import Greedy

    decoder = Decoder(SIZE, cell, units, 1, 64, 0.0)
    context = keras.Input((units,))
    decoder(keras.Input((None,), dtype="int32"), context)
    generator = np.random.default_rng(0)
    for weight in decoder.trainable_variables:
        weight.assign(generator.normal(0, 0.2, weight.shape))
    begin = keras.Model(context, decoder.begin(context)[0])
    looped = keras.Model(context, Greedy(decoder, START, NEVER, longest)(context)["output"])
    symbol, before = keras.Input((), dtype="int32"), [keras.Input(state.shape[1:]) for state in begin.outputs]
    logits, after, _ = decoder.step(symbol, [before])
    stepped = keras.Model([symbol, *before], [logits, *after[0]])

    def loop(contexts: Any) -> Any:
        return np.asarray(looped.predict_on_batch(contexts))

    def predict(contexts: Any) -> Any:
        found = begin.predict(contexts, verbose=0)
        states = found if isinstance(found, list) else [found]
        last, written = np.full(len(contexts), START, "int32"), []
        for _ in range(longest):
            logits, *states = stepped.predict([last, *states], batch_size=len(contexts), verbose=0)
            last = logits.argmax(axis=1).astype("int32")
            written.append(last)
        return np.stack(written, axis=1)

    return {"one compiled loop": loop, "predict at each symbol": predict}


if __name__ == "__main__":
    main()
