import math
import shlex
from pathlib import Path

import pytest

import harness.commands
from harness.commands.printing import describe, print_summary, say_memory, say_number, say_time, suggest

SUMMARY = {
    "run": "runs/x/my run",
    "task": "x",
    "scores": {"accuracy": 0.98765432109, "loss": 0.1234567890123},
    "monitor": "accuracy",
    "validation": 0.9123456789,
    "best_epoch": 4,
    "epochs": 6,
    "weights": 2585218,
    "seconds": 138.2,
    "compiling": 12.4,
    "tokens_per_second_answering": 2585218,
    "megabytes": 609,
    "baselines": {"majority": {"accuracy": 0.5}},
}


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0.0 seconds"), (8.26, "8.3 seconds"), (56.9, "56.9 seconds"), (59.96, "1.0 minutes"), (150, "2.5 minutes"),
     (3500, "58.3 minutes"), (3598, "1.0 hours"), (5400, "1.5 hours")],
)  # fmt: skip
def test_times_are_said_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert say_time(seconds) == text


@pytest.mark.parametrize(
    "number, text",
    [(0, "0"), (950, "950"), (9_999, "9,999"), (83_487, "83,500"), (999_400, "999,400"), (999_960, "1 million"),
     (2_585_218, "2.59 million"), (31_400_000, "31.4 million"), (7_000_000_000, "7 billion")],
)  # fmt: skip
def test_numbers_are_said_as_a_person_would(number: int, text: str) -> None:
    assert say_number(number) == text


@pytest.mark.parametrize("megabytes, text", [(9, "9 MB"), (609, "609 MB"), (1229, "1.2 GB"), (20480, "20.0 GB")])
def test_memory_is_said_in_the_unit_that_fits(megabytes: float, text: str) -> None:
    assert say_memory(megabytes) == text


def test_a_summary_is_in_a_person_s_words(capsys: pytest.CaptureFixture) -> None:
    print_summary(SUMMARY)
    shown = capsys.readouterr().out
    for words in (
        "accuracy   0.9877   0.5000", "loss       0.1235", "best epoch  4 of 6, validation accuracy 0.9123\n",
        "training    2.3 minutes, 12.4 seconds of them compiling\n", "size        2.59 million weights\n",
        "speed       answers 2.59 million tokens per second\n", "memory      609 MB at the most\n",
    ):  # fmt: skip
        assert words in shown
    for name in ("tokens_per_second_answering", "2585218", "0.98765", "0.91234", "megabytes"):
        assert name not in shown


def test_what_is_not_known_is_left_out() -> None:
    assert describe({"run": "a"}) == {"run": "a"}
    unmeasured = {
        **SUMMARY,
        "tokens_per_second_answering": None,
        "megabytes": None,
        "validation": None,
        "compiling": 0.1,
    }
    assert describe(unmeasured) == {
        "run": "runs/x/my run", "best epoch": "4 of 6", "training": "2.3 minutes", "size": "2.59 million weights",
    }  # fmt: skip
    evaluated = {"run": "a", "data": "b.csv", "split": "test", "examples": 1234, "signature": "nrefs:1"}
    assert describe(evaluated) == {"run": "a", "data": "b.csv, test: 1,234 examples", "metric": "nrefs:1"}


def test_a_score_that_nobody_knows_is_that_of_the_validation(capsys: pytest.CaptureFixture) -> None:
    print_summary({**SUMMARY, "scores": {}, "baselines": {}})
    assert "validation" in capsys.readouterr().out
    print_summary({**SUMMARY, "scores": {"accuracy": math.nan}, "baselines": {}})
    assert "nan" in capsys.readouterr().out


def test_what_is_suggested_can_be_typed(tmp_path: Path) -> None:
    directory = tmp_path / "it's; my $run"
    for line in suggest(directory):
        words = shlex.split(line)
        assert words[:2] == ["python", "run.py"] and words[3] == str(directory)
        assert words[2] in harness.commands.COMMANDS
    assert [shlex.split(line)[2] for line in suggest(directory)][:2] == ["predict", "evaluate"]
