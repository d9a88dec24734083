"""Drawings of cats, dogs and rabbits, to train on before there are photos.

Colour, size, position, light and clutter are drawn from the same distributions for all classes;
only the animal tells them apart.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.data.images import Pixels
from catdog.runtime.files import new_folder
from catdog.runtime.parallel import in_order
from catdog.runtime.progress import progress

CLASSES = ("cat", "dog")
ANIMALS = (*CLASSES, "rabbit")
"""All that can be drawn."""

Color = tuple[float, float, float]
Point = tuple[float, float]

_WIDTH, _HEIGHT = 320, 420
_FURS: tuple[Color, ...] = (
    (60, 120, 205), (90, 160, 225), (70, 90, 130), (50, 60, 75), (120, 120, 125), (175, 185, 190),
    (225, 230, 235), (40, 75, 110), (150, 190, 220), (105, 85, 80),
)  # fmt: skip
_EYES: tuple[Color, ...] = ((70, 190, 120), (60, 180, 220), (190, 150, 90), (50, 100, 150))
_DARK: Color = (25, 22, 25)
_PINK: Color = (150, 140, 235)
_WHITE: Color = (245, 248, 250)


class Sprite:
    """A picture of an animal and the mask of what it covers."""

    def __init__(self) -> None:
        self.pixels = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
        self.mask = np.zeros((_HEIGHT, _WIDTH), np.uint8)

    def ellipse(self, at: Point, axes: Point, color: Color, angle: float = 0) -> None:
        """A filled ellipse with these half axes."""
        for target, value in ((self.pixels, color), (self.mask, (255,))):
            box = (at, (2 * axes[0], 2 * axes[1]), angle)
            cv2.ellipse(target, box, value, -1, cv2.LINE_AA)

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """A filled polygon."""
        corners = np.array(points).round().astype(np.int32)
        for target, value in ((self.pixels, color), (self.mask, (255,))):
            cv2.fillPoly(target, [corners], value, cv2.LINE_AA)

    def line(self, points: Sequence[Point], color: Color, width: float) -> None:
        """A line through these points."""
        corners = np.array(points).round().astype(np.int32)
        for target, value in ((self.pixels, color), (self.mask, (255,))):
            cv2.polylines(target, [corners], False, value, max(1, round(width)), cv2.LINE_AA)


class Appearance(NamedTuple):
    """Random colours, proportions and pose of an animal, drawn before the animal is."""

    fur: Color
    shade: Color
    light: Color
    eye: Color
    x: float
    y: float
    wide: float
    high: float
    turn: float
    marked: bool
    mouth_open: bool


def _mix(one: Color, other: Color, part: float) -> Color:
    mixed = np.array(one) * (1 - part) + np.array(other) * part
    return (float(mixed[0]), float(mixed[1]), float(mixed[2]))


def _fur(rng: np.random.Generator) -> Color:
    return _FURS[rng.integers(len(_FURS))]


def _color(rng: np.random.Generator) -> Color:
    blue, green, red = rng.uniform(0, 255, 3)
    return (blue, green, red)


def _draw_appearance(rng: np.random.Generator) -> Appearance:
    fur = _mix(_fur(rng), _fur(rng), rng.uniform(0, 1))
    return Appearance(
        fur=fur,
        shade=_mix(fur, _DARK, rng.uniform(0.2, 0.5)),
        light=_mix(fur, _WHITE, rng.uniform(0.2, 0.7)),
        eye=_EYES[rng.integers(len(_EYES))],
        x=_WIDTH / 2,
        y=150,
        wide=rng.uniform(66, 86),
        high=rng.uniform(60, 82),
        turn=rng.uniform(-16, 16),
        marked=rng.random() < 0.5,
        mouth_open=rng.random() < 0.6,
    )


def _body(sprite: Sprite, appearance: Appearance, tail: Sequence[Point]) -> None:
    x, bottom = appearance.x, 395
    sprite.line(tail, appearance.shade, 20)
    sprite.ellipse((x, 310), (72, 98), appearance.fur)
    sprite.ellipse((x, 285), (38, 62), appearance.light)
    for side in (-1, 1):
        sprite.ellipse((x + side * 58, 370), (34, 30), appearance.shade)
        sprite.ellipse((x + side * 26, 350), (17, 48), appearance.fur)
        sprite.ellipse((x + side * 28, bottom), (23, 14), appearance.light)


def _pricked_ears(sprite: Sprite, appearance: Appearance, rng: np.random.Generator) -> None:
    """Triangles with a paler inside."""
    x, y, wide, high = appearance.x, appearance.y, appearance.wide, appearance.high
    tall, lean = rng.uniform(40, 72), rng.uniform(-10, 16)
    for side in (-1, 1):
        tip = (x + side * (wide * 0.78 + lean), y - high * 0.55 - tall)
        outer, inner = (x + side * wide * 0.98, y - 8), (x + side * wide * 0.18, y - high * 0.85)
        middle = _between(outer, inner, 0.5)
        sprite.polygon([tip, outer, inner], appearance.fur)
        small = [_between(tip, middle, 0.4), *(_between(p, middle, 0.55) for p in (outer, inner))]
        sprite.polygon(small, _mix(_PINK, appearance.fur, 0.3))


def _between(one: Point, other: Point, part: float) -> Point:
    return (one[0] * (1 - part) + other[0] * part, one[1] * (1 - part) + other[1] * part)


def _hanging_ears(sprite: Sprite, appearance: Appearance, rng: np.random.Generator) -> None:
    long, wide, drop = rng.uniform(40, 66), rng.uniform(20, 27), rng.uniform(6, 26)
    for side in (-1, 1):
        at = (
            appearance.x + side * (appearance.wide * 0.92),
            appearance.y - appearance.high * 0.35 + long * 0.55,
        )
        sprite.ellipse(at, (wide, long), appearance.shade, -side * drop)


def _cat(sprite: Sprite, appearance: Appearance, rng: np.random.Generator) -> None:
    x, y, wide, high = appearance.x, appearance.y, appearance.wide, appearance.high
    swing = rng.uniform(-25, 25)
    _body(
        sprite, appearance, [(x + 50, 385), (x + 105, 370), (x + 122, 320), (x + 105 + swing, 265)]
    )
    _pricked_ears(sprite, appearance, rng)
    sprite.ellipse((x, y), (wide, high), appearance.fur)
    if appearance.marked:
        for at in (-18, 0, 18):
            sprite.line(
                [(x + at, y - high * 0.92), (x + at * 0.7, y - high * 0.5)], appearance.shade, 8
            )
    x += appearance.turn
    for side in (-1, 1):
        sprite.ellipse((x + side * 17, y + high * 0.44), (23, 19), appearance.light)
    slit, whisker = (
        rng.uniform(3, 6),
        _mix((245, 245, 245), appearance.shade, rng.uniform(0.1, 0.7)),
    )
    for side in (-1, 1):
        eye = (x + side * wide * 0.44, y - 4)
        sprite.ellipse(eye, (19, 14), appearance.eye, side * -12)
        sprite.ellipse(eye, (slit, 13), _DARK)
        sprite.ellipse((eye[0] + 4, eye[1] - 5), (3, 3), _WHITE)
        for spread in (-12, 0, 12):
            start = (x + side * 24, y + high * 0.42 + spread * 0.4)
            end = (x + side * (wide + 36), y + high * 0.38 + spread * 1.7)
            sprite.line([start, end], whisker, 2)
    nose = y + high * 0.24
    sprite.polygon([(x - 10, nose), (x + 10, nose), (x, nose + 12)], _PINK)
    for side in (-1, 1):
        mouth = [(x, nose + 12), (x + side * 7, nose + 23), (x + side * 19, nose + 20)]
        sprite.line(mouth, _DARK, 3)


def _dog(sprite: Sprite, appearance: Appearance, rng: np.random.Generator) -> None:
    x, y, wide, high = appearance.x, appearance.y, appearance.wide * 0.9, appearance.high
    swing = rng.uniform(-25, 25)
    _body(sprite, appearance, [(x + 55, 365), (x + 95, 335), (x + 118 + swing * 0.5, 290 + swing)])
    pricked = rng.random() < 0.3
    if pricked:
        _pricked_ears(sprite, appearance, rng)
    sprite.ellipse((x, y), (wide, high), appearance.fur)
    if not pricked:
        _hanging_ears(sprite, appearance, rng)
    x += appearance.turn
    if appearance.marked:
        sprite.ellipse((x - wide * 0.42, y - 12), (27, 29), appearance.shade)
    sprite.ellipse(
        (x, y + high * 0.62), (rng.uniform(34, 44), rng.uniform(42, 54)), appearance.light
    )
    for side in (-1, 1):
        eye = (x + side * wide * 0.42, y - 12)
        sprite.ellipse(eye, (14, 14), _mix(appearance.eye, _WHITE, 0.5))
        sprite.ellipse(eye, (9, 10), _DARK)
        sprite.ellipse((eye[0] + 3, eye[1] - 4), (3, 3), _WHITE)
        brow = [(eye[0] - 12, y - 35 + side * 2), (eye[0] + 12, y - 35 - side * 2)]
        sprite.line(brow, appearance.shade, 4)
    _dog_mouth(sprite, x, y + high * 0.38, tongue=appearance.mouth_open)


def _dog_mouth(sprite: Sprite, x: float, nose: float, *, tongue: bool) -> None:
    if tongue:
        sprite.ellipse((x, nose + 56), (13, 25), _PINK)
        sprite.line([(x, nose + 42), (x, nose + 70)], _mix(_PINK, _DARK, 0.3), 2)
    sprite.line([(x, nose + 8), (x, nose + 34)], _DARK, 3)
    for side in (-1, 1):
        mouth = [(x, nose + 34), (x + side * 14, nose + 41), (x + side * 27, nose + 33)]
        sprite.line(mouth, _DARK, 3)
    sprite.ellipse((x, nose), (18, 13), _DARK)
    sprite.ellipse((x - 5, nose - 5), (4, 2), (150, 150, 150))


def _rabbit(sprite: Sprite, appearance: Appearance, rng: np.random.Generator) -> None:
    x, y, wide, high = appearance.x, appearance.y, appearance.wide * 0.8, appearance.high
    _body(sprite, appearance, [(x + 66, 372), (x + 78, 366)])
    long, lean = rng.uniform(62, 84), rng.uniform(4, 16)
    for side in (-1, 1):
        at = (x + side * wide * 0.42, y - high * 0.6 - long * 0.6)
        sprite.ellipse(at, (17, long), appearance.fur, side * lean)
        sprite.ellipse(at, (8, long * 0.78), _mix(_PINK, appearance.fur, 0.3), side * lean)
    sprite.ellipse((x, y), (wide, high), appearance.fur)
    x += appearance.turn
    for side in (-1, 1):
        sprite.ellipse((x + side * 15, y + high * 0.5), (20, 18), appearance.light)
        eye = (x + side * wide * 0.52, y - 6)
        sprite.ellipse(eye, (11, 14), _DARK)
        sprite.ellipse((eye[0] + 3, eye[1] - 5), (3, 3), _WHITE)
    nose = y + high * 0.3
    sprite.ellipse((x, nose), (8, 6), _PINK)
    sprite.line([(x, nose + 5), (x, nose + 16)], _DARK, 3)
    if appearance.mouth_open:
        sprite.polygon(
            [(x - 8, nose + 18), (x + 8, nose + 18), (x + 7, nose + 36), (x - 7, nose + 36)], _WHITE
        )


def _background(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """A gradient with things in it, in the colours of furs, with corners and without."""
    corners = rng.uniform(60, 190) + rng.normal(0, 38, (2, 2, 3))
    small = np.clip(corners, 0, 255).astype(np.float32)
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    for _ in range(rng.integers(4, 14)):
        _thing(picture, rng, rng.uniform((0, 0), (width, height)), 0.14)
    blur = int(rng.integers(0, 3)) * 2 + 1
    return np.asarray(cv2.GaussianBlur(picture, (blur, blur), 0), np.uint8)


def _thing(picture: Pixels, rng: np.random.Generator, at: NDArray[np.float64], big: float) -> None:
    """An ellipse or a polygon; `big` is its size as part of the picture's."""
    size = min(picture.shape[:2]) * big
    color = _mix(_fur(rng), _color(rng), rng.uniform(0, 0.5))
    if rng.random() < 0.5:
        axes = rng.uniform(0.3, 3, 2) * size
        box = ((at[0], at[1]), (axes[0], axes[1]), rng.uniform(0, 180))
        cv2.ellipse(picture, box, color, -1, cv2.LINE_AA)
    else:
        points = at + rng.normal(0, size, (rng.integers(3, 6), 2))
        cv2.fillPoly(picture, [points.astype(np.int32)], color, cv2.LINE_AA)


