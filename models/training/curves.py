"""Draw a training log (CSV) as a picture of learning curves, with PIL only."""
import argparse
import csv

from PIL import Image, ImageDraw

PANELS = (("videos_psnr", "videos_seed_psnr"), ("scenes_psnr", "scenes_seed_psnr"), ("scenes_epe",), ("photo",), ("videos_error_corr",))
COLOURS = ((20, 90, 200), (150, 150, 150))


def draw(log, out, width=520, height=170):
    """Panels one above the other: value over training steps; grey is the plain seed."""
    with open(log) as f:
        rows = list(csv.DictReader(f))
    if len(rows) < 2:
        return
    im = Image.new("RGB", (width, height * len(PANELS)), "white")
    d = ImageDraw.Draw(im)
    steps = [float(r["step"]) for r in rows]
    for k, names in enumerate(PANELS):
        series = [(n, [float(r.get(n) or "nan") for r in rows]) for n in names]
        values = [v for _, s in series for v in s if v == v]
        if not values:
            continue
        lo, hi = min(values), max(values)
        hi = hi if hi > lo else lo + 1
        top, bottom = k * height + 26, (k + 1) * height - 14
        x = lambda s: 60 + (width - 75) * s / steps[-1]
        y = lambda v: bottom - (bottom - top) * (v - lo) / (hi - lo)
        d.rectangle((60, top, width - 15, bottom), outline=(210, 210, 210))
        d.text((60, k * height + 8), f"{names[0]}   last {series[0][1][-1]:.3f}   step {steps[-1]:.0f}", fill="black")
        d.text((4, top - 4), f"{hi:.3f}", fill="black")
        d.text((4, bottom - 8), f"{lo:.3f}", fill="black")
        for (_, s), c in reversed(list(zip(series, COLOURS))):
            points = [(x(a), y(v)) for a, v in zip(steps, s) if v == v]
            if len(points) > 1:
                d.line(points, fill=c, width=2)
    im.save(out)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("log")
    p.add_argument("out")
    a = p.parse_args()
    draw(a.log, a.out)


if __name__ == "__main__":
    main()
