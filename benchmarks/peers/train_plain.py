"""Images a second of a training loop as tutorials write it, whenever a line comes in.

In a process of its own, since catdog's tools change how theirs keeps its memory.
"""

import sys
import time

import torch
from torch import nn

from benchmarks.peers.nets import CaffeNet, Deep64

NETS = {"caffenet": CaffeNet, "deep64": Deep64}
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def main() -> None:
    name, layout = sys.argv[1:3]
    size, batch, steps = map(int, sys.argv[3:])
    net = NETS[name]().to(memory_format=LAYOUTS[layout]).train()
    pictures = torch.randn(batch, 3, size, size).contiguous(memory_format=LAYOUTS[layout])
    labels = torch.randint(2, (batch,))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            loss = criterion(net(pictures), labels)
            loss.backward()
            optimizer.step()
        print(steps * batch / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
