"""What the tests of pycaffe share: quiet logs, the CPU, random numbers from one seed."""

import pytest

import catdog.pycaffe as caffe


@pytest.fixture(autouse=True)
def quiet():
    caffe.init_log(2)
    caffe.set_mode_cpu()
    caffe.set_random_seed(1)
    yield
    caffe.init_log(0)


@pytest.fixture
def write(tmp_path):
    """Write a prototxt; gives its path."""

    def written(text, name="net.prototxt"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return written
