"""Write the parity fixtures of acceleration and of the second search: generated seeds, pairs and
what has to come of them.

OUT/acceleration.json: {"cases": [{name, width, height, seed, before?, after?: {seed, ratio},
motion, field, accelerated, quarter, threeQuarters}]}: seeds [3][h][w]; motion [8][h][w] of the
seed and its neighbours; a field [6][h][w] of the seed with made mask and error; that accelerated by
`motion` as without a network's gate, and this at t = 1/4 and 3/4.
OUT/fine-search.json: {"cases": [{name, width, height, luma0, luma1 (base64), fine: {vx, vy, cost},
seed: {vx, vy, cost}, p: {vx, vy}, costs: [28 sums of absolute differences]}]}. Planes are flattened
row by row.
"""

import argparse
import base64
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

from training.common import acceleration
from training.common.acceleration import Neighbour
from training.common.search import FINE, OFFSETS, candidate_costs, further_costs, search
from training.common.search_fixture import pair
from training.common.warp import retime


def floats(t):
    """float32 values, row by row."""
    return [float(np.float32(v)) for v in t.flatten()]


def smooth(shape, scale, generator):
    """Smooth random planes [1,C,h,w]."""
    c, h, w = shape
    noise = torch.randn(1, c, h // 3 + 2, w // 3 + 2, generator=generator)
    return F.interpolate(noise, size=(h, w), mode="bilinear", align_corners=False) * scale


def seed_of(height, width, speed, generator):
    """A seed [1,3,h,w]: smooth motion, a part that stands still, single cells that are off."""
    v = smooth((2, height, width), speed, generator) + speed / 2
    off = torch.rand(1, 1, height, width, generator=generator) < 0.05
    v = torch.where(off, torch.randn(v.shape, generator=generator) * 25, v)
    v[..., : height // 2, : width // 3] = 0
    return torch.cat([v, torch.rand(1, 1, height, width, generator=generator) * 0.1], 1)


def acceleration_case(name, height, width, ratios, seed):
    g = torch.Generator().manual_seed(seed)
    make = lambda: seed_of(height, width, 6.0, g)
    own = make()
    own[..., height // 2 :, : width // 4] = 0  # stops
    before, after = (None if r is None else Neighbour(make(), r) for r in ratios)
    m = acceleration.motion(own, before, after)
    rest = torch.rand(1, 2, height, width, generator=g)
    field = torch.cat([own[:, :2] * -0.5, own[:, :2] * 0.5, rest], 1)
    moved = acceleration.accelerated(field, m)
    beside = lambda n: dict(seed=floats(n.seed), ratio=n.ratio)
    return dict(
        name=name,
        width=width,
        height=height,
        seed=floats(own),
        **({} if before is None else dict(before=beside(before))),
        **({} if after is None else dict(after=beside(after))),
        motion=floats(m),
        field=floats(field),
        accelerated=floats(moved),
        quarter=floats(retime(moved, 0.25)),
        threeQuarters=floats(retime(moved, 0.75)),
    )


def search_case(name, width, height, luma0, luma1, seed):
    a, b = luma0[None].int(), luma1[None].int()
    own, fine = search(a, b), search(a, b, FINE)
    p = smooth((2, *own.shape[-2:]), 8.0, torch.Generator().manual_seed(seed))
    costs = torch.cat([candidate_costs(a, b, own, OFFSETS), further_costs(a, b, fine, p)], 1)[0] * (32 * 255)
    b64 = lambda t: base64.b64encode(t.contiguous().numpy().tobytes()).decode()
    planes = lambda t: dict(zip(("vx", "vy", "cost"), (floats(plane) for plane in t[0])))
    return dict(
        name=name,
        width=width,
        height=height,
        luma0=b64(luma0),
        luma1=b64(luma1),
        fine=planes(fine),
        seed=planes(own),
        p=planes(p),
        costs=[int(v) for v in costs.round().flatten()],
    )


def write(folder, name, cases):
    """One fixture file."""
    with open(os.path.join(folder, name), "w") as f:
        json.dump(dict(cases=cases), f, separators=(",", ":"))
        f.write("\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", help="folder to write to, e.g. ../test/fixtures")
    a = p.parse_args()
    of = acceleration_case
    write(
        a.out,
        "acceleration.json",
        [
            of("before", 9, 12, (1.0, None), 1),
            of("after, longer", 7, 10, (None, 1.5), 2),
            of("both, uneven", 8, 11, (0.75, 1.25), 3),
            of("none", 5, 6, (None, None), 4),
        ],
    )
    write(
        a.out,
        "fine-search.json",
        [
            search_case("pan-and-patch", 96, 72, *pair(96, 72, (6, -3), (-9, 4), 3, 1), 1),
            search_case("odd-size", 75, 53, *pair(75, 53, (-11, 5), (3, -2), 6, 2), 2),
        ],
    )


if __name__ == "__main__":
    main()
