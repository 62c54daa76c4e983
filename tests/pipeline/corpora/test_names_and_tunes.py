"""Packaged names and tunes."""

import re
from pathlib import Path

import pytest

from pipeline.corpora import names_and_tunes, packages
from pipeline.errors import BadInput

TUNES = """
% a collection

X:1
T:The First
M:6/8 % quick
L:1/8
K:D
u"4"e|\\
v(c<A)(A>.B)  "Am"cA | % going up
 !trill!d2 e2 f2 d2 | e2 e2 f2 f2 :|

X:2
T:Too short
M:6/8
K:D
abc|
X:3
T:Without a key
M:6/8
abcdefg abcdefg abcdefg abcdefg abcdefg abcdefg|
"""


def test_no_name_is_in_two_splits_and_each_is_once_in_a_category() -> None:
    splits = names_and_tunes.names()
    assert sum(map(len, splits.values())) == 4_275 + 1_219 + 20_000
    names = [{example.output for example in examples} for examples in splits.values()]
    assert sum(map(len, names)) == len(set.union(*names))
    pairs = [(example.input, example.output) for examples in splits.values() for example in examples]
    assert len(set(pairs)) == len(pairs)
    assert {category for category, _ in pairs} == {"female", "male", "surname"}
    assert all(re.fullmatch("[A-Z][a-z]+", name) for _, name in pairs)
    assert ("female", "Mary") in pairs and ("surname", "Mcdonald") in pairs
    assert names_and_tunes.names() == splits


def test_a_tune_is_its_key_and_its_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ryansMammoth"
    folder.mkdir()
    for number in range(names_and_tunes.RAREST_METER):
        # The last note makes them differ.
        (folder / f"tune{number}.abc").write_text(TUNES.replace(":|", f"g{number} :|"))
    monkeypatch.setattr(names_and_tunes, "locate", lambda *_: tmp_path / "__init__.py")
    splits = names_and_tunes.tunes()
    examples = [example for found in splits.values() for example in found]
    assert len(examples) == names_and_tunes.RAREST_METER and {example.input for example in examples} == {"6/8"}
    first = next(example for example in examples if example.origin == "tune0.abc, tune 1")
    assert first.output == "K:D\ne|\n(c<A)(A>.B) cA |\nd2 e2 f2 d2 | e2 e2 f2 f2 g0 :|"


@pytest.mark.needs("music21")
def test_tunes_are_about_4400_and_none_is_in_two_splits() -> None:
    splits = names_and_tunes.tunes()
    melodies = [{example.output for example in found} for found in splits.values()]
    assert 4_000 < sum(map(len, melodies)) < 4_800
    assert not melodies[0] & (melodies[1] | melodies[2])
    assert all(re.match(r"K:\S.*\n", melody) and len(melody) <= 810 for found in melodies for melody in found)


def test_tunes_without_music21_name_the_file_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = packages.locate
    monkeypatch.setattr(names_and_tunes, "locate", lambda package, *rest: real(f"no-{package}", *rest))
    with pytest.raises(BadInput, match="music21 is not installed; run: pip install -r requirements-extra.txt"):
        names_and_tunes.tunes()
