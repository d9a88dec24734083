"""How foreign a photo is: the scores against SciPy and scikit-learn, and what weights carry."""

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.neighbors import NearestNeighbors

from catdog.errors import CatdogError
from catdog.inference.foreign import (
    MOST,
    MOST_BYTES,
    Foreignness,
    ForeignScore,
    bank_size,
    energies,
    inside,
    of_length_1,
    rejection,
    score_of,
    spread,
)
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import ConfidenceParameter, NetParameter

NET = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } } }
layer { name: "fc1" type: "InnerProduct" bottom: "data" top: "fc1"
  inner_product_param { num_output: 6 } }
layer { name: "relu" type: "ReLU" bottom: "fc1" top: "fc1" }
layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2"
  inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }
"""


def net(text=NET):
    return Net(text_format.Parse(text, NetParameter()))


def test_the_energy_is_scipys_of_scores_and_of_one_sigmoid():
    scores = np.random.default_rng(0).normal(0, 5, (30, 4)).astype(np.float32)
    np.testing.assert_allclose(energies(scores), -logsumexp(scores, axis=1), rtol=1e-5)
    two = np.stack((-scores[:, 0] / 2, scores[:, 0] / 2), axis=1)
    np.testing.assert_allclose(energies(scores[:, :1]), -logsumexp(two, axis=1), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 30))
def test_the_distance_is_scikit_learns(seed, rank, count):
    rng = np.random.default_rng(seed)
    bank, photos = (of_length_1(rng.normal(1, 1, (n, 8)).astype(np.float32)) for n in (count, 9))
    found = ForeignScore("fc1", bank, rank).of(3 * photos)
    nearest = NearestNeighbors(n_neighbors=min(rank, count)).fit(bank)
    wanted = nearest.kneighbors(photos)[0][:, -1]
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_what_is_carried_is_read_again():
    rng = np.random.default_rng(1)
    bank = of_length_1(rng.normal(size=(40, 6)).astype(np.float32))
    photos = rng.normal(size=(7, 6)).astype(np.float32)
    carried = ForeignScore("fc1", bank, 3).carried(np.array([3, 1, 2], np.float32))
    assert list(carried.known) == [1, 2, 3]
    assert len(carried.features) == 2 * 40 * 6
    again = score_of(carried)
    np.testing.assert_allclose(again.of(photos), ForeignScore("fc1", bank, 3).of(photos), atol=2e-3)
    carried.features = carried.features[:-1]
    with pytest.raises(CatdogError, match="features in the weights are damaged"):
        score_of(carried)
    energy = ForeignScore("fc2").carried(np.zeros(3, np.float32))
    assert not energy.features
    np.testing.assert_allclose(score_of(energy).of(photos), energies(photos))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.05, 0.2]))
def test_no_more_known_photos_are_refused_than_may_be(seed, share):
    rng = np.random.default_rng(seed)
    refused = []
    for _ in range(150):
        known = np.sort(rng.gamma(2, size=150))
        carried = ConfidenceParameter(misfit=[0.0])
        carried.foreign.known.extend(known)
        carried.foreign.blob = "fc2"
        _, found = rejection(carried, share, THE_NET, "")
        refused.append((rng.gamma(2, size=100) > found.limit).mean())
    error = np.std(refused) / np.sqrt(len(refused))
    assert np.mean(refused) < share + 4 * error + 1e-9


THE_NET = net()


def test_scores_and_features_of_a_net():
    assert inside(THE_NET, "prob") == ("fc2", "fc1")
    # a net of one layer has no features but the photo itself
    one = NET.replace('bottom: "fc1" top: "fc2"', 'bottom: "data" top: "fc2"')
    assert inside(net(one), "prob") == ("fc2", "")
    assert inside(THE_NET, "fc2") == ("", "")


def test_what_is_carried_stays_small():
    assert bank_size(64) == MOST
    assert bank_size(1280) * 1280 * 2 <= MOST_BYTES
    places = spread(50, 20)
    assert len(set(places)) == 20
    assert places == sorted(places)
    assert spread(5, 20) == [0, 1, 2, 3, 4]


def test_what_does_not_fit_is_told():
    carried = ConfidenceParameter(misfit=[0.1])
    with pytest.raises(CatdogError, match=r"--reject: the weights do not tell .*--calibrate"):
        rejection(carried, 0.1, THE_NET, "")
    carried.foreign.CopyFrom(ForeignScore("pool9").carried(np.arange(99, dtype=np.float32)))
    with pytest.raises(CatdogError, match='the net has not the blob "pool9"'):
        rejection(carried, 0.1, THE_NET, "")
    carried.foreign.blob = "fc2"
    assert rejection(carried, 0.1, THE_NET, "")[1] == (0.1, 89)
    with pytest.raises(CatdogError, match=r"--reject 0.001: needs 999 photos, .* on 99"):
        rejection(carried, 0.001, THE_NET, "")
    with pytest.raises(CatdogError, match="--reject: the weights were calibrated with a single"):
        rejection(carried, 0.1, THE_NET, "flip")


def test_words():
    assert Foreignness(0.8312, 0.5).words == "foreign 0.831 > 0.5"
    assert not Foreignness(0.5, 0.5).is_refused
