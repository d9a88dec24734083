"""Old forms of nets and solvers to the present one (caffe/util/upgrade_proto.cpp).

Message to message: layers of 2013 (V0) and 2014 (V1), transformation fields of data layers,
`input` fields, BatchNorm's param fields, and the enum of solver types.
"""

from catdog.errors import Fault, SpecError
from catdog.proto.caffe_pb2 import (
    BlobShape,
    LayerParameter,
    NetParameter,
    ParamSpec,
    SolverParameter,
    V1LayerParameter,
)
from catdog.spec.assign import assign
from catdog.spec.upgrade_v0 import is_v0, upgrade_v0

_V1 = V1LayerParameter
_TYPES = {
    _V1.NONE: "",
    _V1.ABSVAL: "AbsVal",
    _V1.ACCURACY: "Accuracy",
    _V1.ARGMAX: "ArgMax",
    _V1.BNLL: "BNLL",
    _V1.CONCAT: "Concat",
    _V1.CONTRASTIVE_LOSS: "ContrastiveLoss",
    _V1.CONVOLUTION: "Convolution",
    _V1.DATA: "Data",
    _V1.DECONVOLUTION: "Deconvolution",
    _V1.DROPOUT: "Dropout",
    _V1.DUMMY_DATA: "DummyData",
    _V1.EUCLIDEAN_LOSS: "EuclideanLoss",
    _V1.ELTWISE: "Eltwise",
    _V1.EXP: "Exp",
    _V1.FLATTEN: "Flatten",
    _V1.HDF5_DATA: "HDF5Data",
    _V1.HDF5_OUTPUT: "HDF5Output",
    _V1.HINGE_LOSS: "HingeLoss",
    _V1.IM2COL: "Im2col",
    _V1.IMAGE_DATA: "ImageData",
    _V1.INFOGAIN_LOSS: "InfogainLoss",
    _V1.INNER_PRODUCT: "InnerProduct",
    _V1.LRN: "LRN",
    _V1.MEMORY_DATA: "MemoryData",
    _V1.MULTINOMIAL_LOGISTIC_LOSS: "MultinomialLogisticLoss",
    _V1.MVN: "MVN",
    _V1.POOLING: "Pooling",
    _V1.POWER: "Power",
    _V1.RELU: "ReLU",
    _V1.SIGMOID: "Sigmoid",
    _V1.SIGMOID_CROSS_ENTROPY_LOSS: "SigmoidCrossEntropyLoss",
    _V1.SILENCE: "Silence",
    _V1.SOFTMAX: "Softmax",
    _V1.SOFTMAX_LOSS: "SoftmaxWithLoss",
    _V1.SPLIT: "Split",
    _V1.SLICE: "Slice",
    _V1.TANH: "TanH",
    _V1.WINDOW_DATA: "WindowData",
    _V1.THRESHOLD: "Threshold",
}
#: Fields of V1, each a list with one value for each blob, and the field of ParamSpec they became.
_OF_BLOBS = {
    "param": "name",
    "blob_share_mode": "share_mode",
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
}
_TRANSFORMED = {
    _V1.DATA: "data_param",
    _V1.IMAGE_DATA: "image_data_param",
    _V1.WINDOW_DATA: "window_data_param",
}
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")
#: Axes that four `input_dim` give to one `input`.
_LEGACY_AXES = 4
_BATCH_NORM_BLOBS = 3
_SOLVER_TYPES = {
    SolverParameter.SGD: "SGD",
    SolverParameter.NESTEROV: "Nesterov",
    SolverParameter.ADAGRAD: "AdaGrad",
    SolverParameter.RMSPROP: "RMSProp",
    SolverParameter.ADADELTA: "AdaDelta",
    SolverParameter.ADAM: "Adam",
}


def needs_upgrade(net: NetParameter) -> bool:
    """Whether any part of a net is in an old form."""
    return bool(
        net.layers
        or net.input
        or net.input_dim
        or net.input_shape
        or any(_has_old_statistics(layer) for layer in net.layer)
    )


