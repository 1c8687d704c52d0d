"""Train flow-m: samples, losses and validation are flow-s's.

For a GPU: --batch 64 --mixed. The length is given in minutes; a run goes on from its checkpoint
(common/loop.py).
"""

import argparse

from training.common import loop, paths
from training.common.samples import Samples
from training.flow_m.network import FlowM, load
from training.flow_s.train import FlowSTask


class FlowMTask(FlowSTask):
    """flow-m, with the samples and losses of flow-s. `options` as of the command line."""

    def __init__(self, options, device):
        make = lambda: (load(options.init)[0].train() if options.init else FlowM(options.widths)).to(device)
        loop.Task.__init__(self, make(), make())
        self.network.mixed = options.mixed
        self.options, self.device = options, device
        self.sets = {k: Samples(options.samples, k) for k in ("videos", "scenes")}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.add_arguments(p, run=paths.run_folder("flow-m"), minutes=240, batch=8, lr=3e-4)
    p.add_argument("--widths", type=int, nargs=3, default=[128, 96, 64], help="channels of the blocks, coarse to fine")
    p.add_argument("--init", help="weights or checkpoint to start from")
    p.add_argument("--scenes", type=float, nargs=2, default=[0.5, 0.25], help="share of scenes, at first and at last")
    p.add_argument("--flow", type=float, default=0.004, help="weight of the true flow, at last")
    p.add_argument("--share", type=float, default=0.002, help="what the second motion's share costs")
    p.add_argument("--census", type=float, default=0.0, help="weight of the census loss")
    options = p.parse_args()
    options.phantom = 0.0
    device = loop.begin(options)
    loop.train(FlowMTask(options, device), options, device)


if __name__ == "__main__":
    main()
