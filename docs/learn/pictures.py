"""Make the pictures and the numbers of docs/learn: `make learn-pictures`, some minutes.

A small net learns to tell drawn cats from drawn dogs in input/learn, by the tools as a person would
call them; kernels, feature maps and curves are those of that net. The photo is `chelsea` of
scikit-image (CC0).
"""

import json
from pathlib import Path

import diagrams
import numpy as np
from diagrams import slide
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image
from trained import FIRST, TRAINED, WORK, Numbers, metrics, opened, prepare, tool, transferred

from catdog.data.datum import read_example
from catdog.data.lmdb_store import Reader
from catdog.runtime.optional import optional
from catdog.runtime.picture_style import (
    BLUE,
    INK,
    ORANGE,
    SMALL,
    legend_above,
    style_axes,
    title_left,
    white_figure,
)
from catdog.weights import read_weights, weight_file

HERE = Path(__file__).parent


def chelsea() -> NDArray[np.uint8]:
    """The photo, H x W x 3, RGB."""
    photos = optional("skimage.data", "the photo is scikit-image's", "pip install scikit-image")
    return np.asarray(photos.chelsea(), np.uint8)


def bare(axes: Axes, picture: NDArray[np.generic], title: str = "", **how: object) -> None:
    """A picture without axes."""
    axes.imshow(picture, interpolation="nearest", **how)  # type: ignore[arg-type]
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=SMALL, color=INK)


def seen_by_computer() -> Figure:
    """A photo, a part of it, and the numbers of that part."""
    photo = chelsea()
    part = photo[110:118, 180:188]
    figure = white_figure((9, 3.1))
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.5, 1, 1.15))
    bare(left, photo, "a photo: 451 × 300 dots")
    left.add_patch(_frame(180, 110, 8))
    bare(middle, part, "64 of them")
    bare(right, part[..., 0], "their red, from 0 to 255", cmap="Greys_r", vmin=0, vmax=255)
    for (row, column), number in np.ndenumerate(part[..., 0]):
        ink = "white" if number < 128 else INK
        right.text(column, row, str(number), color=ink, ha="center", va="center", fontsize=7)
    return figure


def _frame(x: int, y: int, side: int) -> Rectangle:
    place = (x - 2, y - 2)
    return Rectangle(place, side + 4, side + 4, fill=False, ec=ORANGE, lw=2)


def edges() -> Figure:
    """A kernel for upright edges and one for level ones, on the photo."""
    grey = chelsea().mean(axis=2)
    upright = np.array(diagrams.KERNEL)
    figure = white_figure((9, 2.4))
    titles = ("the photo", "upright edges", "level edges")
    pictures = (grey, *(np.maximum(slide(grey, k), 0) for k in (upright, -upright.T)))
    for axes, picture, title in zip(figure.subplots(1, 3), pictures, titles, strict=True):
        top = np.quantile(picture, 0.995)
        bare(axes, picture, title, cmap="Greys_r", vmin=0, vmax=top)
    return figure


def tiles(kernels: Numbers) -> list[Numbers]:
    """Kernels (BGR) as pictures: grey is a weight of 0."""
    turned = [kernel[::-1].transpose(1, 2, 0) for kernel in kernels]
    return [0.5 + 0.5 * kernel / np.abs(kernel).max() for kernel in turned]


def kernels() -> Figure:
    """The first kernels of the small net before and after its training."""
    figure = white_figure((9, 3.6))
    parts = figure.subfigures(2, 1, squeeze=False)[:, 0]
    for part, weights, title in zip(parts, (FIRST, TRAINED), ("before", "after"), strict=True):
        found = tiles(np.array(opened(weights).params["conv1"][0].data, np.float64))
        part.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
        for axes, tile in zip(part.subplots(2, 8).flat, found, strict=True):
            bare(axes, tile)
    return figure


def maps() -> Figure:
    """What the trained net makes of a drawn cat and a drawn dog, layer by layer."""
    net = opened(TRAINED)
    labels, scores = net.blobs["label"].data, net.blobs["score"].data
    right = scores.argmax(1) == labels.reshape(-1)
    sure = np.abs(scores[:, 0] - scores[:, 1]) * right
    chosen = [int((sure * (labels.reshape(-1) == each)).argmax()) for each in (0, 1)]
    with Reader(WORK / "input/validation_lmdb") as reader:
        drawings = [read_example(reader.get(place)).array for place in chosen]
    figure = white_figure((9, 2.6))
    for row, (place, drawing) in enumerate(zip(chosen, drawings, strict=True)):
        axes = figure.add_subplot(2, 9, row * 9 + 1)
        bare(axes, drawing[::-1].transpose(1, 2, 0), ("a cat", "a dog")[row])
        for layer in range(4):
            blob = net.blobs[f"conv{layer + 1}"].data
            liveliest = blob.std(axis=(0, 2, 3)).argsort()[::-1][:2]
            for number, channel in enumerate(liveliest):
                axes = figure.add_subplot(2, 9, row * 9 + 2 + 2 * layer + number)
                title = f"layer {layer + 1}" if not number else ""
                bare(axes, blob[place, channel], title, cmap="viridis")
    return figure


