"""Batches by torchvision's own decoder, its transforms v2 and a DataLoader: FOLDER IMAGES."""

import sys
import time

import torch
from torch import Tensor
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

BATCH = 64
folder, images = sys.argv[1], int(sys.argv[2])
# bytes as long as possible: that is what v2 is fast with
transform = v2.Compose(
    [
        v2.Resize((256, 256), antialias=True),
        v2.RandomCrop(227),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.485, 0.456, 0.406), (1, 1, 1)),
    ]
)


def read(path: str) -> Tensor:
    """3 x height x width."""
    picture: Tensor = decode_image(path, ImageReadMode.RGB)
    return picture


if __name__ == "__main__":
    torch.manual_seed(0)
    photos = ImageFolder(folder, transform, loader=read)
    sampler = RandomSampler(photos, replacement=True, num_samples=images + BATCH)
    loader = iter(DataLoader(photos, BATCH, sampler=sampler, num_workers=2))
    next(loader)
    began = time.perf_counter()
    count = sum(len(labels) for _, labels in loader)
    print(count / (time.perf_counter() - began))
