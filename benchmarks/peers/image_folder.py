"""Batches by torchvision's ImageFolder and a DataLoader of two workers: FOLDER IMAGES."""

import sys
import time

import torch
from torch.utils.data import DataLoader, RandomSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

BATCH = 64
folder, images = sys.argv[1], int(sys.argv[2])
transform = transforms.Compose(
    [
        transforms.Resize((256, 256)),
        transforms.RandomCrop(227),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (1, 1, 1)),
    ]
)

if __name__ == "__main__":
    torch.manual_seed(0)
    photos = ImageFolder(folder, transform)
    sampler = RandomSampler(photos, replacement=True, num_samples=images + BATCH)
    loader = iter(DataLoader(photos, BATCH, sampler=sampler, num_workers=2))
    next(loader)
    began = time.perf_counter()
    count = sum(len(labels) for _, labels in loader)
    print(count / (time.perf_counter() - began))
