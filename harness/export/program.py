"""predict.py: a program that answers texts as the run does, made of what its two fields and its format need.

It has what the fields do, written out: pipeline/fields/inputs and outputs. A field of the user's own has no program.
"""

import re
from dataclasses import dataclass

from harness.export.format import Format
from pipeline.fields import InputField, OutputField
from pipeline.fields.tokenizers import get_pattern
from pipeline.record import Json

IMPORTS = {
    "onnx": "onnxruntime",
    "openvino": "openvino",
    "litert": "ai-edge-litert",
    "saved_model": "tensorflow",
    "Image": "pillow",
    "Pixels": "pillow",
    "Sound": "soundfile",
    "subword": "sentencepiece",
    "treebank": "nltk",
}
LINES = {
    "onnxruntime": "import onnxruntime",
    "openvino": "import openvino",
    "ai-edge-litert": "from ai_edge_litert.interpreter import Interpreter",
    "tensorflow": "import tensorflow",
    "pillow": "from PIL import Image, ImageOps",
    "soundfile": "import soundfile",
    "sentencepiece": "from sentencepiece import SentencePieceProcessor",
    "nltk": "from nltk.tokenize import NLTKWordTokenizer",
}

START = """
folder = Path(__file__).resolve().parent
fields = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
given, wanted = fields["input"], fields["output"]
"""

END = """

if __name__ == "__main__":
    for text in sys.argv[1:] or map(str.rstrip, sys.stdin):
        inputs = read(text) if text.strip() else None
        answer = write(run(inputs), inputs) if inputs else {"output": None}
        print(json.dumps(answer, ensure_ascii=False))
"""

# How a typed text becomes arrays, by the type of the input field.
SPELLED = """

def read(text):
    words = np.array([[ids.get(token, 1) for token in divide(text)]], "int32")
    return {"words": words, "mask": np.ones(words.shape, bool)}
"""

SUBWORDS = """
subwords = SentencePieceProcessor(model_proto=base64.b64decode(given["model"]))
"""

TEXT = {
    "word": 're.findall(fields["pattern"], text.replace("<br />", " ").lower())',
    "character": "list(text)",
    "subword": 'subwords.encode(text.replace("<br />", " ").lower(), out_type=str)',
}

READ_TEXT = (
    """
ids = {word: number for number, word in enumerate(given["words"]) if number > 1}


def divide(text):
    tokens, most = DIVIDED, given["max_length"]
    # Of a long text the two ends.
    return tokens if len(tokens) <= most else tokens[: most // 2] + tokens[most // 2 - most :]
"""
    + SPELLED
)

TOKENS = {
    "word": 're.findall(fields["pattern"], text)',
    "blank": "text.split()",
    "character": "[character for character in text if not character.isspace()]",
    "treebank": "NLTKWordTokenizer().tokenize(text)",
}

READ_TOKENS = """
ids = {word: number for number, word in enumerate(given["words"]) if number > 1}
letters = {letter: number for number, letter in enumerate(given["characters"]) if number > 1}
FUNCTIONS

def read(text):
    tokens, width = DIVIDED, given["width"]
    words = np.array([[ids.get(normalise(token), 1) for token in tokens]], "int32")
    characters = np.zeros((1, len(tokens), width), "int32")
    for place, token in enumerate(tokens):
        # Of a long word the two ends.
        kept = token if len(token) <= width else token[: width // 2] + token[-(width // 2) :]
        characters[0, place, : len(kept)] = [letters.get(letter, 1) for letter in kept]
    inputs = {"words": words, "characters": characters, "mask": np.ones(words.shape, bool)}
ADDED    return inputs
"""

# What a word is looked up as; and, with word features, what else there is of it.
NORMALISE = """

def normalise(token):
    return token.lower()
"""

WORD_FEATURES = (
    """shapes = {shape: number for number, shape in enumerate(given["shapes"]) if number > 1}
sides = {
    side: {affix: number for number, affix in enumerate(given[side]) if number > 1} for side in ("prefixes", "suffixes")
}


def normalise(token):
    return re.sub(r"\\d", "0", token.lower())


def find_shape(token):
    marks = ["d" if one.isdigit() else "X" if one.isupper() else "x" if one.isalpha() else one for one in token]
    return "".join(mark for mark, _ in itertools.groupby(marks))


def list_affixes(token, side):
    word, known = normalise(token), sides[side]
    cut = [word[:size] if side == "prefixes" else word[-size:] for size in range(1, min(4, len(word) - 1) + 1)]
    return [known.get(affix, 1) for affix in cut] + [0] * (4 - len(cut))
""",
    """    inputs["shapes"] = np.array([[shapes.get(find_shape(token), 1) for token in tokens]], "int32")
    for side in sides:
        inputs[side] = np.array([[list_affixes(token, side) for token in tokens]], "int32")
""",
)

