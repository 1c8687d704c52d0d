"""Checkpoints of a training, and the weights files (<id>.pt) that are made of them."""

import os

import torch


def save(path, content):
    """Write a checkpoint so that a kill at any moment leaves a whole one."""
    torch.save(content, path + ".part")
    os.replace(path + ".part", path)


def load(path, make, device="cpu"):
    """Weights file or training checkpoint → network in evaluation mode, and the file's metadata.

    make(metadata) builds the network. Of a checkpoint the moving average of the weights is taken.
    """
    blob = torch.load(path, map_location=device)
    network = make(blob).to(device)
    stored = blob.get("ema", blob.get("weights"))
    network.load_state_dict({k: v.float() for k, v in stored.items()})
    return network.eval(), blob


def write(path, network, blob, **metadata):
    """The weights file of a network in half precision, with what `blob` (its checkpoint) knows."""
    halved = {k: v.half() for k, v in network.state_dict().items()}
    trained = dict(step=blob.get("step", 0), seconds=blob.get("seconds", 0.0))
    torch.save(dict(metadata, config=network.config, weights=halved, **trained), path)
