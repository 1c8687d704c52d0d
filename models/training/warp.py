"""The kernel's picture operations in torch: field upsampling, backward warping, blending (see README.md, "Conventions")."""
import torch
import torch.nn.functional as F


def upsample(field, height, width, cell):
    """Bilinear, half_pixel: cell centres lie at cell*i + (cell-1)/2. [N,C,h,w] → [N,C,height,width] (cropped)."""
    h, w = field.shape[-2:]
    return F.interpolate(field, size=(h * cell, w * cell), mode="bilinear", align_corners=False)[..., :height, :width]


def warp(image, flow):
    """Backward warp: out(x) = image(x + flow(x)), flow in pixels of `image`, bilinear, coordinates clamped to the border."""
    n, _, h, w = image.shape
    y, x = torch.meshgrid(torch.arange(h, device=image.device, dtype=flow.dtype), torch.arange(w, device=image.device, dtype=flow.dtype), indexing="ij")
    gx, gy = (x + flow[:, 0] + 0.5) * (2 / w) - 1, (y + flow[:, 1] + 0.5) * (2 / h) - 1
    return F.grid_sample(image, torch.stack([gx, gy], -1), mode="bilinear", padding_mode="border", align_corners=False)


def render(luma0, luma1, field, t=0.5):
    """Field [N,>=5,h/8,w/8] and full-resolution frames [N,1,H,W] (0…1) → the frame at t, as the kernel makes it.

    For t = 1/2 the field is used as it is; else it is re-projected along the motion and rescaled.
    """
    h, w = luma0.shape[-2:]
    f = upsample(field, h, w, 8)
    if t != 0.5:
        f = warp(f, (0.5 - t) * (f[:, 2:4] - f[:, 0:2]))
        m = f[:, 4:5]
        m = (1 - t) * m / ((1 - t) * m + t * (1 - m)).clamp(min=1e-6)
        f = torch.cat([f[:, 0:2] * (2 * t), f[:, 2:4] * (2 - 2 * t), m, f[:, 5:]], 1)
    m = f[:, 4:5]
    return m * warp(luma0, f[:, 0:2]) + (1 - m) * warp(luma1, f[:, 2:4])


def seed_field(seed):
    """The search's vectors as a field without any network: f0 = -v/2, f1 = v/2, equal weights."""
    v = seed[:, :2] * 0.5
    return torch.cat([-v, v, torch.full_like(seed[:, :1], 0.5)], 1)
