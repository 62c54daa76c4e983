"""Forms: what a visitor fills in, which follows from the input field."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path

import gradio
from gradio.components import Component
from gradio.data_classes import FileData

from harness.demo.guard import check_text
from pipeline.errors import BadInput
from pipeline.example import Value
from pipeline.fields import Category, Image, InputField, Picture, Pixels, Prompt, Sound


@dataclass(frozen=True)
class Form:
    """What a visitor fills in.

    components: on the page. read: from their values to an input; BadInput where they make none.
    events: of the components: at which the run answers, beside the button.
    """

    components: Sequence[Component]
    read: Callable[..., Value]
    events: Sequence[Callable]


def hand_on(payload: FileData | None) -> str | None:
    """Return the path of an uploaded file, as it came."""
    return None if payload is None else payload.path


@singledispatch
def make_form(field: InputField) -> Form:
    """Return the form for an input field: a text, where it is none of those below."""
    text = gradio.Textbox(
        label="Text", lines=1, max_lines=8, placeholder="Type here, then press Enter", elem_classes="typed"
    )
    return Form([text], lambda typed: field.parse(check_text(typed)), [text.submit])


@make_form.register
def _(field: Category) -> Form:
    menu = gradio.Dropdown(field.categories, value=field.categories[0], label="Category")
    return Form([menu], lambda category: field.parse(check_text(category)), [menu.input])


@make_form.register
def _(field: Prompt) -> Form:
    known = field.categories != [""]
    menu = gradio.Dropdown(field.categories, value=field.categories[0], label="Category", visible=known)
    seed = gradio.Textbox(
        label="First characters", lines=1, max_lines=8, placeholder="None, or how it begins", elem_classes="typed"
    )

    def read(category: str, typed: str) -> str:
        category, begun = check_text(category), check_text(typed)
        return field.parse(f"{category}: {begun}" if known and begun else category or begun)

    return Form([menu, seed], read, [menu.input, seed.submit])


@make_form.register(Image)
@make_form.register(Pixels)
def _(field: InputField) -> Form:
    image = gradio.Image(label="Image", sources=["upload", "clipboard"], type="filepath", height=240, buttons=[])
    # In its place, Gradio would have Pillow open whatever it is. (For a class of one's own it writes a file beside it.)
    image.preprocess = hand_on

    def read(path: str | None) -> Picture:
        return with_name(path, lambda found: Picture.from_file(found, found.name), kind="an image")

    return Form([image], read, [image.change])


@make_form.register
def _(field: Sound) -> Form:
    sound = gradio.Audio(label="Recording", sources=["microphone", "upload"], type="filepath", buttons=[])

    def read(path: str | None) -> str:
        return with_name(path, lambda found: field.parse(str(found)), kind="a recording")

    return Form([sound], read, [sound.change])


def with_name(path: str | None, open_file: Callable[[Path], Value], *, kind: str) -> Value:
    """Return what is made of an uploaded file; BadInput if there is none."""
    if not path:
        raise BadInput(f"give {kind} first")
    return open_file(Path(path))
