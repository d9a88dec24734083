"""caffe.net_spec: nets written as Python expressions.

`n = NetSpec(); n.data = layers.Input(...); n.conv1 = layers.Convolution(n.data, num_output=8)`
and `n.to_proto()` is the NetParameter.
"""

from collections import Counter, OrderedDict
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from typing import Any

from google.protobuf.message import Message

from catdog.proto import caffe_pb2
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter

_PARAMETER = "Parameter"


def param_name_dict() -> dict[str, str]:
    """By layer type, the field of LayerParameter that has its parameters, without `_param`."""
    return {
        field.message_type.name.removesuffix(_PARAMETER): field.name.removesuffix("_param")
        for field in LayerParameter.DESCRIPTOR.fields
        if field.name.endswith("_param") and field.message_type is not None
    }


#: Beside the types that have a message of their own, those that use another's.
_PARAM_NAMES = {
    **param_name_dict(),
    **dict.fromkeys(("Deconvolution", "Im2col"), "convolution"),
    **dict.fromkeys(("RNN", "LSTM"), "recurrent"),
}


def to_proto(*tops: "Top") -> NetParameter:
    """The net that makes these tops; layers without a name get their type and a number."""
    made: dict[Function, LayerParameter] = {}
    names = _Names({})
    for top in tops:
        top.fn.add_to(made, names)
    return NetParameter(layer=made.values())


def assign_proto(proto: Message, name: str, val: Any) -> None:
    """Set a field: a dict fills a message, a list a repeated field; a single value there is a
    list of one.
    """
    field = getattr(proto, name)
    if hasattr(field, "extend") and not isinstance(val, (list, tuple)):
        val = [val]
    if isinstance(val, (list, tuple)):
        if val and isinstance(val[0], Mapping):
            for item in val:
                _assign_all(field.add(), item)
        else:
            field.extend(val)
    elif isinstance(val, Mapping):
        field.SetInParent()
        _assign_all(field, val)
    else:
        setattr(proto, name, val)


def _assign_all(proto: Message, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        assign_proto(proto, name, value)


class Top:
    """One top of a layer: what later layers take as an input."""

    def __init__(self, fn: "Function", n: int) -> None:
        self.fn, self.n = fn, n

    def to_proto(self) -> NetParameter:
        """The net that makes this top."""
        return to_proto(self)


class _Names:
    """Names of tops and layers: those given, and for others the type and a number."""

    def __init__(self, given: Mapping[Any, str]) -> None:
        self._given: dict[Any, str] = dict(given)
        self._numbers: Counter[str] = Counter()

    def of(self, thing: Any, kind: str) -> str:
        """The name of a top or layer."""
        if thing not in self._given:
            self._numbers[kind] += 1
            self._given[thing] = f"{kind}{self._numbers[kind]}"
        return self._given[thing]


class Function:
    """A layer: its type, its inputs and its parameters.

    `ntop` is the number of its tops and `in_place` writes over the input. Raises TypeError for
    an input that is no Top.
    """

    def __init__(self, type_name: str, inputs: tuple[Top, ...], params: Mapping[str, Any]) -> None:
        self.type_name, self.inputs, self.params = type_name, inputs, dict(params)
        for index, given in enumerate(inputs):
            if not isinstance(given, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(given)})")
        self.ntop: int = self.params.pop("ntop", 1)
        self.in_place: bool = self.params.pop("in_place", False)
        self.tops = tuple(Top(self, n) for n in range(self.ntop))

    def add_to(self, made: dict["Function", LayerParameter], names: _Names) -> None:
        """Add the layer, after those that make its inputs."""
        if self in made:
            return
        for top in self.inputs:
            top.fn.add_to(made, names)
        layer = LayerParameter(type=self.type_name)
        layer.bottom.extend(made[top.fn].top[top.n] for top in self.inputs)
        tops = layer.bottom if self.in_place else [names.of(t, self.type_name) for t in self.tops]
        layer.top.extend(tops)
        layer.name = names.of(self.tops[0] if self.ntop else self, self.type_name)
        for name, value in self.params.items():
            assign_proto(self._home(layer, name), name, value)
        made[self] = layer

    def _home(self, layer: LayerParameter, name: str) -> Message:
        """The message that a parameter belongs to: that of the type, or the layer itself."""
        home = _PARAM_NAMES.get(self.type_name)
        if name.endswith("param") or home is None:
            return layer
        message: Message = getattr(layer, f"{home}_param")
        return message if name in message.DESCRIPTOR.fields_by_name else layer


class NetSpec:
    """Tops by name: what is assigned to an attribute or item becomes a layer of that name."""

    tops: "OrderedDict[str, Top | Function]"

    def __init__(self) -> None:
        super().__setattr__("tops", OrderedDict())

    def __setattr__(self, name: str, value: Top | Function) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str) -> Any:
        try:
            return self.tops[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setitem__(self, name: str, value: Top | Function) -> None:
        self.tops[name] = value

    def __getitem__(self, name: str) -> Any:
        return self.tops[name]

    def __delitem__(self, name: str) -> None:
        del self.tops[name]

    def __delattr__(self, name: str) -> None:
        del self.tops[name]

    def keys(self) -> KeysView[str]:
        """The names."""
        return self.tops.keys()

    def vals(self) -> ValuesView[Top | Function]:
        """The tops."""
        return self.tops.values()

    def items(self) -> ItemsView[str, Top | Function]:
        """Names with tops."""
        return self.tops.items()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add tops as a dict does."""
        self.tops.update(*args, **kwargs)

    def to_proto(self) -> NetParameter:
        """The net, its layers in the order in which they were assigned."""
        made: dict[Function, LayerParameter] = {}
        names = _Names({top: name for name, top in self.tops.items()})
        for top in self.tops.values():
            (top.fn if isinstance(top, Top) else top).add_to(made, names)
        return NetParameter(layer=made.values())


class Layers:
    """`layers.Convolution(bottom, num_output=8)`: a layer of any type.

    Gives its top, a tuple of them for more, or the Function itself for none.
    """

    def __getattr__(self, name: str) -> Any:
        def make(*args: Top, **kwargs: Any) -> Any:
            function = Function(name, args, kwargs)
            if function.ntop == 0:
                return function
            return function.tops[0] if function.ntop == 1 else function.tops

        return make


class Parameters:
    """`params.Pooling.MAX`: the constants of a layer type's parameters."""

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(caffe_pb2, name + _PARAMETER)
        except AttributeError:
            raise AttributeError(f"there are no parameters {name}{_PARAMETER}") from None


layers = Layers()
params = Parameters()
