"""MEMC-Net: motion estimation, flow projection, kernel estimation and the adaptive warping layer in
one network, with masks, context features and a post-processing network behind them.

Bao, Lai, Zhang, Gao, Yang, "MEMC-Net: Motion Estimation and Motion Compensation Driven Neural
Network for Video Interpolation and Enhancement", TPAMI 2019 (the variant MEMC-Net*). As published:
motion both ways between the frames; its projection to t by averaging and filling of holes; a U-Net
that gives every pixel a 4x4 kernel for each frame, and masks; the adaptive warping layer, which
reads along the vector with that kernel, for frames and for context features; the warped frames
blended by the mask; a post-processing network that adds a residual.

Shrunk: motion from the encoder-decoder of dvf (`motion.py`; published: FlowNetS), projection on the
1/4 grid (`projection.py`), kernels and masks from one U-Net at quarter resolution that also sees
the projected motion (published: two U-Nets on the frames), enlarged; context features trained with
the rest, one convolution at quarter resolution (published: the first of ResNet18); post-processing
at quarter resolution on 4x4 pixel blocks with one residual block; widths; luma instead of RGB. Not
in the paper: the mask is drawn to the nearer frame by t.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import losses
from training.zoo.adaptive import TAPS, Kernels, adaptive_warp
from training.zoo.blocks import SLOPE, conv, enlarge, enlarge_flow, initialise, unshuffle
from training.zoo.ifrnet import flow_at_eighth
from training.zoo.motion import Motion, motion_loss
from training.zoo.projection import project

SEEN = 2 * 16 + 4 + 2  # what kernels are estimated from: both frames in 4x4 blocks, projected motion, how much arrived


class Refine(nn.Module):
    """Everything there is at quarter resolution → a residual of the picture: convolution, residual
    blocks, convolution.
    """

    def __init__(self, c_in, c, blocks=1):
        super().__init__()
        self.enter = conv(c_in, c)
        self.blocks = nn.ModuleList([nn.Sequential(conv(c, c), nn.Conv2d(c, c, 3, 1, 1)) for _ in range(blocks)])
        self.leave = nn.Conv2d(c, 16, 3, 1, 1)

    def start(self):
        """Next to no residual at first."""
        with torch.no_grad():
            self.leave.weight.mul_(0.002)

    def forward(self, *parts):
        x = self.enter(torch.cat(parts, 1))
        for block in self.blocks:
            x = F.leaky_relu(x + block(x), SLOPE)
        return F.pixel_shuffle(self.leave(x), 4)


class Net(nn.Module):
    times, multiple, reduced = "any", 64, 4
    holds = dict(dvf="motion.")  # whose weights are a part of this network's

    def __init__(self, widths=(24, 36, 64), kernels=(32, 40, 56), context=8, refine=40):
        super().__init__()
        self.config = dict(widths=list(widths), kernels=list(kernels), context=context, refine=refine)
        # Applying the kernels, per luma pixel: both frames, chroma, context.
        self.kernel_macs = 2 * (TAPS + TAPS // 2 + context)
        self.motion = Motion(widths)
        self.kernels = Kernels(SEEN, kernels)
        self.mask = nn.Conv2d(kernels[0], 1, 3, 1, 1)
        self.context = conv(16, context)
        self.refine = Refine(3 * 16 + 4 + 1 + 2 * TAPS + 2 * context, refine)
        initialise(self)
        for part in (self.kernels, self.refine):
            part.start()
        with torch.no_grad():
            self.mask.weight.mul_(0.01)

    def forward(self, y0, y1, t):
        """Lumas [N,1,H,W] 0…1, t [N,1,1,1] → frame, flow (to frame 0, to frame 1; full-resolution
        pixels), weight of frame 0; kernels; the frame before post-processing; the flow on its grid.
        """
        motion = self.motion(F.avg_pool2d(y0, 4), F.avg_pool2d(y1, 4))
        coarse, count = project_both(motion, torch.ones_like(motion[:, :1]), t)
        blocks = [unshuffle(y, 4) - 0.5 for y in (y0, y1)]
        features = self.kernels(torch.cat([*blocks, coarse / 8, count.clamp(max=2)], 1))
        small, mask = self.kernels.both(features), torch.sigmoid(self.mask(features))
        mask = (1 - t) * mask / ((1 - t) * mask + t * (1 - mask) + 1e-6)
        flow, big = enlarge_flow(coarse, 4), [enlarge(k, 4) for k in small]
        context = [adaptive_warp(self.context(x), f, k) for x, f, k in zip(blocks, coarse.chunk(2, 1), small)]
        warped = [adaptive_warp(y, f, k) for y, f, k in zip((y0, y1), flow.chunk(2, 1), big)]
        weight = enlarge(mask, 4)
        merged = weight * warped[0] + (1 - weight) * warped[1]
        look = [unshuffle(x, 4) - 0.5 for x in (merged, *warped)]
        rest = self.refine(*look, coarse / 8, mask, *small, *context)
        return dict(frame=merged + rest, merged=merged, flow=flow, mask=weight, kernels=big, coarse=coarse)

    def chroma(self, m, c0, c1, t):
        """Luma's vectors at half size and half length, its kernels and weight at half size; no
        residual.
        """
        return warp_chroma(m, c0, c1)


def project_both(motion, weight, t):
    """Motion between the frames (Motion) and the weight of every vector of both [2N,1,h,w] on the
    1/4 grid → vectors to frame 0 and to frame 1 at t [N,4,h,w] (cells), and how much arrived
    [N,2,h,w].
    """
    flow, count = project(motion, weight, torch.cat([t, 1 - t]))
    return torch.cat(flow.chunk(2), 1), torch.cat(count.chunk(2), 1)


def warp_chroma(m, c0, c1):
    """Chroma of a made frame, by the flow, kernels and weight of its luma."""
    flow, mask = F.avg_pool2d(m["flow"], 2) / 2, F.avg_pool2d(m["mask"], 2)
    k0, k1 = (F.avg_pool2d(k, 2) for k in m["kernels"])
    return mask * adaptive_warp(c0 - 0.5, flow[:, :2], k0) + (1 - mask) * adaptive_warp(c1 - 0.5, flow[:, 2:], k1) + 0.5


def warm_up(net, b, inner):
    """Motion of rendered scenes' frames, before its projection."""
    return motion_loss(net.motion(b["frame0"], b["frame1"]), b, inner)


def objective(net, b, progress, inner):
    """Picture difference (published: Charbonnier; relative to the blend's, half of it squared)
    after and before post-processing; true flow at t leads at first.
    """
    m = net(b["frame0"], b["frame1"], b["time"])
    lead = max(0.0, 1 - progress / 0.6)
    parts = dict(
        photo=losses.relative(inner(m["frame"]), b["blend"], b["truth"]).mean(),
        merged=losses.relative(inner(m["merged"]), b["blend"], b["truth"]).mean(),
        epe=losses.robust_endpoint_error(inner(flow_at_eighth(m["coarse"].float(), 4), 8), b["flow"]),
    )
    return 0.1 * parts["photo"] + 0.05 * parts["merged"] + (0.005 + 0.045 * lead) * parts["epe"], parts
