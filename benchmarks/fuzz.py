"""How many changed inputs end in a result or in one message: data, values and options by chance.

    python benchmarks/fuzz.py [--cases 100000] [--seed 0] [--targets csv fields-ner ...] [--output FILE] [--keep FOLDER]

A target is a format of files (readers), the two fields of a task (fields-TASK), or its options (options-TASK); see
tests/fuzzing. Of a format, files are changed: bytes, lines, columns, encodings, numbers, their ends. Each case is read
as `train`, `data` or `predict` does, without Keras, within 20 seconds and 2 GiB, and writes nowhere else; what is
accepted is checked: shapes, types, counts, masks, padding, what is saved and restored.

Whatever ends otherwise is kept in --keep, one folder each, with the reason in why.txt; the exit code is 1 then. With
--output, targets that have been done are left out, so that a run that was stopped goes on. The files of the case at
work are in KEEP/case: it is the one to look at where a library has ended the process.
"""

import argparse
import faulthandler
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1]))

import tasks
from harness.process.console import print_table
from pipeline import cache
from tests.fuzzing import fields, options, readers
from tests.fuzzing.sandbox import judge
from tests.fuzzing.starts import STARTS

# Of all cases, those that change files; of the others, half are of fields.
FILES = 0.8
# Failures of a target that are kept.
MOST = 20


@dataclass
class Found:
    """What became of the cases of a target. refused: with one message. wrong: neither that nor accepted."""

    accepted: int = 0
    refused: int = 0
    wrong: int = 0

    @property
    def cases(self) -> int:
        return self.accepted + self.refused + self.wrong


class Campaign:
    """Cases of one seed. keep: where failures go. seed: the same one, the same cases."""

    def __init__(self, keep: Path, number: int):
        self.keep, self.seed, self.folder = keep, number, keep / "case"
        self.cache = cache.make_own(keep / "cache")
        os.environ["UNROLLED_CACHE"] = str(self.cache)

    def judge(self, found: Found, name: str, case: Callable[[], object], about: str) -> None:
        """Count what becomes of a case; keep it, with what it is about, where that is wrong."""
        try:
            ending = judge(case, self.keep, Path(tempfile.gettempdir()))
        except KeyboardInterrupt:
            raise
        # Hypothesis ends a case so that it cannot go on with.
        except BaseException as error:
            if type(error).__module__.startswith("hypothesis"):
                raise
            found.wrong += 1
            if found.wrong <= MOST:
                place = self.keep / f"{name}-{found.cases}"
                shutil.rmtree(place, ignore_errors=True)
                if self.folder.exists():
                    shutil.copytree(self.folder, place)
                place.mkdir(exist_ok=True)
                reason = "".join(traceback.format_exception(error))
                (place / "why.txt").write_text(f"{about}\n\n{reason}", "utf-8", "backslashreplace")
                print(f"{name}: {type(error).__name__}: {error!s:.300} ({place})", file=sys.stderr, flush=True)
        else:
            setattr(found, ending, getattr(found, ending) + 1)

    def change_files(self, name: str, count: int) -> Found:
        """Read changed files of a format."""
        found, place = Found(), list(STARTS).index(name)
        for number in range(count):
            random = np.random.default_rng([self.seed, place, number])
            case = readers.draw(name, random)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            readers.write(case.files, self.folder)
            about = f"case {number} of seed {self.seed}, with {dict(case.options)}"
            self.judge(found, name, partial(readers.ask, case, self.folder, random), about)
            if not number % 200:
                # What was unpacked, or encoded, is not read again.
                shutil.rmtree(self.cache, ignore_errors=True)
                self.cache.mkdir(mode=0o700)
        shutil.rmtree(self.folder, ignore_errors=True)
        return found

    def draw(self, name: str, count: int) -> Found:
        """Ask fields or options of values that hypothesis draws. name: such as fields-ner."""
        found = Found()
        kind, _, task = name.partition("-")
        strategy = fields.cases(task) if kind == "fields" else options.words(task)
        asked = fields.ask if kind == "fields" else options.ask

        @seed(self.seed)
        @settings(
            max_examples=count, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(strategy)
        def run(case: tuple | list) -> None:
            arguments = (*case, self.keep) if kind == "fields" else (case,)
            self.judge(found, name, partial(asked, task, *arguments), f"seed {self.seed}: {case!r}")

        run()
        return found


def divide(cases: int) -> dict[str, int]:
    """Return how many cases each target has."""
    shares = {name: FILES * cases / len(STARTS) for name in STARTS}
    shares |= {f"fields-{name}": (1 - FILES) / 2 * cases / len(fields.EXAMPLES) for name in fields.EXAMPLES}
    shares |= {f"options-{name}": (1 - FILES) / 2 * cases / len(tasks.find()) for name in tasks.find()}
    # The first have what is left over.
    whole = {name: int(share) for name, share in shares.items()}
    left = cases - sum(whole.values())
    return {name: count + (place < left) for place, (name, count) in enumerate(whole.items())}


def main() -> int:
    """Run the cases that the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="of all targets together [100000]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="+", choices=list(divide(0)), metavar="TARGET", help="only these [all]")
    parser.add_argument("--output", type=Path, help="a JSON file for the counts")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "unrolled-fuzz", metavar="FOLDER")
    asked = parser.parse_args()
    faulthandler.enable()
    asked.keep.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(asked.keep.absolute(), asked.seed)
    done = json.loads(asked.output.read_text()) if asked.output and asked.output.exists() else {}
    wanted = asked.targets or list(divide(0))
    counts = {name: count for name, count in divide(asked.cases).items() if count and name in wanted}
    every: dict[str, Found] = {}
    for name, count in counts.items():
        if name in done:
            every[name] = Found(**done[name])
            continue
        started = time.perf_counter()
        every[name] = (campaign.change_files if name in STARTS else campaign.draw)(name, count)
        print(f"{name}: {count:,} cases, {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
        if asked.output:
            asked.output.write_text(json.dumps({one: asdict(found) for one, found in every.items()}, indent=1))
    total = Found(*(sum(getattr(one, name) for one in every.values()) for name in ("accepted", "refused", "wrong")))
    print_table(
        [
            {"target": name, "cases": f"{one.cases:,}"} | {key: f"{value:,}" for key, value in asdict(one).items()}
            for name, one in [*every.items(), ("all", total)]
        ]
    )
    return int(total.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
