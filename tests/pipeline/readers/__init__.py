"""Reading for the tests: what a reader gives, and what it says."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BadInput
from pipeline.example import Splits
from pipeline.readers.request import Request
from pipeline.readers.tabular.columns import Columns


def read(reader: Any, path: Path, columns: Columns, said: list[str] | None = None, **how: Any) -> Splits:
    """Return what a reader gives. said: takes what it says. how: of the request, else of the reader."""
    own = {name: how.pop(name) for name in list(how) if name not in Request.__dataclass_fields__}
    return reader(Request(Path(path), columns, **how), (said if said is not None else []).append, **own)


def refuse(reader: Any, path: Path, match: str, columns: Columns, **how: Any) -> str:
    """Check that a reader refuses a path with a message that has `match`, a regular expression; return the message."""
    with pytest.raises(BadInput, match=match) as caught:
        read(reader, path, columns, **{"strict": True} | how)
    return str(caught.value)
