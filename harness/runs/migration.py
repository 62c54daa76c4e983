"""Migration: the config of a run that an earlier version began, as this version writes it.

One step per format, from it to the next; a run goes through all from its own to FORMAT. The file stays as it is, so
that the version that wrote it can read it still. Options have steps of their own, by name: those that came later,
were renamed or are no more (harness/options.py: EARLIER, aliases, REMOVED). What else older files lack is optional in
schema.py.

    1    lists the files given with --include; later ones have the SHA-256 of each
    2    has the options of all tasks: harness/options.py, FLAT
    3    has no checksums, and one state
    5    learned the eigenvalues of lru with the whole learning rate: harness/options.py, EARLIER
"""

from collections.abc import Callable, Mapping

from harness.runs.schema import FORMAT
from pipeline import record
from pipeline.record import Json

Step = Callable[[dict[str, Json]], dict[str, Json]]


def migrate(written: Mapping[str, Json]) -> dict[str, Json]:
    """Return a config as this version has it, its number left as it is; BadInput for one that is damaged."""
    found, number = dict(written), written.get("format", 1)
    # One that is no number is told where the config is checked.
    for step in range(number, FORMAT) if type(number) is int and number > 0 else ():
        found = STEPS.get(step, dict)(found)
    return found


def name_digests(config: dict[str, Json]) -> dict[str, Json]:
    """Return the config of format 1 with its included files as keys; what was in them is not known."""
    return {**config, "include": dict.fromkeys(record.convert(config.get("include"), list[str]))}


STEPS: Mapping[int, Step] = {1: name_digests}
