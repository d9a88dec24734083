"""docs/detection.md: its drawings are learned by the detector that ships."""

import re
from pathlib import Path

import pytest

from catdog.data.build.annoset import convert_annoset
from catdog.errors import CatdogError
from catdog.inference.predictor import Predictor
from catdog.solver.events import Display, Event, NetTested
from catdog.training.options import Options
from catdog.training.train import train

PAGE = Path(__file__).parent.parent / "docs/detection.md"
NAMES = "boxes/labelmap.prototxt"


def test_the_drawings_of_the_page_are_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    draw, _ = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(compile(draw.replace("range(300)", "range(60)"), "draw.py", "exec"), {})
    lines = Path("train.txt").read_text().splitlines(keepends=True)
    for name, part in (("train", lines[:50]), ("validation", lines[50:])):
        Path("list.txt").write_text("".join(part))
        done = convert_annoset("list.txt", f"boxes/{name}_lmdb", NAMES)
        assert (done.count, done.empty, list(done.skipped)) == (len(part), 0, [])
    told: list[Event] = []
    short = Options(overrides=("max_iter=20", "display=19", "snapshot=0"))
    train("ssd_small", short, listeners=[told.append])
    first, *_, last = (event.loss for event in told if isinstance(event, Display))
    assert last < 0.6 * first
    (test,) = (event for event in told if isinstance(event, NetTested))
    assert [output.name for output in test.outputs] == ["detection_eval"]
    assert 0 <= test.outputs[0].value <= 1
    # what it learned gives boxes, no classes of photos
    with pytest.raises(CatdogError, match=r'\(layer "\w+", DetectionOutput\).*readNetFromCaffe'):
        Predictor.load("snapshots/ssd_small/ssd_small_best.caffemodel")
