"""Export flow-m: checkpoint (moving average of the weights) → flow-m.pt, flow-m.onnx and
flow-m-fp16.onnx (kind `flow`) and their manifest entries.

fp16: the blocks' convolutions alone; flow, coordinates and warps stay in float32. Fails when ONNX
Runtime and PyTorch disagree.
"""

import argparse
import copy
import os

import onnx
import torch.nn as nn

from training.common import export
from training.flow_m.network import COSTS, load
from training.flow_s import export as flow_s

INPUTS, OUTPUTS = flow_s.INPUTS[:3], ("field",)
AXES = dict({name: flow_s.AXES[name] for name in INPUTS}, field=flow_s.CELLS)
TOLERANCE = {"fp32": 0.01, "fp16": 0.5}  # pixels of flow; mask, error and share agree far more closely


def given(images, seed, costs, *_):
    """Of a flow network's inputs those that are read."""
    return images, seed, costs[:, :COSTS]


class Half(nn.Module):
    """A network of convolutions in half precision with float32 in and out."""

    def __init__(self, net):
        super().__init__()
        self.net = net.half()

    def forward(self, *x):
        return self.net(*(v.half() for v in x)).float()


def halved(network):
    """A copy whose convolutions are in half precision."""
    out = copy.deepcopy(network)
    for block in out.blocks:
        for name in ("look", "tell", "body", "head"):
            setattr(block, name, Half(getattr(block, name)))
    return out


def write_graph(network, path):
    """The graph, with the number of the field's channels."""
    export.write_onnx(network, given(*flow_s.zeros(256, 384)), path, INPUTS, OUTPUTS, AXES)
    graph = onnx.load(path)
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 12
    onnx.save(graph, path)


def write(network, folder, sizes=((1, 256, 448), (1, 480, 864), (3, 64, 96))):
    """Both graphs of a network. `sizes`: (pairs, height, width) of the random inputs that ONNX
    Runtime is compared on. → (name, precision, largest difference in pixels) of each.
    """
    network.eval()
    for name, precision, module in (("flow-m", "fp32", network), ("flow-m-fp16", "fp16", halved(network))):
        path = os.path.join(folder, f"{name}.onnx")
        write_graph(module, path)
        cases = (given(*case) for case in flow_s.random_cases(sizes))
        pairs = export.compare(path, network, cases, INPUTS, OUTPUTS)
        yield name, precision, export.check_floats(pairs, TOLERANCE[precision])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    export.add_arguments(p, "flow-m")
    export.add_trained_argument(p)
    p.add_argument("--where", default="on one GPU", help="what it was trained on, for the manifest")
    p.add_argument("--quality", help="JSON of flow_s/evaluate.py on flow-m.onnx")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    network, blob = export.freeze(load, a.checkpoint, os.path.join(a.out, "flow-m.pt"))
    parameters, macs = export.count_macs(network, lambda: network(*given(*flow_s.zeros(736, 1280))))
    for name, precision, worst in write(network, a.out):
        export.list_model(
            a.out,
            name,
            "flow",
            precision,
            32,
            grid=8,
            parameters=parameters,
            macs720p=macs,
            licence="MIT",
            trained=export.trained(blob, a.where, a.trained),
            quality=export.quality_of(a.quality),
        )
        size = os.path.getsize(os.path.join(a.out, f"{name}.onnx"))
        print(f"{name}: {size} bytes; ONNX Runtime differs from PyTorch (float32) by {worst:.2g} px at most")


if __name__ == "__main__":
    main()
