"""Training losses. Lumas in 0…1, fields and flows at 1/8 resolution in full-resolution pixels."""

import torch
import torch.nn.functional as F


def charbonnier(a, b, epsilon=0.002):
    """sqrt((a-b)² + ε²), mean per sample [N]."""
    return ((a - b) ** 2 + epsilon**2).sqrt().mean((1, 2, 3))


def relative(made, plain, truth, weight=None, known=None, ease=1.0):
    """Error relative to the plain seed's, mean per sample [N]: half absolute, half squared (what
    PSNR counts), both about 1 at the start.

    `weight` (mean 1): how much each pixel counts. `ease`: samples whose plain error is below 0.01
    of it count less. `known` [N]: samples whose truth is free of noise, where small errors count
    too.
    """
    weight = 1 if weight is None else weight
    easy = torch.full((len(made),), ease, device=made.device)
    easy = easy if known is None else torch.where(known, 0.3, easy)
    mean = lambda x: (x * weight).mean((1, 2, 3))
    absolute = lambda x: mean(((x - truth) ** 2 + 0.002**2).sqrt())
    squared = lambda x: mean((x - truth) ** 2)
    with torch.no_grad():
        a, s = absolute(plain) + 0.01 * easy, squared(plain) + 2e-4 * easy**2
    return 0.5 * absolute(made) / a + 0.5 * squared(made) / s


def xray_weight(noisy, clean, thin, strength=6.0, reach=15):
    """How much each pixel of an X-ray picture counts (mean 1 per sample), and which samples have
    noise that is known [N].

    Errors are measured in units of the local noise (the eye sees a wire by its contrast over it),
    and `thin` (0…1: devices, contrast-filled vessels, the guidewire's tip) counts up to 1 +
    `strength` times. 1 everywhere where noisy = clean and nothing is thin.
    """
    squared = (noisy - clean) ** 2
    noise = F.avg_pool2d(squared, reach, 1, reach // 2, count_include_pad=False) + 0.01**2
    weight = (noise.mean((1, 2, 3), keepdim=True) / noise).clamp(0.25, 4) * (1 + strength * thin)
    return weight / weight.mean((1, 2, 3), keepdim=True), squared.flatten(1).amax(1) > 0


def census(a, b, radius=3, step=2):
    """Soft ternary census distance on the half-resolution pictures, mean per sample: indifferent to
    brightness, sees structure.
    """
    a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    total, count = 0, 0
    h, w = a.shape[-2:]
    inner = lambda x, dy, dx: x[..., radius + dy : h - radius + dy, radius + dx : w - radius + dx]
    for dy in range(-radius, radius + 1, step):
        for dx in range(-radius, radius + 1, step):
            da, db = inner(a, dy, dx) - inner(a, 0, 0), inner(b, dy, dx) - inner(b, 0, 0)
            ta, tb = da / (0.04**2 + da * da).sqrt(), db / (0.04**2 + db * db).sqrt()
            d = (ta - tb) ** 2
            total, count = total + (d / (0.1 + d)).mean((1, 2, 3)), count + 1
    return total / count


def endpoint_error(field, flow):
    """Mean distance in pixels between predicted and true flow (both directions), over samples that
    have a true flow.
    """
    return _distances(field, flow).mean()


def robust_endpoint_error(field, flow):
    """log(1 + distance), mean: motions that the seed has lost for good do not drown those within
    reach.
    """
    return _distances(field, flow).log1p().mean()


def _distances(field, flow):
    known = ~torch.isnan(flow).flatten(1).any(1)
    if not known.any():
        return field[:, :1] * 0
    d = (field[known, :4] - flow[known]) ** 2
    return (torch.cat([d[:, :2].sum(1), d[:, 2:].sum(1)]) + 1e-4).sqrt()


def mask_loss(field, visible):
    """Cross-entropy of the blend weight where a cell is seen in one frame only (rendered scenes
    know).
    """
    sure = (visible[:, 0] - visible[:, 1]).nan_to_num(0)
    m = field[:, 4].clamp(1e-4, 1 - 1e-4)
    loss = -(sure.clamp(min=0) * m.log() + (-sure).clamp(min=0) * (1 - m).log())
    return loss.sum() / sure.abs().sum().clamp(min=1)


def error_loss(field, made, truth):
    """Regression of the expected absolute error on the true one, cell means, in units that weigh
    small errors too.
    """
    target = F.avg_pool2d((made - truth).abs().detach(), made.shape[-1] // field.shape[-1])
    return ((field[:, 5:6] - target) ** 2 / (0.02 + target)).mean()


def psnr(a, b):
    """Per sample, 8-bit rounding left out."""
    return -10 * torch.log10(((a - b) ** 2).mean((1, 2, 3)).clamp(min=1e-8))
