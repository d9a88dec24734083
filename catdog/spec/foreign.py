"""Layers that forks of Caffe have and Caffe has not: whose they are, and what to do about them."""

from catdog.errors import Fault

_FORKS = {
    "SSD (weiliu89/caffe)": "VideoData",
    "makefile/frcnn": "DeformableConvolution DeformablePSROIPooling FPNProposal FrcnnProposal "
    "PSROIAlign ROIAlign",
    "PSPNet (hszhao/PSPNet)": "DenseCRF DomainTransform MatRead MatWrite UniqueLabel",
    "yjxiong/caffe": "BatchReduction Gather Scatter SegData SyncBN",
    "RCF (yun-liu/RCF)": "AutoCrop",
    "FlowNet 2 (lmb-freiburg/flownet2)": "Accum Correlation Correlation1D DataAugmentation "
    "FlowAugmentation FlowWarp LpqLoss Resample",
    "OpenPose (CMU-Perceptual-Computing-Lab/caffe_train)": "CPMData",
    "MobileNet-YOLO (eric612/MobileNet-YOLO)": "GaussianYolov3 RegionLoss Yolov3",
    "NVIDIA/caffe": "DetectNetTransformation",
    "Intel (intel/caffe)": "MKLBatchNorm SpatialDropout",
    "OpenVINO (openvinotoolkit/training_toolbox_caffe)": "DetectionOutputExtended GRN ScaleFilter",
    "happynear/caffe-windows": "CenterLoss Cosine FCNAccuracy LabelSpecificAdd Local "
    "MultiLabelImageData TripletLoss",
    "SphereFace (wy1iu/sphereface)": "MarginInnerProduct",
    "beniz/caffe": "CtcLoss DiceCoefLoss FocalLoss Reverse SparseData SparseInnerProduct",
}
#: The fork of each type.
FOREIGN = {type_name: fork for fork, names in _FORKS.items() for type_name in names.split()}

#: Fields of a solver as other programs call them.
OTHER_NAMES = {
    "lr": "base_lr",
    "learning_rate": "base_lr",
    "iterations": "max_iter",
    "iters": "max_iter",
    "iter": "max_iter",
    "steps": "max_iter",
    "max_steps": "max_iter",
    "wd": "weight_decay",
    "seed": "random_seed",
    "optimizer": "type",
    "out": "snapshot_prefix",
    "output": "snapshot_prefix",
    "output_dir": "snapshot_prefix",
    "save_every": "snapshot",
}


def foreign_fault(type_name: str, layer: str = "", where: str = "") -> Fault:
    """What to say of a type in FOREIGN, once for all layers of it; `layer` is the first one."""
    remedy = "take it out, or write it in Python (type: Python)"
    what = f'layer type "{type_name}" belongs to {FOREIGN[type_name]}, not to Caffe itself'
    return Fault(what, remedy, where, layer, "type")
