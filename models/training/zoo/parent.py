"""Puts the folder above on the import path: the zoo reuses its data, losses, warping, curves and manifest writing."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TRAINING = os.path.dirname(HERE)
if TRAINING not in sys.path:
    sys.path.append(TRAINING)
