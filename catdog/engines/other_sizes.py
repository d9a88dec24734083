"""A net for inputs of other sizes than its own, and which layer keeps it from them."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from catdog.errors import CatdogError, LayerError, SpecError, did_you_mean
from catdog.net.net import Net
from catdog.net.wiring import with_input_shapes
from catdog.spec.shape import Shape

#: What of an input may be left open, and its place in a shape.
AXES = {"batch": 0, "height": 2, "width": 3}
#: By how much sizes are changed, first a little: some nets take multiples alone. Where windows are
#: cut at the edge a net with fixed sizes takes a little more, too, but not this much.
_LITTLE, _MUCH = (1, 6, 16, 32), (64, 128, 256)

Steps = Mapping[str, int]


def open_axes(text: str) -> tuple[str, ...]:
    """The axes of a text such as "batch,height,width"; CatdogError for other words."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in AXES:
            remedy = did_you_mean(word, AXES) or f"write some of {','.join(AXES)}"
            raise CatdogError(f'no axis is called "{word}"', where="--dynamic", remedy=remedy)
    return tuple(dict.fromkeys(words))


def is_open(axis: str, shape: Shape) -> bool:
    """Whether an input of this shape has the axis; height and width are those of pictures."""
    return len(shape) == 4 if axis != "batch" else bool(shape)


def sizes_to_try(net: Net, axes: Collection[str]) -> list[Steps]:
    """By how much the axes are changed to see whether a model is right at other sizes.

    Raises LayerError with the layer that fixes one of the axes, CatdogError where no input has it.
    """
    found = {axis: _steps(net, axis) for axis in axes}
    # a little more of one axis with much more of the next
    return [
        {axis: steps[(at + turn) % len(steps)] for turn, (axis, steps) in enumerate(found.items())}
        for at in range(2 if found else 0)
    ]


def resized(net: Net, steps: Steps) -> Net:
    """The net for inputs that are larger by so much, with the same parameters.

    Raises LayerError with the layer that cannot have them, SpecError as building does.
    """
    shapes = {name: _larger(shape, steps) for name, shape in net.inputs.items()}
    message = with_input_shapes(net.message, shapes)
    other = Net(message, inputs=shapes, setting=net.setting, fill=False)
    for name, wanted in _unlike(net, other):
        raise LayerError(f"would have parameters {_text(wanted)}", layer=name)
    other.share(net)
    return other.requires_grad_(False)


def _larger(shape: Shape, steps: Steps) -> Shape:
    return tuple(
        size + sum(by for axis, by in steps.items() if AXES[axis] == at and is_open(axis, shape))
        for at, size in enumerate(shape)
    )


def _unlike(net: Net, other: Net) -> Iterator[tuple[str, list[Shape]]]:
    """The layers whose parameters have other shapes, and those shapes."""
    for one, node in zip(net, other, strict=True):
        shapes = [node.layer.blobs.shape(at) for at in range(len(node.layer.blobs))]
        if shapes != [one.layer.blobs.shape(at) for at in range(len(one.layer.blobs))]:
            yield node.name, shapes


def _text(shapes: list[Shape]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes)


def _steps(net: Net, axis: str) -> Sequence[int]:
    """The first changes of an axis that the net takes."""
    sizes = {name: shape[AXES[axis]] for name, shape in net.inputs.items() if is_open(axis, shape)}
    if not sizes:
        what = f"no input of the net has a {axis}"
        raise CatdogError(what, where=f"net {net.name}", remedy=_without(axis))
    much = _first(net, axis, _LITTLE if axis == "batch" else _MUCH)
    if isinstance(much, CatdogError):
        raise _fixed(net, axis, sorted(set(sizes.values())), much) from much
    little = _first(net, axis, _LITTLE)
    return [much] if isinstance(little, CatdogError) else [little, much]


def _first(net: Net, axis: str, steps: Sequence[int]) -> int | CatdogError:
    """The first change of an axis that the net takes, or why it takes none."""
    refused = CatdogError("no size was tried")
    for step in steps:
        try:
            resized(net, {axis: step})
        except (LayerError, SpecError) as error:
            refused = error
        else:
            return step
    return refused


def _fixed(net: Net, axis: str, sizes: list[int], why: CatdogError) -> CatdogError:
    size = " and ".join(map(str, sizes))
    if isinstance(why, LayerError) and why.layer:
        kind = f"({net.node(why.layer).type})"
        reason = why.what.removeprefix(kind).strip()
        what = f"{kind} needs {axis} {size}: with more it {reason}"
        return LayerError(what, layer=why.layer, remedy=_without(axis))
    return CatdogError(f"needs {axis} {size}", where=f"net {net.name}", remedy=_without(axis))


def _without(axis: str) -> str:
    return f"leave {axis} out of --dynamic"
