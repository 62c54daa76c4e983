from typing import Any

from harness.comparison.averaged_seeds import group_seeds
from harness.comparison.report import summarise_runs
from harness.comparison.table import tabulate_ensembles


def result(task: str, cell: str, seed: int, **changed: Any) -> Any:
    known = {"status": "done", "monitor": "x", "scores": {"x": 0.5 + seed / 10}, "lower_is_better": False}
    return {"task": task, "cell": cell, "seed": seed, **known, **changed}


def test_seeds_are_averaged_where_there_are_several_and_all_are_done() -> None:
    every = [result("pos", "gru", seed) for seed in (0, 1)] + [result("pos", "lstm", 0)]
    every += [result("pos", "simple", 0), result("pos", "simple", 1, status="failed")]
    every += [result("translation", "gru", seed) for seed in (0, 1)]
    assert group_seeds(every) == [every[:2], every[-2:]]


def test_the_report_has_the_ensemble_apart_from_the_single_scores() -> None:
    every = [result("pos", "gru", 0, ensemble={"x": 0.7}), result("pos", "gru", 1)]
    every += [result("pos", "lstm", seed) for seed in (0, 1)]
    (summary,) = summarise_runs(every, {})
    assert summary["ensembles"] == [{"cell": "gru", "seeds": 2, "single": 0.55, "score": 0.7}]
    assert {cell["mean"] for cell in summary["cells"]} == {0.55}
    assert tabulate_ensembles(summary) == [{"cell": "gru", "one network, x": "0.5500", "2 averaged": "0.7000"}]
