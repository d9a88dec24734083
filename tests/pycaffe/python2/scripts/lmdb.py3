import caffe
import cv2
import lmdb
import numpy as np
from caffe.proto import caffe_pb2

folder = FOLDER
env = lmdb.open(folder + "/first", map_size=int(1e7))
with env.begin(write=True) as txn:
    for i in range(6):
        image = cv2.imread(f"{folder}/{i % 3}.png")
        datum = caffe_pb2.Datum()
        datum.height, datum.width, datum.channels = image.shape
        datum.data = image.transpose(2, 0, 1).tobytes()
        datum.label = i // 2
        txn.put(f"{i:0>4d}_é".encode(), datum.SerializeToString())
env.close()

first = lmdb.open(folder + "/first", readonly=True)
second = lmdb.open(folder + "/second", map_size=int(1e7))
txn, out = first.begin(), second.begin(write=True)
datum = caffe_pb2.Datum()
for count, (key, value) in enumerate(txn.cursor()):
    datum.ParseFromString(value)
    flat = np.frombuffer(datum.data, np.uint8)
    pixels = flat.reshape(datum.channels, datum.height, datum.width)
    number, rest = key.decode().split("_")
    means = pixels.mean() / 2, pixels.sum() // 7
    print(key.decode(), int(number), rest == "é", datum.label, *means)
    if count % 2 == 0:
        with open(f"{folder}/{count % 3}.png", "rb") as file:
            encoded = caffe_pb2.Datum(data=file.read(), encoded=True)
        out.put(b"copy_" + key, encoded.SerializeToString())
out.commit()
second.close()
cursor = txn.cursor()
cursor.first()
cursor.next()
found = txn.get("0003_é".encode()) == cursor.value()
print(cursor.key().decode(), found, txn.get(b"none"), txn.stat()["entries"])
first.close()
