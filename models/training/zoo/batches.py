"""Training batches for the zoo: prepared samples drawn in given shares, augmented and cropped."""

import numpy as np
import torch

from training.common.samples import MARGIN, Samples

HELD = 48  # samples of each kind kept for validation
NEAR = ("near0", "near1")
LUMAS, FIELDS = ("frame0", "frame1", "truth"), ("frame0", "frame1", "truth", "flow", "time")


class Sources:
    """Samples by kind (videos, windows, scenes, phantom), each read as far as `limit` samples."""

    def __init__(self, folder, shares, limit):
        self.shares, self.sets = shares, {k: Samples(folder, k, limit) for k in shares}

    def refresh(self):
        for s in self.sets.values():
            s.refresh()

    def counts(self):
        """How many samples there are of each kind."""
        return {k: len(s) for k, s in self.sets.items()}

    def ready(self):
        """The kinds of which there is more than the held-back part."""
        return {k: s for k, s in self.sets.items() if len(s) > 2 * HELD}

    def take(self, kind, numbers):
        """Samples of one kind, the fields that need no block search; `truth` is noise-free where
        that is known (phantom), `noisy` as seen.
        """
        s = self.sets[kind]
        rows = [s.index[int(n)] for n in numbers]
        field = lambda k: torch.from_numpy(np.stack([s.parts[p][k][i] for p, i in rows])).float()
        b = {k: field(k) for k in FIELDS}
        b["noisy"] = b["truth"]
        if "clean" in s.parts[rows[0][0]]:
            b["truth"] = field("clean")
        return {k: v[:, None] / 255 if k in (*LUMAS, "noisy") else v for k, v in b.items()}

    def draw(self, batch, progress, rng):
        """A training batch by the shares at this progress (pairs: start, end)."""
        ready = self.ready()
        weight = {k: self.shares[k][0] + (self.shares[k][1] - self.shares[k][0]) * progress for k in ready}
        total, parts = sum(weight.values()), []
        kinds = rng.choice(list(ready), batch, p=[w / total for w in weight.values()])
        for k in ready:
            n = int((kinds == k).sum())
            if n:
                parts.append(self.take(k, rng.integers(HELD, len(self.sets[k]), n)))
        return augment({k: torch.cat([b[k] for b in parts]) for k in FIELDS}, rng)


