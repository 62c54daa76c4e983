"""The page in a real browser, Chromium without a screen; and what a program may send to it."""

import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile

from harness.demo.guard import LARGEST_UPLOAD
from tests.harness import ROOT, as_typed, handled, predict, read_record, small, small_splits, train_small

CHROMIUM = Path("/usr/bin/chromium")
NAMES = ("ner", "pos", "sentiment", "rating", "novel", "caption", "translation", "speech")
# Milliseconds that anything on the page may take on a busy machine.
PATIENCE = 30_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("gradio"),
    pytest.mark.needs("playwright"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]


@dataclass(frozen=True)
class Demo:
    """A demo that is served. runs: directories, by task."""

    url: str
    process: subprocess.Popen
    runs: dict[str, Path]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("runs")
    runs = {}
    for name in NAMES:
        with small(name) as task:
            runs[name] = train_small(task, folder)
        # Its examples are of the task's own source, as those of a run of a user's are.
        config = read_record(runs[name] / "config.json")
        config["options"]["data"] = None
        (runs[name] / "config.json").write_text(json.dumps(config))
    with serve(*map(str, runs.values())) as (process, found):
        assert found["runs"] == list(map(str, runs.values()))
        yield Demo(found["url"], process, runs)


@contextlib.contextmanager
def serve(*arguments: str) -> Iterator[tuple[subprocess.Popen, dict]]:
    """Serve a demo in a process of its own; give it, and what it says when it is ready."""
    command = [sys.executable, "run.py", "demo", "--json", "--port", "0", *arguments]
    with handled(signal.SIG_DFL):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        lines = []
        while not lines or lines[-1] != "}\n":
            line = process.stdout.readline()
            assert line, f"the demo has ended: {process.wait()}"
            lines.append(line)
        yield process, json.loads("".join(lines))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Its microphone gives a beep, without being asked for leave.
    options = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        yield opened
        opened.close()


@pytest.fixture
def page(demo: Demo, browser: Any) -> Iterator[Any]:
    with open_page(demo, browser, 1300) as opened:
        yield opened


@contextlib.contextmanager
def open_page(demo: Demo, browser: Any, width: int) -> Iterator[Any]:
    """Open the page; when it is closed, nothing was asked of anybody else, and the console has no error."""
    context = browser.new_context(viewport={"width": width, "height": 900}, permissions=["microphone"])
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    problems: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: message.type == "error" and problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(demo.url)
    opened.get_by_role("button", name="Answer").first.wait_for()
    yield opened
    assert problems == []
    assert [url for url in asked if not url.startswith((demo.url, "data:", f"blob:{demo.url}"))] == []
    context.close()


def choose(page: Any, name: str) -> Any:
    """Open a tab, out of the menu where it has no room; return what is in it."""
    tab = page.get_by_role("tab", name=name, exact=True)
    if tab.count() and tab.first.is_visible():
        tab.first.click()
    else:
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button").filter(has_text=re.compile(rf"^\s*{name}\s*$")).click()
    panel = page.locator("[role=tabpanel]:visible")
    panel.get_by_role("button", name="Answer").wait_for()
    return panel


def ask(panel: Any, text: str) -> Any:
    """Type a text and press Enter; return where the answer is."""
    box = panel.locator("textarea").first
    box.fill(text)
    box.press("Enter")
    return panel.locator(".shown").first


def test_every_run_has_a_tab(demo: Demo, page: Any) -> None:
    assert page.title() == "Unrolled"
    for name, directory in demo.runs.items():
        assert str(directory) in choose(page, name).inner_text()


