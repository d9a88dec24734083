"""Layers written in Python, in pycaffe's nets and solvers."""

import numpy as np
import pytest

import catdog.pycaffe as caffe
from catdog.errors import CatdogError
from catdog.pycaffe.install import install

install()

MODULE = "tests.pycaffe.user_layers"


def python(name, kind, bottom="", top="", more=""):
    bottoms = " ".join(f'bottom: "{word}"' for word in bottom.split())
    return f"""layer {{ name: "{name}" type: "Python" {bottoms} top: "{top or name}"
      python_param {{ module: "{MODULE}" layer: "{kind}" {more} }} }}\n"""


INPUT = """layer { name: "in" type: "Input" top: "data"
  input_param { shape { dim: 10 dim: 9 dim: 8 } } }\n"""
THREE = (
    "force_backward: true\n" + INPUT + python("one", "Ten", "data")
    + python("two", "Ten", "one") + python("three", "Ten", "two")
)  # fmt: skip
PARAMETER = INPUT + python("layer", "Weighted", "data", more="""param_str: '{"begin": 2}'""")


def test_forward(write):
    net = caffe.Net(write(THREE), caffe.TRAIN)
    net.blobs["data"].data[...] = 8
    net.forward()
    assert (net.blobs["three"].data == 8000).all()


def test_backward_without_a_forward_pass(write):
    net = caffe.Net(write(THREE), caffe.TRAIN)
    net.blobs["three"].diff[...] = 7
    net.backward()
    assert (net.blobs["data"].diff == 7000).all()


def test_reshape_follows_the_input(write):
    net = caffe.Net(write(THREE), caffe.TRAIN)
    net.blobs["data"].reshape(4, 4, 4, 4)
    net.forward()
    assert all(blob.shape == (4, 4, 4, 4) for blob in net.blobs.values())
    net.blobs["data"].reshape(2)
    net.reshape()
    assert net.blobs["three"].shape == (2,)


def test_what_the_users_code_raises_comes_through(write):
    with pytest.raises(RuntimeError) as caught:
        caffe.Net(write(INPUT + python("layer", "Broken", "data")), caffe.TRAIN)
    assert type(caught.value) is RuntimeError
    with pytest.raises(ValueError, match="one bottom"):
        caffe.Net(write(INPUT + python("layer", "Ten", "data data")), caffe.TRAIN)
    net = caffe.Net(write(INPUT + python("layer", "BrokenLater", "data")), caffe.TRAIN)
    with pytest.raises(ZeroDivisionError):
        net.forward()


def test_a_class_that_is_not_there(write):
    for kind, module in (("Nine", MODULE), ("Ten", "no_such_module_here")):
        text = (INPUT + python("layer", kind, "data")).replace(MODULE, module)
        with pytest.raises(CatdogError, match=f"no class {kind} in a module {module}"):
            caffe.Net(write(text), caffe.TRAIN)


def test_parameters_are_saved_loaded_and_shared(write, tmp_path):
    net = caffe.Net(write("force_backward: true\n" + PARAMETER), caffe.TRAIN)
    layer = net.layers[net._layer_names.index("layer")]
    assert layer.type == "Python" and layer.blobs[0].data.tolist() == [2]
    net.blobs["data"].data[...] = 1
    net.forward()
    net.blobs["layer"].diff[...] = 1
    net.backward()
    assert layer.passes == 1 and layer.blobs[0].diff.tolist() == [720]
    assert (net.blobs["data"].diff == 2).all()
    layer.blobs[0].data[0] = 5
    net.save(tmp_path / "w")
    layer.blobs[0].data[0] = -1
    net.copy_from(tmp_path / "w")
    assert layer.blobs[0].data[0] == 5
    other = caffe.Net(write(PARAMETER), caffe.TRAIN)
    other.share_with(net)
    layer.blobs[0].data[0] = 6
    assert other.layer_dict["layer"].blobs[0].data[0] == 6


@pytest.mark.parametrize("phase", [caffe.TRAIN, caffe.TEST])
def test_a_layer_knows_its_phase(write, phase):
    assert caffe.Net(write(python("phase", "Phase")), phase).forward()["phase"] == phase


def test_a_loss_of_ones_own_trains(write):
    text = f"""layer {{ name: "data" type: "DummyData" top: "data" top: "wanted"
      dummy_data_param {{ shape {{ dim: 2 dim: 3 }}
        data_filler {{ value: 3 }} data_filler {{ value: 12 }} }} }}
    {PARAMETER[len(INPUT) :]}
    layer {{ name: "loss" type: "Python" bottom: "layer" bottom: "wanted" top: "loss"
      loss_weight: 1 python_param {{ module: "{MODULE}" layer: "Distance" }} }}"""
    net = write(text)
    solver = caffe.get_solver(write(f'net: "{net}" base_lr: 0.02 lr_policy: "fixed"', "solver"))
    solver.step(1)
    # (3 * 2 - 12)^2 * 3 / 2 and the step 0.02 * 3 * (12 - 6) * 3
    assert solver.net.blobs["loss"].data.tolist() == [54]
    np.testing.assert_allclose(solver.net.params["layer"][0].data, 2 + 0.02 * 54, rtol=1e-6)
    solver.step(30)
    np.testing.assert_allclose(solver.net.params["layer"][0].data, 4, rtol=1e-3)
    assert not solver.net.blobs["wanted"].diff.any()
