"""What an exported network of the zoo does: I420 planes of two frames and a time in, planes of the
frame at that time out.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

INPUTS = ("y0", "u0", "v0", "y1", "u1", "v1", "t")
OUTPUTS = ("y", "u", "v")
AXES = {
    **{n: {2: "height", 3: "width"} for n in ("y0", "y1", "y")},
    **{n: {2: "height/2", 3: "width/2"} for n in ("u0", "v0", "u1", "v1", "u", "v")},
}


def to_bytes(x):
    return (x * 255).clamp(0, 255).round().to(torch.uint8)


class Planes(nn.Module):
    """y uint8 [1,1,H,W], u and v uint8 [1,1,H/2,W/2] of both frames, t float32 [1] → y, u, v.

    Motion is found on luma and applied to chroma too.
    """

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, y0, u0, v0, y1, u1, v1, t):
        y0, y1 = y0.float() / 255, y1.float() / 255
        c0, c1 = (torch.cat([u, v], 1).float() / 255 for u, v in ((u0, v0), (u1, v1)))
        t = t.reshape(1, 1, 1, 1)
        m = self.net(y0, y1, t)
        c = self.net.chroma(m, c0, c1, t)
        # A network for t = 1/2 only does not read t; adding nothing of it keeps the input in the
        # graph.
        unread = 0 * t if self.net.times == "half" else 0
        return to_bytes(m["frame"] + unread), to_bytes(c[:, :1]), to_bytes(c[:, 1:])


def random_planes(height, width, seed=0):
    """Smooth moving random pictures, as the seven inputs."""
    g = torch.Generator().manual_seed(seed)
    out = []
    for k in (16, 8, 8):
        h, w = (height, width) if k == 16 else (height // 2, width // 2)
        base = F.interpolate(
            torch.rand(1, 1, h // k + 4, w // k + 4, generator=g),
            size=(h + 8, w + 8),
            mode="bicubic",
            align_corners=False,
        )
        base = (base * 200 + torch.rand(base.shape, generator=g) * 40).clamp(0, 255).byte()
        d = 6 if k == 16 else 3
        out.append((base[..., :h, :w].contiguous(), base[..., d : h + d, d : w + d].contiguous()))
    return (*(a for a, _ in out), *(b for _, b in out), torch.full((1,), 0.5))
