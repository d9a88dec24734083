"""OpenCV's models, a text and weights for each: python models.py PHOTO TEXT MODEL ... OUT."""

import sys

import cv2
import numpy as np

photo, ssd_text, ssd, text, model, pose_text, pose, out = sys.argv[1:]
frame = cv2.imread(photo)
detector = cv2.dnn_DetectionModel(ssd, ssd_text)
detector.setInputParams(scale=0.007843, size=(48, 48), mean=(127.5, 127.5, 127.5))
classes, confidences, boxes = detector.detect(frame, confThreshold=0.3)
nothing = detector.detect(frame, confThreshold=2.0)
classifier = cv2.dnn_ClassificationModel(cv2.dnn.readNet(model, text))
classifier.setInputSize(48, 48).setInputMean((78, 87, 114)).setInputSwapRB(True)
number, score = classifier.classify(frame)
classifier.setEnableSoftmaxPostProcessing(True)
again = classifier.classify(frame)
maps = cv2.dnn_SegmentationModel(cv2.dnn.readNetFromCaffe(pose_text, pose))
maps.setInputScale(1 / 255.0)
maps.setOutputNames(["Mconv5_stage2_L2"])
points = cv2.dnn_KeypointsModel(pose, pose_text)
points.setInputParams(1 / 255.0, (48, 48))
points.setOutputNames(["Mconv5_stage2_L2"])
np.savez(
    out,
    classes=classes,
    confidences=confidences,
    boxes=boxes,
    empty=np.array([len(each) for each in nothing]),
    best=np.array([number, score, *again]),
    mask=maps.segment(frame),
    predicted=maps.predict(frame)[0],
    points=points.estimate(frame, thresh=0.05),
)
