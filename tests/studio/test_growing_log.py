"""A log that is read on as it grows has the numbers of one that is read whole."""

import os
import time

import pytest

from catdog.studio import growing_log
from catdog.studio.growing_log import GrowingLog
from catdog.tracking.log_reader import ParsedLog, parse

_HEAD = "I1130 00:00:00.000000 7 solver.cpp:279] Solving a\n"


def _display(at: int) -> str:
    begin = f"I1130 00:{at // 3600 % 60:02d}:{at // 60 % 60:02d}.{at % 60:06d} 7 solver.cpp:239]"
    pace = f" Iteration {at} (10 iter/s, 0.1s/1 iters), loss = {at + 0.5}\n"
    outputs = [f"{begin}     Train net output #{k}: o{k} = {at + k}\n" for k in range(2)]
    test = [
        f"{begin} Iteration {at}, Testing net (#0)\n",
        f"{begin}     Test net output #0: accuracy = 0.5\n",
    ]
    rate = f"{begin} Iteration {at}, lr = 0.1\n"
    return "".join([begin + pace, *outputs, rate, *(test if at % 100 == 0 else [])])


def _whole(log: GrowingLog) -> ParsedLog:
    """The numbers once no more is being read."""
    log.look()
    while log._thread:
        time.sleep(0.01)
    return log.look()


def test_a_log_in_pieces_is_the_whole_one(tmp_path):
    path, text = tmp_path / "train.log", _HEAD + "".join(map(_display, range(0, 400, 20)))
    log = GrowingLog(path)
    assert log.look() == ParsedLog()
    for at in range(0, len(text), 777):
        with path.open("a") as file:
            file.write(text[at : at + 777])
        whole = path.read_text()
        assert log.look() == parse(whole[: whole.rfind("\n") + 1].splitlines())
    assert log.look().train_loss[-1] == (380, 380.5)


def test_old_logs_tell_of_a_loss_by_what_comes_after_it(tmp_path):
    path = tmp_path / "train.log"
    log = GrowingLog(path)
    path.write_text("Iteration 5, loss = 2\n")
    assert (log.look().train_loss, log.look().final_loss) == ([], [(5, 2.0)])
    with path.open("a") as file:
        file.write("    Train net output #0: loss = 2\n")
    assert (log.look().train_loss, log.look().final_loss) == ([(5, 2.0)], [])


@pytest.mark.parametrize("is_new", [True, False])
def test_a_log_in_the_place_of_another_is_read_anew(tmp_path, is_new):
    path = tmp_path / "train.log"
    path.write_text(_HEAD + _display(1))
    log = GrowingLog(path)
    assert log.look().train_loss == [(1, 1.5)]
    text = _HEAD.replace("Solving a", "Solving b") + _display(2) + _display(3)
    if is_new:
        (tmp_path / "beside").write_text(text)
        (tmp_path / "beside").replace(path)
    else:
        path.write_text(text)
    assert log.look().train_loss == [(2, 2.5), (3, 3.5)]
    path.unlink()
    assert log.look() == ParsedLog()


def test_a_long_log_is_not_waited_for_and_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(growing_log, "_CHUNK", 1000)
    monkeypatch.setattr(growing_log, "_MOST", 40)
    monkeypatch.setattr(growing_log, "_PATIENCE", 0)
    path = tmp_path / "train.log"
    path.write_text(_HEAD + "".join(map(_display, range(0, 2000, 5))))
    found = _whole(GrowingLog(path))
    wanted = parse(path.read_text().splitlines())
    assert found.test_outputs == wanted.test_outputs
    for name in ("train_loss", "train_outputs", "times", "lr"):
        some, every = getattr(found, name), getattr(wanted, name)
        assert 10 < len(some) <= 60
        assert some[-1] == every[-1] and set(some) <= set(every)
    assert {each.name for each in found.train_outputs} == {"o0", "o1"}


def test_lines_without_an_end_are_passed_over(tmp_path):
    path = tmp_path / "train.log"
    path.write_bytes(os.urandom(100) + b"Iteration 1 " * 300_000 + b"\n" + _display(7).encode())
    assert _whole(GrowingLog(path)).train_loss[-1] == (7, 7.5)
