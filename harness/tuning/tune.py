"""Tune: trials of a task with other options, in worker processes, until enough have been made or the time is up."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tasks
from harness import data, runs
from harness.cells import suit_cell
from harness.comparison.compare import Local, Pool, describe_failure, open_pool
from harness.comparison.plan import options_for
from harness.comparison.sweep import Entry, Sweep
from harness.comparison.sweep_worker import name_command
from harness.options import check, defaults, find_options
from harness.process.console import format_time, make_progress, say
from harness.training import request
from harness.tuning import study as studies
from harness.tuning import trial as trials
from harness.tuning.study import Place
from harness.tuning.tuned import Trial, Tuned
from pipeline import cache
from pipeline.errors import BadInput
from pipeline.option import Options, Value, make_flag
from pipeline.search_space import Space
from tasks.task import Task

if TYPE_CHECKING:
    import optuna

FOLDER = "tuning"


@dataclass(frozen=True)
class Search:
    """What is searched for: the options of a task with the best score on its validation split.

    options: of all trials, but for those of `space`. folder: of all runs. trials: how many are made, those of earlier
    searches counted. seconds: after which no more is begun, and those that train are ended; None: no bound.
    """

    task: Task
    options: Options
    space: Space
    folder: Path
    trials: int
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Raise BadInput for a bound that is none, and where there is nothing to search."""
        if self.trials < 1:
            raise BadInput(f"--trials {self.trials}: expected a number of at least 1")
        if self.seconds is not None and self.seconds <= 0:
            raise BadInput(f"--minutes {self.seconds / 60:g}: expected a number above 0")
        if not self.space:
            raise BadInput("tune: all options that would be searched are given; name others with --search NAME=VALUES")

    @property
    def fixed(self) -> dict[str, Value]:
        """Return the options that all trials have in common."""
        return {name: value for name, value in self.options.as_dict().items() if name not in self.space}

    @property
    def place(self) -> Place:
        """Return where its study is kept."""
        path = self.folder / FOLDER / self.task.name / "study.db"
        return Place(path, studies.name_study(self.fixed, self.space))


def narrow(space: Space, task: Task, given: Sequence[str]) -> dict[str, Any]:
    """Return what of a space is searched: the options that the task has and that were not given."""
    return {name: values for name, values in space.items() if name in find_options(task) and name not in given}


def settle(search: Search) -> Search:
    """Return a search whose options are those that its runs begin with; BadInput for bad options or data."""
    runs.check_clock()
    task = search.task
    check(search.options, task)
    if search.options.train_on_validation:
        raise BadInput("--train-on-validation: nothing is left to choose the options by; leave it out")
    options = search.options.replace(data=data.name_source(task, search.options))
    options = suit_cell(options, task, say)
    if options.data not in task.sources:
        data.prepare(task, options, say)
    return Search(task, options, search.space, search.folder, trials=search.trials, seconds=search.seconds)


def tune(search: Search, start: Callable[[], str], *, workers: int = 1, address: str | None = None) -> Tuned:
    """Make the trials of a search that are missing, and return what it found; see `tune_all`."""
    return tune_all([search], start, workers=workers, address=address)[0]


def tune_cells(
    sweep: Sweep, start: Callable[[], str], *, workers: int = 1, address: str | None = None
) -> dict[tuple[str, str], Tuned]:
    """Give each cell of each task of a sweep as many trials, and return what they found; see `tune_all`.

    Options that differ from the task's defaults are taken as given, and are not searched.
    """
    places, searches = [], []
    for name, options in sweep.each.items():
        task = tasks.get(name)
        usual = defaults(task, options.budget).as_dict()
        given = [key for key, value in options.as_dict().items() if value != usual[key]]
        for cell in sweep.cells:
            places.append((name, cell))
            chosen = options_for(task, options, cell)
            space = narrow(task.tuned, task, given)
            searches.append(Search(task, chosen, space, sweep.folder, trials=sweep.trials))
    return dict(zip(places, tune_all(searches, start, workers=workers, address=address), strict=True))


def tune_all(
    searches: Sequence[Search], start: Callable[[], str], *, workers: int = 1, address: str | None = None
) -> list[Tuned]:
    """Make the trials of searches that are missing, one search after the other, and return what each found.

    start: starts Keras in a worker. workers: trials at a time, on this machine or, given the address of a Ray cluster,
    on each of its machines; there no trial is ended early. A trial that fails is said, and the others go on.
    Raises BadInput for bad options or data, without Optuna, and where no trial came to its end.
    """
    studies.import_optuna()
    cache.prepare(say)
    include = [file.path for file in tasks.included()]
    local = Local(workers, start, include)
    settled = [settle(search) for search in searches]
    pool = open_pool(start, workers, include, address, local)
    try:
        return [Searching(search, pool, at_once=workers).run() for search in settled]
    finally:
        pool.end()


