"""Write the parity fixture of the grain (test/fixtures/grain.json): noisy generated pairs, their
fields, and the made frame with its grain.

Layout: {"cases": [{name, width, height, strength, seed, luma0, luma1, made, out (base64 uint8, row
by row), field (base64 float32 [6 or 12][height/8][width/8]), rho, levels}]}; the field is of t =
1/2, so is the made frame.
"""

import argparse
import base64
import json

import numpy as np

from training.phantom.grain import Grain, measure


def case(name, width, height, motions, strength, seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    clean = 100 + 35 * np.sin(x / 21) * np.cos(y / 17)
    wide = lambda x: sum(np.roll(x, (j, i), (0, 1)) for j in (0, 1) for i in (0, 1)) / 2
    noisy = lambda: np.clip(
        np.round(clean + wide(rng.standard_normal(clean.shape)) * np.sqrt(clean) / 3), 0, 255
    ).astype(np.uint8)
    a, b, made = noisy(), noisy(), np.round(clean).astype(np.uint8)
    field = rng.normal(0, 0.2, (6 * motions, height // 8, width // 8)).astype(np.float32)
    field[4::6] = rng.random(field[4::6].shape)
    field[5::6] = rng.random(field[5::6].shape)
    rho, levels = measure(a, b, field[:4])
    out = Grain(strength).add(made, field, rho, levels, seed)
    b64 = lambda v: base64.b64encode(np.ascontiguousarray(v).tobytes()).decode()
    return dict(
        name=name,
        width=width,
        height=height,
        strength=strength,
        seed=seed,
        luma0=b64(a),
        luma1=b64(b),
        made=b64(made),
        out=b64(out),
        field=b64(field),
        rho=float(rho),
        levels=[int(v) for v in levels],
    )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", help="file to write, e.g. ../test/fixtures/grain.json")
    a = p.parse_args()
    with open(a.out, "w") as f:
        json.dump(
            dict(cases=[case("one-motion", 112, 80, 1, 1.0, 3), case("two-motions", 88, 96, 2, 0.75, 4)]),
            f,
            separators=(",", ":"),
        )
        f.write("\n")


if __name__ == "__main__":
    main()
