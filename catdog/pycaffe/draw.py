"""caffe.draw: pictures of nets, by Caffe's function names."""

import importlib
import os
from typing import Any

from catdog.errors import CatdogError
from catdog.export import draw as pictures
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, Phase, PoolingParameter
from catdog.spec.rules import filter_net, net_state
from catdog.spec.upgrade import upgrade_net


def get_pooling_types_dict() -> dict[int, str]:
    """The names of the methods of Pooling, by number."""
    return {number: name for name, number in PoolingParameter.PoolMethod.items()}


def get_layer_lr_mult(layer: LayerParameter) -> str:
    """The lr_mult of a layer's parameters, in words; nothing for a layer that learns nothing."""
    if layer.type not in ("Convolution", "Deconvolution", "InnerProduct"):
        return ""
    return "lr mult: " + ("/".join(f"{spec.lr_mult:g}" for spec in layer.param) or "1")


def get_layer_label(layer: LayerParameter, rankdir: str, display_lrm: bool = False) -> str:
    """What stands in a layer's node, in quotes: name, type, kernel.

    Words are apart by spaces where the graph goes up or down, else by line breaks.
    """
    words = [layer.name, f"({layer.type})"]
    if layer.type == "Pooling":
        pooling = layer.pooling_param
        words[1] = f"(Pooling {get_pooling_types_dict()[pooling.pool]})"
        words += _spatial(pooling.kernel_size, pooling.stride, pooling.pad)
    elif layer.type in ("Convolution", "Deconvolution"):
        param = layer.convolution_param
        words += _spatial([*param.kernel_size, 1][0], [*param.stride, 1][0], [*param.pad, 0][0])
    if display_lrm:
        words.append(get_layer_lr_mult(layer))
    separator = " " if rankdir in ("TB", "BT") else "\\n"
    return f'"{separator.join(filter(None, words))}"'


def _spatial(kernel: int, stride: int, pad: int) -> list[str]:
    return [f"kernel size: {kernel}", f"stride: {stride}", f"pad: {pad}"]


def get_edge_label(layer: LayerParameter) -> str:
    """What stands at the arrow from a layer: how many examples or channels come."""
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in ("Convolution", "Deconvolution"):
        return str(layer.convolution_param.num_output)
    if layer.type == "InnerProduct":
        return str(layer.inner_product_param.num_output)
    return '""'


def choose_color_by_layertype(layertype: str) -> str:
    """The ground of a layer's box."""
    return pictures.colour(layertype).fill


def get_pydot_graph(
    caffe_net: NetParameter,
    rankdir: str,
    label_edges: bool = True,
    phase: Phase | None = None,
    display_lrm: bool = False,
) -> Any:
    """The graph as an object of pydot, with a node for each layer and each blob.

    Raises CatdogError where pydot is not installed.
    """
    try:
        pydot: Any = importlib.import_module("pydot")
    except ImportError:
        remedy = "pip install pydot, or use draw_net, which needs neither"
        raise CatdogError("pydot is not installed", remedy=remedy) from None
    net = _filtered(caffe_net, phase)
    graph = pydot.Dot(net.name or "Net", graph_type="digraph", rankdir=rankdir)
    for layer in net.layer:
        node = f"{layer.name}_{layer.type}"
        label = get_layer_label(layer, rankdir, display_lrm)
        fill = choose_color_by_layertype(layer.type)
        graph.add_node(pydot.Node(node, label=label, shape="box", style="filled", fillcolor=fill))
        for blob in {*layer.bottom, *layer.top}:
            graph.add_node(pydot.Node(f"{blob}_blob", label=f'"{blob}"', shape="octagon"))
        for bottom in layer.bottom:
            graph.add_edge(pydot.Edge(f"{bottom}_blob", node))
        label = get_edge_label(layer) if label_edges else '""'
        for top in layer.top:
            graph.add_edge(pydot.Edge(node, f"{top}_blob", label=label))
    return graph


def draw_net(
    caffe_net: NetParameter,
    rankdir: str,
    ext: str = "png",
    phase: Phase | None = None,
    display_lrm: bool = False,
) -> bytes:
    """A net as the content of a picture file; only the layers of a phase, if one is given."""
    net = _filtered(caffe_net, phase)
    return pictures.draw(net, form=ext, rankdir=rankdir, show_rates=display_lrm)


def draw_net_to_file(
    caffe_net: NetParameter,
    filename: str | os.PathLike[str],
    rankdir: str = "LR",
    phase: Phase | None = None,
    display_lrm: bool = False,
) -> None:
    """A net as a picture file, its form by the name's ending."""
    net = _filtered(caffe_net, phase)
    pictures.draw_to_file(net, os.fspath(filename), rankdir=rankdir, show_rates=display_lrm)


def _filtered(net: NetParameter, phase: Phase | None) -> NetParameter:
    """The net in today's form, with the layers of a phase, or with all."""
    today = upgrade_net(net)
    return today if phase is None else filter_net(today, net_state(phase))
