"""Which Python files may be run: those that the user names with --include, and those that he has trained with here.

A run names the files that its task and its cell are defined in. It may come from anyone, so what it names is run only
if it stands in a list of the user's own: a file by its resolved path and the SHA-256 of its content, from the first
time that he trains with it. The list is believed only where nobody else could have written it.
"""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

import tasks
from harness.process.console import say
from pipeline import cache
from pipeline.errors import BadInput

NAME = "included.jsonl"


def remember(files: Iterable[tasks.File]) -> None:
    """Add files to the list: the user has named them. Where it cannot be written, that is said."""
    path = cache.folder() / NAME
    lines = [_format(file.path, file.digest) for file in files]
    if not lines:
        return
    try:
        known = read_list()
        new = [line for line in lines if line not in known]
        if not new:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(b"".join(line + b"\n" for line in new))
    except (OSError, BadInput) as error:
        say(f"{error}: evaluate and predict will ask for --include again")


def _format(path: Path, digest: str) -> bytes:
    return json.dumps([str(path), digest]).encode()


def read_list() -> set[bytes]:
    """Return the lines of the list; BadInput where another user could have written it."""
    path = cache.folder() / NAME
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return set()
    with os.fdopen(file, "rb") as opened:
        for place, found in ((path.parent, path.parent.stat()), (path, os.fstat(file))):
            if not cache.is_own(found):
                raise BadInput(f"{place} belongs to another user, or others may write to it (chmod go-w)")
        return set(opened.read().split(b"\n"))


def tell_changes(files: Iterable[tasks.File], named: Mapping[str, str | None]) -> None:
    """Say which files are not those that a run was trained with. named: by the run, each with its SHA-256 if known."""
    known = named.values()
    for file in files:
        if known and None not in known and file.digest not in known:
            say(f"{file.path} is not as it was when this run was trained with it")


def trust(directory: Path, named: Iterable[str]) -> list[tasks.File]:
    """Return the files that a run names, each as it was read; BadInput for one that may not be run.

    directory: of the run.
    """
    found = []
    for name in named:
        path = Path(name)
        if not path.is_file():
            raise BadInput(f"{directory}: its task file {path} is not there; say with --include FILE where it is now")
        path = path.resolve()
        try:
            known = read_list()
            # Not read before it is known: it may be a file that never ends.
            if not any(line.startswith(_format(path, "")[:-2]) for line in known):
                raise BadInput("you have not trained with it here")
            file = tasks.read(path)
            if _format(path, file.digest) not in known:
                raise BadInput("it is not as it was when you trained with it")
        except (BadInput, OSError) as error:
            command = shlex.join(["run.py", "evaluate", str(directory), "--include", str(path)])
            raise BadInput(
                f"{directory}: it was trained with the Python file {path}, which was not run: {error}. Look at it, "
                f"and if you trust it, name it: {command}"
            ) from None
        found.append(file)
    return found
