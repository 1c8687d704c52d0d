"""From trained weights to what the product loads: weights file, ONNX graph checked on ONNX Runtime,
and manifest entry.
"""

import hashlib
import inspect
import json
import os
import warnings

import numpy as np
import torch
import torch.nn as nn

from training.common import paths, weights
from training.common.runtime import session

OPSET = 17


def add_arguments(parser, name):
    """The options of every exporter. `name`: the network's id."""
    p = parser.add_argument
    p("checkpoint", help=f"runs/{name}/checkpoint.pt, or {name}.pt to export again")
    p("--out", default=paths.MODELS, help="folder for the files and manifest.json")


def add_trained_argument(parser):
    """For networks whose exporter does not know what they learned from."""
    text = "a line on how it was trained; steps and minutes are put before it"
    parser.add_argument("--trained", required=True, help=text)


def freeze(load, checkpoint, target, **metadata):
    """Write the weights file of a checkpoint → the network that it holds, and its metadata."""
    torch.set_num_threads(1)
    network, blob = load(checkpoint)
    weights.write(target, network, blob, **metadata)
    return load(target)


def count_macs(network, run):
    """(parameters, multiply-accumulates of the convolutions of one `run`)."""
    total = 0

    def hook(m, given, out):
        nonlocal total
        kernel = m.kernel_size[0] * m.kernel_size[1]
        if isinstance(m, nn.Conv2d):
            total += out.numel() * m.in_channels * kernel // m.groups
        else:  # a transposed convolution spends its kernel on every input sample
            total += given[0].numel() * m.out_channels * kernel // m.groups

    convolutions = (m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)))
    handles = [m.register_forward_hook(hook) for m in convolutions]
    with torch.no_grad():
        run()
    for h in handles:
        h.remove()
    return sum(p.numel() for p in network.parameters()), total


def write_onnx(module, example, path, inputs, outputs, axes):
    """The graph of a module (evaluation mode), by tracing."""
    tracing = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    names = dict(input_names=list(inputs), output_names=list(outputs), dynamic_axes=axes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), example, path, opset_version=OPSET, **names, **tracing)


def compare(path, reference, cases, inputs, outputs):
    """Yield (ONNX Runtime's, PyTorch's) arrays of each output for each case (tuple of tensors)."""
    graph = session(path)
    for given in cases:
        with torch.no_grad():
            want = reference(*given)
        got = graph.run(list(outputs), {n: v.numpy() for n, v in zip(inputs, given)})
        for a, b in zip(got, want if isinstance(want, tuple) else (want,)):
            if a.shape != tuple(b.shape) or a.dtype != b.numpy().dtype:
                raise SystemExit(f"ONNX Runtime gives {a.dtype} {a.shape}, PyTorch {b.dtype} {tuple(b.shape)}")
            yield a, b.numpy()


def check_floats(pairs, tolerance):
    """Largest difference of compare()'s pairs. Ends the program when it is over the tolerance."""
    worst = max(float(np.abs(a - b).max()) for a, b in pairs)
    if worst > tolerance:
        raise SystemExit(f"ONNX Runtime differs from PyTorch by {worst}")
    return worst


def check_planes(pairs, tolerance, share):
    """Worst difference in grey levels of compare()'s pairs, and the share of samples that are more
    than one apart. Ends the program when either is over its limit.
    """
    worst, far, count = 0, 0, 0
    for a, b in pairs:
        d = np.abs(a.astype(int) - b.astype(int))
        worst, far, count = max(worst, int(d.max())), far + int((d > 1).sum()), count + d.size
    if worst > tolerance or far / count > share:
        text = f"{far / count:.2e} of the samples by more than one"
        raise SystemExit(f"ONNX Runtime differs from PyTorch by {worst} grey levels; {text}")
    return worst, far / count


def quality_of(path):
    """The manifest's figures from a JSON of flow_s/evaluate.py."""
    if not path:
        return {}
    q = paths.read_json(path)
    gaps = f"every second frame removed, at most {q['height']} lines"
    protocol = f"{gaps}, {q['frames']} frames a clip, {len(q['clips'])} clips, luma"
    return dict(protocol=protocol, **q["mean"]["network"])


def trained(blob, where, how):
    """The manifest's line on a training."""
    return f"{blob['step']} steps, {blob['seconds'] / 60:.0f} minutes {where}: {how}"


def list_model(folder, name, kind, precision, multiple, **rest):
    """Put <name>.onnx into the folder's manifest.json; an entry of the same id is replaced.

    Returns the entry: the arguments, the file's name and its SHA-256.
    """
    with open(os.path.join(folder, f"{name}.onnx"), "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    file = dict(id=name, kind=kind, file=f"{name}.onnx", sha256=digest)
    entry = dict(file, precision=precision, multiple=multiple, **rest)
    path = os.path.join(folder, "manifest.json")
    models = paths.read_json(path)["models"] if os.path.exists(path) else []
    models = [m for m in models if m["id"] != name] + [entry]
    models.sort(key=lambda m: m["id"])
    with open(path, "w") as f:
        json.dump(dict(models=models), f, indent=2)
        f.write("\n")
    return entry