def test_a_typed_text_is_answered_as_predict_answers_it(demo: Demo, page: Any, tmp_path: Path) -> None:
    for name in ("pos", "translation"):
        typed = as_typed(small_splits(name)["test"][0].input, demo.runs[name])
        (expected,) = predict(demo.runs[name], [("typed", typed)])
        shown = ask(choose(page, name), typed)
        if name == "pos":
            shown.locator(".words li").first.wait_for()
            assert shown.locator(".words small").all_inner_texts() == list(expected["output"])
        else:
            shown.locator(".best").wait_for()
            assert shown.locator(".best").inner_text() == (expected["output"] or "nothing")
            assert shown.locator(".alignment td").count() > 0
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)


def test_the_keyboard_is_enough(page: Any) -> None:
    page.keyboard.press("Tab")
    for _ in range(40):
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("Paris met Mr Ford .")
    page.keyboard.press("Enter")
    page.locator(".answer .sentence").wait_for()
    assert page.locator(".answer .sentence").inner_text().split()[:1] == ["Paris"]
    # And the button, by the space bar, after it.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Answer"


def test_sentiment_is_followed_word_by_word_and_soon(page: Any) -> None:
    panel = choose(page, "sentiment")
    seconds = []
    for number in range(7):
        started = time.perf_counter()
        shown = ask(panel, f"a film of {number} words")
        shown.locator(".course").get_by_text(str(number), exact=True).wait_for()
        seconds.append(time.perf_counter() - started)
    assert shown.locator(".course .name").all_inner_texts() == ["a", "film", "of", "6", "words"]
    # Ten times what it takes where no other test runs.
    assert statistics.median(seconds) < 2


def test_names_are_written_by_category_and_begin_as_typed(page: Any) -> None:
    panel = choose(page, "novel")
    assert panel.get_by_role("slider", name="range slider for Temperature").is_visible()
    shown = ask(panel, "a")
    shown.locator(".samples li").first.wait_for()
    names = shown.locator(".samples li").all_inner_texts()
    assert len(names) == 8 and all(name.startswith("a") for name in names)
    panel.get_by_role("button", name="Answer").click()
    # The others are drawn anew.
    page.wait_for_function("before => document.querySelector('.samples').innerText !== before", arg="\n".join(names))


def test_a_rating_is_a_number(demo: Demo, page: Any) -> None:
    shown = ask(choose(page, "rating"), "a film")
    (expected,) = predict(demo.runs["rating"], [("typed", "a film")])
    shown.locator(".best").wait_for()
    assert shown.locator(".best").inner_text().startswith(f"{expected['output']:.1f}")


def test_an_image_is_uploaded_or_chosen_and_described(demo: Demo, page: Any, tmp_path: Path) -> None:
    panel = choose(page, "caption")
    path = as_typed(small_splits("caption")["test"][0].input, tmp_path)
    (expected,) = predict(demo.runs["caption"], [("typed", path)], attention=True)
    panel.locator("input[type=file]").first.set_input_files(path)
    panel.locator(".best").wait_for()
    assert panel.locator(".best").inner_text() == (expected["output"] or "nothing")
    assert panel.locator(".looks img").count() == len(expected["attention"])
    assert panel.locator(".looks img").first.evaluate("image => image.naturalWidth") > 100
    page.screenshot(path=tmp_path / "caption.png", full_page=True)
    panel.get_by_role("button", name="Remove Image").first.click()
    panel.get_by_text("give an image first").wait_for()
    panel.locator("button.gallery-item, .gallery-item").first.click()
    panel.locator(".best").wait_for()