def upgrade_net(net: NetParameter) -> NetParameter:
    """The net in the present form: a new message, or the same where there is nothing to do.

    Raises SpecError with all that cannot be upgraded.
    """
    if not needs_upgrade(net):
        return net
    faults = _mixed(net)
    upgraded = NetParameter()
    upgraded.CopyFrom(net)
    if is_v0(upgraded):
        upgraded, found = upgrade_v0(upgraded)
        faults += found
    faults += _input_faults(upgraded)
    if faults:
        raise SpecError(faults)
    _upgrade_transforms(upgraded)
    upgraded.layer.extend(map(_upgrade_v1, upgraded.layers))
    del upgraded.layers[:]
    _upgrade_inputs(upgraded)
    for layer in filter(_has_old_statistics, upgraded.layer):
        for spec in layer.param:
            spec.lr_mult = spec.decay_mult = 0
    return upgraded


def _mixed(net: NetParameter) -> list[Fault]:
    if not (net.layer and net.layers):
        return []
    return [
        Fault(
            'has both "layer" and "layers" fields',
            remedy='write all as layer { type: "Convolution" ... }',
            layer=net.layers[0].name,
        )
    ]


def _input_faults(net: NetParameter) -> list[Fault]:
    shapes, dims, inputs = len(net.input_shape), len(net.input_dim), len(net.input)
    # nets in old weight files name their inputs and give no sizes
    fits = shapes == inputs if shapes else dims in (0, inputs * _LEGACY_AXES)
    if fits:
        return []
    name, given = ("input_shape", shapes) if shapes else ("input_dim", dims)
    remedy = "write one input_shape, or four input_dim, for each input"
    return [Fault(f"{given} {name} for {inputs} input", remedy=remedy, field=name)]


def _upgrade_transforms(net: NetParameter) -> None:
    """Move what transforms the data into transform_param, in all such layers if in one."""
    layers = [layer for layer in net.layers if layer.type in _TRANSFORMED]
    if not any(_transforms(layer) for layer in layers):
        return
    for layer in layers:
        parameter = getattr(layer, _TRANSFORMED[layer.type])
        parameter.SetInParent()
        layer.transform_param.SetInParent()
        for name in _transforms(layer):
            setattr(layer.transform_param, name, getattr(parameter, name))
            parameter.ClearField(name)


def _transforms(layer: V1LayerParameter) -> list[str]:
    parameter = getattr(layer, _TRANSFORMED[layer.type])
    return [name for name in _TRANSFORM_FIELDS if parameter.HasField(name)]


def _upgrade_v1(old: V1LayerParameter) -> LayerParameter:
    new = LayerParameter()
    for field, value in old.ListFields():
        if field.name == "type":
            new.type = _TYPES[value]
        elif field.name in _OF_BLOBS:
            for index, each in enumerate(value):
                setattr(_spec(new, index), _OF_BLOBS[field.name], each)
        else:
            assign(new, field.name, value)
    return new


def _spec(layer: LayerParameter, index: int) -> ParamSpec:
    while len(layer.param) <= index:
        layer.param.add()
    return layer.param[index]


def _upgrade_inputs(net: NetParameter) -> None:
    """Make `input` fields an Input layer before all others."""
    shapes = list(net.input_shape) or [
        BlobShape(dim=net.input_dim[at : at + _LEGACY_AXES])
        for at in range(0, len(net.input_dim), _LEGACY_AXES)
    ]
    if shapes:
        layer = LayerParameter(name="input", type="Input", top=net.input)
        layer.input_param.shape.extend(shapes)
        others = list(net.layer)
        del net.layer[:]
        net.layer.extend([layer, *others])
    for name in ("input", "input_dim", "input_shape"):
        net.ClearField(name)


def _has_old_statistics(layer: LayerParameter) -> bool:
    """Whether a BatchNorm layer has a param for each of its blobs, as it once had to."""
    return (
        layer.type == "BatchNorm"
        and len(layer.param) == _BATCH_NORM_BLOBS
        and any(spec.lr_mult or spec.decay_mult for spec in layer.param)
    )


def upgrade_solver(solver: SolverParameter) -> SolverParameter:
    """The solver with its type as a string: a new message, or the same if it is one already.

    Raises SpecError where both forms are given.
    """
    if not solver.HasField("solver_type"):
        return solver
    if solver.HasField("type"):
        remedy = f'write type: "{_SOLVER_TYPES[solver.solver_type]}" alone'
        fault = Fault("has both type and solver_type", remedy=remedy, field="solver_type")
        raise SpecError([fault])
    upgraded = SolverParameter()
    upgraded.CopyFrom(solver)
    upgraded.type = _SOLVER_TYPES[solver.solver_type]
    upgraded.ClearField("solver_type")
    return upgraded
