"""Well-known nets from their published sizes, by the file that Caffe has them in."""

from catdog.proto.caffe_pb2 import NetParameter
from tests.nets.chain import AVE, MAX, Chain
from tests.nets.googlenet import googlenet


def lenet(net: Chain, last: str = "") -> Chain:
    """LeNet, to ip2; `last` follows the names of the second of two twins."""
    net.conv(f"conv1{last}", f"data{last}", 20, 5, stride=1).pool(f"pool1{last}", 2, 2)
    net.conv(f"conv2{last}", "", 50, 5, stride=1).pool(f"pool2{last}", 2, 2)
    return net.fc(f"ip1{last}", 500).relu(f"relu1{last}").fc(f"ip2{last}", 10)


def siamese(net: Chain) -> Chain:
    """Two LeNets on the halves of a pair."""
    net.add("slice_pair", "Slice", "pair_data", top="data", slice_param={"slice_point": [1]})
    net.net.layer[-1].top.append("data_p")
    lenet(net).fc("feat", 2)
    lenet(net, "_p").fc("feat_p", 2)
    return net.add("loss", "ContrastiveLoss", "feat", "feat_p", "sim")


def cifar(net: Chain, kind: str) -> Chain:
    """CIFAR-10 `quick`, `full`, `full_sigmoid` or `full_sigmoid_bn`."""
    if "sigmoid" in kind:
        return cifar_sigmoid(net, bn=kind.endswith("_bn"))
    full = kind == "full"
    net.conv("conv1", "data", 32, 5, pad=2).pool("pool1", 3, 2).relu("relu1")
    net = net.norm("norm1", 3, 1) if full else net
    net.conv("conv2", "", 32, 5, pad=2).relu("relu2").pool("pool2", 3, 2, AVE)
    net = net.norm("norm2", 3, 1) if full else net
    net.conv("conv3", "", 64, 5, pad=2).relu("relu3").pool("pool3", 3, 2, AVE)
    return net.fc("ip1", 10) if full else net.fc("ip1", 64).fc("ip2", 10)


def cifar_sigmoid(net: Chain, *, bn: bool) -> Chain:
    """CIFAR-10 full with sigmoids, with or without batch normalisation."""
    for i, (outputs, pool) in enumerate(((32, MAX), (32, AVE), (64, AVE)), start=1):
        net.conv(f"conv{i}", "", outputs, 5, pad=2, bias=not bn)
        net = net.pool(f"pool{i}", 3, 2, pool) if i == 1 else net
        net = net.add(f"bn{i}", "BatchNorm") if bn else net
        net.add(f"Sigmoid{i}", "Sigmoid")
        net = net.pool(f"pool{i}", 3, 2, pool) if i > 1 else net
    return net.fc("ip1", 10)


def autoencoder(net: Chain) -> Chain:
    """Hinton's autoencoder of digits."""
    net.add("flatdata", "Flatten", "data")
    net.last = "data"
    for i, size in enumerate((1000, 500, 250), start=1):
        net.fc(f"encode{i}", size).add(f"encode{i}neuron", "Sigmoid")
    net.fc("encode4", 30)
    for i, size in ((4, 250), (3, 500), (2, 1000)):
        net.fc(f"decode{i}", size).add(f"decode{i}neuron", "Sigmoid")
    net.fc("decode1", 784)
    loss = "SigmoidCrossEntropyLoss"
    net.add("loss", loss, "decode1", "flatdata", top="cross_entropy_loss")
    net.add("decode1neuron", "Sigmoid", "decode1")
    return net.add("loss", "EuclideanLoss", "decode1neuron", "flatdata", top="l2_error")