def test_a_recording_is_made_or_uploaded_and_transcribed(demo: Demo, page: Any, tmp_path: Path) -> None:
    panel = choose(page, "speech")
    # As WAV: Chromium's player takes no FLAC that is short.
    path = str(tmp_path / "spoken.wav")
    soundfile.write(path, *soundfile.read(small_splits("speech")["test"][0].input))
    (expected,) = predict(demo.runs["speech"], [("typed", path)])
    panel.get_by_role("button", name="Upload file").click()
    panel.locator("input[type=file]").first.set_input_files(path)
    panel.locator(".best").wait_for()
    assert panel.locator(".best").inner_text() == (expected["output"] or "nothing")
    assert panel.locator(".heard img").count() == 1
    panel.get_by_role("button", name="Clear").first.click()
    panel.get_by_text("give a recording first").wait_for()
    panel.get_by_role("button", name="Record audio").click()
    panel.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(1500)
    panel.get_by_role("button", name="Stop", exact=True).click()
    panel.locator(".best").wait_for()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.png", b"", "empty.png: not an image of a kind that is read"),
        ("text.png", b"no image", "text.png: not an image of a kind that is read"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "cut.png: "),
    ],
)
def test_a_file_that_is_no_image_is_told(page: Any, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    panel = choose(page, "caption")
    panel.locator("input[type=file]").first.set_input_files(tmp_path / name)
    panel.locator(".problem").wait_for()
    assert panel.locator(".problem").inner_text().startswith(message)


def test_a_file_that_is_too_large_is_told(page: Any, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n" + bytes(LARGEST_UPLOAD))
    choose(page, "caption").locator("input[type=file]").first.set_input_files(tmp_path / "large.png")
    page.get_by_text(re.compile("exceeds|too large|size", re.IGNORECASE)).first.wait_for()


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", "the sentence has no token in it; give at least one"),
        ("word " * 100_000, "the text has 500,000 characters, and at most 20,000 are read; shorten it"),
        ("word " * 3000, "has 3000 tokens, and at most 1000 are allowed"),
        ("<img src=x onerror=alert(1)> ${alert(2)} {{alert(3)}}", "onerror"),
        ("\N{SMILING FACE WITH OPEN MOUTH} \N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED}", "\N{HEBREW LETTER SHIN}"),
        ("\x1b[31mred", r"\x1b"),
    ],
)
def test_whatever_is_typed_is_answered_or_told(page: Any, typed: str, shown: str) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    place = ask(choose(page, "ner"), typed)
    place.get_by_text(shown).first.wait_for()
    assert dialogs == [] and page.locator("img[src=x]").count() == 0


def test_the_network_is_unrolled_below(page: Any) -> None:
    pytest.importorskip("harness.inspection")
    panel = choose(page, "ner")
    ask(panel, "Paris met Mr Ford .").locator(".sentence").wait_for()
    panel.get_by_text("See inside").click()
    panel.get_by_role("button", name="Unroll it").click()
    frame = panel.locator("iframe.inside")
    # What it computes is compiled first.
    frame.wait_for(timeout=4 * PATIENCE)
    assert frame.get_attribute("sandbox") == ""
    panel.frame_locator("iframe.inside").get_by_text("Paris").first.wait_for()


@pytest.mark.parametrize("width", [400, 1300])
def test_the_page_is_as_wide_as_the_screen(demo: Demo, browser: Any, tmp_path: Path, width: int) -> None:
    with open_page(demo, browser, width) as page:
        for name in NAMES:
            panel = choose(page, name)
            if panel.locator("textarea").count():
                shown = ask(panel, "a long sentence , with many words and " + "long" * 30 + " ones " + "and more " * 20)
            else:
                panel.locator("button.gallery-item, .gallery-item").first.click()
                shown = panel.locator(".shown").first
                # A recording's waveform is drawn in the meantime.
                page.wait_for_timeout(2000)
            shown.locator(".answer").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") == width, name
            page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)


def test_the_page_loads_soon(demo: Demo, browser: Any) -> None:
    with open_page(demo, browser, 1300):
        pass
    started = time.perf_counter()
    with open_page(demo, browser, 1300):
        # Three times what it takes where no other test runs.
        assert time.perf_counter() - started < 3


# What a program may send.


