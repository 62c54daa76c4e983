import datetime
import re

import pytest
from babel.dates import format_date
from num2words import num2words

from pipeline.corpora import translations
from pipeline.errors import BadInput


def sizes(splits):
    return [len(splits[split]) for split in ("train", "validation", "test")]


def test_numbers_are_of_the_size_said_and_none_is_in_two_splits():
    splits = translations.numbers(count=5_000)
    assert sizes(splits) == [3_000, 1_000, 1_000]
    every = [example for split in splits.values() for example in split]
    assert len({example.input for example in every}) == len({example.origin for example in every}) == 5_000
    for example in every[::97]:
        number = int(example.origin.removeprefix("num2words:"))
        assert (example.input, example.output) == (num2words(number), num2words(number, lang="fr"))
    assert {f"num2words:{number}" for number in range(100)} <= {example.origin for example in splits["train"]}
    assert splits == translations.numbers(count=5_000)


def test_dates_come_in_many_languages_and_no_date_is_in_two_splits():
    splits = translations.dates(count=4_000)
    assert sizes(splits) == [2_000, 1_000, 1_000]
    every = [example for split in splits.values() for example in split]
    assert len({example.output for example in every}) == 4_000
    for example in every:
        when = datetime.date.fromisoformat(example.output)
        assert 1900 <= when.year < 2100
        # All four digits of the year: nothing is left to guess.
        assert re.search(rf"(?<!\d){when.year}(?!\d)", example.input), example
    assert any("января" in example.input for example in every)
    assert splits == translations.dates(count=4_000)


@pytest.mark.needs("gramps")
@pytest.mark.parametrize("language", ["fr", "de", "es"])
def test_messages_are_about_7000_and_no_english_text_is_in_two_splits(language):
    splits = translations.messages(language)
    assert 6_500 < sum(sizes(splits)) < 8_500
    every = [example for split in splits.values() for example in split]
    assert len({example.input for example in every}) == len(every)
    assert all(0 < len(text) <= 200 for example in every for text in (example.input, example.output))
    known = {example.input: example.output for example in every}
    assert known["Birth"] == {"fr": "Naissance", "de": "Geburt", "es": "Nacimiento"}[language]


def test_missing_messages_say_what_to_install():
    with pytest.raises(BadInput, match="messages-xx: .* is not installed; run: pip install gramps==6.0.8"):
        translations.messages("xx")


def test_no_way_to_write_a_date_is_another_date_s():
    written = {}
    for month, day in [*((month, 11) for month in range(1, 13)), *((11, day) for day in range(1, 13))]:
        when = datetime.date(2011, month, day)
        for locale in translations.LOCALES:
            for form in ("medium", "long", "full"):
                assert written.setdefault(format_date(when, form, locale=locale), when) == when
