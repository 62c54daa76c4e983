"""Typing: a line in the terminal, beside which the likeliest words stand while it is typed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.suggesting.suggester import Suggester, Suggestion
from pipeline.fields import InputField
from pipeline.fields.tokenizers import cut_at_blank

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

SHOWN = 3


def divide(field: InputField, text: str) -> tuple[list[str], str]:
    """Return the words of a text that are complete, and the letters of the one that is being typed.

    A word is complete once a blank, or a mark, stands after it.
    """
    whole, rest = cut_at_blank(text, more=True)
    *complete, last = str(field.parse(rest)).split() or [""]
    letters = last if last[-1:].isalnum() else ""
    return [*str(field.parse(whole)).split(), *complete, *([last] if last and not letters else [])], letters


class Typing:
    """What is suggested for a text as it is typed."""

    def __init__(self, suggester: Suggester):
        self.suggester = suggester

    def suggest(self, text: str) -> list[Suggestion]:
        """Return the likeliest words that begin with the letters typed last, the likeliest first."""
        words, letters = divide(self.suggester.field, text)
        self.suggester.read(words)
        return self.suggester.suggest(letters, SHOWN)

    def accept(self, text: str, number: int) -> str:
        """Return what accepting a suggestion adds: the rest of the word and a blank; "" where there is no such one."""
        found = self.suggest(text)
        if number >= len(found):
            return ""
        _, letters = divide(self.suggester.field, text)
        return found[number].word[len(letters) :] + " "


def make_session(typing: Typing, **given: object) -> "PromptSession[str]":
    """Return a prompt with suggestions below it; Tab accepts the first, F1 to F3 one of three.

    given: `input` and `output` in place of the terminal.
    """
    from prompt_toolkit import PromptSession

    session: PromptSession[str]

    def show() -> str:
        buffer = session.default_buffer
        found = typing.suggest(buffer.document.text_before_cursor)
        return "   ".join(f"F{number} {one.word} {one.probability:.2f}" for number, one in enumerate(found, 1))

    session = PromptSession(bottom_toolbar=show, key_bindings=make_keys(typing), **given)  # type: ignore[arg-type]
    return session


def make_keys(typing: Typing) -> "KeyBindings":
    """Return the keys that accept a suggestion."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    def accept(number: int) -> "Callable[[KeyPressEvent], None]":
        def press(event: "KeyPressEvent") -> None:
            buffer = event.current_buffer
            buffer.insert_text(typing.accept(buffer.document.text_before_cursor, number))

        return press

    keys.add("tab")(accept(0))
    for number in range(SHOWN):
        keys.add(f"f{number + 1}")(accept(number))
    return keys


def type_lines(typing: Typing) -> None:
    """Suggest while lines are typed, each a text of its own, until the input ends."""
    session = make_session(typing)
    # So that the first key waits for no compilation.
    typing.suggest("a b")
    while True:
        try:
            session.prompt("> ")
        except (EOFError, KeyboardInterrupt):
            return
