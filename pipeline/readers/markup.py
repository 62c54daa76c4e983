"""Marked-up texts: XML whose elements mark the entities, as DeLFT, Le Monde's corpus and OntoNotes have them.

<p>You are a <rs type="insult">fool</rs>.</p>                                       TEI
<sentence>in <ENAMEX type="Location">France</ENAMEX> they fell</sentence>            a sentence per element
<DOC><ENAMEX TYPE="DATE">Today</ENAMEX> it rained .                                  a sentence per line
"""

import re
from itertools import groupby
from pathlib import Path
from xml.parsers import expat

from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.fields.tokenizers import divide_sentence

SENTENCES = frozenset(("p", "s", "sentence"))
ENTITIES = frozenset(("rs", "enamex", "ex_enamex", "numex", "timex"))
SENTENCE = re.compile(r"<(?:\w+:)?(?:p|s|sentence)[\s>]", re.IGNORECASE)
ENTITY = re.compile(rf"<(?:{'|'.join(sorted(ENTITIES))})\s[^>]*>", re.IGNORECASE)

# The kind of an entity, and its number: two of one kind may be neighbours. None: outside of any.
Entity = tuple[str, int] | None


def is_markup(text: str) -> bool:
    """Tell whether a text is XML in which entities are marked: no token "<" with its tag."""
    return text.lstrip().startswith("<") and ENTITY.search(text) is not None


def read(path: Path, text: str) -> list[tuple[int, Example]]:
    """Return the sentences of a file, each with its line. Their tokens are words and punctuation marks.

    An entity in another belongs to the outer one. Raises BadInput for a file that is not well-formed, for an entity
    without a type, and for a file without any entity.
    """
    document = _Document(path, by_line=not SENTENCE.search(text))
    try:
        document.parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise BadInput(f"{path}:{error.lineno}: not well-formed XML ({error}); is the file whole?") from None
    document.finish_sentence()
    if not document.count:
        names = ", ".join(f"<{name}>" for name in sorted(ENTITIES))
        raise BadInput(f"{path}: no entity is marked in it; expected elements such as {names} with a type.")
    found = []
    for line, pieces in document.sentences:
        tokens, tags = [], []
        for entity, parts in groupby(pieces, key=lambda piece: piece[1]):
            words = divide_sentence("".join(text for text, _ in parts), "word")
            tokens += words
            tags += [f"{'I' if place else 'B'}-{entity[0]}" if entity else "O" for place in range(len(words))]
        if tokens:
            found.append((line, Example(tuple(tokens), tuple(tags), f"{path.name}:{line}")))
    return found


class _Document:
    """What the parser of a file finds.

    by_line: a sentence is a line of text; else it is an element. sentences: the line of each, and its pieces of text.
    count: of the entities.
    """

    def __init__(self, path: Path, by_line: bool):
        self.path, self.by_line = path, by_line
        self.sentences: list[tuple[int, list[tuple[str, Entity]]]] = []
        self.pieces: list[tuple[str, Entity]] = []
        self.line, self.count = 1, 0
        self.open: list[Entity] = []
        self.inside = by_line
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2].lower()
        if name in SENTENCES and not self.by_line:
            self.finish_sentence()
            self.inside = True
        elif name in ENTITIES:
            kind = attributes.get("type") or attributes.get("TYPE")
            if not kind:
                raise BadInput(f"{self.path}:{self.parser.CurrentLineNumber}: <{name}> has no type; mend the file.")
            self.count += 1
            self.open.append(("-".join(kind.split()), self.count))

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2].lower()
        if name in SENTENCES and not self.by_line:
            self.finish_sentence()
            self.inside = False
        elif name in ENTITIES:
            self.open.pop()

    def _add(self, text: str) -> None:
        if self.by_line and "\n" in text and not self.open:
            self.finish_sentence()
        elif self.inside:
            if not self.pieces:
                self.line = self.parser.CurrentLineNumber
            self.pieces.append((text, self.open[0] if self.open else None))

    def finish_sentence(self) -> None:
        """End the sentence that is read, if any."""
        if self.pieces:
            self.sentences.append((self.line, self.pieces))
        self.pieces = []
