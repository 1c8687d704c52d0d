"""The networks of the zoo by their ids, and reading their weights."""

import importlib

import torch

IDS = ("nested", "fmsmi", "ifrnet", "cfu", "dvf", "sepconv")


def module(name):
    """The file of that network: Net, objective, and what is written about it (its doc string)."""
    if name not in IDS:
        raise SystemExit(f"no network {name}: one of {', '.join(IDS)}")
    return importlib.import_module(f"training.zoo.{name}")


def load(path, device="cpu"):
    """Weights file (<id>.pt) or training checkpoint → network in evaluation mode, and the file's
    metadata.
    """
    blob = torch.load(path, map_location=device)
    net = module(blob["id"]).Net(**blob["config"]).to(device)
    net.load_state_dict({k: v.float() for k, v in blob.get("ema", blob.get("weights")).items()})
    return net.eval(), blob