NGRAMS = (
    """
known = {ngram: number for number, ngram in enumerate(given["ngrams"]) if number > 1}


def list_ngrams(token):
    word = "<" + re.sub(r"\\d", "0", token.lower()) + ">"
    sizes = range(3, given["character_ngrams"] + 1)
    cut = [word[at : at + size] for at in range(len(word) - 2) for size in sizes if at + size <= len(word)]
    found = [known[ngram] for ngram in cut if ngram in known]
    found = found if len(found) <= 32 else found[:16] + found[-16:]
    return found + [0] * (32 - len(found))
""",
    """    inputs["ngrams"] = np.array([[list_ngrams(token) for token in tokens]], "int32")
""",
)

READ_SOURCE = {
    "word": (
        """
ids = {symbol: number for number, symbol in enumerate(given["symbols"]) if number > 3}


def divide(text):
    found = enumerate(re.findall(fields["pattern"], text.strip()LOWER))
    # What follows another word without a space between them begins with a joiner.
    return [word if space or not number else "\\uffed" + word for number, (space, word) in found]
"""
        + SPELLED
    ),
    "character": (
        """
ids = {symbol: number for number, symbol in enumerate(given["symbols"]) if number > 3}


def divide(text):
    return text.strip()LOWER
"""
        + SPELLED
    ),
    "subword": """

def read(text):
    words = np.array([subwords.encode(text.strip()LOWER)], "int32")
    return {"words": words, "mask": np.ones(words.shape, bool)}
""",
}

READ_SERIES = """

def read(text):
    values = np.array([[step.split(",") for step in text.split()]], "float32")
    return {"values": values, "mask": np.ones(values.shape[:2], bool)}
"""

READ_TIME_SERIES = """

def read(text):
    steps = [step.rpartition(":") for step in text.split()[: given["max_length"]]]
    cells = [["nan" if cell in ("?", "") else cell for cell in step.split(",")] for *_, step in steps]
    values = np.array(cells, "float32") - np.array(given["mean"], "float32")
    values /= np.array(given["deviation"], "float32")
    # Time stamps are numbers here; or there are none.
    times = np.array([time for time, *_ in steps], "float64") if steps[0][1] else np.arange(len(steps))
    there = ~np.isnan(values)
FILLED
"""

# What is missing, by --missing.
FILLED = {
    "forward": """
    for number, (step, seen) in enumerate(zip(values, there)):
        values[number] = np.where(seen, step, values[number - 1] if number else 0)
    return {"values": values[None], "mask": np.ones((1, len(values)), bool)}""",
    "mean": """
    return {"values": np.where(there, values, 0)[None], "mask": np.ones((1, len(values)), bool)}""",
    "linear": """
    for channel, seen in zip(values.T, there.T):
        channel[:] = np.interp(times, times[seen], channel[seen]) if seen.any() else 0
    return {"values": values[None], "mask": np.ones((1, len(values)), bool)}""",
    "decay": """
    elapsed = ((times - times[0])[:, None] / given["pace"]).astype("float32")
    arrays = {"values": np.where(there, values, 0), "observed": there.astype("float32"), "time": elapsed}
    return {name: array[None] for name, array in arrays.items()} | {"mask": np.ones((1, len(values)), bool)}""",
}

READ_CATEGORY = """

def read(text):
    return {"category": np.array([given["categories"].index(text.strip())], "int32")}
"""

READ_PROMPT = """
# What is drawn at random depends on the place of a text among all.
place = itertools.count()


def read(text):
    names = given["categories"]
    # "category", "category: seed", or the seed alone where there are no categories.
    heads = [text.strip()] + [text[:end].strip() for end, letter in enumerate(text) if letter == ":"][::-1]
    category = "" if names == [""] else next(head for head in heads if head in names)
    seed = text if names == [""] else text.lstrip()[len(category) :].lstrip().removeprefix(":").lstrip()
    codes = [ord(letter) for letter in seed[-256:]]
    return {
        "category": np.array([names.index(category)], "int32"),
        "seed": np.array([codes + [0] * (256 - len(codes))], "int32"),
        "position": np.array([next(place)], "int32"),
    }
"""

READ_IMAGE = """

def read(path):
    size = given["image_size"]
    image = Image.open(path)
    image.draft("RGB", (size, size))
    image = ImageOps.exif_transpose(image).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    sides = [max(1, round(side * size / max(image.size))) for side in image.size]
    square = Image.new("RGB", (size, size), "white")
    square.paste(image.resize(sides, Image.Resampling.LANCZOS), tuple((size - side) // 2 for side in sides))
    return {"image": np.asarray(square)[None]}
"""

