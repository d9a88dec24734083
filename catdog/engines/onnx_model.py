"""A net as an ONNX model, checked by running it."""

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export import Dim

from catdog.engines.onnx_layers import PlainNet
from catdog.engines.onnx_operators import translations
from catdog.engines.other_sizes import AXES, is_open, resized, sizes_to_try
from catdog.errors import CatdogError
from catdog.net.example_batch import example_batch
from catdog.net.net import Net
from catdog.runtime.files import replacing

#: How far onnxruntime's numbers may be from ours, relative to the largest.
TOLERANCE = 1e-4
#: The versions of ONNX's operators that torch's exporter writes.
OPSETS = range(18, 24)

#: What no blob is called.
_NEUTRAL = "catdog's "


@dataclass(frozen=True)
class Form:
    """How a model is written.

    Args:
        opset: the version of ONNX's operators, one of OPSETS; torch's own choice without.
        dynamic: the axes of `other_sizes.AXES` that are left open; without any word of it the
            batch, where the layers allow it.
        metadata: goes into its metadata_props.
    """

    opset: int | None = None
    dynamic: tuple[str, ...] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.opset is not None and self.opset not in OPSETS:
            remedy = f"write one from {OPSETS[0]} to {OPSETS[-1]}"
            what = f"torch writes no opset {self.opset}"
            raise CatdogError(what, where="--opset", remedy=remedy)


@dataclass(frozen=True)
class Agreement:
    """How far an output of a model is from the net's, at most over all batches it was run on."""

    output: str
    shapes: tuple[tuple[int, ...], ...]
    difference: float
    largest: float

    def __str__(self) -> str:
        shapes = ", ".join(" x ".join(map(str, shape)) or "one number" for shape in self.shapes)
        of = f"of at most {self.largest:.3g}"
        return f"{self.output} ({shapes}): differs by {self.difference:.1e} {of}"


#: What computes the outputs of a batch by the names of the inputs.
Run = Callable[[Mapping[str, Tensor]], Sequence[NDArray[np.float32]]]


def write_onnx(net: Net, path: str | Path, form: Form | None = None) -> list[Agreement]:
    """Write a net in the TEST phase as an ONNX model of the inputs and outputs of its names.

    The model is run with onnxruntime before the file replaces the target, where height or width
    are open at other sizes too. Gives how far each output is from the net's.

    Raises CatdogError where onnx is not installed, for a net that torch cannot export, for a layer
    that fixes an axis which is to be open, and where the model's numbers are not the net's.
    """
    _check_installed("onnx", "onnxscript", "onnxruntime")
    form = form or Form()
    with replacing(path) as beside:
        remedy = "to_torch.py writes it as a torch module"
        batch = export_onnx(net, beside, form, otherwise=remedy)
        session = importlib.import_module("onnxruntime").InferenceSession(
            beside, providers=["CPUExecutionProvider"]
        )

        def computed(given: Mapping[str, Tensor]) -> Sequence[NDArray[np.float32]]:
            numbers = {name: tensor.numpy() for name, tensor in given.items()}
            found: Sequence[NDArray[np.float32]] = session.run(list(net.outputs), numbers)
            return found

        return agreements(net, batch, form.dynamic or (), computed, "onnxruntime", path)


def export_onnx(
    net: Net, path: Path, form: Form | None = None, *, otherwise: str
) -> Mapping[str, Tensor]:
    """As `write_onnx`, but the model is not run; gives the batch that it was made with.

    `otherwise` is the remedy for a net that torch cannot export.
    """
    _check_installed("onnx", "onnxscript")
    form = form or Form()
    # names the layer that fixes an axis
    sizes_to_try(net, form.dynamic or ())
    batch = example(net, form.dynamic)
    try:
        _export(net, batch, path, form)
    except torch.onnx.errors.OnnxExporterError as error:
        raise cannot(net, error.__cause__ or error, otherwise) from error
    return batch


