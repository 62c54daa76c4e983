"""Generated scenes: coloured shapes on a plain ground, and what they show ("a red circle above a blue square").

What is held out is combinations, never words: a model passes only if it has learned what "red" and what "circle" look
like, and puts them together. Nothing is downloaded; each split is the same on every machine.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.example import Alternatives, Example, Splits
from pipeline.fields.picture import Picture

SIZE = 48
COLOURS = {
    "red": (214, 39, 40),
    "yellow": (240, 215, 30),
    "green": (44, 150, 60),
    "blue": (40, 90, 220),
    "purple": (130, 50, 170),
    "pink": (255, 130, 190),
    "brown": (145, 85, 35),
    "black": (25, 25, 25),
}
# A relation, the one that says the same from the other side, and the direction from the second thing to the first.
RELATIONS = {"above": ("below", (0.0, -1.0)), "left of": ("right of", (-1.0, 0.0))}
ALONE = 0.15
# Scenes in which every colour, shape and relation occurs.
ENOUGH = 500

Grid = np.ndarray


def circle(x: Grid, y: Grid) -> Grid:
    return np.hypot(x, y) - 0.95


def square(x: Grid, y: Grid) -> Grid:
    return np.maximum(abs(x), abs(y)) - 0.82


def triangle(x: Grid, y: Grid) -> Grid:
    return np.maximum(0.866 * abs(x) - 0.5 * (y - 0.15), y - 0.15) - 0.55


def cross(x: Grid, y: Grid) -> Grid:
    long, short = np.maximum(abs(x), abs(y)), np.minimum(abs(x), abs(y))
    return np.maximum(long - 1.0, short - 0.32)


def ring(x: Grid, y: Grid) -> Grid:
    return abs(np.hypot(x, y) - 0.72) - 0.24


def moon(x: Grid, y: Grid) -> Grid:
    return np.maximum(np.hypot(x, y) - 1.0, 0.8 - np.hypot(x - 0.5, y))


def star(x: Grid, y: Grid) -> Grid:
    # One half of one of five equal points, from its tip at distance 1.1 to the notch beside it at 0.45.
    angle, radius = np.arctan2(x, -y), np.hypot(x, y)
    part = abs((angle + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)
    across, along = radius * np.sin(part), radius * np.cos(part)
    notch = np.array([0.45 * np.sin(np.pi / 5), 0.45 * np.cos(np.pi / 5)])
    edge = np.array([notch[0], notch[1] - 1.1])
    normal = np.array([-edge[1], edge[0]]) / np.hypot(*edge)
    return across * normal[0] + (along - 1.1) * normal[1]


def heart(x: Grid, y: Grid) -> Grid:
    lobes = np.hypot(abs(x) - 0.45, y + 0.35) - 0.52
    point = (abs(x) + abs(y + 0.02) - 0.98) * 0.707
    return np.minimum(lobes, np.where(y > -0.35, point, 1.0))


# From grids of x and y in units of the shape's size, y downwards, to the distance from its edge, negative inside.
SHAPES: dict[str, Callable[[Grid, Grid], Grid]] = {
    shape.__name__: shape for shape in (circle, square, triangle, star, cross, ring, heart, moon)
}
PAIRS = [(colour, shape) for colour in COLOURS for shape in SHAPES]


def _pairs_held_out(offset: int) -> frozenset[tuple[str, str]]:
    # One per colour and one per shape, so that every word is in as many pairs as any other.
    shapes = list(SHAPES)
    return frozenset((colour, shapes[(number + offset) % len(shapes)]) for number, colour in enumerate(COLOURS))


# Pairs of a colour and a shape that training never shows; what validates chooses the epoch, so it has pairs of its own.
NEW_PAIRS = {"validation": _pairs_held_out(0), "test": _pairs_held_out(3)}


@dataclass(frozen=True)
class Scene:
    """What a scene shows: a colour and shape, and a relation to another pair if there is one."""

    first: tuple[str, str]
    relation: str | None = None
    second: tuple[str, str] | None = None

    def captions(self) -> tuple[str, ...]:
        """Return all that can be said of it: from the one side, and from the other."""
        first = f"a {self.first[0]} {self.first[1]}"
        if self.relation is None or self.second is None:
            return (first,)
        second = f"a {self.second[0]} {self.second[1]}"
        return f"{first} {self.relation} {second}", f"{second} {RELATIONS[self.relation][0]} {first}"

    def pairs(self) -> set[tuple[str, str]]:
        return {self.first} | ({self.second} if self.second else set())


def home(scene: Scene) -> str:
    """Return the split that a scene of pairs which training knows belongs to: a tenth each are held out.

    So the test also has known pairs in a relation, or beside each other, that training never shows. Decided by the
    scene alone, whichever the order in which scenes are drawn.
    """
    if scene.second is None:
        return "train"
    left, right = PAIRS.index(scene.first), PAIRS.index(scene.second)
    draw = random.Random(f"{left} {scene.relation} {right}").random()
    return "test" if draw < 0.1 else "validation" if draw < 0.2 else "train"


def choose(split: str, chooser: random.Random) -> Scene:
    """Return a scene for a split. Half of those held out show a pair of colour and shape that training never shows.

    The other half shows pairs that it knows, in a combination that it never shows.
    """
    known = [pair for pair in PAIRS if not any(pair in held for held in NEW_PAIRS.values())]
    if split != "train" and chooser.random() < 0.5:
        new = chooser.choice(sorted(NEW_PAIRS[split]))
        if chooser.random() < ALONE:
            return Scene(new)
        couple = [new, chooser.choice([pair for pair in known if pair != new])]
        chooser.shuffle(couple)
        return Scene(couple[0], chooser.choice(list(RELATIONS)), couple[1])
    while True:
        if split == "train" and chooser.random() < ALONE:
            return Scene(chooser.choice(known))
        first, second = chooser.sample(known, 2)
        scene = Scene(first, chooser.choice(list(RELATIONS)), second)
        if home(scene) == split:
            return scene


X, Y = np.meshgrid(np.arange(SIZE, dtype="float32") + 0.5, np.arange(SIZE, dtype="float32") + 0.5)


def paint(
    ground: np.ndarray, shape: str, *, colour: np.ndarray, centre: tuple[float, float], size: float, turn: float
) -> None:
    """Paint a shape onto `ground`, (SIZE, SIZE, 3) of float32, its edge smooth over one pixel.

    centre: x and y in pixels. size: about half its width, in pixels. turn: in radians.
    """
    x, y = (X - centre[0]) / size, (Y - centre[1]) / size
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    distance = SHAPES[shape](cosine * x + sine * y, cosine * y - sine * x) * size
    cover = np.clip(0.5 - distance, 0.0, 1.0)[:, :, None]
    ground += cover * (colour - ground)


def draw(scene: Scene, chooser: random.Random) -> np.ndarray:
    """Return a picture of a scene, (SIZE, SIZE, 3) of uint8: place, size, turn, shade and ground differ every time."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * chooser.random()

    def shade(colour: tuple[float, ...], by: float) -> np.ndarray:
        return np.array([value + between(-by, by) for value in colour], "float32").clip(0, 255)

    def paint_pair(pair: tuple[str, str], centre: tuple[float, float], size: float) -> None:
        paint(ground, pair[1], colour=shade(COLOURS[pair[0]], 16), centre=centre, size=size, turn=between(-0.25, 0.25))

    light = between(200, 255)
    ground = np.zeros((SIZE, SIZE, 3), "float32") + shade((light, light, light), 12)
    if scene.second is None or scene.relation is None:
        size = between(7.5, 11)
        paint_pair(scene.first, (between(size, SIZE - size), between(size, SIZE - size)), size)
    else:
        sizes = between(7.5, 10.5), between(7.5, 10.5)
        # Along the relation they do not touch, and across it they lie nearer to each other than along it.
        gap = between(1.1 * sum(sizes), SIZE - sum(sizes))
        across = between(-0.4, 0.4) * gap
        away = RELATIONS[scene.relation][1]
        step = (away[0] * gap + away[1] * across, away[1] * gap + away[0] * across)
        lows = [max(sizes[1], sizes[0] - move) for move in step]
        highs = [min(SIZE - sizes[1], SIZE - sizes[0] - move) for move in step]
        place = [between(low, high) for low, high in zip(lows, highs, strict=True)]
        paint_pair(scene.second, (place[0], place[1]), sizes[1])
        paint_pair(scene.first, (place[0] + step[0], place[1] + step[1]), sizes[0])
    return (ground + 0.5).astype("uint8")


def generate(
    train: int = 24000, validation: int = 1000, test: int = 1000, seed: int = 0, limit: int | None = None
) -> Splits:
    """Return pictures of scenes with their captions, deterministic by seed.

    limit: how many of each split will be used, if not all; a few more are drawn, so that every word occurs.

    Training has one caption per picture, from either side; in validation and test either is right. These two show what
    training does not: see `NEW_PAIRS` and `home`.
    """
    splits: dict[str, list[Example]] = {}
    for split, count in {"train": train, "validation": validation, "test": test}.items():
        chooser = random.Random(f"{split} {seed}")
        splits[split] = []
        for number in range(min(count, max(limit or count, ENOUGH))):
            scene = choose(split, chooser)
            name = f"scenes:{split}:{number + 1}"
            picture = Picture.from_pixels(draw(scene, chooser), name)
            captions = scene.captions()
            output = chooser.choice(captions) if split == "train" or len(captions) == 1 else Alternatives(captions)
            splits[split].append(Example(picture, output, name))
    return {**splits}