def _place(sprite: Sprite, picture: Pixels, rng: np.random.Generator) -> Pixels:
    """The animal somewhere in the picture: turned, scaled, mirrored, now and then cut off."""
    height, width = picture.shape[:2]
    scale = min(width, height) / 300 * rng.uniform(0.42, 1.3)
    turn = cv2.getRotationMatrix2D((_WIDTH / 2, 190), rng.normal(0, 22), scale)
    turn[0, 1] += rng.normal(0, 0.12) * scale
    turn[0, 2] += width * rng.uniform(0.28, 0.72) - _WIDTH / 2
    turn[1, 2] += height * rng.uniform(0.35, 0.65) - 190
    pixels = cv2.warpAffine(sprite.pixels, turn, (width, height), flags=cv2.INTER_AREA)
    mask = cv2.warpAffine(sprite.mask, turn, (width, height), flags=cv2.INTER_AREA)
    part = mask[:, :, None].astype(np.float32) / 255
    mixed = np.asarray(pixels * part + picture * (1 - part), np.uint8)
    return np.ascontiguousarray(mixed[:, ::-1]) if rng.random() < 0.5 else mixed


def _cover(picture: Pixels, rng: np.random.Generator) -> None:
    """Things in front of the animal."""
    height, width = picture.shape[:2]
    for _ in range(rng.integers(0, 5)):
        _thing(picture, rng, rng.uniform((0, 0), (width, height)), rng.uniform(0.03, 0.11))


