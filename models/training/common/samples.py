"""Shards of common/prepare.py and phantom/prepare.py in memory, and augmented batches of them."""

import glob
import os

import numpy as np
import torch

from training.common.search import NEAR, OFFSETS

MARGIN = 64
HELD = 50  # every so many samples of each kind one is kept for validation: all clips are in it
# The phantom's noise-free pictures, and which noisy one each belongs to.
CLEAN = dict(clean0="frame0", clean1="frame1", clean="truth")
# Where each candidate's cost goes when x is mirrored, y is mirrored, x and y are swapped.
_MIRROR = {
    axis: [OFFSETS.index((dy, -dx) if axis == 3 else (-dy, dx)) for dy, dx in OFFSETS] + [len(OFFSETS)]
    for axis in (2, 3)
}
_SWAP = [OFFSETS.index((dx, dy)) for dy, dx in OFFSETS] + [len(OFFSETS)]


class Samples:
    """All shards of a folder whose names start with `prefix`; `refresh` picks up new ones. `key`: a
    field that all of them have.
    """

    def __init__(self, folder, prefix, limit=None, key="frame0"):
        self.key = key
        self.pattern, self.limit, self.seen, self.parts, self.index = (
            os.path.join(folder, prefix + "*.npz"),
            limit,
            set(),
            [],
            [],
        )
        self.refresh()

    def refresh(self):
        for path in sorted(glob.glob(self.pattern)):
            if path in self.seen or path.endswith(".part.npz") or (self.limit and len(self.index) >= self.limit):
                continue
            self.seen.add(path)
            with np.load(path) as z:
                self.parts.append({k: z[k] for k in z.files})
            self.index += [(len(self.parts) - 1, i) for i in range(len(self.parts[-1][self.key]))]

    def __len__(self):
        return len(self.index)

    def take(self, numbers):
        """Sample numbers → dict of float tensors: frame0, frame1, truth (0…1), seed, flow, visible,
        time; where the pairs beside are known also fine, before, after, further; of the phantom
        also CLEAN and weight.
        """
        rows = [self.index[int(n)] for n in numbers]
        keys = dict.fromkeys(k for p, _ in rows for k in self.parts[p])
        out = {k: torch.from_numpy(np.stack([_field(self.parts[p], k, i) for p, i in rows])).float() for k in keys}
        for k in keys.keys() & {*CLEAN, *CLEAN.values(), "weight"}:
            out[k] = out[k][:, None] / 255
        return out


def _field(part, key, i):
    """A shard's field of one sample.

    What only the phantom has: without it a picture counts as clean, and nothing as thin.
    """
    if key in part or key not in (*CLEAN, "weight"):
        return part[key][i]
    return part[CLEAN[key]][i] if key in CLEAN else np.zeros_like(part["truth"][i])


def join(*batches):
    """Concatenate batches; where some are of the phantom, the others get its fields too."""
    if any("clean" in b for b in batches):
        batches = [
            b if "clean" in b else dict(b, weight=torch.zeros_like(b["truth"]), **{k: b[v] for k, v in CLEAN.items()})
            for b in batches
        ]
    return {k: torch.cat([b[k] for b in batches]) for k in batches[0]}


def _near(order):
    """`further` of samples whose cells are permuted as `costs` by `order`; the rest are p's."""
    return [*order[:NEAR], NEAR, NEAR + 1]


def _flip(batch, axis):
    """Mirror a batch along x (axis 3) or y (axis 2); vectors change sign."""
    out = {k: v.flip(axis) if v.dim() == 4 else v for k, v in batch.items()}
    out["costs"] = out["costs"][:, _MIRROR[axis]]
    c = 3 - axis  # component: x for axis 3, y for axis 2
    vectors = dict(seed=(c,), flow=(c, c + 2))
    if "fine" in out:
        out["further"] = out["further"][:, _near(_MIRROR[axis])]
        vectors.update(fine=(c,), before=(c, c + 2, c + 4), after=(c, c + 2, c + 4))
    for k, components in vectors.items():
        out[k] = out[k].clone()
        for i in components:
            out[k][:, i] = -out[k][:, i]
    return out


def _turn(batch):
    """Swap x and y."""
    out = {k: v.transpose(2, 3) if v.dim() == 4 else v for k, v in batch.items()}
    out["seed"], out["flow"], out["costs"] = (
        out["seed"][:, [1, 0, 2]],
        out["flow"][:, [1, 0, 3, 2]],
        out["costs"][:, _SWAP],
    )
    if "fine" in out:
        out["fine"], out["further"] = out["fine"][:, [1, 0, 2]], out["further"][:, _near(_SWAP)]
        out.update({k: out[k][:, [1, 0, 3, 2, 5, 4, 6, 7]] for k in ("before", "after")})
    return out