READ_PIXELS = READ_IMAGE.replace('"image_size"', '"side"').replace(
    '    return {"image": np.asarray(square)[None]}\n',
    """    light = np.asarray(square).reshape(-1, 3) @ np.array((0.299, 0.587, 0.114), "float32") / 255
    values = ((light - given["mean"]) / given["deviation"])ORDER.astype("float32")
    return {"values": values[None, :, None], "mask": np.ones((1, size * size), bool)}
""",
)

READ_SOUND = """

def to_mel(hertz):
    return 1127 * np.log1p(hertz / 700)


def read(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != given["rate"]:
        raise SystemExit(f"{path}: {rate} samples a second; bring it to {given['rate']} first")
    samples, width, step = samples.mean(axis=1), round(0.025 * rate), round(0.010 * rate)
    samples = np.pad(samples, (0, max(0, width - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, width)[::step]
    hann, size = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width), 1 << (width - 1).bit_length()
    power = np.abs(np.fft.rfft(windows * hann, size)) ** 2
    edges = np.linspace(to_mel(20), to_mel(rate / 2), given["bands"] + 2)
    place = to_mel(np.fft.rfftfreq(size, 1 / rate))[:, None]
    rise, fall = (place - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - place) / np.diff(edges)[1:]
    energy = power @ np.maximum(0, np.minimum(rise, fall)).astype("float32")
MEASURED
    frames = (frames / np.array(given["deviation"], "float32")).astype("float32")
    return {"frames": frames[None], "mask": np.ones((1, len(frames)), bool)}
"""

# What is taken from the features, by --feature-mean.
MEASURED = {
    "recording": """
    frames = np.log10(np.maximum(energy, max(energy.max() * 1e-8, 1e-30))).astype("float32")
    frames = frames - frames.mean(axis=0)""",
    "shrunk": """
    frames = np.log10(np.maximum(energy, max(energy.max() * 1e-8, 1e-30))).astype("float32")
    frames = frames - frames.mean() - np.array(given["average"], "float32")
    # The mean of the training data counts as 50 frames.
    frames = frames - frames.sum(axis=0) / (len(frames) + 50)""",
    "running": """
    loudest = np.maximum.accumulate(energy.max(axis=1))[:, None]
    frames = np.log10(np.maximum(energy, np.maximum(loudest * 1e-8, 1e-30)))
    # The mean of the training data counts as 100 frames.
    totals = 100 * np.array(given["average"]) + np.cumsum(frames, axis=0)
    frames = frames - totals / (100 + np.arange(1, len(frames) + 1)[:, None])""",
}

# How an answer becomes what the user reads, by the type of the output field.
WRITE = {
    "Label": """

def write(found, inputs):
    label = wanted["labels"][int(found["output"][0])]
    return {"output": label, "probability": float(found["probability"][0])}
""",
    "Labels": """

def write(found, inputs):
    likely = found["output"][0].tolist()
    chosen = [label for label, share in zip(wanted["labels"], likely) if share >= wanted["threshold"]]
    return {"output": sorted(chosen), "probabilities": dict(zip(wanted["labels"], likely))}
""",
    "Tags": """

def write(found, inputs):
    steps = int(inputs["mask"].sum())
    return {"output": [wanted["tags"][number] for number in found["output"][0][:steps]]}
""",
    "Number": """

def write(found, inputs):
    number = float(found["output"][0]) * wanted["deviation"] + wanted["mean"]
    return {"output": min(max(number, wanted["low"]), wanted["high"])}
""",
    "Histogram": """

def write(found, inputs):
    # The median of how likely each level, or range of numbers, is.
    below = np.cumsum(found["output"][0], dtype="float64")
    if wanted.get("levels"):
        return {"output": wanted["levels"][int(np.searchsorted(below, below[-1] / 2))]}
    below = np.concatenate([[0.0], below])
    width = (wanted["high"] - wanted["low"] or 1.0) / (len(below) - 5)
    edges = wanted["low"] + width * np.arange(-2, len(below) - 2)
    number = float(np.interp(below[-1] / 2, below, edges))
    return {"output": min(max(number, wanted["low"]), wanted["high"])}
""",
    "Transcript": """

def write(found, inputs):
    # Padding and the blank say nothing.
    numbers = [number for number in found["output"][0] if number not in (0, 2)]
    symbols = [wanted["symbols"][number] if number > 2 else "\\ufffd" for number in numbers]
    return {"output": ("" if wanted["unit"] == "character" else " ").join(symbols).strip()}
""",
}

