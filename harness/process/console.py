"""What the user sees: what is said while work goes on, on standard error; results as tables, on standard output."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table

from pipeline.printable import show_controls

if TYPE_CHECKING:
    from rich.status import Status

Value = TypeVar("Value")
console = Console(stderr=True, highlight=False, emoji=False)
# What `doing` shows, the innermost last.
shown: "list[Status]" = []


def say(text: str) -> None:
    """Print one line; what is read from data may have control characters, which are shown."""
    console.print(show_controls(text, keep="\n\t"), markup=False, soft_wrap=True)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Show, where there is a terminal, what is being done inside."""
    if not console.is_terminal:
        yield
        return
    with console.status(what) as status:
        shown.append(status)
        try:
            yield
        finally:
            shown.pop()


def tell_progress(values: Iterable[Value], what: str, total: int) -> Iterator[Value]:
    """Yield values; where `doing` shows what is being done, it shows meanwhile how many of them are. total: of them."""
    step = max(1, total // 200)
    for number, value in enumerate(values):
        if shown and number % step == 0:
            done = number / total
            shown[-1].update(f"{what} {'━' * round(30 * done):30} {done:.0%}")
        yield value


def format_time(seconds: float) -> str:
    """Return a time as minutes and seconds, "4:05", and from an hour on as hours too, "1:04:05"."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def make_progress() -> Progress:
    """Return a display of tasks, each with a description, a field "detail" and a bar; silent without a terminal."""
    text = "{task.description} {task.fields[detail]}"
    return Progress(TextColumn(text), BarColumn(30), console=console, disable=not console.is_terminal)


def print_table(rows: Sequence[dict[str, str]]) -> None:
    """Print rows as a table, the keys of the first as its head."""
    table = Table(*(Column(name, overflow="fold") for name in rows[0]), box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(show_controls(value, keep="\n\t") for value in row.values()))
    # Text in square brackets, or between colons, is text: a path may have them.
    output = Console(highlight=False, markup=False, emoji=False)
    # Where there is no terminal, lines are not cut to fit one.
    if not output.is_terminal:
        output.width = max(output.width, shutil.get_terminal_size().columns, 160)
    # What cannot be written is said by run.py, not by the library.
    with output.capture() as shown:
        output.print(table)
    print(shown.get(), end="")