def alexnet(net: Chain, *, norm_first: bool, last: str = "fc8", classes: int = 1000) -> Chain:
    """AlexNet (norm first) or CaffeNet (pooling first), to its scores."""

    def shrink(i: int) -> None:
        for kind in ("norm", "pool") if norm_first else ("pool", "norm"):
            net.pool(f"pool{i}", 3, 2) if kind == "pool" else net.norm(f"norm{i}")

    net.conv("conv1", "data", 96, 11, stride=4).relu("relu1")
    shrink(1)
    net.conv("conv2", "", 256, 5, pad=2, group=2).relu("relu2")
    shrink(2)
    net.conv("conv3", "", 384, 3, pad=1).relu("relu3")
    net.conv("conv4", "", 384, 3, pad=1, group=2).relu("relu4")
    net.conv("conv5", "", 256, 3, pad=1, group=2).relu("relu5").pool("pool5", 3, 2)
    net.fc("fc6", 4096).relu("relu6").drop("drop6").fc("fc7", 4096).relu("relu7").drop("drop7")
    return net.fc(last, classes)


def given(shape: tuple[int, ...]) -> Chain:
    """A net whose input has this shape, as those for prediction have it."""
    return Chain("deployed").given("data", shape)


def photos(train: int, size: int = 227) -> Chain:
    """A net on labelled photos; it is tested on 50 at a time."""
    return Chain("trained").data("data", (3, size, size), train, 50, "data", "label")


def small_nets() -> dict[str, Chain]:
    """Those on digits and on CIFAR-10."""
    digits, tiny = (1, 28, 28), (3, 32, 32)
    pairs = Chain("pairs").data("pair_data", (2, 28, 28), 64, 100, "pair_data", "sim")
    mnist = Chain("digits").data("mnist", digits, 64, 100, "data", "label")
    found = {
        "mnist/lenet": lenet(given((64, *digits))).add("prob", "Softmax"),
        "mnist/lenet_train_test": lenet(mnist).judged(),
        "mnist/mnist_autoencoder": autoencoder(
            Chain("digits").data("data", digits, 100, 100, "data")
        ),
        "siamese/mnist_siamese": lenet(given((10000, *digits))).fc("feat", 2),
        "siamese/mnist_siamese_train_test": siamese(pairs),
    }
    for name, train, test in (
        ("quick", 100, 100),
        ("full", 100, 100),
        ("full_sigmoid", 111, 1000),
        ("full_sigmoid_bn", 100, 1000),
    ):
        net = Chain("tiny").data("cifar", tiny, train, test, "data", "label")
        stem, bn = name.removesuffix("_bn"), "_bn" * name.endswith("_bn")
        found[f"cifar10/cifar10_{stem}_train_test{bn}"] = cifar(net, name).judged()
        if "sigmoid" not in name:
            deployed = cifar(given((1, *tiny)), name).add("prob", "Softmax")
            found[f"cifar10/cifar10_{name}"] = deployed
    return {f"examples/{name}.prototxt": net for name, net in found.items()}


def large_nets() -> dict[str, Chain]:
    """Those on photos."""
    ten = (10, 3, 227, 227)
    style = {"norm_first": False, "last": "fc8_flickr", "classes": 20}
    found = {
        "bvlc_alexnet/train_val": alexnet(photos(256), norm_first=True).judged(),
        "bvlc_reference_caffenet/train_val": alexnet(photos(256), norm_first=False).judged(),
        "finetune_flickr_style/train_val": alexnet(photos(50), **style).judged(),
        "bvlc_googlenet/train_val": googlenet(photos(32, 224), trained=True),
        "bvlc_googlenet/deploy": googlenet(given((10, 3, 224, 224)), trained=False),
        "bvlc_reference_rcnn_ilsvrc13/deploy": alexnet(
            given(ten), norm_first=False, last="fc-rcnn", classes=200
        ),
    }
    for name, sizes in (
        ("bvlc_alexnet", {"norm_first": True}),
        ("bvlc_reference_caffenet", {"norm_first": False}),
        ("finetune_flickr_style", style),
    ):
        found[f"{name}/deploy"] = alexnet(given(ten), **sizes).add("prob", "Softmax")
    return {f"models/{name}.prototxt": net for name, net in found.items()}


NETS: dict[str, NetParameter] = {
    name: chain.net for name, chain in (small_nets() | large_nets()).items()
}
