"""Write the parity fixture of the choice: what a network may say of its candidates, and the field
that has to come of it.

OUT/choice.json: {"cases": [{name, width, height, trust, choice, seed, fine, motion, costs,
field}]}: choice [2·36][h][w], seed and fine [3][h][w], motion [8][h][w], costs [28][h][w], field
[12][h][w], flattened row by row.
"""

import argparse
import json
import os

import torch

from training.common.acceleration import CHANNELS
from training.flow_s.choice import CANDIDATES, OUTPUTS, field_of


def case(name, height, width, known, seed):
    """One case; `known`: 0, ½ or 1 for no pair beside, one, or both."""
    g = torch.Generator().manual_seed(seed)
    draw = lambda channels, size: (torch.randn(1, channels, height, width, generator=g) * size).round(decimals=3)
    given = dict(
        choice=draw(2 * OUTPUTS, 3.0),
        seed=draw(3, 12.0),
        costs=draw(CANDIDATES, 0.1).abs(),
        fine=draw(3, 12.0),
        motion=draw(CHANNELS, 4.0),
    )
    given["motion"][:, 7] = known
    if known == 0:
        given["motion"].zero_()
    share = given["choice"][:, OUTPUTS + CANDIDATES + 5]
    share[..., : width // 2 + 1] = -4.0  # cells without a second motion
    trust = torch.tensor([27.5])
    field = field_of(given["choice"], trust, *(given[k] for k in ("seed", "costs", "fine", "motion")))
    flat = lambda t, digits: [round(float(v), digits) for v in t.flatten()]
    told = {k: flat(v, 3) for k, v in given.items()}
    return dict(name=name, width=width, height=height, trust=27.5, **told, field=flat(field, 5))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", help="folder to write to, e.g. ../test/fixtures")
    a = p.parse_args()
    cases = [case("no pair beside", 3, 8, 0.0, 1), case("one", 5, 12, 0.5, 2), case("both", 11, 4, 1.0, 3)]
    with open(os.path.join(a.out, "choice.json"), "w") as f:
        json.dump(dict(cases=cases), f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
