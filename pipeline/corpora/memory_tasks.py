"""The two standard tests of short-term memory, generated: copying after a delay, and adding two numbers out of many.

Both were made to show what a recurrent network cannot remember (Hochreiter and Schmidhuber 1997); the definitions, with
the scores of a model without memory, are those of Arjovsky et al. 2016, section 4. In selective copying the symbols
stand apart, so that time alone does not tell which to keep (Jing et al. 2019, section 4; Gu and Dao 2023, section 3.1).
"""

import math
import random
from dataclasses import dataclass

from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.metrics import Scores
from pipeline.option import Options, option

SIZES = {"train": 20_000, "validation": 1_000, "test": 2_000}
COPIED = 10
BLANK, MARK = ".", ":"


@dataclass(frozen=True)
class Delay:
    """Options of both tests."""

    delay: int = option(50, "T, in steps: how long copy waits, how many numbers adding is given.", low=1)


@dataclass(frozen=True)
class Copying(Delay):
    """Options of copying."""

    selective: bool = option(False, "The symbols stand scattered among the blanks, not before them.")
    varied_delays: bool = option(False, "Training sequences have all delays up to --delay; no: that one only.")


def copy(options: Options) -> Splits:
    """Return texts of T + 20 symbols, T = options.delay, and what to answer to each symbol. With T = 3:

        input   3 1 4 1 5 2 6 5 3 5 . . : . . . . . . . . . .
        output  . . . . . . . . . . . . . 3 1 4 1 5 2 6 5 3 5

    Ten symbols out of eight; T - 1 blanks; the mark that asks for them; ten blanks. No two sequences are the same. With
    options.selective the symbols and the first blanks are mixed, at random. With options.varied_delays each sequence to
    train on has a T of its own, from 1 to options.delay, as many of each.
    Raises BadInput if options.max_length is less than the longest.
    """
    wait = options.delay
    if options.max_length < wait + 2 * COPIED:
        raise BadInput(f"--max-length {options.max_length}: copy needs {wait + 2 * COPIED} steps with --delay {wait}")
    # A number written with octal digits is a sequence of eight kinds of symbols.
    numbers = iter(random.Random(0).sample(range(8**COPIED), sum(SIZES.values())))
    chooser = random.Random(1)
    splits: dict[str, list[Example]] = {}
    for split, size in SIZES.items():
        splits[split] = []
        for count in range(size):
            symbols = f"{next(numbers):0{COPIED}o}"
            delay = 1 + count % wait if split == "train" and options.varied_delays else wait
            given = symbols + BLANK * (delay - 1)
            if options.selective:
                places = chooser.sample(range(len(given)), COPIED)
                at = dict(zip(sorted(places), symbols, strict=True))
                given = "".join(at.get(place, BLANK) for place in range(len(given)))
            splits[split].append(Example(given + MARK + BLANK * COPIED, (*BLANK * (delay + COPIED), *symbols)))
    return {**splits}


def score_copy_baseline(options: Options, splits: Splits) -> Scores:
    """Return the scores without memory: blanks where they are due, then each symbol with probability 1/8.

    The loss is the cross-entropy in nats, averaged over all T + 20 steps.
    """
    return {"loss": COPIED * math.log(8) / (options.delay + 2 * COPIED), "recalled": 1 / 8}


def adding(options: Options) -> Splits:
    """Return sequences of T = options.delay pairs (number, mark), as text, and the sum of the two marked numbers.

    The numbers are uniform on [0, 1), in thousandths; a mark is 0, but 1 once in each half of the sequence. With T = 4:

        "0.271,0 0.828,1 0.182,1 0.845,0"  ->  1.01

    Raises BadInput if T is less than 2.
    """
    steps = options.delay
    if steps < 2:
        raise BadInput(f"--delay {steps}: adding needs at least 2 numbers")
    chooser = random.Random(0)
    written = [f"{number / 1000:.3f},0" for number in range(1000)]

    def draw() -> Example:
        numbers = chooser.choices(range(1000), k=steps)
        pairs = [written[number] for number in numbers]
        marked = chooser.randrange(steps // 2), chooser.randrange(steps // 2, steps)
        for place in marked:
            pairs[place] = pairs[place][:-1] + "1"
        return Example(" ".join(pairs), sum(numbers[place] for place in marked) / 1000)

    return {split: [draw() for _ in range(size)] for split, size in SIZES.items()}


def score_adding_baseline(options: Options, splits: Splits) -> Scores:
    """Return the scores of always answering 1, the mean: the variance of a sum of two uniform numbers is 1/6."""
    return {"mse": 1 / 6, "within_0.04": 1 - (1 - 0.04) ** 2}
