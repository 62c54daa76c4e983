"""Fragments: the parts of an answer as HTML. Every value is escaped: see harness/templates/demo.html.j2."""

import base64
import io
from functools import cache

import numpy as np

from harness.page import TEMPLATES, open_template

STYLE = (TEMPLATES / "demo.css").read_text(encoding="utf-8")
# The template is read once.
_load = cache(open_template)


def render(name: str, **values: object) -> str:
    """Return a macro of the template as HTML; values: its arguments."""
    return str(vars(_load("demo.html.j2").module)[name](**values))


def encode_png(pixels: np.ndarray) -> str:
    """Return a picture as a data URI. pixels: (height, width, 3) of uint8."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def colour(values: np.ndarray) -> np.ndarray:
    """Return values, (height, width), as pixels, (height, width, 3) of uint8, from the least to the greatest.

    The map is matplotlib's cividis, which the colour-blind see as others do.
    """
    from matplotlib import colormaps

    low, high = float(values.min()), float(values.max())
    return (colormaps["cividis"]((values - low) / ((high - low) or 1.0))[..., :3] * 255).astype("uint8")
