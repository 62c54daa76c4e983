"""Where a run is kept: in a directory whose name follows from its options, so that each command has its own.

    runs/sentiment/gru-s0                       run.py train sentiment --cell gru
    runs/sentiment/gru-s0-limit=2000,units=64   run.py train sentiment --cell gru --units 64 --limit 2000

The options that differ from the task's defaults follow cell and seed, sorted by name, as Hydra's override_dirname has
them; what would be too long for a folder's name, or says less than the option does, ends with a hash of all.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.option import PERMISSIONS, Options, Value

# File systems take 255 bytes; a person reads fewer.
LONGEST = 80
HASHED = 8


def locate(folder: Path, options: Options, usual: Options, *, name: str | None = None) -> Path:
    """Return the directory of a run. folder: of all runs. usual: the task's defaults. name: given by the user.

    Raises BadInput for a name that is no name of a folder.
    """
    if name is not None and (not name.strip(".") or Path(name).name != name):
        raise BadInput(f"--name {name}: expected the name of a folder, without a path")
    return folder / options.task / (name or name_directory(options, usual))


def name_directory(options: Options, usual: Options) -> str:
    """Return the name of the directory of a run with these options, where the task's defaults are `usual`."""
    begin = f"{_shorten(options.cell)}-s{options.seed}"
    before = usual.as_dict()
    changed = {
        name: value
        for name, value in options.as_dict().items()
        if name not in ("cell", "seed", *PERMISSIONS) and value != before[name]
    }
    if not changed:
        return begin
    # As it is typed: from_ is --from.
    words = {name: f"{name.rstrip('_')}={_shorten(value)}" for name, value in sorted(changed.items())}
    text = f"{begin}-{','.join(words.values())}"
    if len(text) <= LONGEST and all(words[name] == f"{name.rstrip('_')}={value}" for name, value in changed.items()):
        return text
    return f"{text[: LONGEST - HASHED - 1].rstrip(',.=')}-{_hash(changed)}"


def _shorten(value: Value) -> str:
    """Return a value as the name of a folder can hold it; the last part of a path."""
    text = value.rstrip("/").rpartition("/")[2] if isinstance(value, str) else f"{value}"
    return re.sub(r"[^\w.+-]", "_", text)


def _hash(changed: Mapping[str, Value]) -> str:
    content = json.dumps(changed, sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:HASHED]
