"""GoogLeNet by its table of sizes (Szegedy and others 2014, table 1)."""

from catdog.proto.caffe_pb2 import TEST
from tests.nets.chain import AVE, Chain

#: 1x1; 3x3 reduced, 3x3; 5x5 reduced, 5x5; after pooling.
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def inception(net: Chain, name: str) -> None:
    """One module: four ways side by side, joined."""
    start, sizes = net.last, INCEPTION[name]
    first = f"inception_{name}/"

    def conv(way: str, bottom: str, outputs: int, kernel: int) -> None:
        net.conv(first + way, bottom, outputs, kernel, pad=kernel // 2)
        net.relu(f"{first}relu_{way}")

    conv("1x1", start, sizes[0], 1)
    conv("3x3_reduce", start, sizes[1], 1)
    conv("3x3", "", sizes[2], 3)
    conv("5x5_reduce", start, sizes[3], 1)
    conv("5x5", "", sizes[4], 5)
    net.last = start
    net.pool(f"{first}pool", 3, 1, pad=1)
    conv("pool_proj", "", sizes[5], 1)
    net.add(f"{first}output", "Concat", *(first + w for w in ("1x1", "3x3", "5x5", "pool_proj")))


def side_loss(net: Chain, number: int) -> None:
    """One of the two classifiers at the side, of the last blob, which stays the last."""
    kept, first = net.last, f"loss{number}/"
    net.pool(f"{first}ave_pool", 5, 3, AVE).conv(f"{first}conv", "", 128, 1)
    net.relu(f"{first}relu_conv").fc(f"{first}fc", 1024).relu(f"{first}relu_fc")
    net.drop(f"{first}drop_fc").fc(f"{first}classifier", 1000)
    losses(net, number, f"{first}loss")
    net.last = kept


def losses(net: Chain, number: int, name: str) -> None:
    """The loss, top-1 and top-5 of the last blob."""
    scores = net.last
    top = f"loss{number}/loss{number}"
    net.add(
        name, "SoftmaxWithLoss", scores, "label", top=top, loss_weight=[1 if number == 3 else 0.3]
    )
    for k in (1, 5):
        net.add(f"loss{number}/top-{k}", "Accuracy", scores, "label", accuracy_param={"top_k": k})
        net.net.layer[-1].include.add(phase=TEST)


def googlenet(net: Chain, *, trained: bool) -> Chain:
    """GoogLeNet; trained, with its three losses."""
    net.conv("conv1/7x7_s2", "data", 64, 7, stride=2, pad=3).relu("conv1/relu_7x7")
    net.pool("pool1/3x3_s2", 3, 2).norm("pool1/norm1")
    net.conv("conv2/3x3_reduce", "", 64, 1).relu("conv2/relu_3x3_reduce")
    net.conv("conv2/3x3", "", 192, 3, pad=1).relu("conv2/relu_3x3")
    net.norm("conv2/norm2").pool("pool2/3x3_s2", 3, 2)
    for name in INCEPTION:
        if trained and name in ("4b", "4e"):
            side_loss(net, 1 if name == "4b" else 2)
        inception(net, name)
        if name in ("3b", "4e"):
            net.pool(f"pool{int(name[0])}/3x3_s2", 3, 2)
    net.pool("pool5/7x7_s1", 7, 1, AVE).drop("pool5/drop_7x7_s1").fc("loss3/classifier", 1000)
    if trained:
        losses(net, 3, "loss3/loss3")
    return net if trained else net.add("prob", "Softmax")
