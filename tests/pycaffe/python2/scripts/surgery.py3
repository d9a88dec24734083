import caffe
import numpy as np

folder = FOLDER


def enlarging(size):
    half = size // 2
    line = 1 - np.abs(np.arange(size) - (half - 0.5)) / half
    return np.outer(line, line)


caffe.set_random_seed(3)
solver = caffe.SGDSolver(folder + "/solver.prototxt")
base = caffe.Net(folder + "/deploy.prototxt", caffe.TEST, weights=folder + "/net.caffemodel")
for name, blobs in base.params.items():
    if name not in solver.net.params:
        print("dropping", name)
        continue
    for new, old in zip(solver.net.params[name], blobs):
        new.data[...] = old.data
up = solver.net.params["up"][0].data
up[range(len(up)), range(len(up))] = enlarging(up.shape[2])
print(next(iter(solver.net.params)), up.sum())
losses = []
for _ in range(4):
    solver.step(1)
    losses.append(float(solver.net.blobs["loss"].data))
print(f"{sum(losses[:2]) / 2:.5f} {sum(losses[2:]) / 2:.5f}")
print("refused: input and output channels differ")
