"""Train Zooming Slow-Mo on samples of zsm/prepare.py.

The network sees both outer frames at half the size and is to make all three at the whole size. It
learns the alignment's offsets from the block search's vectors first (--lead), and then everything.
The length is given in minutes; a run goes on from its checkpoint (common/loop.py).
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F

from training.common import loop, losses, paths
from training.common.samples import Samples
from training.zoo.train import autocast, clock_of
from training.zsm.network import Zsm, bicubic, mean_offset

EVERY, HELD = 15, 24  # every so many samples one is kept for validation, and at most so many


def halve(x):
    """Half the size, as the inputs of the network are made: bicubic without aliasing, in whole grey
    levels.
    """
    small = F.interpolate(x, scale_factor=0.5, mode="bicubic", align_corners=False, antialias=True)
    return (small * 255).round().clamp(0, 255) / 255


def reference(y0, c0, y1, c1):
    """What the network is compared with: both frames enlarged, and the middle one their mean.
    Shapes as the network's.
    """
    y, c = (torch.stack([a, (a + b) / 2, b], 1) for a, b in ((bicubic(y0), bicubic(y1)), (bicubic(c0), bicubic(c1))))
    return y[:, :, 0], c


def crop(b, size, rng):
    """A random square of all that a sample holds, on the grid of the vectors."""
    y, x = (int(v) * 8 for v in rng.integers(0, (b["y"].shape[-1] - size) // 8 + 1, 2))
    part = lambda k, cell: b[k][..., y // cell : (y + size) // cell, x // cell : (x + size) // cell]
    return dict(y=part("y", 1), c=part("c", 2), seed=part("seed", 8))


def turn_about(b, rng):
    """Mirror, swap x and y, reverse time: the whole batch alike."""
    for axis in (-1, -2):
        if rng.random() < 0.5:
            sign = torch.tensor([-1.0, 1.0] if axis == -1 else [1.0, -1.0])[:, None, None]
            b = {k: v.flip(axis) for k, v in b.items()}
            b["seed"] = b["seed"] * sign
    if rng.random() < 0.5:
        b = {k: v.transpose(-1, -2) for k, v in b.items()}
        b["seed"] = b["seed"].flip(1)
    if rng.random() < 0.5:
        b = dict(y=b["y"].flip(1), c=b["c"].flip(1), seed=-b["seed"])
    return b


def inputs(b):
    """Halved planes of both outer frames."""
    return [halve(b[k][:, i : i + 1] if k == "y" else b[k][:, i]) for i in (0, 2) for k in ("y", "c")]


def offset_loss(found, seed):
    """log(1 + distance) in large pixels between the mean offsets of all levels and half the
    search's vectors.
    """
    total = 0
    for levels, target in zip(found, (-seed / 2, seed / 2)):
        for offsets, cell in levels:
            flow = mean_offset(offsets) * (4 * cell)
            goal = F.interpolate(target, size=flow.shape[-2:], mode="bilinear", align_corners=False)
            total = total + ((flow - goal) ** 2).sum(1).add(1e-4).sqrt().log1p().mean() / 6
    return total


class ZsmTask(loop.Task):
    """The network, its samples and losses. `options` as of the command line."""

    panels = (("middle_psnr", "middle_plain_psnr"), ("ends_psnr", "ends_plain_psnr"), ("photo",), ("offset",))
    warm_up = 0.04
    decay = 0.998
    validates_at_end = True
    logged = ("photo", "ends", "offset", "loss")

    def __init__(self, options, device):
        network, average = (Zsm().to(device) for _ in range(2))
        super().__init__(network, average, id="zsm")
        self.options, self.device = options, device
        self.samples = Shelf(options.samples)
        size = sum(q.numel() for q in network.parameters())
        print(f"zsm: {size} parameters, {len(self.samples)} samples", flush=True)

    def batch(self, progress, rng):
        self.leading = progress < self.options.lead
        size = self.options.batch * (2 if self.leading else 1)
        b = crop(turn_about(self.samples.draw(size, rng), rng), self.options.size, rng)
        b["time"] = torch.full((size,), 0.5)
        return {k: v.to(self.device) for k, v in b.items()}

    def loss(self, b, progress, rng):
        """While it leads, the offsets and the start of the middle frame; then all three frames,
        relative to what enlarging and blending makes, and chroma.
        """
        given, m = inputs(b), self.options.margin
        inner = lambda x, cell=1: x[..., m // cell : x.shape[-2] - m // cell, m // cell : x.shape[-1] - m // cell]
        with autocast(self.device, self.options.mixed):
            if self.leading:
                _, start, found = self.network.interpolate(*given)
                truth, plain = halve(b["y"][:, 1:2]), (given[0] + given[2]) / 2
                photo = losses.relative(inner(start[0], 2), inner(plain, 2), inner(truth, 2)).mean()
                offset = offset_loss(found, b["seed"])
                return 0.1 * photo + 0.2 * offset, dict(start=photo, offset=offset)
            made = self.network(*given)
        plain = reference(*given)
        relative = lambda i: losses.relative(*(inner(x[:, i : i + 1]) for x in (made["y"], plain[0], b["y"]))).mean()
        photo, ends = relative(1), (relative(0) + relative(2)) / 2
        chroma = (made["c"] - b["c"]).abs().mean()
        offset = offset_loss(made["found"], b["seed"])
        loss = 0.1 * photo + 0.05 * ends + 0.2 * chroma + 0.01 * offset
        return loss, dict(photo=photo, ends=ends, chroma=chroma, offset=offset)

    def validate(self):
        """PSNR of luma of the middle frame and of the ends, and of enlarging and blending."""
        found = {k: [] for k in ("middle_psnr", "middle_plain_psnr", "ends_psnr", "ends_plain_psnr")}
        for b in self.samples.held(6):
            given = inputs({k: v.to(self.device) for k, v in b.items()})
            made, plain = self.average(*given)["y"].clamp(0, 1), reference(*given)[0]
            for name, y in (("", made), ("plain_", plain)):
                inner = lambda x: x[..., 16:-16, 16:-16]
                each = [losses.psnr(inner(y[:, i : i + 1]), inner(b["y"][:, i : i + 1].to(y))) for i in range(3)]
                found[f"middle_{name}psnr"].append(each[1])
                found[f"ends_{name}psnr"] += [each[0], each[2]]
        return {k: torch.cat(v).mean().item() for k, v in found.items()}

    def refresh(self):
        self.samples.refresh()


class Shelf(Samples):
    """Shards of zsm/prepare.py; every so many samples one is kept for validation."""

    def __init__(self, folder):
        super().__init__(folder, "zsm-", key="y")
        self.kept = list(range(0, len(self), EVERY))[:HELD]

    def take(self, numbers):
        rows = [self.index[int(n)] for n in numbers]
        field = lambda k: torch.from_numpy(np.stack([self.parts[p][k][i] for p, i in rows])).float()
        return dict(y=field("y") / 255, c=field("c") / 255, seed=field("seed"))

    def draw(self, count, rng):
        """Random samples that are not kept for validation."""
        numbers = [n for n in rng.integers(0, len(self), 2 * count + 8) if n % EVERY]
        return self.take(numbers[:count])

    def held(self, count):
        """The samples kept for validation, so many at a time."""
        for i in range(0, len(self.kept), count):
            yield self.take(self.kept[i : i + count])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loop.add_arguments(p, run=paths.run_folder("zsm"), minutes=60, lr=1e-3)
    p.add_argument("--lead", type=float, default=0.3, help="share of the time that learns the alignment alone")
    p.add_argument("--size", type=int, default=192, help="side of the squares, large pixels")
    p.add_argument("--margin", type=int, default=16, help="pixels at the edges that do not count")
    options = p.parse_args()
    device = loop.begin(options)
    loop.train(ZsmTask(options, device), options, device, clock_of(device, options.threads))


if __name__ == "__main__":
    main()
