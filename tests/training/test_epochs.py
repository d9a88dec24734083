from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.training.epochs import batch_field, epoch_of
from catdog.training.options import Options
from tests.small_solver import write_small


def test_an_epoch_is_a_pass_over_the_train_data(tmp_path: Path, monkeypatch) -> None:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    epoch = epoch_of("solver.yaml", Options())
    assert epoch.batch == 4
    assert epoch.examples == epoch_of("solver.yaml", Options(overrides=["iter_size=3"])).examples
    assert epoch_of("solver.yaml", Options(overrides=["iter_size=3"])).batch == 12
    assert batch_field("solver.yaml", Options()) == "data.data_param.batch_size"


def test_without_a_data_layer(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text("layer: [{name: s, type: Silence}]")
    Path("solver.yaml").write_text("net: net.yaml\nbase_lr: 1\nlr_policy: fixed\nmax_iter: 1\n")
    with pytest.raises(CatdogError, match=r"net\.yaml: has no data layer in the TRAIN phase"):
        epoch_of("solver.yaml", Options())
