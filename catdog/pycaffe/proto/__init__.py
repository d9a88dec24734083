"""caffe.proto: the messages."""

import sys

from catdog.proto import caffe_pb2

__all__ = ["caffe_pb2"]

# a second copy of the module would have messages of its own
sys.modules[f"{__name__}.caffe_pb2"] = caffe_pb2
