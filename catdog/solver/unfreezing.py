"""Layers that are frozen when a training begins and learn from an iteration on."""

from collections.abc import Sequence

from catdog.net.freezing import freeze
from catdog.net.net import Net
from catdog.net.parameters import Learnable
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec.freezing import at_first, by_then


class Unfreezing:
    """The `unfreeze` of a solver.

    Args:
        nets: the trained net and then the others with its layers, frozen as at first.
        model: the trained net's layers without what the solver freezes.
    """

    def __init__(self, param: SolverParameter, nets: Sequence[Net], model: NetParameter) -> None:
        self._param, self._nets, self._model = param, nets, model
        self._left = sorted({each.iteration for each in param.unfreeze})

    def advance(self, iteration: int) -> list[str]:
        """Unfreeze what is due by now; the names of the layers."""
        if not self._left or iteration < self._left[0]:
            return []
        self._left = [at for at in self._left if at > iteration]
        marked = freeze(self._model, at_first(self._param), by_then(self._param, iteration))
        frozen = {layer.name for layer in marked.layer if layer.frozen}
        trained = self._nets[0]
        names = [n.name for n in trained if n.layer.param.frozen and n.name not in frozen]
        for node in (node for net in self._nets for node in net if node.name in names):
            node.layer.param.frozen = False
        if names:
            self._follow(trained)
        return [name for name in names if len(trained.node(name).layer.blobs)]

    def learnable(self) -> list[Learnable]:
        """How the parameters of the trained net learn by now, without the numbers."""
        return self._as_now(self._nets[0]).learnable

    def _follow(self, net: Net) -> None:
        """Let gradients come to the parameters that learn by now."""
        for mine, now in zip(net.learnable, self._as_now(net).learnable, strict=True):
            mine.parameter.requires_grad_(now.parameter.requires_grad)

    def _as_now(self, net: Net) -> Net:
        return Net(net.message, inputs=net.inputs, setting=net.setting, fill=False)
