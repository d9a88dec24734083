"""Parameter messages of a layer that its type does not look at, so that one can say so."""

from collections.abc import Iterator

from catdog.proto.caffe_pb2 import LayerParameter, NetParameter

#: Types that read another message than that of their name, or more than one.
_READS = {
    "Data": ("data_param", "transform_param"),
    "Deconvolution": ("convolution_param",),
    "Im2col": ("convolution_param",),
    "ImageData": ("image_data_param", "transform_param"),
    "InfogainLoss": ("infogain_loss_param", "loss_param", "softmax_param"),
    "LSTM": ("recurrent_param",),
    "RNN": ("recurrent_param",),
    "SigmoidCrossEntropyLoss": ("loss_param",),
    "SoftmaxWithLoss": ("softmax_param", "loss_param"),
    "WindowData": ("window_data_param", "transform_param"),
}
_SUFFIX = "_param"
_MESSAGES = {
    field.name.removesuffix(_SUFFIX).replace("_", ""): field.name
    for field in LayerParameter.DESCRIPTOR.fields
    if field.name.endswith(_SUFFIX)
}


def messages_of(kind: str) -> tuple[str, ...]:
    """The parameter messages that a layer type looks at."""
    own = _MESSAGES.get(kind.lower())
    return _READS.get(kind, (own,) if own else ())


def unread(net: NetParameter) -> Iterator[str]:
    """A line for each message that stands in a layer in vain; Caffe too ignores it."""
    for layer in net.layer:
        reads = messages_of(layer.type)
        for field, _ in layer.ListFields():
            if field.name.endswith(_SUFFIX) and field.name not in reads:
                yield f'layer "{layer.name}" ({layer.type}) does not look at {field.name}'
