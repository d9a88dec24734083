"""The looks that a page can ask for: Grad-CAM, occlusion, the inside of a layer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from catdog.analysis.explanation import (
    GRAD_CAM,
    METHODS,
    OCCLUSION,
    Explainer,
    Explanation,
    Heat,
)
from catdog.analysis.explanation_pictures import activation_tiles, kernel_tiles, kernels_of, overlay
from catdog.data.images import Readable
from catdog.inference.predictor import Predictor
from catdog.studio.looks import LookPicture, LookShown, Viewed, histogram_of, picture_of
from catdog.studio.open_nets import OpenNet

LAYER = "layer"
Method = Literal["grad-cam", "occlusion", "layer"]
#: Seconds in which others may ask the net between two batches of an occlusion.
_TURN = 0.002
_TITLES = METHODS | {OCCLUSION: "Occlusion"}


@dataclass(frozen=True)
class LookAsked:
    """What is to be looked at: a photo, and by which class and layer; empty: the usual ones."""

    photo: Readable
    method: Method
    class_name: str = ""
    layer: str = ""


def explainer_of(predictor: Predictor, asked: LookAsked) -> Explainer:
    """What explains it. Raises CatdogError as Explainer does."""
    method = GRAD_CAM if asked.method == LAYER else asked.method
    return Explainer(
        predictor,
        [method],
        class_name=asked.class_name,
        layer=asked.layer if method == GRAD_CAM else "",
        with_activations=asked.method == LAYER,
    )


def looked(net: OpenNet, asked: LookAsked, viewed: Viewed) -> LookShown:
    """What there is to see. Others ask the net meanwhile, between two batches of views.

    Raises Unreadable for what is no photo, CatdogError as Explainer does.
    """
    with _by_turns(net.lock, viewed) as told:
        explainer = explainer_of(net.predictor, asked)
        found = explainer.explain(asked.photo, told)
    if asked.method == LAYER:
        return _inside(explainer, found)
    return _heat(explainer, found, asked.method)


@contextmanager
def _by_turns(lock: threading.Lock, viewed: Viewed) -> Iterator[Viewed]:
    """Holds a lock, and lets others have it whenever views were computed."""

    def told(count: int) -> None:
        lock.release()
        try:
            viewed(count)
            time.sleep(_TURN)
        finally:
            lock.acquire()

    with lock:
        yield told


def _heat(explainer: Explainer, found: Explanation, method: str) -> LookShown:
    name, heat = found.head.names[found.number], found.maps[method]
    layer = f", layer {explainer.node.name}" if explainer.node and method == GRAD_CAM else ""
    return LookShown(
        f"{_TITLES[method]} for {name}{layer}",
        (picture_of(name, overlay(found.picture, heat)),),
        about=_strongest(found, method, float(heat.max())),
    )


def _strongest(found: Explanation, method: str, most: float) -> str:
    """What there is to say of the hottest place of a map."""
    if most <= 0:
        return "No place speaks for it."
    if method != OCCLUSION:
        return "Red: where the layer speaks most for it."
    if found.head.scores:
        return f"Red: covered there, its score falls by up to {most:.3g}."
    return f"Red: covered there, its probability falls by up to {100 * most:.2g} points."


def _inside(explainer: Explainer, found: Explanation) -> LookShown:
    node = explainer.node
    assert node is not None and found.activations is not None
    pictures, histograms = [], []

    def add(title: str, tiles: LookPicture, values: Heat) -> None:
        pictures.append(tiles)
        histograms.append(histogram_of(title, values))

    channels = len(found.activations)
    title = f"activations, the most active of {channels} channels first"
    add("activations", picture_of(title, activation_tiles(found.activations)), found.activations)
    kernels = kernels_of(node)
    if kernels is not None:
        title = f"kernels of {kernels.shape[2]} × {kernels.shape[3]}, {len(kernels)} of them"
        add("weights", picture_of(title, kernel_tiles(kernels)), kernels)
    about = "" if kernels is not None else f"A layer of type {node.type} has no kernels."
    title = f"Inside layer {node.name}"
    return LookShown(title, tuple(pictures), tuple(histograms), about)