WRITE_TEXT = """

def write(found, inputs):
    numbers = found["output"][0].tolist()
    numbers = numbers[: numbers.index(3)] if 3 in numbers else numbers
    symbols = [wanted["symbols"][number] if number > 3 else "\\ufffd" for number in numbers]
    answer = {"output": JOINED}
    return answer | {name: float(found[name][0]) for name in found if name == "probability"}
"""

JOINED = {
    "word": '" ".join(symbols).replace(" \\uffed", "").removeprefix("\\uffed")',
    "character": '"".join(symbols)',
    "subword": '"".join(symbols).replace("\\u2581", " ").strip()',
}


@dataclass(frozen=True)
class Program:
    """source: of predict.py. packages: that it needs, as pip names them. pattern: by which it divides texts, if any."""

    source: str
    packages: tuple[str, ...]
    pattern: str | None


def write_program(form: Format, given: InputField, wanted: OutputField, fields: Json) -> Program | None:
    """Return the program of a model; None where a field is not one of this suite's own, or the format has none.

    fields: both, as pipeline.fields.save writes them.
    """
    read, kinds, pattern = find_reader(type(given).__name__, fields["input"])
    write = find_writer(type(wanted).__name__, fields["output"])
    own = all(type(field).__module__.startswith("pipeline.fields.") for field in (given, wanted))
    if not (own and read and write and form.run):
        return None
    packages = tuple(IMPORTS[kind] for kind in (form.name, type(given).__name__, *kinds) if kind in IMPORTS)
    body = START + ("" if "subword" not in kinds else SUBWORDS) + read + "\n" + form.run + write + END
    standard = [
        f"import {name}"
        for name in ("base64", "itertools", "json", "random", "re", "sys")
        if re.search(rf"\b{name}\.", body)
    ]
    lines = [*standard, "from pathlib import Path", "", "import numpy as np", *(LINES[name] for name in packages)]
    about = f"Answer texts with the {form.title} model beside this file. Needs: {', '.join(('numpy', *packages))}."
    usage = (
        "    python predict.py TEXT ...        or one per line on standard input; a path where the model reads files"
    )
    return Program(f'"""{about}\n\n{usage}\n"""\n\n' + "\n".join(lines) + "\n" + body, packages, pattern)


def find_reader(kind: str, saved: Json) -> tuple[str | None, tuple[str, ...], str | None]:
    """Return the source of `read` for a type of input field, what else it needs, and the pattern that it divides by."""
    unit = saved.get("unit", "")
    if kind == "Text":
        pattern = get_pattern("review") if unit == "word" else None
        return READ_TEXT.replace("DIVIDED", TEXT[unit]), (unit,), pattern
    if kind == "SourceText":
        lower = ".lower()" if saved["lowercase"] else ""
        pattern = get_pattern("apart") if unit == "word" else None
        return READ_SOURCE[unit].replace("LOWER", lower), (unit,), pattern
    if kind == "Tokens":
        tokenizer = saved["tokenizer"]
        pattern = get_pattern("sentence") if tokenizer == "word" else None
        if saved["feature_columns"]:
            # A text that is typed has no columns.
            return None, (), None
        functions, added = WORD_FEATURES if saved["word_features"] else (NORMALISE, "")
        if saved["character_ngrams"]:
            functions, added = functions + NGRAMS[0], added + NGRAMS[1]
        source = READ_TOKENS.replace("FUNCTIONS", functions).replace("ADDED", added)
        return source.replace("DIVIDED", TOKENS[tokenizer]), (tokenizer,), pattern
    if kind == "TimeSeries":
        return READ_TIME_SERIES.replace("FILLED", FILLED[saved["missing"]].strip("\n")), (), None
    if kind == "Pixels":
        order = "[random.Random(0).sample(range(size * size), size * size)]" if saved["order"] == "permuted" else ""
        return READ_PIXELS.replace("ORDER", order), (), None
    if kind == "Sound":
        return READ_SOUND.replace("MEASURED", MEASURED[saved["feature_mean"]].strip("\n")), (), None
    simple = {
        "Series": READ_SERIES,
        "Category": READ_CATEGORY,
        "Prompt": READ_PROMPT,
        "Image": READ_IMAGE,
    }
    return simple.get(kind), (), None


def find_writer(kind: str, saved: Json) -> str | None:
    """Return the source of `write` for a type of output field."""
    if kind in ("TargetText", "Passages"):
        return WRITE_TEXT.replace("JOINED", JOINED[saved["unit"]])
    return WRITE.get(kind)
