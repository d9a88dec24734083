import torch

from catdog.runtime.randomness import Randomness


def test_a_seed_gives_the_same_numbers_and_a_state_goes_on():
    one, two = Randomness(3), Randomness(3)
    assert torch.equal(
        torch.rand(4, generator=one.on("cpu")), torch.rand(4, generator=two.on("cpu"))
    )
    state = one.state()
    expected = torch.rand(4, generator=one.on("cpu"))
    two.load_state(state)
    assert torch.equal(torch.rand(4, generator=two.on("cpu")), expected)


def test_without_a_seed_runs_differ():
    assert Randomness().seed != Randomness().seed
