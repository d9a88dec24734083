"""Images a second of a training on a folder of photos as timm's script does it.

    NET FOLDER SIZE BATCH STEPS float32|bf16 eager|compiled

Two workers decode, resize and normalise; the net is in channels_last, under autocast for bf16. It
trains whenever a line comes in; between two lines nothing goes on.
"""

import sys
import time
from collections.abc import Iterator

import torch
from timm.data import create_transform
from timm.optim import create_optimizer_v2
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import ImageFolder

from benchmarks.peers.nets import CaffeNet, Deep64

NETS = {"caffenet": CaffeNet, "deep64": Deep64}


def main() -> None:
    name, folder, *numbers, precision, mode = sys.argv[1:]
    size, batch, steps = map(int, numbers)
    net = NETS[name]().to(memory_format=torch.channels_last).train()
    optimizer = create_optimizer_v2(net, "momentum", lr=1e-4, weight_decay=5e-4, momentum=0.9)
    forward = torch.compile(net) if mode == "compiled" else net
    criterion = nn.CrossEntropyLoss()
    photos = ImageFolder(folder, create_transform(size, is_training=True, no_aug=True))

    def batches(count: int) -> Iterator[tuple[Tensor, Tensor]]:
        sampler = RandomSampler(photos, replacement=True, num_samples=count * batch)
        return iter(DataLoader(photos, batch, sampler=sampler, num_workers=2))

    def step(pictures: Tensor, labels: Tensor) -> None:
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = criterion(forward(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in sys.stdin:
        loader = batches(steps + 1)
        step(*next(loader))
        began = time.perf_counter()
        for each in loader:
            step(*each)
        print(steps * batch / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
