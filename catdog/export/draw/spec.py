"""From the file of a net to the file of its picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catdog.errors import CatdogError
from catdog.export.draw.picture import draw_to_file
from catdog.net.abstract import GIVEN, blueprint
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, Phase
from catdog.spec import Spec, filter_net, net_state, read_net
from catdog.spec.data_layers import brings_data
from catdog.spec.rules import check_stages, is_kept
from catdog.spec.shape import Shape
from catdog.spec.states import other_flags, state_words


@dataclass(frozen=True)
class Depicted:
    """What of a net a picture shows.

    Args:
        phase: None for TRAIN, or TEST where the net has data there alone.
        level, stages: of the state, beside those of the net's own.
        whole: all layers, whatever their rules; a net that nobody can build, so without sizes.
        given: shapes of data blobs whose data are not there.
        provide_caffe: lets `import caffe` work in Python layers; None refuses them.
    """

    phase: Phase | None = None
    level: int = 0
    stages: Sequence[str] = ()
    whole: bool = False
    given: Mapping[str, Shape] = field(default_factory=dict)
    provide_caffe: Callable[[], object] | None = None


def draw_spec(
    path: str | Path,
    target: str | Path,
    shown: Depicted | None = None,
    *,
    rankdir: str = "",
    show_rates: bool = False,
    tell: Callable[[str], object] = lambda _: None,
) -> str:
    """Draw the net of a file in one state; returns a line: what is drawn, and how to see the rest.

    The picture shows the sizes of blobs. What is assumed of data that are not there is told, and
    why sizes are missing: a net that cannot be built yet can be looked at. Raises SpecError for a
    stage that no layer looks at, CatdogError for a shape of no blob, and as `read_net` and `draw`.
    """
    shown = shown or Depicted()
    spec = read_net(path)
    check_stages(spec.message, shown.stages)
    if shown.whole:
        net, shapes = spec.message, dict[str, Shape]()
        words, others = "all layers of all states", "to see one of them: --phase TRAIN"
    else:
        state = _state(spec.message, shown)
        with spec.located():
            net = filter_net(spec.message, state)
        shapes = _shapes(spec, state, shown, tell)
        words = state_words(spec.message, state)
        others = "; ".join(other_flags(spec.message, state))
        others = others and f"for other layers: {others}"
    title = ": ".join(filter(None, [net.name, words]))
    draw_to_file(net, target, title=title, rankdir=rankdir, shapes=shapes, show_rates=show_rates)
    words = words or "the net, which is the same in each state"
    return "; ".join(filter(None, [f"{target}: {words}", others]))


def _state(net: NetParameter, shown: Depicted) -> NetState:
    """The state as wanted; of the net's own its stages, and its level where none is wanted."""
    state = net_state(TRAIN, shown.level, shown.stages, net.state)
    state.phase = TRAIN
    if shown.phase is not None:
        state.phase = shown.phase
    elif not _has_data(net, state):
        state.phase = TEST
        state.phase = TEST if _has_data(net, state) else TRAIN
    return state


def _has_data(net: NetParameter, state: NetState) -> bool:
    return any(brings_data(layer) and is_kept(layer, state) for layer in net.layer)


def _shapes(
    spec: Spec[NetParameter], state: NetState, shown: Depicted, tell: Callable[[str], object]
) -> dict[str, Shape]:
    try:
        net = resolve(spec, state)
        plan = blueprint(
            net, shown.given, provide_caffe=shown.provide_caffe, tell=tell, must_fit=False
        )
    except CatdogError as error:
        if error.where == GIVEN:
            raise
        tell(f"no sizes in the picture, for the net cannot be built: {error}")
        return {}
    return plan.net.shapes
