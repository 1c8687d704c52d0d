"""Draw a training log (CSV) as learning curves, or the risk-coverage curve in a JSON of
flow_s/evaluate.py, as a picture, with PIL only.
"""

import argparse
import csv
import json

from PIL import Image, ImageDraw

PANELS = (
    ("videos_psnr", "videos_seed_psnr"),
    ("scenes_psnr", "scenes_seed_psnr"),
    ("scenes_epe",),
    ("photo",),
    ("videos_error_corr",),
)
COLOURS = ((20, 90, 200), (150, 150, 150))


def draw(log, out, panels=PANELS, width=520, height=170):
    """Panels one above the other: value over training steps; grey is the plain seed."""
    with open(log) as f:
        rows = list(csv.DictReader(f))
    if len(rows) < 2:
        return
    im = Image.new("RGB", (width, height * len(panels)), "white")
    d = ImageDraw.Draw(im)
    steps = [float(r["step"]) for r in rows]
    for k, names in enumerate(panels):
        series = [(n, [float(r.get(n) or "nan") for r in rows]) for n in names]
        values = [v for _, s in series for v in s if v == v]
        if not values:
            continue
        lo, hi = min(values), max(values)
        hi = hi if hi > lo else lo + 1
        top, bottom = k * height + 26, (k + 1) * height - 14
        d.rectangle((60, top, width - 15, bottom), outline=(210, 210, 210))
        d.text((60, k * height + 8), f"{names[0]}   last {series[0][1][-1]:.3f}   step {steps[-1]:.0f}", fill="black")
        d.text((4, top - 4), f"{hi:.3f}", fill="black")
        d.text((4, bottom - 8), f"{lo:.3f}", fill="black")
        for (_, s), c in reversed(list(zip(series, COLOURS))):
            known = [(step, v) for step, v in zip(steps, s) if v == v]
            points = [
                (60 + (width - 75) * step / steps[-1], bottom - (bottom - top) * (v - lo) / (hi - lo))
                for step, v in known
            ]
            if len(points) > 1:
                d.line(points, fill=c, width=2)
    im.save(out)


def draw_risk(quality, out, width=520, height=300):
    """Mean absolute error of the surest cells over their share: blue by the network's expected
    error, grey by the true one.
    """
    with open(quality) as f:
        risk = json.load(f)["risk"]
    im = Image.new("RGB", (width, height), "white")
    d = ImageDraw.Draw(im)
    most = max(risk["error"]) * 1.05
    left, right, top, bottom = 50, width - 15, 26, height - 34
    x, y = (lambda v: left + (right - left) * v), (lambda v: bottom - (bottom - top) * v / most)
    d.rectangle((left, top, right, bottom), outline=(210, 210, 210))
    d.text(
        (left, 8),
        "mean absolute error (grey levels) of the surest cells: by expected error (blue), by true error (grey)",
        fill="black",
    )
    for k in range(5):
        d.text((4, y(most * k / 4) - 6), f"{most * k / 4:.2f}", fill="black")
        d.text((x(k / 4) - 10, bottom + 6), f"{k * 25} %", fill="black")
    d.text((width // 2 - 40, bottom + 20), "share of cells", fill="black")
    for name, colour in (("oracle", COLOURS[1]), ("error", COLOURS[0])):
        d.line([(x(a), y(b)) for a, b in zip(risk["coverage"], risk[name])], fill=colour, width=2)
    im.save(out)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("log", help="log.csv of a training, or the JSON of flow_s/evaluate.py")
    p.add_argument("out", help="picture to write")
    a = p.parse_args()
    (draw_risk if a.log.endswith(".json") else draw)(a.log, a.out)


if __name__ == "__main__":
    main()
