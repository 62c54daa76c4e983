"""The run directory: all that a run was.

    runs/sentiment/simple-s0/
        config.json         the task, every option, a fingerprint of the data
        environment.json    versions, machine, git commit, the command
        fields/             what the fields learned from the training data
        metrics.jsonl       a line an epoch: loss, validation scores, seconds, tokens a second
        best.keras          the model of the best epoch
        state.npz           all that is needed to go on training where it stopped
        scores.json         the test scores; written last, so a run that has it is complete
        predictions/        a line a test example

Every file is written under a temporary name, flushed to the disk, then renamed: it is there whole or not at all.
"""

import json
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pipeline import fields
from pipeline.errors import BadInput
from pipeline.files import write

PACKAGES = ("keras", "jax", "tensorflow", "torch", "numpy", "tensorflow-datasets")


def locate(folder: Path, task: str, options: Any) -> Path:
    """Return the directory of a run. folder: of all runs."""
    return folder / task / f"{options.cell}-s{options.seed}"


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all; what is not Unicode, as in some file names, as JSON's escapes."""
    write(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace", "\n"))


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> dict:
    """Return the object that a JSON file holds; BadInput with the line if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: the file is missing; train the run again with --fresh") from None
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{path}:{error.lineno}: the file is damaged ({error.msg}); restore it, or train again with --fresh"
        ) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: the file is damaged ({error}); restore it, or train again with --fresh") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: the file is damaged (no object in it); restore it, or train again with --fresh")
    return content


def read_config(directory: Path) -> dict:
    """Return the config of a run; BadInput if the folder is not a run directory or its config is damaged."""
    if not directory.is_dir():
        raise BadInput(f"{directory}: no such folder; expected a run directory such as runs/sentiment/simple-s0")
    if not (directory / "config.json").exists():
        raise BadInput(f"{directory}: no config.json there; expected a run directory, as `run.py train` makes")
    config = read_json(directory / "config.json")
    wanted = {"task": str, "include": list, "options": dict, "data": str}
    for name, kind in wanted.items():
        if not isinstance(config.get(name), kind):
            raise BadInput(
                f"{directory / 'config.json'}: the file is damaged, it has no {name!r} of the right kind; restore it, "
                f"or train again with --fresh"
            )
    return config


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


def save_fields(directory: Path, **named: Any) -> None:
    """Write each field to fields/NAME.json."""
    for name, field in named.items():
        write_json(directory / "fields" / f"{name}.json", fields.save(field))


def restore_field(directory: Path, name: str, field: Any) -> Any:
    """Return the field `name` of a run; `field` is one as the task makes it, not fitted."""
    path = directory / "fields" / f"{name}.json"
    saved = read_json(path)
    try:
        restored = fields.restore(field, saved)
    except BadInput as error:
        raise BadInput(f"{path}: the file is damaged ({error}); train again with --fresh") from None
    kinds = get_type_hints(type(field))
    for name, empty in vars(field).items():
        value, items = getattr(restored, name), get_args(kinds[name])
        strange = type(value) is list and not all(isinstance(item, items) for item in value)
        if strange or type(value) is not type(empty):
            raise BadInput(f"{path}: the file is damaged ({name} is {value!r:.60}); train again with --fresh")
    return restored


def describe_environment(device: str) -> dict:
    """Return versions, machine, git commit and command."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    commit = None
    if shutil.which("git"):
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
        commit = asked.stdout.strip() or None
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "packages": versions,
        "machine": platform.platform(),
        "device": device,
        "commit": commit,
    }
