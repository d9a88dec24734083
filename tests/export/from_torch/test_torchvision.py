"""Nets of torchvision, of each family a small one."""

import pytest
import torch
import torchvision

from tests.export.from_torch.modules import check, drawn
from tests.export.from_torch.report import row

NETS = ["resnet18", "shufflenet_v2_x0_5", "mobilenet_v3_small", "mnasnet0_5"]


@pytest.mark.parametrize("name", NETS)
def test_it_computes_the_same(name):
    torch.manual_seed(0)
    module = torchvision.models.get_model(name, weights=None)
    made = check(module, drawn(1, 3, 65, 97))
    assert made.inputs == ("data",)
    kinds = {layer.type for layer in made.weights.net.layer}
    assert ("ShuffleChannel" in kinds) is name.startswith("shufflenet")


def test_the_report_has_a_line_for_what_works_and_for_what_does_not():
    net, layers, difference = (each.strip() for each in row("squeezenet1_1").split("|")[1:4])
    assert (net, layers) == ("`squeezenet1_1`", "66")
    assert float(difference) < 1e-6
    assert row("convnext_tiny") == "| `convnext_tiny` | | layer_norm, gelu |"
