"""Write the model card of flow-m (flow-m.md), of either kind, from the weights file, the manifest
and the JSON files of the evaluations in --run: quality.json and quality-first.json
(flow_s/evaluate.py on flow-m and on its first stage). What is missing is left out of the card.
"""

import argparse
import os

import torch

from training.flow_m import network, pyramid
from training.flow_s import card

SECOND_STAGE = dict(
    title="flow-s with a second stage at half resolution, for a GPU: planes in, planes out.",
    architecture="""
The first stage is flow-s as it is. The second is a U-Net of {widths} channels at 1/2, 1/4, 1/8 and 1/16 resolution: it
sees both frames warped by both motions and the blend of the first stage, and gives a correction of the first motion's
flow at half resolution and, at full resolution, of the weights of frames and motions and of the picture. The time is
an input; the first stage's field is re-projected to it. The block search's seed and costs come from the kernel
(`seed`, `costs`). Chroma: the same flow and weights at half size. In `flow-m-fp16.onnx` the convolutions are in half
precision, flow and coordinates in float32.""",
    data="As flow-s, and windows of clips: any of the 3 or 7 frames between two that are 4 or 8 apart.",
    training="""
The second stage alone, the first one fixed: batches of 4, squares of 128 pixels, 55 % triplets, 25 % windows, 20 %
scenes; error relative to the first stage's, half absolute, half squared, and a ternary census loss (0.02); AdamW,
cosine, moving average 0.999. Twelve and then 22 minutes of one CPU core (the second time from the first one's weights,
on a better flow-s) are far too little: on held-back samples it is 0.06 dB ahead of its first stage on triplets, 0.02
dB behind on windows and 0.21 dB behind on rendered scenes. A first try without differences among the inputs and with
an unbounded correction of the picture learned nothing in ten minutes. The target, 0.8 dB more than flow-s, wants a GPU
and hours (`training/flow_m/train.py`; batches of 32 squares of 256, some 100,000 steps).""",
    limits="""
- Not better than flow-s as it stands (0.04 dB behind on the clips): what is finished is the network, its trainer, its
  exporter and its way through the engine.
- Meant for a GPU: on a CPU it is far from real time.
- Motion that the block search misses is mostly not found by the second stage either.""",
)

PYRAMID = dict(
    title="Three blocks, coarse to fine, that give flow-s's field: for a GPU.",
    architecture="""
Blocks of {widths} channels at 1/32, 1/16 and 1/8 resolution, each of them residual 3×3 convolutions: the shape of RIFE
(Huang et al., ECCV 2022) without its last block. A block sees both quarter-resolution frames, the frames as the field
so far warps them, what lies between those, the field, and what 18 candidate vectors cost; it corrects the field. The
first one starts from the block search's vectors. The last one also gives a second motion with its share, and the
expected error. Warping, blending, other times and acceleration are the kernel's (kind `flow`). In `flow-m-fp16.onnx`
the convolutions are in half precision, flow and coordinates in float32.""",
    data="As flow-s.",
    training="""
Samples, losses and validation are flow-s's (`training/flow_m/train_pyramid.py`), from nothing.""",
    limits="""
- Meant for a GPU: on a CPU it takes many times flow-s's time.
- It knows no acceleration of its own: half of what the pairs beside tell is added to its field.
- The field has two vectors per 8×8 cell: thin things that move against their background may blur or double.""",
)


def read(path):
    """Weights of flow-m → the texts of its card, and the network, of the kind that they are of."""
    blocks = "depths" in torch.load(path, map_location="cpu")["config"]
    return (PYRAMID, pyramid.load(path)[0]) if blocks else (SECOND_STAGE, network.load(path)[0])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    card.add_arguments(p)
    a = p.parse_args()
    card.write("flow-m", *read(os.path.join(a.models, "flow-m.pt")), "flow_m/card.py", a)


if __name__ == "__main__":
    main()
