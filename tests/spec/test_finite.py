"""No number of a spec is nan or infinite, however deep it stands."""

import math

import pytest
from google.protobuf.descriptor import FieldDescriptor

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import LayerParameter, SolverParameter
from catdog.solver.faults import solver_faults
from catdog.spec.finite import not_finite
from catdog.training.check import Inspection, inspect

FLOATS = (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE)
APART = ("BlobProto", "NetParameter")


def floats(descriptor, path=()):
    """Every path of fields that ends in a number with a fraction."""
    for field in descriptor.fields:
        if field.type in FLOATS:
            yield (*path, field.name)
        elif field.message_type and field.message_type.name not in APART:
            yield from floats(field.message_type, (*path, field.name))


def with_number(kind, path, number):
    message = inner = kind()
    for name in path[:-1]:
        repeated = inner.DESCRIPTOR.fields_by_name[name].is_repeated
        inner = getattr(inner, name).add() if repeated else getattr(inner, name)
    if inner.DESCRIPTOR.fields_by_name[path[-1]].is_repeated:
        getattr(inner, path[-1]).extend([0.5, number])
    else:
        setattr(inner, path[-1], number)
    return message


@pytest.mark.parametrize("kind", [SolverParameter, LayerParameter])
def test_every_field_at_every_depth(kind):
    paths = list(floats(kind.DESCRIPTOR))
    assert len(paths) >= 15
    for path in paths:
        for number in (math.nan, math.inf, -math.inf):
            found = [where for where, _ in not_finite(with_number(kind, path, number))]
            bound = path[0] == "clip_param" and number == number
            assert found == ([] if bound else [".".join(path)])
        assert not list(not_finite(with_number(kind, path, 0.5)))


def test_each_of_a_solver_is_a_fault():
    for path in floats(SolverParameter.DESCRIPTOR):
        told = [fault.what for fault in solver_faults(with_number(SolverParameter, path, math.nan))]
        assert f"{'.'.join(path)} must be a finite number, not nan" in told


NET = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 4
    weight_filler { type: "gaussian" std: %s } } }
"""


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_where_it_stands_in_a_net(tmp_path, number):
    path = tmp_path / "net.prototxt"
    path.write_text(NET % number)
    with pytest.raises(CatdogError) as caught:
        inspect(path)
    what = f"inner_product_param.weight_filler.std must be a finite number, not {number}"
    assert str(caught.value) == f'{path}:4:38: layer "ip": {what}'


def test_what_is_set_on_the_command_line(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET % 1)
    wanted = Inspection(overrides=["net.ip.inner_product_param.weight_filler.std=inf"])
    with pytest.raises(CatdogError, match=r"--set .*must be a finite number, not inf"):
        inspect(path, wanted)
