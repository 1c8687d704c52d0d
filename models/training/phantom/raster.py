"""Drawing with numpy alone: blur, fractal texture, sampling, strokes with the chord profile of a
tube, a small font.
"""

import numpy as np

# Strokes are drawn at twice the resolution and averaged down, so that a thin wire moves without
# stepping.
SUPER = 2

# Classic 5x7 character cells: one byte per column, lowest bit at the top.
FONT = {
    "0": "3E5149453E",
    "1": "00427F4000",
    "2": "4261514946",
    "3": "2141454B31",
    "4": "1814127F10",
    "5": "2745454539",
    "6": "3C4A494930",
    "7": "0171090503",
    "8": "3649494936",
    "9": "064949291E",
    "A": "7E1111117E",
    "B": "7F49494936",
    "C": "3E41414122",
    "D": "7F4141221C",
    "E": "7F49494941",
    "F": "7F09090901",
    "G": "3E4149497A",
    "H": "7F0808087F",
    "I": "00417F4100",
    "J": "2040413F01",
    "K": "7F08142241",
    "L": "7F40404040",
    "M": "7F020C027F",
    "N": "7F0408107F",
    "O": "3E4141413E",
    "P": "7F09090906",
    "Q": "3E4151215E",
    "R": "7F09192946",
    "S": "4649494931",
    "T": "01017F0101",
    "U": "3F4040403F",
    "V": "1F2040201F",
    "W": "3F4038403F",
    "X": "6314081463",
    "Y": "0708700807",
    "Z": "6151494543",
    "-": "0808080808",
    "/": "2010080402",
    ".": "0060600000",
    ":": "0036360000",
}


def smoothstep(low, high, x):
    """0 below `low`, 1 above `high`, smooth between."""
    u = np.clip((x - low) / (high - low), 0.0, 1.0)
    return u * u * (3 - 2 * u)


def blur(image, sigma):
    """Gaussian blur, edges extended; `sigma` in samples."""
    if sigma <= 0:
        return image
    radius = max(1, int(np.ceil(3 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius, radius)
        wide = np.pad(image, pad, mode="edge")
        length = image.shape[axis]
        total = np.zeros_like(image)
        for k, tap in enumerate(taps):
            part = wide[k : k + length] if axis == 0 else wide[:, k : k + length]
            total += tap * part
        image = total
    return image


def resize(image, height, width):
    """Bilinear resize with half-pixel centres."""
    y = (np.arange(height) + 0.5) * image.shape[0] / height - 0.5
    x = (np.arange(width) + 0.5) * image.shape[1] / width - 0.5
    return sample(image, *np.meshgrid(x.astype(np.float32), y.astype(np.float32)))


def sample(image, x, y):
    """`image` at real positions (`x`, `y`), bilinear, edges extended."""
    height, width = image.shape
    x = np.clip(x, 0, width - 1.001)
    y = np.clip(y, 0, height - 1.001)
    x0 = x.astype(np.int32)
    y0 = y.astype(np.int32)
    fx = x - x0
    fy = y - y0
    at = y0 * width + x0
    flat = image.ravel()
    top = flat[at] * (1 - fx) + flat[at + 1] * fx
    bottom = flat[at + width] * (1 - fx) + flat[at + width + 1] * fx
    return (top * (1 - fy) + bottom * fy).astype(np.float32)


def fractal(rng, size, beta, shortest=2.0):
    """Periodic noise of zero mean and unit deviation with spectrum 1/f^beta; wavelengths under
    `shortest` are left out.
    """
    fy = np.fft.fftfreq(size)[:, None]
    fx = np.fft.rfftfreq(size)[None, :]
    f = np.hypot(fy, fx)
    f[0, 0] = 1.0
    weight = f**-beta * (f < 1 / shortest)
    weight[0, 0] = 0.0
    phase = rng.standard_normal(weight.shape) + 1j * rng.standard_normal(weight.shape)
    image = np.fft.irfft2(weight * phase, s=(size, size))
    return (image / image.std()).astype(np.float32)


def spline(points, step):
    """Catmull-Rom curve through `points`, resampled every `step`."""
    p = np.asarray(points, float)
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    u = np.linspace(0, 1, 24, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:]):
        pieces.append(0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3))
    fine = np.vstack([*pieces, p[-2:-1]])
    return resample(fine, step)


