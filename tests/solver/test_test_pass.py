"""Passes of a test net: which examples count, and how much."""

import numpy as np
import pytest

from catdog.solver.events import NetTested
from tests.runs import NET, Run, rows


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
