"""What is said to the user while work goes on: on standard error, so that standard output holds results only."""

from rich.console import Console

console = Console(stderr=True, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print one line."""
    console.print(text, markup=False, soft_wrap=True)
