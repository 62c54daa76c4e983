"""The run directory: all that a run was.

    runs/sentiment/simple-s0/
        config.json         the task, every option, fingerprints of the data and of the fields
        environment.json    versions, machine, git commit, the command; and what changed each time the run went on
        fields/             what the fields learned from the training data
        metrics.jsonl       one line per epoch: loss, validation scores, seconds, tokens per second
        best.keras          the model of the best epoch
        calibration.json    of classifiers: the temperature of its probabilities
        pretraining.npz     until training ends: all that is needed to go on with --pretrain
        state.npz           all that is needed to go on training where it stopped
        state.previous.npz  the same of the epoch before, until the run is complete
        state.within.npz    the same within the epoch under way, every --save-every and where training was stopped
        data.json           what training saw of the data, for the model card
        scores.json         the test scores; a run that has it is complete
        README.md           the model card; see harness/runs/card.py
        predictions/        one line per test example
        analysis.html       why the score is what it is, once `run.py analyse` was asked
        memory.json, ensemble.json    of a comparison: how far gradients reach; the scores of all seeds, averaged
        learning.png        loss and validation score by epoch
        tensorboard/        event files, with --tensorboard

Every file is written under a temporary name, flushed to the disk, then renamed: it is there whole or not at all. What
each JSON file holds is said by harness/runs/schema.py, and checked when it is read, and so is that it is as it was
written: see harness/runs/seal.py. What earlier versions wrote is brought up to date: see harness/runs/migration.py.
"""

import hashlib
import math
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from harness.process.console import say
from harness.runs.migration import migrate
from harness.runs.schema import FORMAT, Config, Epoch, History, Scores, Summary
from harness.runs.seal import seal_record, unseal_record
from pipeline import fields, record
from pipeline.errors import BadInput
from pipeline.fields import InputField, OutputField
from pipeline.files import read_at_most, write

# The page of an analysis of the run's own test.
ANALYSIS = "analysis.html"
PACKAGES = ("keras", "jax", "tensorflow", "torch", "numpy", "tensorflow-datasets")
ROOT = Path(__file__).parents[2]
RESTORE = "restore it, or train again with --fresh"
# The folders that a run writes to; and the bytes that a JSON file of it may have: a vocabulary has the most.
FOLDERS = ("fields", "predictions", "tensorboard")
LARGEST = 2**28
MEASURE = "delete it: what it holds is measured again"

