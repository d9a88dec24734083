"""Layers that forks of Caffe have and Caffe has not: whose they are, and what to do about them."""

from catdog.errors import Fault

_FORKS = {
    "SSD (weiliu89/caffe)": "AnnotatedData DetectionEvaluate DetectionOutput MultiBoxLoss "
    "Normalize Permute PriorBox VideoData",
    "Fast R-CNN (rbgirshick/caffe-fast-rcnn)": "ROIPooling SmoothL1Loss",
    "R-FCN (daijifeng001/caffe-rfcn)": "BoxAnnotatorOHEM PSROIPooling",
    "makefile/frcnn": "DeformableConvolution DeformablePSROIPooling FPNProposal FrcnnProposal "
    "PSROIAlign ROIAlign SmoothL1LossOHEM SoftmaxWithLossOHEM",
    "PVANet (sanghoon/caffe)": "Proposal",
    "SegNet (alexgkendall/caffe-segnet)": "DenseImageData Upsample",
    "PSPNet (hszhao/PSPNet)": "BN DenseCRF DomainTransform ImageSegData Interp MatRead MatWrite "
    "SegAccuracy UniqueLabel",
    "yjxiong/caffe": "BatchReduction Gather Scatter SegData SyncBN",
    "HED (s9xie/hed)": "ImageLabelmapData",
    "RCF (yun-liu/RCF)": "AutoCrop",
    "FlowNet 2 (lmb-freiburg/flownet2)": "Accum Correlation Correlation1D DataAugmentation "
    "FlowAugmentation FlowWarp LpqLoss Resample",
    "OpenPose (CMU-Perceptual-Computing-Lab/caffe_train)": "CPMData",
    "MobileNet (yonghenglh6/DepthwiseConvolution)": "DepthwiseConvolution",
    "MobileNet (sp2823/caffe)": "ConvolutionDepthwise",
    "SENet (hujie-frank/SENet)": "Axpy",
    "ShuffleNet (farmingyard/ShuffleNet)": "ShuffleChannel",
    "MobileNet-YOLO (eric612/MobileNet-YOLO)": "GaussianYolov3 ReLU6 RegionLoss Reorg "
    "YoloDetectionOutput Yolov3 Yolov3DetectionOutput",
    "NVIDIA/caffe": "DetectNetTransformation L1Loss",
    "Intel (intel/caffe)": "MKLBatchNorm SpatialDropout",
    "OpenVINO (openvinotoolkit/training_toolbox_caffe)": "DetectionOutputExtended GRN "
    "PriorBoxClustered ScaleFilter",
    "happynear/caffe-windows": "CenterLoss Cosine FCNAccuracy LabelSpecificAdd Local "
    "MultiLabelImageData TripletLoss",
    "SphereFace (wy1iu/sphereface)": "MarginInnerProduct",
    "beniz/caffe": "CtcLoss DiceCoefLoss FocalLoss Reverse SparseData SparseInnerProduct",
}
#: The fork of each type.
FOREIGN = {type_name: fork for fork, names in _FORKS.items() for type_name in names.split()}

#: Fields of forks that are written otherwise here.
FOREIGN_FIELDS = {"ceil_mode": "write round_mode: FLOOR for ceil_mode: false, nothing for true"}

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

_INSTEAD = {
    "DepthwiseConvolution": "write type: Convolution, which computes the same from these fields",
    "ConvolutionDepthwise": "write type: Convolution with group: the number of channels",
}


def foreign_fault(type_name: str, layer: str = "", where: str = "") -> Fault:
    """What to say of a type in FOREIGN, once for all layers of it; `layer` is the first one."""
    remedy = _INSTEAD.get(type_name, "take it out, or write it in Python (type: Python)")
    what = f'layer type "{type_name}" belongs to {FOREIGN[type_name]}, not to Caffe itself'
    return Fault(what, remedy, where, layer, "type")
