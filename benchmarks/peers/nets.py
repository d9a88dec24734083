"""CaffeNet and deep64 as torch.nn modules, as a tutorial would write them."""

from itertools import pairwise

from torch import Tensor, nn


class CaffeNet(nn.Module):
    """Five convolutions and three linear layers, 227 x 227 pictures, two classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 2)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 2)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Scores, N x 2."""
        x = self.norm(self.pool(self.relu(self.conv1(x))))
        x = self.norm(self.pool(self.relu(self.conv2(x))))
        x = self.relu(self.conv3(x))
        x = self.relu(self.conv4(x))
        x = self.pool(self.relu(self.conv5(x))).flatten(1)
        x = self.drop(self.relu(self.fc6(x)))
        x = self.drop(self.relu(self.fc7(x)))
        scores: Tensor = self.fc8(x)
        return scores


class Deep64(nn.Module):
    """Six convolutions, each halved by pooling, 64 x 64 pictures, two classes."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 100, 200, 300, 400, 500, 600)
        for number, (before, after) in enumerate(pairwise(widths), 1):
            self.add_module(f"conv{number}", nn.Conv2d(before, after, 3, padding=1))
        self.score = nn.Linear(600, 2)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """Scores, N x 2."""
        for number in range(1, 7):
            x = self.pool(self.relu(self.get_submodule(f"conv{number}")(x)))
        scores: Tensor = self.score(x.flatten(1))
        return scores
