"""The messages, for scripts that put this folder on their path and `import caffe_pb2`."""

import sys

from catdog.proto import caffe_pb2

# a second copy would have messages of its own
sys.modules[__name__] = caffe_pb2
