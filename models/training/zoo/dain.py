"""DAIN: as MEMC-Net, with motion projected by depth, learned context and a frame synthesis network.

Bao, Lai, Ma, Zhang, Gao, Yang, "Depth-Aware Video Frame Interpolation", CVPR 2019. As published:
optical flow both ways (PWC-Net); a depth network (hourglass) that sees one frame at a time;
projection to t in which vectors that meet count by inverse depth, so that what is nearer wins; a
U-Net that gives every pixel a 4x4 kernel for each frame; learned, hierarchical context features;
the adaptive warping layer for frames, depth maps and context features; the two warped frames
blended linearly by t; a frame synthesis network of residual blocks that sees all of it and adds a
residual.

Shrunk: the parts it has in common with MEMC-Net as there (`memc.py`), and begun from its weights;
the hourglass works on the quarter-resolution picture with three scales and learns from the order of
depth of rendered scenes (published: MegaDepth, from photographs), then goes on learning from the
frame alone, as published; context of two convolutions at quarter resolution; two residual blocks at
quarter resolution in 4x4 pixel blocks; widths; luma instead of RGB.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.zoo import memc
from training.zoo.adaptive import TAPS, Kernels, adaptive_warp
from training.zoo.blocks import constant, conv, enlarge, enlarge_flow, initialise, normalise, unshuffle
from training.zoo.motion import Motion

FAR = 0.05  # inverse depth of the background, where the front is 1 + FAR


class Depth(nn.Module):
    """Hourglass: quarter-resolution luma of one frame → how near each place is, 0…1."""

    def __init__(self, widths):
        super().__init__()
        a, b, c = widths
        self.enter = conv(8, a)
        self.down = nn.ModuleList([nn.Sequential(conv(i, o, 3, 2), conv(o, o)) for i, o in ((a, b), (b, c), (c, c))])
        self.up = nn.ModuleList([conv(i, o) for i, o in ((c, c), (c, b), (b, a))])
        self.head = nn.Conv2d(a, 4, 3, 1, 1)

    def forward(self, q):
        x = [self.enter(unshuffle(torch.cat([(q - 0.5) * 2, normalise(q)], 1), 2))]
        for level in self.down:
            x.append(level(x[-1]))
        y = x[3]
        for level, side in zip(self.up, x[2::-1]):
            y = level(enlarge(y)) + side
        return torch.sigmoid(F.pixel_shuffle(self.head(y), 2))


class Net(nn.Module):
    times, multiple, reduced = "any", 64, 4
    holds = dict(dvf="motion.")
    needs = ("near0", "near1")

    def __init__(self, widths=(24, 36, 64), kernels=(32, 40, 56), depth=(20, 32, 48), context=8, synthesis=40):
        super().__init__()
        sizes = dict(widths=widths, kernels=kernels, depth=depth)
        self.config = {k: list(v) for k, v in sizes.items()} | dict(context=context, synthesis=synthesis)
        # Applying the kernels, per luma pixel: both frames, chroma, context and depth.
        self.kernel_macs = 2 * (TAPS + TAPS // 2 + 2 * context + 1)
        self.motion, self.depth = Motion(widths), Depth(depth)
        self.kernels = Kernels(memc.SEEN, kernels)
        self.context = nn.ModuleList([conv(16, context), conv(context, context)])
        self.synthesis = memc.Refine(3 * 16 + 4 + 2 * TAPS + 2 + 4 * context, synthesis, blocks=2)
        initialise(self)
        for part in (self.kernels, self.synthesis):
            part.start()
        with torch.no_grad():
            self.depth.head.weight.mul_(0.2)

    def features(self, blocks):
        """Hierarchical context of one frame: both convolutions' outputs."""
        first = self.context[0](blocks)
        return torch.cat([first, self.context[1](first)], 1)

    def forward(self, y0, y1, t):
        """Lumas [N,1,H,W] 0…1, t [N,1,1,1] → frame, flow (to frame 0, to frame 1; full-resolution
        pixels), weight of frame 0; kernels; the frame before synthesis; the flow on its grid; how
        near each place is in both frames.
        """
        q0, q1 = F.avg_pool2d(y0, 4), F.avg_pool2d(y1, 4)
        near = self.depth(torch.cat([q0, q1]))
        coarse, count = memc.project_both(self.motion(q0, q1), near + FAR, t)
        blocks = [unshuffle(y, 4) - 0.5 for y in (y0, y1)]
        small = self.kernels.both(self.kernels(torch.cat([*blocks, coarse / 8, count.clamp(max=2)], 1)))
        flow, big = enlarge_flow(coarse, 4), [enlarge(k, 4) for k in small]
        seen = [torch.cat([self.features(x), n], 1) for x, n in zip(blocks, near.chunk(2))]
        beside = [adaptive_warp(x, f, k) for x, f, k in zip(seen, coarse.chunk(2, 1), small)]
        warped = [adaptive_warp(y, f, k) for y, f, k in zip((y0, y1), flow.chunk(2, 1), big)]
        merged = (1 - t) * warped[0] + t * warped[1]
        look = [unshuffle(x, 4) - 0.5 for x in (merged, *warped)]
        rest = self.synthesis(*look, coarse / 8, *small, *beside)
        mask = constant(y0, 1 - t)
        return dict(frame=merged + rest, merged=merged, flow=flow, mask=mask, kernels=big, coarse=coarse, near=near)

    def chroma(self, m, c0, c1, t):
        """Luma's vectors at half size and half length, its kernels at half size, blended by t; no
        residual.
        """
        return memc.warp_chroma(m, c0, c1)


def order_loss(near, true, pairs=512):
    """How badly random pairs of places are put in order (log(1 + exp(-d)), d by how much the nearer
    one is said to be nearer, on the logistic scale), and cross-entropy with the rank itself.

    Absolute differences alone end at "all is background", from where no gradient leads back.
    """
    pick = torch.randint(near[0].numel(), (2, pairs), device=near.device)
    logits, rank = torch.logit(near.flatten(1).clamp(1e-4, 1 - 1e-4)), true.flatten(1)
    said, meant = (x[:, pick[0]] - x[:, pick[1]] for x in (logits, rank))
    apart = (meant.abs() > 0.05).float()
    wrong = (F.softplus(-said * meant.sign()) * apart).sum() / apart.sum().clamp(min=1)
    return wrong + F.binary_cross_entropy(near.clamp(1e-4, 1 - 1e-4), true)


def warm_up(net, b, inner):
    """The order of depth in rendered scenes' frames (motion is memc's, and has had its warm-up)."""
    near = net.depth(torch.cat([b["frame0"], b["frame1"]])).float()
    depth = order_loss(near, torch.cat([b["near0"], b["near1"]]))
    return depth, dict(depth=depth)


def objective(net, b, progress, inner):
    """Picture difference (published: Charbonnier; relative to the blend's, half of it squared)
    after and before frame synthesis; true flow at t leads at first.
    """
    return memc.objective(net, b, progress, inner)
