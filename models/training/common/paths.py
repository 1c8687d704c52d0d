"""Where things lie, wherever a command is run from."""

import json
import os

TRAINING = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODELS = os.path.dirname(TRAINING)  # weights, graphs, cards and manifest.json
LOGS = os.path.join(TRAINING, "logs")  # training logs and curves of the committed weights
RUNS = os.path.join(TRAINING, "runs")  # ignored by git: samples, checkpoints, renderings
SAMPLES = os.path.join(RUNS, "samples")


def run_folder(name):
    """The folder of a training run."""
    return os.path.join(RUNS, name)


def read_json(path):
    """A JSON file, e.g. of an evaluation."""
    with open(path) as f:
        return json.load(f)
