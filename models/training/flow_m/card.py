"""Write the model card of flow-m (flow-m.md) from the weights file, the manifest and the figures of
--run (quality.json of flow_s/evaluate.py). Without them the section on quality is empty.
"""

import argparse
import os

from training.flow_m.network import load
from training.flow_s import card

TEXTS = dict(
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
Samples, losses and validation are flow-s's (`training/flow_m/train.py`), from nothing.""",
    limits="""
- Meant for a GPU: on a CPU it takes many times flow-s's time.
- It knows no acceleration of its own: half of what the pairs beside tell is added to its field.
- The field has two vectors per 8×8 cell: thin things that move against their background may blur or double.""",
)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    card.add_arguments(p)
    a = p.parse_args()
    network, _ = load(os.path.join(a.models, "flow-m.pt"))
    card.write("flow-m", TEXTS, network, "flow_m/card.py", a)


if __name__ == "__main__":
    main()
