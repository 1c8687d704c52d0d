"""flow-m: flow-s with a second stage at half resolution, for a GPU. All in one graph, planes in and
planes out (kind `i420`).

The first stage is flow-s: two motions of every cell of 8×8 from the block search's seed. The second
one sees both frames as they were warped and blended by it, pixel by pixel, and corrects what a cell
cannot: the flow at half resolution, the weights of frames and motions and the picture itself at
full resolution. The time between the frames is an input: the first stage's field is re-projected to
it, the second stage knows it.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import weights
from training.common.warp import blend, retime, upsample, warp
from training.flow_s import network as first

SLOPE = 0.1


def conv(c_in, c_out, stride=1):
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride, 1), nn.LeakyReLU(SLOPE))


class Up(nn.Module):
    """1x1 convolution and pixel shuffle, added to the skip connection."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.expand = nn.Conv2d(c_in, 4 * c_out, 1)

    def forward(self, x, skip):
        return F.leaky_relu(F.pixel_shuffle(self.expand(x), 2) + skip, SLOPE)


class Second(nn.Module):
    """U-Net at 1/2, 1/4, 1/8 (and 1/16) of the picture: [N,45,H/2,W/2] → [N,16,H/2,W/2]."""

    def __init__(self, widths):
        super().__init__()
        a, b, c, d = widths
        self.look = nn.Sequential(conv(45, a), conv(a, a))
        self.down1 = nn.Sequential(conv(a, b, 2), conv(b, b))
        self.down2 = nn.Sequential(conv(b, c, 2), conv(c, c))
        self.down3 = nn.Sequential(conv(c, d, 2), conv(d, d))
        self.up3, self.mid3 = Up(d, c), conv(c, c)
        self.up2, self.mid2 = Up(c, b), conv(b, b)
        self.up1, self.fine = Up(b, a), nn.Sequential(conv(a, a), conv(a, a))
        self.head = nn.Conv2d(a, 16, 3, 1, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, a=SLOPE, nonlinearity="leaky_relu")
                nn.init.zeros_(m.bias)
        with torch.no_grad():
            self.head.weight.mul_(0.05)  # start near the first stage, alive everywhere

    def forward(self, x):
        x1 = self.look(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x = self.mid3(self.up3(self.down3(x3), x3))
        x = self.mid2(self.up2(x, x2))
        return self.head(self.fine(self.up1(x, x1)).float())


def _moved(probability, change):
    """A weight 0…1, moved by `change` on the logistic scale."""
    p = probability.clamp(1e-4, 1 - 1e-4)
    return torch.sigmoid(torch.log(p / (1 - p)) + change)


class FlowM(nn.Module):
    """Luma of both frames [N,1,H,W] (0…1), seed [N,3,H/8,W/8], costs [N,18,H/8,W/8], t [N,1,1,1] →
    dict(frame, base, field, …).
    """

    mixed = False  # bfloat16 convolutions while training

    def __init__(self, widths=(32, 48, 64, 80), trunk=(48, 64, 96)):
        super().__init__()
        self.config = dict(widths=list(widths), trunk=list(trunk))
        self.trunk = first.FlowS(trunk)
        self.second = Second(widths)

    def forward(self, frame0, frame1, seed, costs, t, margin=0):
        h, w = (n - 2 * margin for n in frame0.shape[-2:])
        with torch.no_grad():  # the first stage is trained by itself (flow_s)
            images = first.network_inputs(first.quarter(frame0), first.quarter(frame1), seed, margin // 4)
            field = retime(self.trunk(images, seed, costs), t)
        f, half = upsample(field, h, w, 8), upsample(field, h // 2, w // 2, 4)
        warped = [
            warp(frame, f[:, k : k + 2], margin) for frame, k in ((frame0, 0), (frame1, 2), (frame0, 6), (frame1, 8))
        ]
        base = blend(f, *warped)
        flows = torch.cat([half[:, 0:4], half[:, 6:10]], 1) * 0.05
        weights = torch.cat([half[:, 4:6], half[:, 10:12]], 1)
        stack = torch.cat(warped, 1)
        apart = torch.cat(
            [warped[0] - warped[1], warped[2] - warped[3], warped[0] + warped[1] - warped[2] - warped[3]], 1
        )
        pixels = F.pixel_unshuffle(torch.cat([stack * 2 - 1, base * 2 - 1, (apart * 8).clamp(-3, 3)], 1), 2)
        with torch.autocast(frame0.device.type, dtype=torch.bfloat16, enabled=self.training and self.mixed):
            out = self.second(torch.cat([pixels, flows.clamp(-4, 4), weights, t.expand_as(half[:, :1])], 1))
        change = F.interpolate(out[:, :4], scale_factor=2, mode="bilinear", align_corners=False) * 2
        shift, share, paint = F.pixel_shuffle(out[:, 4:], 2).split(1, 1)
        f = torch.cat([f[:, 0:4] + change, _moved(f[:, 4:5], shift), f[:, 5:11], _moved(f[:, 11:12], share)], 1)
        frame = blend(f, warp(frame0, f[:, 0:2], margin), warp(frame1, f[:, 2:4], margin), *warped[2:])
        # The picture is corrected only where the warped frames disagree, and by no more than that.
        frame = frame + torch.tanh(paint) * F.avg_pool2d(
            stack.amax(1, keepdim=True) - stack.amin(1, keepdim=True), 3, 1, 1
        )
        return dict(frame=frame, base=base, field=field, f=f)

    def planes(self, y0, u0, v0, y1, u1, v1, t, seed, costs):
        """uint8 I420 planes of both frames → planes of the frame at t (float 0…1, [1]) and its
        expected error [1].
        """
        out = self(y0.float() / 255, y1.float() / 255, seed, costs, t.view(1, 1, 1, 1))
        f = F.avg_pool2d(out["f"], 2)
        f = torch.cat([f[:, 0:4] * 0.5, f[:, 4:6], f[:, 6:10] * 0.5, f[:, 10:12]], 1)
        chroma = [
            blend(f, *(warp(c.float(), f[:, k : k + 2]) for c, k in ((c0, 0), (c1, 2), (c0, 6), (c1, 8))))
            for c0, c1 in ((u0, u1), (v0, v1))
        ]
        byte = lambda x: (x + 0.5).clamp(0, 255).to(torch.uint8)
        return byte(out["frame"] * 255), byte(chroma[0]), byte(chroma[1]), out["field"][:, 5].mean().view(1)


class Planes(nn.Module):
    """FlowM.planes as a module, for the exporter."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, *planes):
        return self.net.planes(*planes)


def load(path, device="cpu"):
    """Weights file or training checkpoint → network in evaluation mode, and the file's metadata."""
    return weights.load(path, lambda blob: FlowM(**blob["config"]), device)


def load_second(path):
    """The second stage's weights from a weights file, whatever first stage they were trained on."""
    stored = torch.load(path, map_location="cpu")["weights"]
    return {k.removeprefix("second."): v.float() for k, v in stored.items() if k.startswith("second.")}
