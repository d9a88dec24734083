"""Age and gender of a face: python age_gender.py PHOTO TEXT MODEL TEXT MODEL OUT."""

import sys

import cv2
import numpy as np

photo, age_text, age_model, gender_text, gender_model, out = sys.argv[1:]
MEAN = (78.4263377603, 87.7689143744, 114.895847746)
age = cv2.dnn.readNet(age_model, age_text)
gender = cv2.dnn.readNet(gender_model, gender_text)
face = cv2.imread(photo)
blob = cv2.dnn.blobFromImage(face, 1.0, (48, 48), MEAN, swapRB=False)
gender.setInput(blob)
genders = gender.forward()
age.setInput(blob)
ages = age.forward()
names = np.array([["Male", "Female"][genders[0].argmax()], str(ages[0].argmax())])
np.savez(out, genders=genders, ages=ages, names=names)