class FlowPairs:
    """Frames with a true flow at t = 1/2, at 1/`reduced` resolution and small enough to be drawn in
    large batches: for the warm-up. `needs`: what else a network learns from (zoo/prepare.py), of
    the samples that have it.
    """

    def __init__(self, sources, reduced, needs=(), kinds=("scenes", "phantom")):
        self.reduced, self.needs, self.kinds = reduced, needs, []
        for kind in (k for k in kinds if k in sources.sets):
            small = [self._shrink(part) for part in sources.sets[kind].parts if self._serves(part)]
            if small:
                self.kinds.append({k: torch.from_numpy(np.concatenate([s[k] for s in small])[HELD:]) for k in small[0]})
        if not self.kinds:
            raise SystemExit(f"no samples with true flow{''.join(' and ' + k for k in needs)} to begin with")

    def _serves(self, part):
        return not np.isnan(part["flow"][:1]).any() and all(k in part for k in self.needs)

    def _shrink(self, part):
        n, h, r = len(part["frame0"]), part["frame0"].shape[-1] // self.reduced, self.reduced
        mean = lambda x: (x.reshape(n, h, r, h, r).mean((2, 4), dtype=np.float32) + 0.5).astype(np.uint8)
        rest = {k: part[k] for k in ("flow", *self.needs)}
        return dict(frame0=mean(part["frame0"]), frame1=mean(part["frame1"]), **rest)

    def draw(self, batch, rng, size=128, margin=32):
        """Dict of frame0, frame1 (reduced lumas 0…1, with the margin), flow (1/8 grid,
        full-resolution pixels) and time; near0 and near1 (1/4 grid, 0…1, with the margin) if
        needed.
        """
        kind = self.kinds[int(rng.integers(len(self.kinds)))]
        pick = torch.from_numpy(rng.integers(0, len(kind["flow"]), batch))
        at = [int(v) * 8 for v in rng.integers(0, (256 - size) // 8 + 1, 2)]
        wide = lambda r: tuple(slice((MARGIN + v - margin) // r, (MARGIN + v + size + margin) // r) for v in at)
        inner = tuple(slice(v // 8, (v + size) // 8) for v in at)
        b = {"flow": kind["flow"][pick][..., inner[0], inner[1]].float()}
        for k in kind.keys() - {"flow"}:
            rows, columns = wide(4 if k in NEAR else self.reduced)
            b[k] = kind[k][pick][:, None, rows, columns].float() / 255
        b["time"] = torch.full((batch, 1, 1, 1), 0.5)
        return turn_about(b, rng)


def _mirror(b, axis):
    """Mirror along x (axis 3) or y (axis 2)."""
    out = {k: v.flip(axis) if v.dim() == 4 else v for k, v in b.items()}
    sign = torch.tensor([-1.0, 1.0, -1.0, 1.0] if axis == 3 else [1.0, -1.0, 1.0, -1.0])
    return dict(out, flow=out["flow"] * sign[:, None, None])


def turn_about(b, rng):
    """Mirror, swap x and y, reverse time: the whole batch alike."""
    for axis in (2, 3):
        if rng.random() < 0.5:
            b = _mirror(b, axis)
    if rng.random() < 0.5:
        b = {k: v.transpose(2, 3) if v.dim() == 4 else v for k, v in b.items()}
        b["flow"] = b["flow"][:, [1, 0, 3, 2]]
    if rng.random() < 0.5:
        b = _reverse(b)
    return b


def _reverse(b):
    """Time reversal."""
    swapped = {k: b[o] for pair in (LUMAS[:2], NEAR) for k, o in zip(pair, pair[::-1]) if k in b}
    return b | swapped | dict(flow=b["flow"][:, [2, 3, 0, 1]], time=1 - b["time"])


def augment(b, rng):
    """Turn about, and change the grey scale (each sample on its own, two of five left alone).

    As common/samples.py does, without the block search's fields.
    """
    b = turn_about(b, rng)
    n = len(b["truth"])
    u = lambda lo, hi: torch.from_numpy(rng.uniform(lo, hi, (n, 1, 1, 1)).astype(np.float32))
    plain, negative = (u(0, 1) < 0.4).float(), (u(0, 1) < 0.06).float()
    gain, gamma, lift = (
        1 + (u(0.6, 1.15) - 1) * (1 - plain),
        torch.exp(u(-0.25, 0.25) * (1 - plain)),
        u(-0.05, 0.1) * (1 - plain),
    )
    for k in LUMAS:
        x = (b[k].clamp(min=1e-4) ** gamma * gain + lift).clamp(0, 1)
        b[k] = x * (1 - negative) + (1 - x) * negative
    return b


def crop(b, size, margin, at):
    """The `size` square at `at` (y, x; multiples of 8) of the 256 centre; frames reach `margin`
    further. Adds the blend; time as [N,1,1,1].
    """
    y, x = at
    out = dict(b)
    wide = (
        slice(MARGIN + y - margin, MARGIN + y + size + margin),
        slice(MARGIN + x - margin, MARGIN + x + size + margin),
    )
    for k in ("frame0", "frame1"):
        out[k] = b[k][..., wide[0], wide[1]].contiguous()
    for k in ("truth", "noisy"):
        if k in b:
            out[k] = b[k][..., y : y + size, x : x + size].contiguous()
    out["flow"] = b["flow"][..., y // 8 : (y + size) // 8, x // 8 : (x + size) // 8]
    out["time"] = b["time"].reshape(-1, 1, 1, 1)
    inner = (slice(margin, margin + size),) * 2
    out["blend"] = (1 - out["time"]) * out["frame0"][..., inner[0], inner[1]] + out["time"] * out["frame1"][
        ..., inner[0], inner[1]
    ]
    return out


def inside(margin):
    """Function that cuts the margin off a network's output; `cell`: pixels per sample of that
    output.
    """

    def inner(x, cell=1):
        m = margin // cell
        return x[..., m : x.shape[-2] - m, m : x.shape[-1] - m] if m else x

    return inner


def half_time(b):
    """The samples of a batch whose time is 1/2, for networks that know no other."""
    keep = (b["time"].flatten() - 0.5).abs() < 1e-4
    return {k: v[keep] for k, v in b.items()}
