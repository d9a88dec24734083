"""Two passes over an LMDB through the feed: LMDB."""

import sys

from catdog.data.feed import Feed
from catdog.data.sources import open_source
from catdog.proto.caffe_pb2 import LayerParameter

BATCH = 64

layer = LayerParameter(name="data", type="Data", top=["data", "label"])
layer.data_param.source, layer.data_param.batch_size = sys.argv[1], BATCH
layer.data_param.shuffle = True
source = open_source(layer)
with Feed([source]) as feed:
    for _ in range(2 * (source.size or 0) // BATCH):
        feed.next()