def _reverse(batch):
    """Time reversal."""
    out = dict(
        batch,
        frame0=batch["frame1"],
        frame1=batch["frame0"],
        visible=batch["visible"].flip(1),
        flow=batch["flow"][:, [2, 3, 0, 1]],
        time=1 - batch["time"],
    )
    if "clean0" in batch:
        out.update(clean0=batch["clean1"], clean1=batch["clean0"])
    back = lambda planes: torch.cat([-planes[:, :2], planes[:, 2:]], 1)
    out["seed"] = back(batch["seed"])
    if "fine" in batch:  # what bends the way bends it as much in either direction of time
        out.update(fine=back(batch["fine"]), before=back(batch["after"]), after=back(batch["before"]))
        out["further"] = batch["further"][:, [*range(NEAR), NEAR + 1, NEAR]]
    return out


def augment(batch, rng):
    """Mirror, turn, reverse (the whole batch alike) and change the grey scale (each sample on its
    own).
    """
    for axis in (2, 3):
        if rng.random() < 0.5:
            batch = _flip(batch, axis)
    if rng.random() < 0.5:
        batch = _turn(batch)
    if rng.random() < 0.5:
        batch = _reverse(batch)
    n = len(batch["truth"])
    u = lambda lo, hi: torch.from_numpy(rng.uniform(lo, hi, (n, 1, 1, 1)).astype(np.float32))
    gain, gamma, lift, negative = u(0.6, 1.15), torch.exp(u(-0.25, 0.25)), u(-0.05, 0.1), (u(0, 1) < 0.06).float()
    plain = (u(0, 1) < 0.4).float()
    gain, gamma, lift = gain + (1 - gain) * plain, gamma + (1 - gamma) * plain, lift * (1 - plain)
    batch = dict(batch)
    for k in batch.keys() & {*CLEAN, *CLEAN.values()}:
        x = (batch[k].clamp(min=1e-4) ** gamma * gain + lift).clamp(0, 1)
        batch[k] = x * (1 - negative) + (1 - x) * negative
    batch["seed"] = torch.cat([batch["seed"][:, :2], batch["seed"][:, 2:] * gain], 1)
    batch["costs"] = batch["costs"] * gain
    if "fine" in batch:
        batch["further"] = batch["further"] * gain
        for k, at in (("fine", 2), ("before", 6), ("after", 6)):
            batch[k] = torch.cat([batch[k][:, :at], batch[k][:, at : at + 1] * gain, batch[k][:, at + 1 :]], 1)
    return {k: v.contiguous() for k, v in batch.items()}


def informed(batch, neighbours):
    """The batch with `motion` and all 28 `costs` of a flow network.

    neighbours: which pairs beside are given: "none", "before", "both" (as far as they are known),
    or a random generator: a tenth of the samples get none, a fifth both, the others the one before,
    or the one after if only that is known.
    """
    before, after, further = batch["before"], batch["after"], batch["further"]
    known = lambda m: (m[:, 7:] > 0).float()
    first = known(before)
    one = before * first + after * (1 - first)  # what is known of either side
    mean = (before + after)[:, 2:6] * 0.5
    two = torch.cat([before[:, :2], mean, before[:, 6:7], torch.ones_like(first)], 1)
    two = torch.where(first * known(after) > 0, two, one)
    if isinstance(neighbours, str):
        one = before
        draw = torch.full((len(before), 1, 1, 1), dict(none=0.0, before=0.5, both=1.0)[neighbours])
    else:
        draw = torch.from_numpy(neighbours.random((len(before), 1, 1, 1)).astype(np.float32))
    draw = draw.to(before.device)
    motion = torch.where(draw < 0.1, torch.zeros_like(one), torch.where(draw > 0.8, two, one))
    # p is of the pair before where that is known
    cost = torch.where(first > 0, further[:, NEAR : NEAR + 1], further[:, NEAR + 1 :])
    zero = batch["costs"][:, len(OFFSETS) :]
    costs = torch.cat([batch["costs"], further[:, :NEAR], torch.where(motion[:, 7:] > 0, cost, zero)], 1)
    return dict(batch, motion=motion, costs=costs)


def unseen(rng, count, size):
    """`size` random sample numbers, none of them kept for validation."""
    n = rng.integers(1, count, size)
    return n + (n % HELD == 0) * np.where(n + 1 < count, 1, -1)
