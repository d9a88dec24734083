"""A net of one line for each layer."""

from typing import Self

from catdog.proto.caffe_pb2 import TEST, TRAIN, BlobShape, LayerParameter, NetParameter

MAX, AVE = 0, 1


class Chain:
    """A net that grows layer by layer; each reads the top of the last unless told otherwise."""

    def __init__(self, name: str) -> None:
        self.net = NetParameter(name=name)
        self.last = "data"

    def add(self, name: str, kind: str, *bottoms: str, top: str = "", **fields: object) -> Self:
        """A layer with one top, its own name unless `top` says another."""
        bottom = bottoms or (self.last,)
        self.last = top or name
        self.net.layer.append(
            LayerParameter(name=name, type=kind, bottom=bottom, top=[self.last], **fields)
        )
        return self

    def given(self, name: str, *shapes: tuple[int, ...], tops: tuple[str, ...] = ("data",)) -> Self:
        """An Input layer; with two lists of shapes, one for each phase."""
        layer = LayerParameter(name=name, type="Input", top=tops)
        layer.input_param.shape.extend(BlobShape(dim=shape) for shape in shapes)
        self.net.layer.append(layer)
        return self

    def data(self, name: str, picture: tuple[int, ...], train: int, test: int, *tops: str) -> Self:
        """What stands for the data layers of both phases."""
        for phase, batch in ((TRAIN, train), (TEST, test)):
            shapes = [(batch, *picture), (batch,)][: len(tops)]
            self.given(name, *shapes, tops=tops)
            self.net.layer[-1].include.add(phase=phase)
        return self

    def conv(
        self, name: str, bottom: str, outputs: int, kernel: int, *, bias: bool = True, **sizes: int
    ) -> Self:
        """A convolution with stride, pad and group."""
        lists = {key: [value] for key, value in sizes.items() if key != "group"}
        param = {"num_output": outputs, "kernel_size": [kernel], "bias_term": bias, **lists}
        param["group"] = sizes.get("group", 1)
        return self.add(name, "Convolution", bottom or self.last, convolution_param=param)

    def pool(self, name: str, kernel: int, stride: int, pool: int = MAX, pad: int = 0) -> Self:
        """A pooling of the last blob."""
        sizes = {"kernel_size": kernel, "stride": stride, "pad": pad, "pool": pool}
        return self.add(name, "Pooling", pooling_param=sizes)

    def relu(self, name: str) -> Self:
        """ReLU in place."""
        return self.add(name, "ReLU", top=self.last)

    def norm(self, name: str, size: int = 5, region: int = 0) -> Self:
        """LRN of the last blob."""
        return self.add(name, "LRN", lrn_param={"local_size": size, "norm_region": region})

    def fc(self, name: str, outputs: int, bottom: str = "") -> Self:
        """An inner product."""
        param = {"num_output": outputs}
        return self.add(name, "InnerProduct", bottom or self.last, inner_product_param=param)

    def drop(self, name: str) -> Self:
        """Dropout in place."""
        return self.add(name, "Dropout", top=self.last)

    def judged(self) -> Self:
        """Accuracy, in the TEST phase, and loss of the last blob."""
        scores = self.last
        self.add("accuracy", "Accuracy", scores, "label")
        self.net.layer[-1].include.add(phase=TEST)
        return self.add("loss", "SoftmaxWithLoss", scores, "label")
