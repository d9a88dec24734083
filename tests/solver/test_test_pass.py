"""Passes of a test net: which examples count, and how much."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catdog.net.net import Result
from catdog.solver.events import NetTested
from tests.runs import NET, Rows, Run, rows


def outputs_by_hand(run: Run) -> dict[str, float]:
    """Means over the 20 rows of the test feed, example by example."""
    net, feed = run.solver.tests[0].net, rows(batch_size=1)
    blobs = [net(feed.next()).blobs for _ in range(20)]
    return {name: float(np.mean([b[name].item() for b in blobs])) for name in ("accuracy", "loss")}


def result_of(run: Run) -> NetTested:
    (record,) = run.said(NetTested)
    assert isinstance(record, NetTested)
    return record


def test_without_test_iter_every_example_counts_once() -> None:
    run = Run(tests=[None], test_interval=1)
    run.solver.test_all()
    want = outputs_by_hand(run)
    for output in result_of(run).outputs:
        assert output.value == pytest.approx(want[output.name], rel=1e-5)
    assert run.solver.tests[0].feed.position == 0


def test_with_test_iter_batches_count_alike_and_the_cursor_goes_on() -> None:
    run = Run(tests=[2], test_interval=1, test_compute_loss=True)
    run.solver.test_all()
    net, feed = run.solver.tests[0].net, rows()
    losses = [net(feed.next()).blobs["loss"].item() for _ in range(2)]
    record = result_of(run)
    assert record.outputs[1].value == pytest.approx(np.mean(losses), rel=1e-6)
    assert record.loss == pytest.approx(np.mean(losses), rel=1e-6)
    assert run.solver.tests[0].feed.position == 16


def test_outputs_with_a_row_for_each_example_have_no_mean_over_a_smaller_batch() -> None:
    text = NET + 'layer { name: "more" type: "Power" bottom: "data" top: "more" }'
    run = Run(tests=[None], text=text)
    run.solver.test_all()
    assert {o.name for o in result_of(run).outputs} == {"accuracy", "loss"}


COUNTED = """
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 8 dim: 6 } shape { dim: 8 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "marks" type: "Threshold" bottom: "data" top: "marks" }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" top: "each"
  accuracy_param { ignore_label: 255 } }
layer { name: "binary" type: "Accuracy" bottom: "data" bottom: "marks" top: "binary" top: "index"
  accuracy_param { ignore_label: 0 threshold: 0.5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss"
  loss_weight: 2 loss_param { ignore_label: 255 } }
layer { name: "unnamed" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" loss_weight: 3
  loss_param { ignore_label: 255 } }
layer { name: "sigmoid" type: "SigmoidCrossEntropyLoss" bottom: "data" bottom: "marks"
  top: "sigmoid" loss_param { ignore_label: 0 normalization: VALID } }
layer { name: "whole" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "whole"
  loss_weight: 0.5 loss_param { ignore_label: 255 normalization: BATCH_SIZE } }
"""


def counted(tests: list[int | None], labels: NDArray[np.float32]) -> tuple[NetTested, Result]:
    """A pass over 20 examples, and what the net makes of all of them in one batch."""
    run = Run(tests=tests, text=COUNTED, test_interval=1, test_compute_loss=True)
    test = run.solver.tests[0]
    feed = test.feed
    assert isinstance(feed, Rows)
    feed.arrays["label"] = torch.from_numpy(labels)
    run.solver.test_all()
    return result_of(run), test.net(feed.arrays)


# 5 batches of 8 are every example twice
@pytest.mark.parametrize("iterations", [None, 5])
def test_the_mean_over_labels_that_count_is_that_of_one_batch_of_all(
    iterations: int | None,
) -> None:
    labels = np.sort(np.arange(20, dtype=np.float32) % 3)
    labels[[1, 2, 3, 8, 19]] = 255
    found, whole = counted([iterations], labels)
    assert {"accuracy", "binary", "each", "index", "loss"} < {o.name for o in found.outputs}
    for name in {output.name for output in found.outputs}:
        values = [output.value for output in found.outputs if output.name == name]
        assert values == pytest.approx(whole.blobs[name].flatten().tolist(), rel=1e-5), name
    assert found.loss == pytest.approx(whole.loss.item(), rel=1e-5)


def test_a_class_without_an_example_has_no_accuracy() -> None:
    labels = np.sort(np.arange(20, dtype=np.float32) % 2)
    found, _ = counted([None], labels)
    each = [output.value for output in found.outputs if output.name == "each"]
    assert np.isnan(each).tolist() == [False, False, True]


def test_an_output_that_is_written_over_later_is_a_plain_mean() -> None:
    negated = 'type: "Power" bottom: "each" top: "each" power_param { scale: -1 }'
    text = f'{COUNTED} layer {{ name: "neg" {negated} }}'
    run = Run(tests=[None], text=text, test_interval=1)
    run.solver.test_all()
    assert all(o.value <= 0 for o in result_of(run).outputs if o.name == "each")