def _expose(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Light, colour cast, grain and, now and then, no colour."""
    light = rng.uniform(0.6, 1.25) * rng.uniform(0.85, 1.15, 3)
    grain: NDArray[np.float32] = rng.standard_normal(picture.shape, dtype=np.float32)
    lit = (picture - 128.0) * rng.uniform(0.55, 1.1) + 128.0
    lit = lit * light + rng.uniform(-15, 15) + grain * rng.uniform(2, 16)
    if rng.random() < 0.08:
        lit = lit.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def draw(name: str, rng: np.random.Generator) -> Pixels:
    """One of the ANIMALS in BGR, each side between 60 and 400 pixels long."""
    width, height = (int(side) for side in rng.integers(60, 401, 2))
    if max(width, height) > 2 * min(width, height):
        width = height = min(width, height)
    sprite = Sprite()
    {"cat": _cat, "dog": _dog, "rabbit": _rabbit}[name](sprite, _draw_appearance(rng), rng)
    picture = _place(sprite, _background(rng, width, height), rng)
    _cover(picture, rng)
    return _expose(picture, rng)


def draw_sample(
    folder: str | Path,
    *,
    train: int = 2500,
    test: int = 100,
    seed: int = 0,
    classes: Sequence[str] = CLASSES,
) -> None:
    """Draw `train/cat.0.jpg ...` and, without the class in their names, `test1/1.jpg ...`.

    There are as many of each class, counted on their own as on Kaggle; an eighth are PNGs. The
    same seed draws the same pictures. Raises DataError when `train/` or `test1/` exists already.
    """
    folder = Path(folder)
    count = len(classes)
    unknown = np.random.default_rng((seed, 1)).integers(0, count, test).tolist()
    with new_folder(folder / "train") as first, new_folder(folder / "test1") as second:
        names = [classes[i % count] for i in range(train)]
        jobs = [(first / f"{name}.{i // count}", name, i) for i, name in enumerate(names)]
        jobs += [(second / f"{i + 1}", classes[at], train + i) for i, at in enumerate(unknown)]
        drawn = in_order(lambda job: _save(*job, seed), jobs)
        for _ in progress(drawn, "draw", len(jobs), unit="drawings"):
            pass


def _save(path: Path, name: str, number: int, seed: int) -> None:
    rng = np.random.default_rng((seed, 0, number))
    ending = ".png" if rng.random() < 1 / 8 else ".jpg"
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
    data = cv2.imencode(ending, draw(name, rng), quality if ending == ".jpg" else [])[1]
    path.with_name(path.name + ending).write_bytes(data.tobytes())