def cannot(net: Net, error: BaseException, otherwise: str) -> CatdogError:
    """What to say where torch cannot export a net."""
    if isinstance(error, CatdogError):
        return error
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    what, where = f"torch cannot export it: {reason}", f"net {net.name}"
    return CatdogError(what, where=where, remedy=otherwise)


def _check_installed(*packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        remedy = f"pip install {' '.join(packages)}"
        raise CatdogError(f"ONNX needs {', '.join(missing)}", remedy=remedy)


def example(net: Net, dynamic: Collection[str] | None) -> dict[str, Tensor]:
    """An example of each input; of two pictures where the net has one and takes more, since an
    axis of size 1 would be taken to be 1 for ever."""
    batch = example_batch(net)
    asked = dynamic is None or "batch" in dynamic
    if not asked or any(shape[:1] != (1,) for shape in net.inputs.values()):
        return batch
    pair = {name: torch.cat([tensor, tensor]) for name, tensor in batch.items()}
    try:
        with torch.no_grad():
            tops = net(pair).blobs
    except RuntimeError:
        # a layer of the net fixes the batch size
        return batch
    # that they have one is no sign of a fixed batch
    whole = {top for node in net if node.layer.one_for_batch for top in node.tops}
    follow = all(top.shape[:1] == (2,) for name, top in tops.items() if name not in whole)
    return pair if follow else batch


def free_axes(
    batch: Mapping[str, Tensor], dynamic: Collection[str] | None
) -> tuple[dict[int, Any] | None, ...]:
    """For each input the axes that are left open, as torch.export wants them."""
    axes = ("batch",) if dynamic is None else dynamic
    return tuple(
        {
            AXES[axis]: Dim.AUTO
            for axis in axes
            if is_open(axis, tuple(tensor.shape)) and tensor.shape[AXES[axis]] > 1
        }
        or None
        for tensor in batch.values()
    )


def _export(net: Net, batch: Mapping[str, Tensor], path: Path, form: Form) -> None:
    model = PlainNet(net, sizes_vary=sizes_vary(form.dynamic)).eval().requires_grad_(False)
    with quiet():
        program = torch.onnx.export(
            model,
            tuple(batch.values()),
            # neutral names: torch mixes up those that it has given to other values already
            input_names=[f"{_NEUTRAL}in {at}" for at in range(len(net.inputs))],
            output_names=[f"{_NEUTRAL}out {at}" for at in range(len(net.outputs))],
            opset_version=form.opset,
            dynamic_shapes=(free_axes(batch, form.dynamic),),
            dynamo=True,
            custom_translation_table=dict(translations()),
            verbose=False,
        )
    assert program is not None  # it is None for a path or without dynamo
    made = program.model
    if form.opset is not None and made.opset_imports[""] != form.opset:
        what = f"torch cannot write it with opset {form.opset}, but with {made.opset_imports['']}"
        raise CatdogError(what, where=f"net {net.name}", remedy="leave --opset out")
    _name_blobs(made.graph, net)
    _name_axes(made, net, form.dynamic)
    _write_zeros(made)
    made.metadata_props.update(form.metadata)
    program.save(path, external_data=False)


def sizes_vary(dynamic: Collection[str] | None) -> bool:
    """Whether height or width are among the open axes."""
    return not {"height", "width"}.isdisjoint(dynamic or ())


def _name_blobs(graph: Any, net: Net) -> None:
    """Give inputs and outputs the names of the net's blobs, and no other value one of these."""
    ends = (
        *zip(graph.inputs, net.inputs, strict=True),
        *zip(graph.outputs, net.outputs, strict=True),
    )
    taken = {name for _, name in ends}
    inner = [value for node in graph.all_nodes() for value in node.outputs]
    for value in (*inner, *list(graph.initializers.values())):
        if value.name in taken:
            value.name = f"{_NEUTRAL}{value.name}"
    for value, name in ends:
        value.name = name


def _name_axes(model: Any, net: Net, dynamic: Collection[str] | None) -> None:
    """Call the open axes what they are called here; raises CatdogError where torch fixed one."""
    names: dict[str, str] = {}
    for value in model.graph.inputs:
        for axis, at in AXES.items():
            if not is_open(axis, tuple(value.shape)):
                continue
            if isinstance(size := value.shape[at], int):
                if axis in (dynamic or ()):
                    what = f"torch fixes the {axis} of {value.name} at {size}"
                    remedy = f"leave {axis} out of --dynamic"
                    raise CatdogError(what, where=f"net {net.name}", remedy=remedy)
            else:
                names.setdefault(str(size.value), axis)
    for value in (*model.graph.inputs, *model.graph.outputs):
        for at, size in enumerate(value.shape or ()):
            if not isinstance(size, int):
                # what torch works out of them may hold at some sizes alone
                value.shape[at] = names.get(str(size.value))


def _write_zeros(model: Any) -> None:
    """Write out the value of constants that have the one of the standard: OpenCV asks for it."""
    zero = importlib.import_module("onnx_ir")
    for node in model.graph.all_nodes():
        if node.op_type == "ConstantOfShape" and "value" not in node.attributes:
            value = zero.tensor(np.zeros(1, np.float32))
            node.attributes["value"] = zero.AttrTensor("value", value)


@contextmanager
def quiet() -> Iterator[None]:
    """torch tells at length what it cannot solve of the sizes; the model is run to find out."""
    logger = logging.getLogger("torch.fx.experimental.symbolic_shapes")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def agreements(
    net: Net,
    batch: Mapping[str, Tensor],
    dynamic: Collection[str],
    computed: Run,
    program: str,
    target: str | Path,
) -> list[Agreement]:
    """How far what `computed` gives for a batch, and at other sizes, is from the net.

    Raises CatdogError where it is another result.
    """
    runs = [(net, batch)]
    if sizes_vary(dynamic):
        others = [resized(net, steps) for steps in sizes_to_try(net, dynamic)]
        runs += [(other, example_batch(other)) for other in others]
    found = [_compared(*each, computed, program, target) for each in runs]
    return [_joined(each) for each in zip(*found, strict=True)]


def _joined(found: Sequence[Agreement]) -> Agreement:
    shapes = dict.fromkeys(shape for each in found for shape in each.shapes)
    most, largest = max(each.difference for each in found), max(each.largest for each in found)
    return Agreement(found[0].output, tuple(shapes), most, largest)


def _compared(
    net: Net, batch: Mapping[str, Tensor], computed: Run, program: str, target: str | Path
) -> list[Agreement]:
    with torch.no_grad():
        wanted = net(batch).blobs
    try:
        got = computed(batch)
    except Exception as error:  # onnxruntime and torch have kinds of their own
        shapes = ", ".join(str(list(tensor.shape)) for tensor in batch.values())
        what = f"{program} cannot run it on {shapes}; nothing was written"
        raise CatdogError(what, where=str(target)) from error
    pairs = zip(net.outputs, got, strict=True)
    return [_agreement(name, wanted[name].numpy(), each, program, target) for name, each in pairs]


def _agreement(
    name: str,
    wanted: NDArray[np.float32],
    got: NDArray[np.float32],
    program: str,
    target: str | Path,
) -> Agreement:
    if not np.isfinite(wanted).all():
        what = f'the net\'s own "{name}" is no number for an example; nothing was written'
        raise CatdogError(what, where=str(target), remedy="give trained weights")
    largest = float(np.abs(wanted).max(initial=0))
    limit = TOLERANCE * (largest or 1.0)
    same = wanted.shape == got.shape
    if not same or not np.allclose(wanted, got, rtol=TOLERANCE, atol=limit):
        what = f'{program} computes another "{name}" than the net; nothing was written'
        raise CatdogError(what, where=str(target))
    return Agreement(name, (wanted.shape,), float(np.abs(wanted - got).max(initial=0)), largest)
