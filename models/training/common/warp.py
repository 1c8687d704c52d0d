"""The kernel's picture operations in torch: field upsampling, backward warping, blending (see
README.md, "Conventions").
"""

import torch
import torch.nn.functional as F


def upsample(field, height, width, cell):
    """Bilinear, half_pixel: cell centres lie at cell*i + (cell-1)/2. [N,C,h,w] → [N,C,height,width]
    (cropped).
    """
    h, w = field.shape[-2:]
    return F.interpolate(field, size=(h * cell, w * cell), mode="bilinear", align_corners=False)[..., :height, :width]


def _warp_at(image, flow, margin, start, step):
    """warp() for a flow that is given at every `step`-th pixel only."""
    h, w = image.shape[-2:]
    y, x = (
        torch.arange(n, device=image.device, dtype=flow.dtype) * step + margin + s
        for n, s in zip(flow.shape[-2:], start)
    )
    y, x = torch.meshgrid(y, x, indexing="ij")
    gx, gy = (x + flow[:, 0] + 0.5) * (2 / w) - 1, (y + flow[:, 1] + 0.5) * (2 / h) - 1
    return F.grid_sample(image, torch.stack([gx, gy], -1), mode="bilinear", padding_mode="border", align_corners=False)


def warp(image, flow, margin=0):
    """Backward warp: out(x) = image(x + flow(x)), flow in pixels of `image`, bilinear, coordinates
    clamped to the border.

    With a margin, `image` reaches that many pixels further than `flow` on each side.
    """
    return _warp_at(image, flow, margin, (0, 0), 1)


def _pick(size, cell, start, step, device):
    """Matrix [ceil((size-start)/step), size/cell] of the bilinear upsampling at the pixels start,
    start+step, …
    """
    x = ((torch.arange(start, size, step, device=device) + 0.5) / cell - 0.5).clamp(0, size // cell - 1)
    return (1 - (x[:, None] - torch.arange(size // cell, device=device)).abs()).clamp(min=0)


def render_sparse(luma0, luma1, field, margin, start, step):
    """render() at t = 1/2 at every `step`-th pixel from `start` (y, x): the training loss on a part
    of the pixels, at a fraction of the cost.
    """
    h, w = (n - 2 * margin for n in luma0.shape[-2:])
    f = _pick(h, 8, start[0], step, field.device) @ field @ _pick(w, 8, start[1], step, field.device).T
    return _rendered(f, lambda luma, flow: _warp_at(luma, flow, margin, start, step), luma0, luma1)


def _rendered(f, at, luma0, luma1):
    """The frame from a field at picture resolution: by its first motion, and by its second one (12
    channels), whose share is w. at(luma, flow) warps.
    """

    def moved(k):
        m = f[:, k + 4 : k + 5]
        return m * at(luma0, f[:, k : k + 2]) + (1 - m) * at(luma1, f[:, k + 2 : k + 4])

    if f.shape[1] != 12:
        return moved(0)
    w = f[:, 11:12]
    return (1 - w) * moved(0) + w * moved(6)


def retime(field, t):
    """Field for t = 1/2 → field for another t: read along the motion on the 1/8 grid, what lies off
    the straight way by 4t(1 − t) of it, mask drawn to the nearer frame.
    """
    if field.shape[1] == 12:
        return torch.cat([retime(field[:, :6], t), retime(field[:, 6:], t)], 1)
    f = warp(field, (0.5 - t) / 8 * (field[:, 2:4] - field[:, 0:2]))
    v, off, m = f[:, 2:4] - f[:, :2], (f[:, :2] + f[:, 2:4]) * (2 * t * (1 - t)), f[:, 4:5]
    m = (1 - t) * m / ((1 - t) * m + t * (1 - m)).clamp(min=1e-6)
    return torch.cat([off - t * v, off + (1 - t) * v, m, f[:, 5:]], 1)


def render(luma0, luma1, field, t=0.5, margin=0):
    """Field [N,5, 6 or 12,h/8,w/8] for t = 1/2 and full-resolution frames [N,1,H,W] (0…1) → the
    frame at t, as the kernel makes it.
    """
    h, w = (n - 2 * margin for n in luma0.shape[-2:])
    f = upsample(field if t == 0.5 else retime(field, t), h, w, 8)
    return _rendered(f, lambda luma, flow: warp(luma, flow, margin), luma0, luma1)


def seed_field(seed):
    """The search's vectors as a field without any network: f0 = -v/2, f1 = v/2, equal weights."""
    v = seed[:, :2] * 0.5
    return torch.cat([-v, v, torch.full_like(seed[:, :1], 0.5)], 1)