def arc_length(points):
    """Distance along a polyline from its first point to each of its points."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])


def resample(points, step):
    """The same polyline with points every `step`."""
    s = arc_length(points)
    at = np.linspace(0, s[-1], max(2, int(round(s[-1] / step)) + 1))
    return np.stack([np.interp(at, s, points[:, 0]), np.interp(at, s, points[:, 1])], axis=1)


def tube(canvas, points, radii, amount):
    """
    Adds a tube to `canvas` (SUPER times the picture): the chord length through a round vessel,
    times `amount`, per point. Within one tube the largest chord counts (no dark knots at joints);
    between tubes chords add, as rays do.
    """
    p = points * SUPER + (SUPER - 1) / 2
    r = np.maximum(radii, 0.55) * SUPER
    # A tube thinner than the drawing limit keeps its integral.
    a = amount * (radii / np.maximum(radii, 0.55)) ** 2 / SUPER
    reach = r + 1
    low = np.floor(np.min(p - reach[:, None], axis=0)).astype(int)
    high = np.ceil(np.max(p + reach[:, None], axis=0)).astype(int) + 1
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(high, [canvas.shape[1], canvas.shape[0]])
    if x1 <= x0 or y1 <= y0:
        return
    local = np.zeros((y1 - y0, x1 - x0), np.float32)
    for i in range(len(p) - 1):
        if a[i] <= 1e-4 and a[i + 1] <= 1e-4:
            continue
        far = max(reach[i], reach[i + 1])
        left = max(int(min(p[i, 0], p[i + 1, 0]) - far), x0)
        right = min(int(max(p[i, 0], p[i + 1, 0]) + far) + 2, x1)
        top = max(int(min(p[i, 1], p[i + 1, 1]) - far), y0)
        bottom = min(int(max(p[i, 1], p[i + 1, 1]) + far) + 2, y1)
        if right <= left or bottom <= top:
            continue
        dx = np.arange(left, right, dtype=np.float32)[None, :] - p[i, 0]
        dy = np.arange(top, bottom, dtype=np.float32)[:, None] - p[i, 1]
        ex, ey = p[i + 1] - p[i]
        u = np.clip((dx * ex + dy * ey) / max(ex * ex + ey * ey, 1e-9), 0, 1)
        gap = (dx - u * ex) ** 2 + (dy - u * ey) ** 2
        radius = r[i] + u * (r[i + 1] - r[i])
        chord = 2 * np.sqrt(np.maximum(radius * radius - gap, 0)) * (a[i] + u * (a[i + 1] - a[i]))
        part = local[top - y0 : bottom - y0, left - x0 : right - x0]
        np.maximum(part, chord, out=part)
    canvas[y0:y1, x0:x1] += local


def shrink(canvas):
    """Averages SUPER x SUPER samples into one."""
    height, width = canvas.shape
    return canvas.reshape(height // SUPER, SUPER, width // SUPER, SUPER).mean(axis=(1, 3))


def write_text(image, x, y, text, value, scale=2):
    """Burns `text` into `image` with its top left corner at (`x`, `y`); letters not in FONT are
    left blank.
    """
    for letter in text:
        columns = bytes.fromhex(FONT.get(letter, "0000000000"))
        cell = np.array([[(column >> row) & 1 for column in columns] for row in range(7)], bool)
        cell = cell.repeat(scale, axis=0).repeat(scale, axis=1)
        part = image[y : y + cell.shape[0], x : x + cell.shape[1]]
        part[cell[: part.shape[0], : part.shape[1]]] = value
        x += 6 * scale