class Searching:
    """The trials of a search, as they are made."""

    def __init__(self, search: Search, pool: Pool, *, at_once: int):
        self.search, self.pool, self.at_once = search, pool, at_once
        task, seed = search.task, search.options.seed
        self.study = studies.open_study(search.place, lower_is_better=task.lower_is_better, seed=seed, workers=at_once)
        studies.prepare(self.study, search.options.as_dict(), search.space)
        self.started = time.time()
        self.deadline = self.started + search.seconds if search.seconds else float("inf")
        self.waiting: dict[Future, tuple[optuna.Trial, Entry]] = {}

    def run(self) -> Tuned:
        """Make trials until there are enough, or the time is up."""
        ended = self._count()
        if ended:
            say(f"{ended} trials were made before")
        progress = make_progress()
        line = progress.add_task("tuning", total=self.search.trials, completed=ended, detail="")
        with progress:
            while self._begin_more() or self.waiting:
                done, _ = wait(self.waiting, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future)
                progress.update(line, completed=self._count(), detail=self._remaining())
        return self.summarise()

    def _count(self) -> int:
        """Return how many trials came to an end, well or not; those that were stopped are made again."""
        finished = [trial for trial in self.study.trials if trial.state.is_finished()]
        return len(finished) - sum("stopped" in trial.user_attrs for trial in finished)

    def _begin_more(self) -> bool:
        """Hand the pool as many trials as it takes at once; return whether there was one to hand."""
        begun = False
        while (
            len(self.waiting) < self.at_once
            and self._count() + len(self.waiting) < self.search.trials
            and time.time() < self.deadline
        ):
            trial = self.study.ask()
            chosen = studies.propose(trial, self.search.space)
            trial.set_user_attr("options", chosen)
            folder = self.search.folder / FOLDER
            try:
                asked = request.settle(self.search.task, self.search.options.replace(**chosen), folder)
            except BadInput as error:
                self._fail(trial, str(error))
                continue
            trial.set_user_attr("run", str(asked.directory))
            entry = Entry(self.search.task.name, asked.options, folder=folder, directory=asked.directory)
            self.waiting[self._hand(entry, trial)] = (trial, entry)
            begun = True
        return begun

    def _hand(self, entry: Entry, trial: "optuna.Trial") -> Future:
        if isinstance(self.pool, Local):
            return self.pool.call_on_device(trials.run, entry, self.search.place, trial.number, self.deadline)
        return self.pool.train(entry, fresh=False, remember=False)

    def _take(self, future: Future) -> None:
        """Tell the study what came of a trial."""
        import optuna

        trial, entry = self.waiting.pop(future)
        try:
            found = self._collect(entry, future.result())
        except Exception as raised:
            self._fail(trial, describe_failure(raised))
            return
        state = optuna.trial.TrialState
        if found.pruned:
            trial.set_user_attr("score", found.score)
            self.study.tell(trial, state=state.PRUNED)
        else:
            self.study.tell(trial, found.score)
        chosen = ", ".join(f"{name} {value}" for name, value in trial.user_attrs["options"].items())
        early = f", stopped after {found.epochs} epochs" if found.pruned else ""
        say(
            f"{self._name(trial)}: {self.search.task.monitor} {found.score:.4f}{early}, {found.seconds:.0f} s: "
            f"{chosen}{self._compare(found)}"
        )

    def _collect(self, entry: Entry, found: Any) -> trials.Outcome:
        if isinstance(self.pool, Local):
            return found
        result = self.pool.collect(entry, found)
        score = result["validation"]
        assert score is not None
        return trials.Outcome(score, result["epochs"], seconds=result["spent"], pruned=False)

    def _compare(self, found: trials.Outcome) -> str:
        best = [trial for trial in self.study.trials if trial.value is not None]
        return "  (best)" if best and not found.pruned and self.study.best_value == found.score else ""

    def _fail(self, trial: "optuna.Trial", message: str) -> None:
        import optuna

        trial.set_user_attr("message", message)
        self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        say(f"{self._name(trial)} failed: {message}")

    def _name(self, trial: "optuna.Trial") -> str:
        return f"{self.search.task.name} {self.search.options.cell}, trial {trial.number + 1}"

    def _remaining(self) -> str:
        if self.deadline < float("inf"):
            return f"{format_time(max(self.deadline - time.time(), 0))} left"
        return ""

    def summarise(self) -> Tuned:
        """Return what was found; BadInput where no trial came to its end."""
        search, task = self.search, self.search.task
        import optuna

        state = optuna.trial.TrialState
        words = {state.COMPLETE: "done", state.PRUNED: "stopped early", state.FAIL: "failed"}
        made = tuple(
            Trial(
                number=one.number + 1,
                options=one.user_attrs["options"],
                score=one.value if one.state == state.COMPLETE else one.user_attrs.get("score"),
                status=words[one.state],
                run=one.user_attrs.get("run", ""),
            )
            for one in self.study.trials
            if one.state in words and "options" in one.user_attrs
        )
        if not any(one.status == "done" for one in made):
            failed = next((one.user_attrs["message"] for one in self.study.trials if "message" in one.user_attrs), "")
            why = failed or "give more --minutes"
            raise BadInput(f"tune: no trial came to its end ({why})")
        chosen = self.study.best_trial.user_attrs["options"]
        best = search.options.replace(**chosen)
        entry = Entry(task.name, best, folder=search.folder, directory=search.folder)
        return Tuned(best, chosen, self.study.best_value, made, tuple(name_command(entry)))


def write_trials(found: Tuned, search: Search) -> Path:
    """Write what a search found beside its study, and return the file."""
    path = search.place.path.with_name("trials.json")
    runs.write_json(
        path,
        {
            "task": search.task.name,
            "monitor": search.task.monitor,
            "searched": {make_flag(name): values.describe() for name, values in search.space.items()},
            "best": found.chosen,
            "validation": found.score,
            "command": list(found.command),
            "trials": [vars(one) for one in found.trials],
        },
    )
    return path