Kind = TypeVar("Kind")
Field = TypeVar("Field", bound=InputField | OutputField)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all; a lone surrogate, which UTF-8 has not, as its escape."""
    write(path, lambda temporary: temporary.write_bytes(text.encode("utf-8", "backslashreplace")))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file as `write_text`, line by line, each with its end."""

    def save(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.writelines(lines)

    write(path, save)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all; a number that is not finite as null."""
    write_text(path, _format(content))


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of a run, as `write_json`, with its checksum; `read_json` reads it."""
    write_json(path, seal_record(content))


def _format(content: Any) -> str:
    return record.dump(content, indent=1) + "\n"


def read_json(path: Path, kind: type[Kind], advice: str = RESTORE) -> Kind:
    """Return what a JSON file holds, of `kind`: see `pipeline.record.convert`.

    BadInput with the line if it is missing or damaged. advice: what to do then.
    """
    with record.reading(str(path), advice):
        return record.convert(unseal_record(record.load(_read(path))), kind)


def _read(path: Path) -> bytes:
    try:
        return read_at_most(path, LARGEST)
    except FileNotFoundError:
        raise BadInput(f"{path}: the file is missing; train the run again with --fresh") from None


def read_config(directory: Path) -> Config:
    """Return the config of a run; BadInput if the folder is no run directory, or if its config is damaged or too new.

    Its options are those that were written: harness.options.restore checks and completes them.
    """
    if not directory.is_dir():
        raise BadInput(f"{directory}: no such folder; expected a run directory such as runs/sentiment/simple-s0")
    path = directory / "config.json"
    if not path.exists():
        raise BadInput(f"{directory}: no config.json there; expected a run directory, as `run.py train` makes")
    for name in FOLDERS:
        check_no_link(directory / name)
    written = read_json(path, dict[str, Any])
    number = written.get("format", 1)
    if isinstance(number, int) and number > FORMAT:
        writer = f"Unrolled {written.get('unrolled', '')!s:.60}".strip()
        raise BadInput(
            f"{path}: a run of format {number}, which a later {writer} wrote; this one reads formats up to "
            f"{FORMAT}: update it"
        )
    with record.reading(str(path), RESTORE):
        return record.convert(migrate(written), Config)


def check_no_link(path: Path) -> None:
    """Raise BadInput where a link stands in place of what a run writes to: it may lead anywhere."""
    if path.is_symlink():
        raise BadInput(
            f"{path}: a link to {os.readlink(path)}; a run writes to its own files and folders: copy it here"
        )


def holds_run(directory: Path) -> bool:
    """Return whether a folder holds a run, rather than nothing; BadInput if it holds something else."""
    if not directory.exists() or not any(directory.iterdir()):
        return False
    if not (directory / "config.json").exists():
        raise BadInput(f"{directory}: neither empty nor a run directory; move it, or choose another --runs")
    return True


def check_clock() -> None:
    """Refuse, with BadInput, a date that best.keras and state.npz could not hold: they are ZIP archives."""
    date = time.localtime()
    if not 1980 <= date.tm_year <= 2107:
        raise BadInput(
            f"the clock of this machine says {time.strftime('%F', date)}: the files of a run hold their date, between "
            f"1980 and 2107; set the clock"
        )


def begin(directory: Path, config: dict[str, Any], device: str, parts: int = 1, **named: Any) -> None:
    """Write what is known before training: config.json, environment.json, and each field as fields/NAME.json.

    parts: in which each batch is computed.
    """
    texts = {name: _format(fields.save(field)) for name, field in named.items()}
    about = {"format": FORMAT, "unrolled": read_version(), **config}
    write_record(directory / "config.json", about | {"fields": {name: _digest(text) for name, text in texts.items()}})
    write_record(directory / "environment.json", describe_environment(device, parts))
    for name, text in texts.items():
        write_text(directory / "fields" / f"{name}.json", text)


def go_on(directory: Path, config: Config, *, include: dict[str, str], device: str, epoch: int, parts: int = 1) -> None:
    """Note with a run that it goes on: where its included files are now, and what it is computed with now.

    epoch: the last that was finished. parts: in which each batch is computed.
    """
    history = read_history(directory)
    if config["include"] != include:
        write_record(directory / "config.json", {**config, "include": include})
    before: dict[str, Any] = {}
    for part in (history, *history.get("resumed", [])):
        before |= part
    now = describe_environment(device, parts)
    changed = {name: value for name, value in now.items() if value != before.get(name)}
    if changed:
        resumed = [*history.get("resumed", []), {"epoch": epoch, **changed}]
        write_record(directory / "environment.json", {**history, "resumed": resumed})


def read_history(directory: Path) -> History:
    """Return what a run was computed with; nothing if the file is missing, for nothing depends on it."""
    path = directory / "environment.json"
    return read_json(path, History) if path.exists() else {}


def tell_device(directory: Path, device: str) -> None:
    """Say what a run was trained on where that is not what this process computes on."""
    history = read_history(directory)
    known = [part.get("device") for part in (history, *history.get("resumed", []))]
    before = [one for one in dict.fromkeys(known) if one]
    if before and device and before != [device]:
        say(f"trained on {', then '.join(before)}; now on {device}: the last digits may differ")


def restore_field(directory: Path, name: str, *, field: Field, config: Config) -> Field:
    """Return the field `name` of a run; `field` is one as the task makes it, not fitted."""
    path = directory / "fields" / f"{name}.json"
    content = _read(path)
    with record.reading(str(path), RESTORE):
        restored = fields.restore(field, record.convert(record.load(content), dict[str, Any]))
        # Format 1 did not keep it.
        if config.get("fields", {}).get(name, _digest(content)) != _digest(content):
            raise BadInput("it is not as config.json says that training wrote it")
    return restored


def digest_model(directory: Path) -> str:
    """Return the SHA-256 of a run's best model."""
    return _digest((directory / "best.keras").read_bytes())


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def read_metrics(directory: Path, epochs: int, monitor: str) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl for so many epochs; BadInput if one is missing or damaged.

    monitor: the score that each has, beside any others.
    What comes after them is not looked at: a line may have been cut short when training was stopped.
    """
    path = directory / "metrics.jsonl"
    lines = _read(path).split(b"\n") if path.exists() else []
    found = []
    for number in range(1, epochs + 1):
        found.append(
            _read_epoch(path, number, line=lines[number - 1] if number <= len(lines) else b"", monitor=monitor)
        )
    return found


def cut_metrics(directory: Path, epochs: int, monitor: str) -> None:
    """Drop the lines of metrics.jsonl after so many epochs; BadInput as `read_metrics`."""
    path = directory / "metrics.jsonl"
    check_no_link(path)
    read_metrics(directory, epochs, monitor)
    content = path.read_bytes() if path.exists() else b""
    kept = b"".join(line + b"\n" for line in content.split(b"\n")[:epochs])
    if kept != content:
        write(path, lambda temporary: temporary.write_bytes(kept))


def _read_epoch(path: Path, number: int, line: bytes, monitor: str) -> dict[str, Any]:
    with record.reading(str(path), RESTORE, number):
        found = record.convert(unseal_record(record.load(line)), dict[str, Any])
        scores = {name: value for name, value in found.items() if name.startswith("validation_")}
        rest = record.convert({name: value for name, value in found.items() if name not in scores}, Epoch)
        if rest["epoch"] != number:
            raise BadInput(f"expected epoch {number}, got {rest['epoch']}")
        if f"validation_{monitor}" not in scores:
            raise BadInput(f"it has no validation_{monitor}")
        return {**rest, **record.convert(scores, Scores)}


def read_scores(directory: Path, config: Config) -> Summary:
    """Return the summary of a complete run; BadInput if it is damaged, or of another task than the config's.

    A score that is no finite number is not a number.
    """
    path = directory / "scores.json"
    found = read_json(path, Summary)
    with record.reading(str(path), RESTORE):
        if found["task"] != config["task"]:
            raise BadInput(f"expected scores of the task {config['task']!r}, got {found['task']!r:.60}")
        if found["monitor"] not in found["scores"]:
            raise BadInput(f"it monitors {found['monitor']!r:.60}, and has no such score")
        if found["best_epoch"] > found["epochs"]:
            raise BadInput(f"the best epoch is {found['best_epoch']} of {found['epochs']}")
    found["scores"] = _numbers(found["scores"])
    found["baselines"] = {name: _numbers(scores) for name, scores in found["baselines"].items()}
    return found


def _numbers(scores: Scores) -> Scores:
    return {name: math.nan if value is None else value for name, value in scores.items()}


def read_version() -> str | None:
    """Return the version of Unrolled; None where its pyproject.toml is not beside it."""
    path = ROOT / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"] if path.exists() else None


def describe_environment(device: str, parts: int = 1) -> dict:
    """Return versions, machine, git commit and command; and the parts of a batch, where there are some."""
    versions = {}
    for package in PACKAGES:
        # What is imported says it itself: that of keras-nightly is no keras to pip.
        told = getattr(sys.modules.get(package), "__version__", None)
        with suppress(PackageNotFoundError):
            versions[package] = told or version(package)
    commit = None
    if shutil.which("git"):
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
        commit = asked.stdout.strip() or None
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "packages": versions,
        "machine": platform.platform(),
        "device": device,
        "commit": commit,
        **({"batch_parts": parts} if parts > 1 else {}),
    }
