"""Train the second stage of flow-m on prepared samples; its first stage is a trained flow-s
(--trunk).

Triplets, windows (any time between the frames) and rendered scenes. The length is given in minutes;
a run goes on from its checkpoint (common/loop.py).
"""

import argparse
import os

import torch

from training.common import loop, losses, paths
from training.common.samples import HELD, MARGIN, Samples, augment, join, unseen
from training.flow_m.network import FlowM, load_second
from training.flow_s import network as flow_s

SHARES = dict(videos=0.55, windows=0.25, scenes=0.2)


def crop(batch, size, rng):
    """A random square of the truth, with the frames' margin around it; on a grid of 32."""
    y, x = (int(v) * 32 for v in rng.integers(0, (batch["truth"].shape[-1] - size) // 32 + 1, 2))

    def part(k, cell, extra):
        rows, columns = (slice(v // cell, (v + size) // cell + extra) for v in (y, x))
        return batch[k][..., rows, columns]

    frames = {k: part(k, 1, 2 * MARGIN) for k in ("frame0", "frame1")}
    cells = {k: part(k, 8, 0) for k in ("seed", "costs")}
    return dict(frames, **cells, truth=part("truth", 1, 0), time=batch["time"])


def predict(net, b):
    """The network's outputs for a batch."""
    return net(b["frame0"], b["frame1"], b["seed"], b["costs"], b["time"].view(-1, 1, 1, 1), MARGIN)


class FlowMTask(loop.Task):
    """flow-m, its samples and losses. `options` as of the command line."""

    panels = (*((f"{k}_psnr", f"{k}_base_psnr") for k in SHARES), ("photo",))
    first_validation = 100
    logged = ("photo", "census")

    def __init__(self, options, device):
        trunk, _ = flow_s.load(options.trunk)
        network, average = (FlowM(trunk=trunk.config["widths"]).to(device) for _ in range(2))
        if options.init:
            network.second.load_state_dict(load_second(options.init))
        network.trunk.load_state_dict(trunk.state_dict())
        network.mixed = options.mixed
        super().__init__(network, average)
        self.options, self.device = options, device
        self.sets = {k: Samples(options.samples, k, options.limit) for k in SHARES}

    def trained(self, network):
        return network.second

    def batch(self, progress, rng):
        drawn = rng.choice(list(SHARES), self.options.batch, p=list(SHARES.values()))
        counts = {n: int((drawn == n).sum()) for n in self.sets}
        batches = [s.take(unseen(rng, len(s), counts[n])) for n, s in self.sets.items() if counts[n]]
        batch = crop(augment(join(*batches), rng), self.options.size, rng)
        return {k: v.to(self.device) for k, v in batch.items()}

    def loss(self, b, progress, rng):
        """Error relative to the first stage's, and a census loss."""
        out, weight = predict(self.network, b), self.options.census
        photo = losses.relative(out["frame"], out["base"], b["truth"]).mean()
        census = losses.census(out["frame"], b["truth"]).mean() if weight else torch.zeros(())
        return photo + weight * census, dict(photo=photo, census=census)

    def validate(self):
        """PSNR of the first stage alone and of both."""
        out = {}
        for name, s in self.sets.items():
            base, made, kept = [], [], range(0, len(s), 2 * HELD)
            for i in range(0, len(kept), 8):
                b = {k: v.to(self.device) for k, v in s.take(kept[i : i + 8]).items()}
                r = predict(self.average, b)
                base.append(losses.psnr(r["base"], b["truth"]))
                made.append(losses.psnr(r["frame"].clamp(0, 1), b["truth"]))
            out[name + "_base_psnr"] = torch.cat(base).mean().item()
            out[name + "_psnr"] = torch.cat(made).mean().item()
        return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.add_arguments(p, run=paths.run_folder("flow-m"), minutes=30)
    trunk = os.path.join(paths.MODELS, "flow-s.pt")
    p.add_argument("--trunk", default=trunk, help="weights of flow-s: the first stage, not changed")
    p.add_argument("--init", help="weights of flow-m whose second stage to start from")
    p.add_argument("--size", type=int, default=160, help="side of the square that the loss sees")
    p.add_argument("--census", type=float, default=0.05, help="weight of the census loss")
    p.add_argument("--limit", type=int, default=3000, help="samples of each kind held in memory")
    options = p.parse_args()
    device = loop.begin(options)
    loop.train(FlowMTask(options, device), options, device)


if __name__ == "__main__":
    main()
