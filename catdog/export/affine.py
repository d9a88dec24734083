"""Torch code of the layers with matrices, factors and terms, and of the recurrent ones."""

from math import prod

from catdog.export.blobs import parameter
from catdog.export.code import Code, Emitter, Site, call, result
from catdog.spec.shape import Shape


def _inner_product(site: Site) -> Code:
    param = site.param.inner_product_param
    axis = site.axis(param.axis)
    flat = "" if axis == len(site.shapes[0]) - 1 else f".flatten({axis})"
    if param.transpose:
        return _transposed(site, f"{site.x}{flat}")
    weight, *bias = (blob.detach() for blob in site.layer.blobs)
    inputs = prod(site.shapes[0][axis:])
    made = call("nn.Linear", inputs, param.num_output, bias=None if bias else False)
    state = {f"{site.name}.weight": weight} | ({f"{site.name}.bias": bias[0]} if bias else {})
    return Code(
        [f"{site.tops[0]} = self.{site.name}({site.x}{flat})"],
        [f"self.{site.name} = {made}"],
        state,
    )


def _transposed(site: Site, x: str) -> Code:
    """With the weights as they are: the product of others in memory differs in the last bit."""
    names = (site.part("weight"), site.part("bias"))
    state = {name: blob.detach() for name, blob in zip(names, site.layer.blobs, strict=False)}
    init = [parameter(name, tuple(blob.shape)) for name, blob in state.items()]
    own = [f"self.{name}" for name in state]
    return Code([f"{site.tops[0]} = {call('F.linear', x, f'{own[0]}.t()', *own[1:])}"], init, state)


def _embed(site: Site) -> Code:
    param = site.param.embed_param
    weight, *bias = (blob.detach() for blob in site.layer.blobs)
    made = call("nn.Embedding", param.input_dim, param.num_output)
    init, state = [f"self.{site.name} = {made}"], {f"{site.name}.weight": weight}
    text = f"{site.tops[0]} = self.{site.name}({site.x}.long())"
    if bias:
        init.append(parameter(site.part("bias"), tuple(bias[0].shape)))
        state[site.part("bias")] = bias[0]
        text += f" + self.{site.part('bias')}"
    return Code([text], init, state)


def _scale(site: Site) -> Code:
    blobs = [blob.detach() for blob in site.layer.blobs]
    axis = site.param.scale_param.axis
    names = ["weight", "bias"] if len(site.bottoms) == 1 else ["bias"]
    named = {site.part(name): blob for name, blob in zip(names, blobs, strict=False)}
    shapes = [tuple(blob.shape) for blob in blobs]
    own = [f"self.{name}" for name in named]
    if len(site.bottoms) > 1:
        own.insert(0, site.bottoms[1])
        shapes.insert(0, site.shapes[1])
    factor, *term = (
        _along(site, axis, text, shape) for text, shape in zip(own, shapes, strict=True)
    )
    text = f"torch.addcmul({term[0]}, {site.x}, {factor})" if term else f"{site.x} * {factor}"
    init = [parameter(name, tuple(blob.shape)) for name, blob in named.items()]
    return Code([f"{site.tops[0]} = {text}"], init, named)


def _bias(site: Site) -> Code:
    axis = site.param.bias_param.axis
    if len(site.bottoms) > 1:
        return result(site, f"{site.x} + {_along(site, axis, site.bottoms[1], site.shapes[1])}")
    name, blob = site.part("bias"), site.layer.blobs[0].detach()
    term = _along(site, axis, f"self.{name}", tuple(blob.shape))
    return Code(
        [f"{site.tops[0]} = {site.x} + {term}"], [parameter(name, tuple(blob.shape))], {name: blob}
    )


def _along(site: Site, axis: int, text: str, shape: Shape) -> str:
    """A factor or term with axes of size 1 behind it, for the axes where it does not run."""
    after = len(site.shapes[0]) - site.axis(axis) - len(shape) if shape else 0
    return f"{text}[...{', None' * after}]" if after else text


def _rnn(site: Site) -> Code:
    names = ["x_to_h.weight", "x_to_h.bias", "static_to_h.weight"]
    return _recurrent(site, "SequenceRNN", names, ["h_to_h.weight", "h_to_o.weight", "h_to_o.bias"])


def _lstm(site: Site) -> Code:
    names = ["x_to_c.weight", "x_to_c.bias", "static_to_c.weight"]
    return _recurrent(site, "SequenceLSTM", names, ["h_to_c.weight"])


def _recurrent(site: Site, kind: str, first: list[str], last: list[str]) -> Code:
    """A module whose last states are outputs, or else kept for the next pass to go on from."""
    param = site.param.recurrent_param
    states = ["hidden", "cell"][: 2 if kind == "SequenceLSTM" else 1]
    static = len(site.bottoms) - (len(states) if param.expose_hidden else 0) > 2
    sizes = [prod(site.shapes[0][2:]), param.num_output]
    sizes += [prod(site.shapes[2][1:])] if static else []
    names = [*(first if static else first[:2]), *last]
    state = {
        f"{site.name}.{name}": blob.detach()
        for name, blob in zip(names, site.layer.blobs, strict=True)
    }
    init = [f"self.{site.name} = {call(kind, *sizes)}"]
    x, cont, *rest = site.bottoms
    arguments = [x, cont, rest[0] if static else "None"]
    if param.expose_hidden:
        before = [f"{name}[0]" for name in rest[-len(states) :]]
        forward = [f"{', '.join(site.tops)} = {call(f'self.{site.name}', *arguments, *before)}"]
        forward += [f"{top} = {top}.unsqueeze(0)" for top in site.tops[1:]]
        return Code(forward, init, state)
    kept = f"self.{site.part('state')}"
    run = call(f"self.{site.name}", *arguments, f"*{kept}")
    return Code([f"{site.tops[0]}, *{kept} = {run}"], [*init, f"{kept}: list[Tensor] = []"], state)


def _lstm_unit(site: Site) -> Code:
    cell, gates, cont = site.bottoms
    return Code([f"{', '.join(site.tops)} = lstm_unit({cell}, {gates}, {cont}.unsqueeze(2))"])


TABLE: dict[str, Emitter] = {
    "InnerProduct": _inner_product,
    "Embed": _embed,
    "Scale": _scale,
    "Bias": _bias,
    "RNN": _rnn,
    "LSTM": _lstm,
    "LSTMUnit": _lstm_unit,
}
