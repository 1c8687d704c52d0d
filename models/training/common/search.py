"""Hierarchical symmetric block search: the seed of the flow networks (the algorithm of SEARCH.md,
vectorised in torch).

Integer arithmetic throughout, up to the sub-pel step, so that the SIMD kernel can give exactly the
same vectors. Runs batched on any torch device.
"""

from dataclasses import dataclass

import numpy as np
import torch

LEVELS = 5  # P_1 (half resolution) … P_5 (1/32)
PITCH = 4  # block pitch in level pixels
MARGIN = 80  # replicated border; no window of a reachable vector leaves it
CROSS = ((-1, 0), (0, -1), (0, 1), (1, 0))  # (dy, dx), in this order
# (dy, dx), in this order
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))

# Cells whose vector a cell may adopt: its 3x3 neighbourhood, and the same ring three cells (24 px)
# away.
OFFSETS = [(0, 0)] + [(d * dy, d * dx) for d in (1, 3) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
NEAR = 9  # the cell and the ring next to it come first


@dataclass(frozen=True)
class SearchOptions:
    """Constants of the search. Penalties are in SAD units of one window."""

    width: int = 16  # SAD window: columns …
    rows: int = 8  # … rows …
    row_step: int = 2  # … and their distance
    radius: int = 4  # full search at the top level
    smooth: int = 24  # per level pixel of L1 distance from the parent's prediction
    zero_bonus: int = 48  # subtracted from the cost of the zero vector
    keep: int = 64  # a vector survives the median when it matches better by more than this
    passes: int = 2  # refinement passes at levels 5 … 2; level 1 has one


DEFAULT = SearchOptions()
# The second search: its small window sees small fast things that the first one's outvotes.
FINE = SearchOptions(width=8, rows=4, smooth=6, zero_bonus=12, keep=16)


def pyramid(luma, levels=LEVELS):
    """[N,H,W] integer luma → [P_1 … P_levels]: 2x2 box means (a+b+c+d+2)>>2 of size
    ceil(previous/2), edges replicated.
    """
    out, p = [], luma.to(torch.int32)
    for _ in range(levels):
        h, w = p.shape[-2:]
        if h % 2:
            p = torch.cat([p, p[:, -1:]], 1)
        if w % 2:
            p = torch.cat([p, p[:, :, -1:]], 2)
        p = (p[:, 0::2, 0::2] + p[:, 0::2, 1::2] + p[:, 1::2, 0::2] + p[:, 1::2, 1::2] + 2) >> 2
        out.append(p)
    return out


def _bordered(p):
    """Edge replication by MARGIN, as int16, for gathering windows."""
    n, h, w = p.shape
    y = torch.arange(-MARGIN, h + MARGIN, device=p.device).clamp_(0, h - 1)
    x = torch.arange(-MARGIN, w + MARGIN, device=p.device).clamp_(0, w - 1)
    return p[:, y][:, :, x].to(torch.int16).contiguous()


class _Matcher:
    """SADs between the two images of one pyramid level, one vector per block."""

    def __init__(self, p0, p1, o: SearchOptions):
        n, h, w = p0.shape
        self.gh, self.gw = (h + PITCH - 1) // PITCH, (w + PITCH - 1) // PITCH
        self.windows0, self.windows1 = self._windows(_bordered(p0), o), self._windows(_bordered(p1), o)
        d = p0.device
        top, left = MARGIN + 2 - (o.rows * o.row_step - 1) // 2, MARGIN + 2 - o.width // 2
        self.k = torch.arange(n, device=d).view(n, 1, 1).expand(n, self.gh, self.gw)
        self.y = (torch.arange(self.gh, device=d) * PITCH + top).view(1, self.gh, 1).expand_as(self.k)
        self.x = (torch.arange(self.gw, device=d) * PITCH + left).view(1, 1, self.gw).expand_as(self.k)

    @staticmethod
    def _windows(q, o):
        """View [N, y, x, rows, width] of all windows by their top left corner."""
        n, h, w = q.shape
        return q.as_strided(
            (n, h - (o.rows - 1) * o.row_step, w - o.width + 1, o.rows, o.width), (h * w, w, 1, w * o.row_step, 1)
        )

    def sad(self, vx, vy):
        """SAD of every block's window for vectors vx, vy [N,gh,gw] in level pixels: P0(x -
        floor(v/2)) against P1(x + v - floor(v/2)).
        """
        ux, uy = vx >> 1, vy >> 1
        a = self.windows0[self.k, self.y - uy, self.x - ux]
        b = self.windows1[self.k, self.y + (vy - uy), self.x + (vx - ux)]
        return (a - b).abs_().sum((-1, -2), dtype=torch.int32)


class _Best:
    """The cheapest vector per block so far; the first one considered wins ties."""

    def __init__(self, matcher, px, py, o):
        self.m, self.px, self.py, self.o, self.cost = matcher, px, py, o, None

    def consider(self, vx, vy):
        pull = self.o.smooth * ((vx - self.px).abs() + (vy - self.py).abs())
        cost = self.m.sad(vx, vy) + pull - self.o.zero_bonus * ((vx == 0) & (vy == 0)).to(torch.int32)
        if self.cost is None:
            self.cost, self.vx, self.vy = cost, vx, vy
        else:
            t = cost < self.cost
            self.cost, self.vx, self.vy = (
                torch.where(t, cost, self.cost),
                torch.where(t, vx, self.vx),
                torch.where(t, vy, self.vy),
            )


def _shift(v, dy, dx):
    """v[y+dy, x+dx] with replicated edges."""
    h, w = v.shape[-2:]
    y = (torch.arange(h, device=v.device) + dy).clamp_(0, h - 1)
    x = (torch.arange(w, device=v.device) + dx).clamp_(0, w - 1)
    return v[:, y][:, :, x]


def _median(v):
    """3x3 median with replicated edges."""
    return torch.stack([_shift(v, dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]).sort(0)[0][4]


def _children(v, gh, gw):
    """Parent's field → twice the vector of block (y>>1, x>>1)."""
    return (v * 2).repeat_interleave(2, 1)[:, :gh].repeat_interleave(2, 2)[:, :, :gw]


def search(luma0, luma1, o: SearchOptions = DEFAULT, trace=None):
    """Match two frames block by block through t = 1/2.

    luma0, luma1: [N,H,W] integers 0…255. Returns float32 [N,3,ceil(H/8),ceil(W/8)]: vx, vy
    (full-resolution pixels, frame 0 → frame 1) and the match cost (mean absolute difference, 0…1).
    `trace`, a list, receives (level, vx, vy) after the median of each level.
    """
    pyramid0, pyramid1 = pyramid(luma0), pyramid(luma1)
    vx = vy = None
    for level in range(LEVELS, 0, -1):
        m = _Matcher(pyramid0[level - 1], pyramid1[level - 1], o)
        zero = torch.zeros_like(m.k)
        if vx is None:
            best = _Best(m, zero, zero, o)
            best.consider(zero, zero)
            for dy in range(-o.radius, o.radius + 1):
                for dx in range(-o.radius, o.radius + 1):
                    best.consider(zero + dx, zero + dy)
        else:
            best = _Best(m, _children(vx, m.gh, m.gw), _children(vy, m.gh, m.gw), o)
            best.consider(best.px, best.py)
            for dy, dx in CROSS:
                best.consider(_children(_shift(vx, dy, dx), m.gh, m.gw), _children(_shift(vy, dy, dx), m.gh, m.gw))
            best.consider(zero, zero)
        for _ in range(o.passes if level > 1 else 1):
            cx, cy = best.vx, best.vy
            for dy, dx in AROUND:
                best.consider(cx + dx, cy + dy)
        cx, cy = best.vx, best.vy
        for dy, dx in CROSS:
            best.consider(_shift(cx, dy, dx), _shift(cy, dy, dx))
        mx, my = _median(best.vx), _median(best.vy)
        keep = m.sad(best.vx, best.vy) + o.keep < m.sad(mx, my)
        vx, vy = torch.where(keep, best.vx, mx), torch.where(keep, best.vy, my)
        if trace is not None:
            trace.append((level, vx, vy))
    return _subpel(m, vx, vy, o)


def gathered(vectors, offsets):
    """[N,len(offsets),2,h,w]: the vectors that each cell finds at these (dy, dx) cells from itself,
    edges replicated.
    """
    flat = vectors[:, :2].flatten(0, 1)
    return torch.stack([_shift(flat, dy, dx).view_as(vectors[:, :2]) for dy, dx in offsets], 1)


def match_costs(luma0, luma1, vectors, margin=0):
    """How well vectors match at each cell itself: mean absolute difference of the half-resolution
    pictures (SEARCH.md, "Candidate costs").

    luma0, luma1: [N,H,W] integers 0…255, `margin` full-resolution pixels (a multiple of 8) larger
    than the grid on each side. vectors: [N,K,2,h,w]. Returns float32 [N,K,h,w], 0…1.
    """
    p0, p1 = pyramid(luma0, 1)[0].to(torch.int16).numpy(), pyramid(luma1, 1)[0].to(torch.int16).numpy()
    n, h, w = len(vectors), *vectors.shape[-2:]
    v = torch.floor(vectors * 0.5 + 0.5).to(torch.int32).numpy()
    p0, p1 = (np.pad(p, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)), mode="edge") for p in (p0, p1))
    at, row = p0.shape[1:], p0.shape[2]
    y = (np.arange(h, dtype=np.int32) * PITCH - 1 + MARGIN + margin // 2)[None, None, :, None]
    x = (np.arange(w, dtype=np.int32) * PITCH - 2 + MARGIN + margin // 2)[None, None, None, :]
    base = (np.arange(n, dtype=np.int32) * at[0] * at[1])[:, None, None, None]
    u0 = v >> 1
    u1 = v - u0
    i0, i1 = base + (y - u0[:, :, 1]) * row + (x - u0[:, :, 0]), base + (y + u1[:, :, 1]) * row + (x + u1[:, :, 0])
    total = np.zeros(i0.shape, np.int32)
    for r in range(4):
        o = 2 * r * row
        for c in range(8):
            total += np.abs(p0.ravel().take(i0 + (o + c)) - p1.ravel().take(i1 + (o + c)))
    return torch.from_numpy(total).float() / (32 * 255)


def candidate_costs(luma0, luma1, seed, offsets, margin=0):
    """match_costs() of the seed's vectors of the cells at these offsets, and of the zero vector."""
    zero = torch.zeros_like(seed[:, None, :2])
    return match_costs(luma0, luma1, torch.cat([gathered(seed, offsets), zero], 1), margin)


def further_costs(luma0, luma1, fine, p, margin=0):
    """match_costs() of the small-window search's vectors of the 3x3 cells, and of p [N,2,h,w]."""
    return match_costs(luma0, luma1, torch.cat([gathered(fine, OFFSETS[:NEAR]), p[:, None]], 1), margin)


def _subpel(m, vx, vy, o):
    """Parabola through the SADs at v-1, v, v+1 on each axis; full-resolution pixels; match cost."""
    s, axes = m.sad(vx, vy), []
    for v, dx, dy in ((vx, 1, 0), (vy, 0, 1)):
        lo, hi = m.sad(vx - dx, vy - dy), m.sad(vx + dx, vy + dy)
        curve = lo + hi - 2 * s
        offset = (0.5 * (lo - hi).float() / curve.clamp(min=1).float()).clamp_(-0.5, 0.5)
        axes.append((v.float() + torch.where(curve > 0, offset, torch.zeros_like(offset))) * 2)
    return torch.stack([*axes, s.float() / (o.rows * o.width * 255)], 1)
