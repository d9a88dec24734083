"""Which layers run backward: the rules of Caffe's Net::Init on small graphs."""

from catdog.pycaffe.flags import Flags, settle


def layer(bottoms="", tops="", *, loss=False, down=(), rates=(), takes=None):
    bottoms, tops = bottoms.split(), tops.split()
    takes = [True] * len(bottoms) if takes is None else takes
    return Flags(bottoms, tops, [loss] * len(tops), down, rates, takes)


def needed(layers, *, force=False):
    settle(layers, force=force)
    return [(each.needed, each.wants()) for each in layers]


def test_below_the_lowest_layer_that_learns_nothing_runs():
    data, frozen = layer("", "data label"), layer("data", "a", rates=[False])
    learning = layer("a", "b", rates=[True])
    loss = layer("b label", "loss", loss=True, takes=[True, False])
    assert needed([data, frozen, learning, loss]) == [
        (False, []),
        (False, [False]),
        (True, [False]),
        (True, [True, False]),
    ]


def test_what_no_loss_stands_on_does_not_run():
    layers = [layer("", "data"), layer("data", "a", rates=[True]), layer("a", "out")]
    assert [flag for flag, _ in needed(layers)] == [False, False, False]


def test_a_loss_that_sends_nothing_down_stops_all_below():
    layers = [
        layer("", "data"),
        layer("data", "a", rates=[True]),
        layer("a", "loss", loss=True, down=[False]),
    ]
    assert needed(layers) == [(False, []), (False, [False]), (True, [False])]


def test_propagate_down_asks_for_a_diff_that_nobody_needs():
    layers = [layer("", "data"), layer("data", "loss", loss=True, down=[True], rates=[True])]
    assert needed(layers)[1] == (True, [True])


def test_force_backward_runs_everything_that_takes_a_diff():
    layers = [
        layer("", "data label"),
        layer("data", "a", rates=[False], down=[False]),
        layer("a label", "out", takes=[True, False]),
    ]
    found = needed(layers, force=True)
    assert found == [(True, []), (True, [True]), (True, [True, False])]
    assert layers[1].parameters == [True]


def test_in_place_layers_count_by_their_blob():
    layers = [
        layer("", "data"),
        layer("data", "a", rates=[True]),
        layer("a", "a"),
        layer("a", "loss", loss=True),
    ]
    assert [flag for flag, _ in needed(layers)] == [False, True, True, True]
