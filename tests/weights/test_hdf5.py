import h5py
import numpy as np

from catdog.weights import copy_weights, read_weights, weights_of, write_weights
from tests.weights.nets import FORMATS, SHARED, flat, net


def written(tmp_path, weights, diffs=None) -> h5py.File:
    write_weights(tmp_path / "x.caffemodel.h5", weights, diffs)
    return h5py.File(tmp_path / "x.caffemodel.h5")


def test_groups_and_arrays_are_those_of_caffe(tmp_path):
    weights = read_weights(FORMATS / "model.caffemodel")
    with written(tmp_path, weights) as ours, h5py.File(FORMATS / "model.caffemodel.h5") as caffes:
        seen: dict[str, list[str]] = {"ours": [], "caffes": []}
        ours["data"].visit(seen["ours"].append)
        caffes["data"].visit(seen["caffes"].append)
        assert seen["ours"] == seen["caffes"]
        for name in seen["caffes"]:
            if isinstance(caffes["data"][name], h5py.Dataset):
                assert ours["data"][name].dtype == caffes["data"][name].dtype
                np.testing.assert_array_equal(ours["data"][name], caffes["data"][name])


def test_a_shared_parameter_is_stored_once(tmp_path):
    with written(tmp_path, weights_of(net(SHARED))) as file:
        links = {
            f"{layer}/{i}": file["data"][layer].get(i, getlink=True)
            for layer in ("left", "right", "third")
            for i in "01"
        }
    paths = {name: getattr(link, "path", None) for name, link in links.items()}
    assert paths == {
        "left/0": None,
        "left/1": None,
        "right/0": "/data/left/0",
        "right/1": None,
        "third/0": "/data/left/0",
        "third/1": "/data/left/1",
    }


def test_files_that_leave_shared_parameters_out(tmp_path):
    """As Caffe writes them: each parameter at its owner alone."""
    path, source, target = tmp_path / "x.h5", net(SHARED, seed=1), net(SHARED, seed=2)
    weights = weights_of(source)
    with h5py.File(path, "w") as file:
        for name in ("left/0", "left/1", "right/1"):
            layer, _, index = name.partition("/")
            file[f"data/{name}"] = weights.blobs[layer][int(index)]
        file.create_group("data/third")
    found = read_weights(path)
    assert found.blobs["right"][0] is None
    rows = copy_weights(target, found, strict=True)
    assert {row.state.value for row in rows} == {"copied"}
    for name, array in flat(weights_of(target)).items():
        np.testing.assert_array_equal(array, flat(weights)[name])
    write_weights(tmp_path / "again.h5", found)
    assert flat(read_weights(tmp_path / "again.h5")).keys() == flat(found).keys()


def test_diffs_have_a_group_of_their_own(tmp_path):
    diffs = {"b": [np.ones((2, 4), np.float32), np.zeros(2, np.float32)]}
    with written(tmp_path, weights_of(net()), diffs) as file:
        np.testing.assert_array_equal(file["diff/b/0"], diffs["b"][0])
        assert file["diff/b/1"].shape == (2,)
