import pytest

from catdog.errors import SpecError
from catdog.net.deploy import deploy_net, label_blobs
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, NetParameter
from catdog.spec import filter_net, net_state, read_net
from catdog.spec.read import parse_yaml


def net(text: str) -> NetParameter:
    message = NetParameter()
    parse_yaml(text, message, "x")
    return filter_net(message, net_state(TEST))


def test_caffenet():
    spec = read_net("net_specs/caffenet.yaml")
    train_val = resolve(spec, net_state(TEST)).message
    deploy = deploy_net(train_val, {"data": (1, 3, 227, 227)})
    assert deploy.layer[0].type == "Input"
    assert list(deploy.layer[0].input_param.shape[0].dim) == [1, 3, 227, 227]
    assert deploy.layer[0].transform_param.crop_size == 227
    assert not deploy.layer[0].transform_param.HasField("mirror")
    assert deploy.layer[-1].type == "Softmax"
    assert list(deploy.layer[-1].top) == ["prob"]
    assert not any("label" in layer.bottom for layer in deploy.layer)
    assert all(not layer.include for layer in deploy.layer)


def test_a_prediction_is_not_augmented():
    transform = "{crop_size: 4, mirror: true, augment_param: {rotate: 9}}"
    message = net(
        f"""
        layer:
        - {{name: data, type: Data, top: [data, label], transform_param: {transform}}}
        - {{name: ip, type: InnerProduct, bottom: data, top: ip}}
        - {{name: loss, type: SoftmaxWithLoss, bottom: [ip, label], top: loss}}
        """
    )
    kept = deploy_net(message, {"data": (1, 3, 4, 4)}).layer[0].transform_param
    assert [field.name for field, _ in kept.ListFields()] == ["crop_size"]


def test_a_sigmoid_net():
    deploy = deploy_net(
        net(
            """
            layer:
            - {name: d, type: HDF5Data, top: [image, target]}
            - {name: ip, type: InnerProduct, bottom: image, top: ip}
            - {name: l, type: SigmoidCrossEntropyLoss, bottom: [ip, target], top: l}
            - {name: acc, type: Accuracy, bottom: [ip, target], top: acc}
            - {name: quiet, type: Silence, bottom: ip}
            """
        ),
        {"image": (1, 4), "target": (1,)},
    )
    assert [(layer.name, layer.type) for layer in deploy.layer][-2:] == [
        ("ip", "InnerProduct"),
        ("prob", "Sigmoid"),
    ]


def test_an_infogain_net_has_its_axis():
    deploy = deploy_net(
        net(
            """
            layer:
            - {name: d, type: Data, top: [data, label]}
            - {name: l, type: InfogainLoss, bottom: [data, label], infogain_loss_param: {axis: 2}}
            """
        ),
        {"data": (1, 4, 3)},
    )
    assert (deploy.layer[-1].type, deploy.layer[-1].softmax_param.axis) == ("Softmax", 2)


def test_the_main_loss_of_several_gives_prob():
    deploy = deploy_net(
        net(
            """
            layer:
            - {name: d, type: Data, top: [data, label]}
            - {name: a, type: InnerProduct, bottom: data, top: a}
            - {name: b, type: InnerProduct, bottom: a, top: b}
            - {name: main, type: SoftmaxWithLoss, bottom: [b, label], top: main}
            - {name: aux, type: SoftmaxWithLoss, bottom: [a, label], top: aux, loss_weight: 0.3}
            """
        ),
        {"data": (1, 4)},
    )
    assert [list(layer.top) for layer in deploy.layer][-2:] == [["prob"], ["aux"]]


def test_nothing_left():
    with pytest.raises(SpecError, match="nothing is left"):
        deploy_net(net("layer: {name: d, type: Data, top: [data, label]}"), {"data": (1,)})


def test_labels_that_are_cut_apart_are_labels():
    message = net(
        """
        layer:
        - {name: data, type: Data, top: [data, labels]}
        - {name: cut, type: Slice, bottom: labels, top: [class, traits]}
        - {name: ip, type: InnerProduct, bottom: data, top: ip}
        - {name: accuracy, type: Accuracy, bottom: [ip, class], top: accuracy}
        - {name: loss, type: SoftmaxWithLoss, bottom: [ip, class], top: loss}
        - {name: more, type: SigmoidCrossEntropyLoss, bottom: [ip, traits], top: more,
           loss_weight: 0.5}
        """
    )
    deploy = deploy_net(message, {"data": (1, 4), "labels": (1, 5)})
    assert [layer.name for layer in deploy.layer] == ["data", "ip", "prob", "more"]
    assert [layer.type for layer in deploy.layer] == ["Input", "InnerProduct", "Softmax", "Sigmoid"]