def send(url: str, content: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Return the status and the text of an answer; content: of a POST."""
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def find_function(demo: Demo, *kinds: str) -> int:
    """Return the number by which Gradio knows the answers of the first tab whose form has these components."""
    config = json.loads(send(f"{demo.url}/config")[1])
    types = {component["id"]: component["type"] for component in config["components"]}
    names = [one["id"] for one in config["dependencies"] if tuple(types[id] for id in one["inputs"]) == kinds]
    return names[0]


def call(demo: Demo, function: object, data: object) -> tuple[int, str]:
    """Return the status of a call, and what came of it."""
    session = uuid.uuid4().hex
    body = json.dumps({"data": data, "fn_index": function, "session_hash": session}).encode()
    status, text = send(f"{demo.url}/gradio_api/queue/join", body)
    if status != 200:
        return status, text
    text = send(f"{demo.url}/gradio_api/queue/data?session_hash={session}")[1]
    return status, next(line for line in text.splitlines() if "process_completed" in line)


def test_a_bad_request_takes_nothing_down(demo: Demo, tmp_path: Path) -> None:
    text, image = find_function(demo, "textbox"), find_function(demo, "image")
    names = find_function(demo, "dropdown", "textbox", "slider")
    file = {"meta": {"_type": "gradio.FileData"}}
    secret = ROOT / "LICENSE"
    join = f"{demo.url}/gradio_api/queue/join"
    answers = {
        "no JSON": send(join, b"{bad"),
        "deep": send(join, b"[" * 100_000),
        "no function": call(demo, 10**6, ["a"]),
        "a function's name": call(demo, "x", ["a"]),
        "no values": call(demo, text, []),
        "a list": call(demo, text, [["a"]]),
        "nothing": call(demo, text, [None]),
        "half a character": call(demo, text, ["a \ud800"]),
        "a file of this machine": call(demo, image, [{"path": str(secret), **file}]),
        "an address": call(demo, image, [{"path": "http://192.0.2.1/a.png", **file}]),
        "an address in a text": call(demo, text, [{"path": "http://192.0.2.1/a.png", **file}]),
        "too hot": call(demo, names, ["female", "", 1e9]),
        "no temperature": call(demo, names, ["female", "", "x"]),
        "no category": call(demo, names, ["nobody", "", 1]),
        "a list of categories": call(demo, names, [["female"], "", 1]),
        "too large": send(join, b"x" * (9 * 2**20)),
        "another host": send(demo.url, Host="elsewhere.example"),
        "a file": send(f"{demo.url}/gradio_api/file={secret}"),
    }
    assert demo.process.poll() is None
    status = {name: code for name, (code, _) in answers.items()}
    assert {status["no JSON"], status["deep"], status["a function's name"]} <= {400, 422}
    assert (status["too large"], status["another host"]) == (413, 421)
    assert status["a file"] in (403, 404) and "Apache" not in answers["a file"][1]
    assert "it was not uploaded by a user" in answers["a file of this machine"][1]
    for name in ("an address", "an address in a text"):
        assert "http://192.0.2.1/a.png: not fetched; upload the file" in answers[name][1]
    assert "has no token in it" in answers["nothing"][1]
    assert "expected a text, got [" in answers["a list of categories"][1]
    # And the next is answered.
    assert "Paris" in call(demo, text, ["Paris met Mr Ford ."])[1]


# The command.


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "run.py", "demo", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=100
    )


def test_a_port_in_use_is_one_message(demo: Demo) -> None:
    port = demo.url.rpartition(":")[2]
    found = run(str(demo.runs["ner"]), "--port", port)
    assert found.returncode == 2 and found.stdout == ""
    assert re.fullmatch(rf"error: --port {port}: it is in use; --port \d+ is free\n", found.stderr)


def test_a_folder_that_is_no_run_is_one_message(tmp_path: Path) -> None:
    found = run(str(tmp_path), "--port", "0")
    assert found.returncode == 2 and found.stderr.startswith(f"error: {tmp_path}: no config.json there")


def test_the_end_leaves_nothing_behind(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serve(str(demo.runs["caption"])) as (process, _):
        assert any(tmp_path.glob("unrolled-demo-*/*.png"))
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
    assert list(tmp_path.glob("unrolled-demo-*")) == []
