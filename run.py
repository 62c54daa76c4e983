"""Unrolled: train recurrent networks on sequence tasks, compare RNN types, ask a trained run."""

import harness.process.allocator  # noqa: F401 (first of all: threads are started)

# isort: split
import sys

from harness.process import interrupt, streams

if __name__ == "__main__":
    # What comes next takes seconds.
    streams.prepare()
    interrupt.listen(sys.argv[1:])

import errno
from collections.abc import Sequence
from pathlib import Path

import tasks
from harness.arguments import Parser, spell
from harness.commands import COMMANDS
from harness.commands.machine import select_backend
from pipeline import files
from pipeline.errors import BadInput, unknown
from pipeline.printable import show_controls

interrupt.before_end.append(files.remove_unfinished)
# What is wrong with a disk that can be set right: it is full, as far as this user may fill it, or read-only.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def execute(arguments: Sequence[str]) -> int:
    """Run one command; return 1 if a run of a comparison failed, else 0. What it cannot do is raised."""
    command, *rest = arguments or [""]
    if command in ("", "-h", "--help"):
        lines = [f"  {name:9} {known.summary}" for name, known in COMMANDS.items()]
        usage = "\n".join(["usage: run.py COMMAND ...", "", str(__doc__), "", *lines, "", "run.py COMMAND --help"])
        if not command:
            raise BadInput(f"expected a COMMAND\n{usage}")
        print(usage)
        return 0
    if command not in COMMANDS:
        raise unknown("command", command, COMMANDS)
    rest = spell(rest)
    tasks.forget()
    parser = Parser(command)
    parser.add_argument("--include", action="append", default=[])
    if include := parser.parse_known_args(rest)[0].include:
        select_backend(rest)
        tasks.include(map(Path, include))
    return COMMANDS[command].call(rest) or 0


def main(arguments: Sequence[str]) -> int:
    """Run one command; return the exit code: 0, 1 if a run of a comparison failed, or 2 for a user's mistake."""
    try:
        try:
            return execute(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads standard output (head, say) has enough.
        return 0
    except Exception as error:
        from harness.process import backend

        exhausted = backend.describe_out_of_memory(error)
        # An OSError is of the disk: no space, no permission, a file where a folder should be. Its text names the path.
        if exhausted is None and not isinstance(error, BadInput | OSError):
            raise
        full = isinstance(error, OSError) and error.errno in DISK and error.filename != streams.OUTPUT
        resumed = full and arguments[0] in interrupt.RESUMED
        more = "; then the same command goes on after what was saved last" if resumed else ""
        # A path or a text that it names may have sequences that a terminal obeys.
        print(show_controls(f"error: {exhausted or error}{more}", keep="\n"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{interrupt.say_stopped(arguments)}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    interrupt.exit_code = main(sys.argv[1:])
    sys.exit(interrupt.exit_code)
