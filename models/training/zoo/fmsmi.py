"""Fusion of multi-scale motion information: kernels at several scales, occlusion with them,
intermediate frames of all scales fused, then refined.

The system "fusion of multi-scale motion information" for frame interpolation; the paper's text was
not at hand, the structure follows its description: (1) at each of several scales at once a
kernel-based motion estimation and compensation: per-pixel adaptive kernels for both frames, and
with them, from the same head, the occlusion of both frames; (2) the intermediate frames of all
scales are fused; (3) a refinement network.

Here: scales 1, 1/2, 1/4, 1/8; one encoder-decoder feeds four heads, each giving for its scale
separable 1-D kernels of 11 taps for both frames (softmax: each sums to one) and an occlusion
weight; reach ±5 pixels of the scale, ±40 full-resolution pixels at the coarsest. Fusion: per-pixel
softmax weights over the enlarged intermediate frames. Refinement: a residual from three
convolutions at half resolution over fused frame, inputs and all scales. Widths and luma by
necessity; the encoder sees locally normalised lumas, and a warm-up draws the kernels to the true
flow of rendered scenes.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common import losses
from training.zoo.blocks import conv, enlarge, halve_kernel, hats, initialise, normalise, separable, unshuffle

SCALES = (1, 2, 4, 8)


class Net(nn.Module):
    times, multiple, reduced = "half", 64, 1

    def __init__(self, widths=(32, 48, 64, 80), taps=11):
        super().__init__()
        self.config = dict(widths=list(widths), taps=taps)
        a, b, c, d = widths
        self.taps = taps
        # applying the kernels, per luma pixel, about: both frames, all scales, chroma
        self.kernel_macs = 4 * taps * (taps + 1)
        self.enter = nn.Sequential(conv(32, a), conv(a, a))
        self.down = nn.ModuleList([nn.Sequential(conv(i, o), conv(o, o)) for i, o in ((a, b), (b, c), (c, d))])
        self.up = nn.ModuleList([conv(i, o) for i, o in ((d, c), (c, b), (b, a))])
        # Features at 1/4 serve the scales 1, 1/2, 1/4; those at 1/8 the scale 1/8.
        self.heads = nn.ModuleList(
            [nn.Sequential(conv(i, a), nn.Conv2d(a, 4 * taps + 1, 3, 1, 1)) for i in (a, a, a, b)]
        )
        self.fuse = nn.Sequential(conv(a + 2 * len(SCALES), 24), nn.Conv2d(24, len(SCALES), 3, 1, 1))
        self.refine = nn.Sequential(conv(4 * (3 + len(SCALES)), 24, 3), conv(24, 24), nn.Conv2d(24, 4, 3, 1, 1))
        initialise(self)
        with torch.no_grad():
            for head in self.heads:
                head[1].weight.mul_(0.2)
                for k in range(4):
                    head[1].bias[k * taps + taps // 2] = 3.0
            self.fuse[1].bias[0] = 1.0
            self.refine[2].weight.mul_(0.05)

    def features(self, y0, y1):
        """Decoder features at 1/4 and at 1/8."""
        x = [self.enter(unshuffle(torch.cat([normalise(y0), normalise(y1)], 1), 4))]
        for level in self.down:
            x.append(level(F.avg_pool2d(x[-1], 2)))
        y, eighth = x[3], None
        for k, level in enumerate(self.up):
            y = level(enlarge(y)) + x[2 - k]
            eighth = y if k == 1 else eighth
        return y, eighth

    def kernels(self, x, k, factor):
        """One head's output, enlarged to its scale: four kernels and the weight of frame 0."""
        h = self.heads[k](x)
        h = enlarge(h, factor) if factor > 1 else h
        n = self.taps
        return [torch.softmax(h[:, i * n : (i + 1) * n], 1) for i in range(4)], torch.sigmoid(h[:, 4 * n :])

    @staticmethod
    def compensate(a, b, kernels, seen):
        """The intermediate frame of one scale."""
        return seen * separable(a, kernels[0], kernels[1]) + (1 - seen) * separable(b, kernels[2], kernels[3])

    def forward(self, y0, y1, t=None):
        """Lumas [N,1,H,W] 0…1 → frame at t = 1/2, the scales' kernels, occlusions and frames,
        fusion weights.
        """
        y, eighth = self.features(y0, y1)
        motion, frames = [], []
        for k, s in enumerate(SCALES):
            kernels, seen = self.kernels(eighth if s == 8 else y, k, 1 if s == 8 else 4 // s)
            a, b = (F.avg_pool2d(f, s) if s > 1 else f for f in (y0, y1))
            small = self.compensate(a, b, kernels, seen)
            motion.append((kernels, seen))
            frames.append(enlarge(small, s) if s > 1 else small)
        quarter = [F.avg_pool2d(f, 4) for f in frames]
        detail = [F.avg_pool2d((f - frames[0]).abs(), 4) for f in frames]
        weights = torch.softmax(enlarge(self.fuse(torch.cat([y, *quarter, *detail], 1)), 4), 1)
        fused = sum(weights[:, k : k + 1] * f for k, f in enumerate(frames))
        look = torch.cat([fused, y0, y1, *frames], 1) - 0.5
        rest = F.pixel_shuffle(self.refine(unshuffle(look, 2)), 2)
        return dict(frame=fused + rest, fused=fused, motion=motion, frames=frames, weights=weights)

    def chroma(self, m, c0, c1, t):
        """A chroma plane is its own half-resolution scale: kernels of scale 1 resampled, those of
        1/2, 1/4, 1/8 as they are; luma's fusion, no residual.
        """
        c0, c1, frames = c0 - 0.5, c1 - 0.5, []
        for k, s in enumerate(SCALES):
            kernels, seen = m["motion"][k]
            if s == 1:
                frames.append(self.compensate(c0, c1, [halve_kernel(x) for x in kernels], F.avg_pool2d(seen, 2)))
            else:
                a, b = (F.avg_pool2d(f, s // 2) if s > 2 else f for f in (c0, c1))
                small = self.compensate(a, b, kernels, seen)
                frames.append(enlarge(small, s // 2) if s > 2 else small)
        w = F.avg_pool2d(m["weights"], 2)
        return sum(w[:, k : k + 1] * f for k, f in enumerate(frames)) + 0.5


def warm_up(net, b, inner):
    """Cross-entropy of every scale's kernels with those that read along the true flow, where that
    lies within their reach.
    """
    total, still = 0, 0
    y, eighth = net.features(b["frame0"], b["frame1"])
    for k, s in enumerate(SCALES):
        kernels, _ = net.kernels(eighth if s == 8 else y, k, 1)
        # vertical, horizontal of frame 0; of frame 1
        for got, component in zip(kernels, (1, 0, 3, 2)):
            got = inner(got if s == 8 else F.avg_pool2d(got, 2), 8)
            want, sure = hats(b["flow"][:, component : component + 1] / s, net.taps)
            total = total - ((want * (got + 1e-4).log()).sum(1, keepdim=True) * sure).mean() / 16
            still = still + ((1 - want[:, net.taps // 2 : net.taps // 2 + 1]) * sure).mean() / 16
    return total, dict(epe=total, still=still)


def objective(net, b, progress, inner):
    """Refined and fused frame, and every scale's own frame against the truth at that scale."""
    m = net(b["frame0"], b["frame1"])
    truth, scales = b["truth"], 0
    for k, s in enumerate(SCALES):
        pool = (lambda x, s=s: F.avg_pool2d(x, s)) if s > 1 else (lambda x: x)
        scales = scales + losses.relative(pool(inner(m["frames"][k])), pool(b["blend"]), pool(truth)).mean() / len(
            SCALES
        )
    parts = dict(
        photo=losses.relative(inner(m["frame"]), b["blend"], truth).mean(),
        fused=losses.relative(inner(m["fused"]), b["blend"], truth).mean(),
        scales=scales,
    )
    return 0.1 * parts["photo"] + 0.03 * parts["fused"] + (0.02 + 0.05 * (1 - progress)) * scales, parts
