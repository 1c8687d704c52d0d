"""Building bricks that several networks of the zoo share: convolutions, initialisation, flow
resizing, per-pixel kernels.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from training.common.warp import warp  # noqa: F401  (re-exported)

SLOPE = 0.1


def conv(c_in, c_out, kernel=3, stride=1):
    """Convolution and LeakyReLU."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2), nn.LeakyReLU(SLOPE))


def initialise(module, slope=SLOPE):
    """Kaiming for every convolution, zero biases."""
    for m in module.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(m.weight, a=slope, nonlinearity="leaky_relu")
            # each output pixel sees 1/stride² of the taps, and many input channels
            if isinstance(m, nn.ConvTranspose2d):
                with torch.no_grad():
                    m.weight.mul_((m.weight.shape[1] * m.stride[0] ** 2 / m.weight.shape[0]) ** 0.5)
            nn.init.zeros_(m.bias)


def normalise(x, size=9):
    """Local contrast normalisation: what a matching network needs of a picture, whatever its
    brightness and contrast.
    """
    mean = lambda y: F.avg_pool2d(y, size, 1, size // 2, count_include_pad=False)
    d = x - mean(x)
    return d / (mean(mean(d * d)) + 0.02**2).sqrt()


def enlarge(x, factor=2):
    """Bilinear, half-pixel centres."""
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def enlarge_flow(flow, factor=2):
    """A flow in pixels of its own grid → the same in pixels of a grid that is `factor` finer."""
    return enlarge(flow, factor) * factor


def shrink_flow(flow, factor=2):
    """The inverse of enlarge_flow, by means."""
    return F.avg_pool2d(flow, factor) / factor


def unshuffle(x, r):
    """Pixel blocks r x r → channels, position by position (F.pixel_unshuffle, which some exporters
    get wrong, in another order of channels).
    """
    return torch.cat([x[..., i::r, j::r] for i in range(r) for j in range(r)], 1)


def hats(position, taps):
    """A 1-D kernel of `taps` that reads at `position` [N,1,h,w] by linear interpolation, and
    whether that lies within its reach.
    """
    r = taps // 2
    offset = torch.arange(-r, r + 1, device=position.device, dtype=position.dtype)[None, :, None, None]
    return (1 - (offset - position).abs()).clamp(min=0), (position.abs() <= r).to(position)


def constant(like, value):
    """A channel [N,1,h,w] of the size of `like` that holds `value` [N,1,1,1]."""
    return torch.zeros_like(like[:, :1]) + value


def separable(image, vertical, horizontal):
    """Adaptive separable convolution: out(y,x) = Σ_i Σ_j vertical_i(y,x) · horizontal_j(y,x) ·
    image(y+i−r, x+j−r).

    image [N,C,H,W], kernels [N,n,H,W], n = 2r+1; edges replicated. Written as n products over
    shifted pictures, so it exports.
    """
    n = vertical.shape[1]
    r = n // 2
    h, w = vertical.shape[-2:]
    padded = F.pad(image, (r, r, r, r), mode="replicate")
    planes = []
    for c in range(image.shape[1]):
        shifted = torch.cat([padded[:, c : c + 1, :, j : j + w] for j in range(n)], 1)
        planes.append(
            sum(vertical[:, i : i + 1] * (horizontal * shifted[:, :, i : i + h]).sum(1, keepdim=True) for i in range(n))
        )
    return torch.cat(planes, 1)


def halve_kernel(kernel):
    """A 1-D kernel per pixel [N,n,H,W] → one for the half-resolution plane [N,m,H/2,W/2].

    Mean over 2x2 pixels; a tap at offset o goes to o/2, an odd one in halves to both neighbours
    (linear interpolation).
    """
    n = kernel.shape[1]
    r = n // 2
    s = (r + 1) // 2
    rows = [[0.0] * n for _ in range(2 * s + 1)]
    for k in range(n):
        for row in ((k - r) // 2 + s, (k - r + 1) // 2 + s):
            rows[row][k] += 0.5
    matrix = torch.tensor(rows)  # not written to as a tensor: a traced graph would record that
    return F.conv2d(F.avg_pool2d(kernel, 2), matrix.to(kernel)[:, :, None, None])
