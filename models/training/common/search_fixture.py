"""Write the parity fixture of the block search (test/fixtures/search.json): generated pairs with
the expected vectors.

Layout: {"cases": [{name, width, height, luma0, luma1 (base64, row by row), levels: [{level, width,
height, vx, vy}], seed: {width, height, vx, vy, cost}, costs: [18 x sums]}]}; levels hold integer
vectors after the median, costs the candidates' sums of absolute differences (SEARCH.md), row by
row.
"""

import argparse
import base64
import json

import numpy as np
import torch

from training.common.search import OFFSETS, candidate_costs, search


def textured(height, width, generator):
    """Smooth random texture: a sum of enlarged noise octaves, 8-bit."""
    total = torch.zeros(1, 1, height, width)
    for octave in (2, 4, 8, 16):
        noise = torch.rand(1, 1, height // octave + 2, width // octave + 2, generator=generator)
        total += octave * torch.nn.functional.interpolate(
            noise, size=(height, width), mode="bilinear", align_corners=False
        )
    total = (total - total.min()) / (total.max() - total.min())
    return (total[0, 0] * 255).round().to(torch.uint8)


def pair(width, height, motion, patch_motion, noise, seed):
    """Background moving by `motion` (x, y), a patch in the middle by `patch_motion`, uniform noise
    of the given amplitude.
    """
    g = torch.Generator().manual_seed(seed)
    pad = 64
    background, patch = textured(height + 2 * pad, width + 2 * pad, g), textured(height // 3, width // 3, g)
    frames = []
    for k in (0, 1):
        f = background[
            pad - k * motion[1] : pad - k * motion[1] + height, pad - k * motion[0] : pad - k * motion[0] + width
        ].clone()
        y, x = height // 3 + k * patch_motion[1], width // 3 + k * patch_motion[0]
        f[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
        n = torch.randint(-noise, noise + 1, f.shape, generator=g)
        frames.append((f.int() + n).clamp(0, 255).to(torch.uint8))
    return frames


def case(name, width, height, luma0, luma1):
    trace = []
    seed = search(luma0[None], luma1[None], trace=trace)[0]
    costs = candidate_costs(luma0[None].int(), luma1[None].int(), seed[None], OFFSETS)[0] * (32 * 255)
    b64 = lambda t: base64.b64encode(t.contiguous().numpy().tobytes()).decode()
    ints = lambda t: [int(v) for v in t.flatten()]
    floats = lambda t: [float(np.float32(v)) for v in t.flatten()]
    return dict(
        name=name,
        width=width,
        height=height,
        luma0=b64(luma0),
        luma1=b64(luma1),
        levels=[dict(level=n, width=vx.shape[2], height=vx.shape[1], vx=ints(vx), vy=ints(vy)) for n, vx, vy in trace],
        seed=dict(
            width=seed.shape[2],
            height=seed.shape[1],
            vx=floats(seed[0]),
            vy=floats(seed[1]),
            cost=[round(v, 9) for v in floats(seed[2])],
        ),
        costs=ints(costs.round()),
    )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", help="file to write, e.g. ../test/fixtures/search.json")
    a = p.parse_args()
    cases = [
        case("pan-and-patch", 96, 72, *pair(96, 72, (6, -3), (-9, 4), 3, 1)),
        case("odd-size", 75, 53, *pair(75, 53, (-11, 5), (3, -2), 6, 2)),
    ]
    with open(a.out, "w") as f:
        json.dump(dict(cases=cases), f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
