"""Standard streams that are closed, full, or know few characters: the command line, in processes of its own."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.harness import ROOT, linux


def run(command: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a line of a shell, in which `unrolled` is the command line."""
    # A function of the shell, as the folder that this is in may have that name too.
    line = f"unrolled() {{ '{sys.executable}' run.py \"$@\"; }}; {command}"
    return subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, env={**os.environ, **variables})


FULL = "error: [Errno 28] No space left on device: 'standard output'\n"


@linux
@pytest.mark.parametrize(
    ("command", "code", "errors"),
    [
        ("unrolled list >&-", 0, ""),
        ("unrolled list <&-", 0, ""),
        ("unrolled list 2>&-", 0, ""),
        ("unrolled list <&- >&- 2>&-", 0, ""),
        ("unrolled show poss 2>&-", 2, ""),
        ("unrolled show poss >&-", 2, "error: unknown task 'poss'"),
        ("unrolled list 2>/dev/full", 0, ""),
        ("unrolled show poss 2>/dev/full", 2, ""),
        ("PYTHONUNBUFFERED=1 unrolled list >/dev/full", 2, FULL),
        ("PYTHONUNBUFFERED= unrolled list --json >/dev/full", 2, FULL),
        ("unrolled show --help >/dev/full", 2, FULL),
        ("unrolled list >/dev/full 2>/dev/full", 2, ""),
    ],
)
def test_streams_that_take_nothing(command: str, code: int, errors: str) -> None:
    done = run(command)
    assert done.returncode == code and done.stderr.decode().startswith(errors)
    assert bool(done.stderr) == bool(errors) and b"Traceback" not in done.stderr


def test_a_closed_stream_is_not_taken_for_a_file() -> None:
    done = run(
        f"'{sys.executable}' -c 'from harness.process import streams; streams.prepare(); import os; "
        "print(sorted(set(range(3)) & {os.open(os.devnull, 0) for _ in range(3)}))' <&- 2>&-"
    )
    assert done.stdout == b"[]\n"


ASCII: list[dict[str, str]] = [
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "", "LC_CTYPE": "", "LANG": "", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.mark.parametrize("variables", ASCII)
def test_what_the_encoding_lacks_is_written_as_escapes(variables: dict[str, Any], tmp_path: Any) -> None:
    table = run("unrolled list", **variables)
    assert table.returncode == 0 and table.stdout.isascii() and b"| pos " in table.stdout
    program = "from harness.process import streams; streams.prepare(); from harness.commands import printing; "
    row = r"{'a': 'caf\u00e9', 'b': '\udce9'}"
    printed = run(f'"{sys.executable}" -c "{program}printing.print_table([{row}]); printing.emit({row})"', **variables)
    assert printed.returncode == 0, printed.stderr
    head, _, text = printed.stdout.decode("ascii").partition("{")
    assert r"caf\xe9" in head and r"\udce9" in head
    # An escape of Python's is none of JSON's.
    assert json.loads("{" + text) == {"a": "café", "b": "\udce9"}


@pytest.mark.parametrize("variables", [{}, *ASCII])
def test_arguments_that_are_not_unicode_are_named(variables: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, "run.py", "show", b"caf\xe9"], cwd=ROOT, capture_output=True, env={**os.environ, **variables}
    )
    assert done.returncode == 2 and done.stderr.startswith(rb"error: unknown task 'caf\udce9'. Known: ")