DETECTOR = """
layer:
- {name: data, type: AnnotatedData, top: [data, label]}
- {name: loc, type: Convolution, bottom: data, top: loc,
   convolution_param: {num_output: 4, kernel_size: 1}}
- {name: conf, type: Convolution, bottom: data, top: conf,
   convolution_param: {num_output: 3, kernel_size: 1}}
- {name: prior, type: PriorBox, bottom: [loc, data], top: prior, prior_box_param: {min_size: 4}}
"""
SHAPES = {"data": (1, 3, 4, 4), "label": (1, 1, 2, 8)}


def test_a_detector_in_training_is_left_with_what_its_loss_compares():
    loss = "- {name: loss, type: MultiBoxLoss, bottom: [loc, conf, prior, label], top: loss}"
    deploy = deploy_net(net(DETECTOR + loss), SHAPES)
    assert [layer.name for layer in deploy.layer] == ["data", "loc", "conf", "prior"]


def test_a_detector_in_the_test_phase_keeps_its_detections():
    ends = """
- {name: out, type: DetectionOutput, bottom: [loc, conf, prior], top: out}
- {name: judged, type: DetectionEvaluate, bottom: [out, label], top: judged}
"""
    deploy = deploy_net(net(DETECTOR + ends), SHAPES)
    assert [layer.name for layer in deploy.layer] == ["data", "loc", "conf", "prior", "out"]


SOURCES = """
layer:
- {name: one, type: AnnotatedData, top: [ours, our_label]}
- {name: two, type: AnnotatedData, top: [theirs, their_label]}
- {name: pictures, type: Concat, bottom: [ours, theirs], top: data, concat_param: {axis: 0}}
- {name: labels, type: Concat, bottom: [our_label, their_label], top: label,
   concat_param: {axis: 2}}
- {name: ip, type: InnerProduct, bottom: data, top: ip}
"""
OF_BOTH = {"ours": (1, 4), "theirs": (1, 4), "our_label": (1, 1, 1, 8), "their_label": (1, 1, 1, 8)}


def test_of_several_sources_one_is_left_and_no_label_that_only_training_has():
    loss = """
- {name: loss, type: SoftmaxWithLoss, bottom: [ip, label], top: loss, include: {phase: TRAIN}}
"""
    whole = NetParameter()
    parse_yaml(SOURCES + loss, whole, "x")
    labels = label_blobs(whole)
    assert labels == {"our_label", "their_label"}
    deploy = deploy_net(net(SOURCES + loss), OF_BOTH, labels)
    assert [(layer.name, *layer.top) for layer in deploy.layer] == [("data", "data"), ("ip", "ip")]
    assert list(deploy.layer[0].input_param.shape[0].dim) == [1, 4]


@pytest.mark.parametrize(
    "more",
    [
        "- {name: cut, type: Slice, bottom: ip, top: [a, b], slice_param: {axis: 0}}",
        "- {name: again, type: InnerProduct, bottom: ours, top: again}",
    ],
    ids=["cut up again", "read by another"],
)
def test_several_sources_that_are_needed_stay(more):
    deploy = deploy_net(net(SOURCES + more), OF_BOTH, {"our_label", "their_label"})
    assert [layer.name for layer in deploy.layer][:3] == ["ours", "theirs", "pictures"]


def test_inputs_that_a_text_has_are_its_own():
    text = SOURCES.replace("AnnotatedData, top: [ours, our_label]", "Input, top: ours, %s")
    text = text.replace("AnnotatedData, top: [theirs, their_label]", "Input, top: theirs, %s")
    text = text.replace("%s", "input_param: {shape: {dim: [1, 4]}}").replace("- {name: labels", "#")
    text = text.replace("\n   concat_param: {axis: 2}}", "")
    deploy = deploy_net(net(text), OF_BOTH)
    assert [layer.name for layer in deploy.layer] == ["ours", "theirs", "pictures", "ip"]
