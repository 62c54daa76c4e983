"""The page: one tab per run, made by what its fields and its family are."""

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import gradio
from gradio.components import Component

from harness import runs
from harness.demo import displays
from harness.demo.examples import find_examples
from harness.demo.forms import make_form
from harness.demo.fragments import render
from harness.demo.question import Question, make_blanks, make_question
from harness.experiment import Experiment
from harness.options import override
from harness.process.backend import describe_out_of_memory
from harness.process.console import make_progress, say
from harness.runs.trained import Trained, open_model
from pipeline.errors import BadInput
from pipeline.example import Value

# What a visitor may choose, and what a run that was trained to take the likeliest begins with.
COOLEST, HOTTEST, WARM = 0.1, 2.0, 1.0
# One question at a time: it sets the temperature of a decoder that all questions share.
ANSWERING = Lock()
# And one look inside: what it compiles takes seconds, in which questions are answered.
LOOKING = Lock()


@dataclass(frozen=True)
class Opened:
    """A run that answers. temperature: that it begins with, where it samples; else None."""

    trained: Trained
    temperature: float | None


def open_run(experiment: Experiment) -> Opened:
    """Return a run with its model, and with what answers usual inputs compiled; BadInput as `open_model`."""
    temperature = None
    if "temperature" in experiment.options.as_dict():
        temperature = min(max(experiment.options.temperature or WARM, COOLEST), HOTTEST)
        experiment = override(experiment, {"temperature": temperature})
    trained = open_model(experiment)
    for question in make_blanks(trained, temperature):
        displays.answer(question)
    return Opened(trained, temperature)


def build(opened: Sequence[Opened], folder: Path) -> gradio.Blocks:
    """Return the page. folder: where examples that must be files may be written."""
    # Uploads are kept for an hour.
    with gradio.Blocks(title="Unrolled", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gradio.HTML(render("head"), apply_default_css=False)
        with gradio.Tabs():
            for name, one in zip(name_tabs(opened), opened, strict=True):
                with gradio.Tab(name):
                    fill(one, folder)
    return page


def name_tabs(opened: Sequence[Opened]) -> list[str]:
    """Return what the tabs are called: their tasks, and the directory too where there are several of one task."""
    names = [(one.trained.experiment.task.name, one.trained.experiment.directory.name) for one in opened]
    count = Counter(task for task, _ in names)
    return [task if count[task] == 1 else f"{task}: {directory}" for task, directory in names]


def fill(one: Opened, folder: Path) -> None:
    """Fill the tab of a run: what is asked, what is answered, and how the network came to it."""
    experiment = one.trained.experiment
    gradio.HTML(render("about", task=experiment.task.summary, facts=list_facts(experiment)), apply_default_css=False)
    form = make_form(experiment.input_field)
    inputs: list[Component] = list(form.components)
    events = list(form.events)
    if one.temperature is not None:
        slider = gradio.Slider(
            COOLEST,
            HOTTEST,
            value=one.temperature,
            step=0.1,
            label="Temperature",
            info="Low: likely letters only. High: wilder.",
        )
        inputs.append(slider)
        events.append(slider.release)
    button = gradio.Button("Answer", variant="primary")
    answer = gradio.HTML(apply_default_css=False, elem_classes="shown")
    if found := find_examples(experiment.input_field, experiment, folder):
        gradio.Examples([[example] for example in found], inputs[:1], label="Examples of the test")
    with gradio.Accordion("See inside: the network at work on this input", open=False):
        look = gradio.Button("Unroll it")
        inside = gradio.HTML(apply_default_css=False, elem_classes="shown")

    def ask(values: Sequence[object]) -> Question:
        given, temperature = (values[:-1], check_temperature(values[-1])) if one.temperature else (values, None)
        return make_question(one.trained, form.read(*given), temperature)

    def reply(*values: object) -> tuple[str, str]:
        # What was seen inside belongs to the earlier input.
        return guarded(lambda: displays.answer(ask(values)), ANSWERING), ""

    def unroll(*values: object) -> str:
        return guarded(lambda: show_inside(one.trained, ask(values).value), LOOKING)

    gradio.on(
        [button.click, *events],
        reply,
        inputs,
        [answer, inside],
        show_progress="hidden",
        api_visibility="private",
        concurrency_id="answering",
        trigger_mode="always_last",
    )
    look.click(unroll, inputs, inside, api_visibility="private", concurrency_id="looking")


def check_temperature(given: object) -> float:
    """Return a temperature; BadInput for what no slider gives."""
    if not isinstance(given, int | float) or not COOLEST <= given <= HOTTEST:
        raise BadInput(f"the temperature is {given!r:.20}; expected a number from {COOLEST} to {HOTTEST}")
    return float(given)


def list_facts(experiment: Experiment) -> list[str]:
    """Return what is known of a run, in a few words each."""
    facts = [str(experiment.directory), f"RNN type {experiment.options.cell}"]
    if (experiment.directory / "scores.json").exists():
        summary = runs.read_scores(experiment.directory, runs.read_config(experiment.directory))
        facts.append(f"{summary['monitor']} on the test {summary['scores'][summary['monitor']]:.3f}")
    return facts


def guarded(work: Callable[[], str], lock: Lock) -> str:
    """Return what a piece of work returns, one at a time; the message of what it cannot do, as HTML."""
    try:
        with lock:
            return work()
    except BadInput as error:
        return render("problem", text=strip_folders(str(error)))
    # Whatever it is, the next visitor is to be answered.
    except Exception as error:
        traceback.print_exc()
        exhausted = describe_out_of_memory(error)
        return render("problem", text=exhausted or f"this cannot be answered: {type(error).__name__}; see the terminal")


def strip_folders(message: str) -> str:
    """Return a message with the names of uploaded files, without the folders where Gradio keeps them."""
    return " ".join(
        Path(word).name if word.startswith("/") and Path(word.rstrip(":,")).exists() else word
        for word in message.split(" ")
    )


def show_inside(trained: Trained, value: Value) -> str:
    """Return the panels of `run.py inspect` in a frame of their own."""
    from harness.inspection.inspect import inspect
    from harness.inspection.page import format_page

    return render("inside", page=format_page(inspect(trained, value)))


def open_all(experiments: Sequence[Experiment], *, strict: bool) -> list[Opened]:
    """Return runs that are ready to answer. strict: raise the BadInput of one that cannot be opened; else it is said.

    Raises BadInput where none can be opened.
    """
    opened = []
    with make_progress() as progress:
        line = progress.add_task("opening", total=len(experiments), detail="")
        for experiment in experiments:
            progress.update(line, detail=str(experiment.directory))
            try:
                opened.append(open_run(experiment))
            except BadInput as error:
                if strict:
                    raise
                say(f"left out: {error}")
            progress.advance(line)
    if not opened:
        raise BadInput("none of the runs can be opened; train one: run.py train TASK")
    return opened
