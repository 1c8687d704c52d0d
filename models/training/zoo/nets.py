"""The networks of the zoo by their ids, and reading their weights."""

import importlib

from training.common import weights

IDS = ("nested", "fmsmi", "ifrnet", "cfu", "dvf", "sepconv", "memc", "dain", "mind")


def module(name):
    """The file of that network: Net, objective, and what is written about it (its doc string)."""
    if name not in IDS:
        raise SystemExit(f"no network {name}: one of {', '.join(IDS)}")
    return importlib.import_module(f"training.zoo.{name}")


def load(path, device="cpu"):
    """Weights file or training checkpoint → network in evaluation mode, and the file's metadata."""
    return weights.load(path, lambda blob: module(blob["id"]).Net(**blob["config"]), device)
