"""Data sets of the UCR and UEA archives of time series, as the package sktime has them."""

from pipeline.corpora.packages import locate
from pipeline.example import Splits
from pipeline.option import Options
from pipeline.readers.request import Request
from pipeline.readers.series import ts
from pipeline.readers.tabular.columns import Columns

SUMMARIES = {
    "JapaneseVowels": "270 and 370 recordings of two vowels, 12 channels, 7 to 29 steps: which of 9 speakers is it?",
    "BasicMotions": "40 and 40 recordings of a watch, 6 channels, 100 steps: walking, running, standing or badminton?",
    "PLAID": "537 and 537 currents of electrical appliances, 100 to 1,344 steps: which of 11 kinds is it?",
    "ArrowHead": "36 and 175 outlines of arrowheads, 251 steps: which of 3 kinds is it?",
    "ItalyPowerDemand": "67 and 1,029 days of electricity, 24 hours each: summer or winter?",
}


def load(name: str, options: Options) -> Splits:
    """Return the training and test series of a data set, one of SUMMARIES, as the archive divides it.

    The files of the package are read, and sktime itself is not imported: that takes seconds.
    """
    splits: Splits = {}
    for split in ("train", "test"):
        path = locate("sktime", f"sktime/datasets/data/{name}/{name}_{split.upper()}.ts")
        splits[split] = ts.read(path, Request(path, Columns((), ())), lambda line: None)
    return splits
