"""Study: what has been tried of a task, kept by Optuna in RUNS/tuning/TASK/study.db, so that a search goes on."""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import record
from pipeline.errors import BadInput
from pipeline.option import Value
from pipeline.search_space import Choices, Space

if TYPE_CHECKING:
    import optuna

# Trials before the first one is stopped early, and epochs that every trial has.
UNPRUNED_TRIALS, UNPRUNED_EPOCHS = 4, 1


@dataclass(frozen=True)
class Place:
    """Where a study is kept: a file of SQLite, and its name there. For a worker to find it."""

    path: Path
    name: str


def import_optuna() -> None:
    """Import Optuna; BadInput where it is not installed."""
    try:
        import optuna
    except ModuleNotFoundError:
        raise BadInput("tune: Optuna is not installed; run: pip install -r requirements-tune.txt") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def name_study(fixed: Mapping[str, Value], space: Space) -> str:
    """Return the name of the study of these options: another search has another one."""
    content = record.dump([dict(sorted(fixed.items())), {name: space[name].describe() for name in sorted(space)}])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def open_study(place: Place, *, lower_is_better: bool, seed: int, workers: int = 1) -> "optuna.Study":
    """Return the study that is kept there, or a new one.

    Its sampler is the tree-structured Parzen estimator (Bergstra et al. 2011); a trial ends early when its score is
    below the median of the others at the same epoch (Golovin et al. 2017). Raises BadInput for a file that is none.
    """
    import_optuna()
    import optuna

    place.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        study = optuna.create_study(
            storage=_storage(place),
            study_name=place.name,
            direction="minimize" if lower_is_better else "maximize",
            pruner=_make_pruner(),
            load_if_exists=True,
        )
        before = len(study.trials)
    # Whatever SQLite and SQLAlchemy make of a damaged file.
    except Exception as error:
        raise BadInput(
            f"{place.path}: the file is no study ({str(error).splitlines()[0]:.120}); delete it to start over"
        ) from None
    # With the seed alone, a search that goes on would begin with the same guesses again.
    study.sampler = optuna.samplers.TPESampler(seed=seed + before, multivariate=True, constant_liar=workers > 1)
    return study


def open_trial(place: Place, number: int) -> "optuna.Trial":
    """Return the trial of a number, for the worker that trains it."""
    import_optuna()
    import optuna

    study = optuna.load_study(storage=_storage(place), study_name=place.name, pruner=_make_pruner())
    return optuna.Trial(study, study.trials[number]._trial_id)


def _make_pruner() -> "optuna.pruners.BasePruner":
    import optuna

    return optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS, n_warmup_steps=UNPRUNED_EPOCHS)


def _storage(place: Place) -> str:
    return f"sqlite:///{place.path.absolute()}"


def propose(trial: "optuna.Trial", space: Space) -> dict[str, Value]:
    """Return the options of a trial. Whole numbers are drawn where both ends of a span are whole numbers."""
    found: dict[str, Value] = {}
    for name, values in space.items():
        if isinstance(values, Choices):
            found[name] = trial.suggest_categorical(name, values.values)
        elif isinstance(values.low, int) and isinstance(values.high, int):
            found[name] = trial.suggest_int(name, values.low, values.high, log=values.logarithmic)
        else:
            drawn = trial.suggest_float(name, values.low, values.high, log=values.logarithmic)
            # Three digits are all that a training tells apart, and what a person types again.
            found[name] = min(max(float(f"{drawn:.3g}"), values.low), values.high)
    return found


def prepare(study: "optuna.Study", usual: Mapping[str, Value], space: Space) -> None:
    """Queue what is to be tried first: the task's defaults, so that the best is no worse; and what was stopped."""
    import optuna

    if not study.trials and all(_holds(space[name], usual[name]) for name in space):
        study.enqueue_trial({name: usual[name] for name in space})
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        optuna.Trial(study, trial._trial_id).set_user_attr("stopped", True)
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)


def _holds(values: object, value: Value) -> bool:
    if isinstance(values, Choices):
        return value in values.values
    low, high = values.low, values.high  # type: ignore[attr-defined]
    return isinstance(value, int | float) and low <= value <= high