def downhill() -> tuple[Figure, float, float]:
    """The loss over one weight, and six steps of gradient descent on it."""
    net = opened(TRAINED)
    weights = net.params["score"][0].data
    useful = np.abs(weights * net.blobs["pool4"].data.reshape(100, -1).mean(0))
    place = np.unravel_index(useful.argmax(), weights.shape)
    best = float(weights[place])

    def loss(value: float) -> float:
        weights[place] = value
        return float(net.forward(start="score")["loss"])

    reach = np.linspace(best - 3, best + 3, 61)
    heights = [loss(value) for value in reach]

    def slope(value: float) -> float:
        return (loss(value + 0.01) - loss(value - 0.01)) / 0.02

    # from high up on the steeper side; the rate lets the first step go two fifths of the way
    start = max(float(reach[4]), float(reach[-5]), key=loss)
    rate = 0.4 * (start - float(reach[np.argmin(heights)])) / slope(start)
    steps = [start]
    for _ in range(6):
        steps.append(steps[-1] - rate * slope(steps[-1]))
    figure = white_figure((7.5, 3.6))
    axes = figure.subplots()
    axes.plot(reach, heights, color=BLUE, lw=2)
    down = [loss(step) for step in steps]
    axes.plot(steps, down, color=ORANGE, marker="o", lw=1, ms=6)
    style_axes(axes)
    title_left(axes, "Loss, as one weight changes")
    axes.set_xlabel("the weight", color=INK)
    return figure, down[0], down[-1]


def overfitting() -> Figure:
    """Losses of the training on few drawings: seen ones and held-out ones."""
    run = metrics("few")
    figure = white_figure((7.5, 3.6))
    axes = figure.subplots()
    axes.plot(run["iteration"], run["train_loss"], color=BLUE, lw=2, label="the hundred it sees")
    axes.plot(run["iteration"], run["loss"], color=ORANGE, lw=2, label="drawings it never saw")
    style_axes(axes)
    title_left(axes, "Loss")
    axes.set_xlabel("iteration", color=INK)
    legend_above(axes, 2)
    return figure


def imagenet() -> Figure:
    """The 32 first kernels of EfficientNet-Lite0, and what four of them make of the photo."""
    weights = read_weights(weight_file("efficientnet_lite0"))
    # in Caffe's terms the 3 x 3 kernels are padded by a row and a column of zeros
    stem = np.asarray(weights.blobs["stem"][0], np.float64)[:, :, -3:, -3:]
    figure = white_figure((9, 3.7))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.3))[:, 0]
    for axes, tile in zip(above.subplots(2, 16).flat, tiles(stem), strict=True):
        bare(axes, tile)
    photo = chelsea()[..., ::-1].astype(np.float64)
    strength = np.array([np.abs(_through(photo, kernel)) for kernel in stem])
    for axes, place in zip(below.subplots(1, 4), unlike(strength, 4), strict=True):
        top = np.quantile(strength[place], 0.99)
        bare(axes, strength[place], f"kernel {place + 1}", cmap="viridis", vmax=top)
    return figure


def unlike(found: Numbers, count: int) -> list[int]:
    """The strongest map, then each time the one that is least like those that are chosen."""
    alike = np.abs(np.corrcoef(found.reshape(len(found), -1)))
    chosen = [int(found.std(axis=(1, 2)).argmax())]
    while len(chosen) < count:
        chosen.append(int(alike[:, chosen].max(axis=1).argmin()))
    return chosen


def _through(photo: Numbers, kernel: Numbers) -> Numbers:
    channels = [slide(photo[..., each], kernel[each]) for each in range(3)]
    return np.asarray(np.sum(channels, axis=0) - np.mean(np.sum(channels, axis=0)))


def save(figure: Figure, name: str) -> None:
    """A small PNG: 256 colours are enough for it."""
    path = HERE / name
    figure.savefig(path)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def main() -> None:
    prepare()
    for name in ("neuron", "sliding", "pooling"):
        save(getattr(diagrams, name)(), f"{name}.png")
    net = opened(TRAINED)
    blobs = [("photo", "data"), *((f"layer {n}", f"pool{n}") for n in range(1, 5))]
    shapes = [(name, *net.blobs[blob].data.shape[1:3]) for name, blob in blobs]
    save(diagrams.layers([*shapes, ("answer", 2, 1)]), "layers.png")
    bowl, high, low = downhill()
    drawn = {"numbers": seen_by_computer(), "edges": edges(), "kernels": kernels(), "maps": maps()}
    drawn |= {"downhill": bowl, "overfitting": overfitting(), "imagenet": imagenet()}
    for name, figure in drawn.items():
        save(figure, f"{name}.png")
    tool("plot_learning_curve", "snapshots/small/train.log", HERE / "curve.png")
    save_small(HERE / "curve.png")
    few = metrics("few")
    numbers = {
        "weights": f"{sum(blob.data.size for blobs in net.params.values() for blob in blobs):,}",
        "accuracy": f"{metrics('small')['accuracy'][-1]:.0%}",
        "few_train_loss": f"{few['train_loss'][-1]:.3f}",
        "few_loss": f"{few['loss'][-1]:.2f}",
        "few_accuracy": f"{few['accuracy'][-1]:.0%}",
        "transferred": f"{transferred():.0%}",
        "loss_before_steps": f"{high:.2f}",
        "loss_after_steps": f"{low:.2f}",
    }
    (HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    print(json.dumps(numbers, indent=1))


def save_small(path: Path) -> None:
    """Half as wide, in 256 colours."""
    with Image.open(path) as picture:
        half = picture.convert("RGB").reduce(2)
    half.quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main()
