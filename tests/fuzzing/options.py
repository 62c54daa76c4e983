"""Options: what is typed after a command, by chance: each option has a value that it takes, or the words are refused.

A value that is taken is the same when it is typed again, and when it is kept in config.json and read from there.
"""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

import tasks
from harness.arguments import spell
from harness.cells import suit_cell
from harness.commands.subject import make_parser
from harness.commands.train import COMMAND as TRAIN
from harness.options import check, choose, defaults, find_options, restore, type_in
from harness.runs.schema import FORMAT
from harness.training.conflicts import check_conflicts
from pipeline import record
from pipeline.option import PERMISSIONS, Option, Value
from tests.fuzzing.fields import draw_value
from tests.fuzzing.sandbox import Broken, check_message

# What may stand where a value is expected.
STRANGE = (
    "0 -1 1 1.5 1e5 1e400 -inf nan NaN none None True yes 0x10 1_0 ٣ ² 1,5 -- - --cell = é ~ ../x %s {} gru simple best"
).split()
JUNK = st.one_of(
    st.sampled_from([*STRANGE, "", " ", "\0", "\n", "\udc80", "9" * 19, "9" * 5000, "x" * 5000]),
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
)


@st.composite
def words(draw: st.DrawFn, name: str) -> list[str]:
    """Words of a command line of a task: options with values that they take, with others, and what is none."""
    known = list(find_options(tasks.get(name)).values())
    found: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        one = draw(st.sampled_from(known))
        kind = draw(st.integers(0, 9))
        if kind < 5:
            found += one.type_in(draw(draw_value(one)))
        elif kind < 8:
            found += [one.flag, draw(JUNK)] if draw(st.booleans()) else [f"{one.flag}={draw(JUNK)}"]
        else:
            found.append(draw(JUNK))
    return found


def ask(name: str, given: list[str]) -> None:
    """Read words as `train` does, and keep what they say; BadInput, or Broken where something is not kept."""
    task = tasks.get(name)
    parser = make_parser(TRAIN, task)
    try:
        chosen = parser.chosen(parser.read(spell([name, *given])))
    # --help ends the process.
    except SystemExit:
        return
    options = choose(task, chosen)
    check(options, task)
    for key, value in chosen.items():
        check_kept(find_options(task)[key], value)
    check_stored(name, options.as_dict())
    # The same words once more, as a message shows them; a value that begins with "-" cannot be typed so.
    again, typed = make_parser(TRAIN, task), type_in(chosen, task)
    plain = not any(isinstance(value, str) and value.startswith("-") for value in chosen.values())
    if plain and (found := again.chosen(again.read([name, *typed]))) != chosen:
        raise Broken(f"typed again, {typed!r:.300} is {found!r:.300}")
    check_conflicts(options)
    suit_cell(options, task, lambda line: check_message(line))


def check_kept(one: Option, value: Value) -> None:
    """Check that a value is in bounds, and that it is read as it is written."""
    one.check(value)
    if one.type is bool or value is None or (one.optional and str(value).lower() == "none"):
        return
    if (found := one.parse(str(value))) != value:
        raise Broken(f"{one.flag} {value!r:.100} is read as {found!r:.100}")


def check_stored(name: str, values: Mapping[str, Value]) -> None:
    """Check that options are the same once they are kept in config.json and read from there."""
    said: list[str] = []
    kept: Any = record.load(record.dump(dict(values)))
    restored = restore(kept, tasks.get(name), FORMAT, tell=said.append).as_dict()
    usual = defaults(tasks.get(name)).as_dict()
    expected = {key: usual[key] if key in PERMISSIONS else value for key, value in values.items()}
    if restored != expected:
        other = {key: (expected[key], restored[key]) for key in expected if expected[key] != restored[key]}
        raise Broken(f"kept and read again, options are others: {other!r:.500}")
