#!/usr/bin/python3
"""What models make of text and overlays that stand still over a moving picture.

Draws a camera's clock, a counter of frames, a dose counter on a box, a subtitle that comes and
goes, and a half-transparent logo on every frame of each clip; removes every second frame (kept as
truth), has a command double the rate, and compares the overlays of the frames in the gaps with the
removed ones. Each digit shown is read back: one that neither neighbour has is invented.

    bench/overlays.py CLIP... --height 480 --max-frames 21 \\
        --run 'NAME=command with {in} {out} {fps}' [--run ...]

Output: a JSON line per clip and contender, then a table: mean absolute error of the overlays'
luma in grey levels, each kind alone and all; digits invented, and read.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

import numpy as np
from clip_eval import load, offset_of, save, size_of

GLYPHS = os.path.join(os.path.dirname(__file__), "../test/support/glyphs.json")
with open(GLYPHS, encoding="utf-8") as file:
    FONT = {c: np.array([[int(dot) for dot in row] for row in rows], np.float32) for c, rows in json.load(file).items()}
KINDS = ("clock", "frames", "dose", "subtitle", "logo")


def ink(text, scale):
    """Coverage 0…1 of a line of text: glyphs of 5 × 7 dots, one dot apart, and soft around."""
    line = np.concatenate([np.pad(FONT[c], ((1, 1), (0, 1))) for c in text], 1)
    line = np.pad(np.kron(line, np.ones((scale, scale), np.float32)), 2)
    return np.maximum(line, around(line) / 16)


def around(x):
    """Sum over 3 × 3 samples."""
    p = np.pad(x, 1)
    return sum(p[dy : dy + x.shape[0], dx : dx + x.shape[1]] for dy in range(3) for dx in range(3))


def dilated(x, by):
    """Largest within `by` samples: the outline of text."""
    p = np.pad(x, by)
    return np.max(
        [p[dy : dy + x.shape[0], dx : dx + x.shape[1]] for dy in range(2 * by + 1) for dx in range(2 * by + 1)], 0
    )


@dataclass
class Drawn:
    """One overlay of one frame: its place, how opaque it is, and its luma."""

    kind: str
    x: int
    y: int
    alpha: np.ndarray
    luma: np.ndarray
    #: Of what is read back: the digits, where each begins, and their scale.
    digits: list = field(default_factory=list)


def text(kind, line, x, y, scale, outline=0, box=None):
    """White text, with an outline of black or on a box of one luma."""
    cover = ink(line, scale)
    if box is not None:
        alpha, luma = np.ones_like(cover), box + cover * (235 - box)
    else:
        alpha = np.maximum(cover, dilated(cover, outline)) if outline else cover
        luma = 16 + 219 * cover / np.maximum(alpha, 1e-3)
    digits = [(c, x + 2 + 6 * scale * i, y + 2, scale) for i, c in enumerate(line) if c.isdigit()]
    return Drawn(kind, x, y, alpha, luma, digits)


def logo(x, y, side):
    """A disc with a bar in it, 45 % opaque."""
    yy, xx = np.mgrid[0:side, 0:side] - (side - 1) / 2
    disc = np.clip(side / 2 - np.hypot(xx, yy), 0, 1) * np.clip(np.abs(yy) - side / 10, 0, 1)
    return Drawn("logo", x, y, (0.45 * disc).astype(np.float32), np.full_like(disc, 220))


def overlays(n, w, h):
    """What is drawn on frame `n` of a clip at its full rate."""
    scale = max(2, h // 240)
    right, bottom = w - w % 2 - 8, h - 10 * scale - 8
    frames = f"F {1187 + n:05d}"
    drawn = [
        text("clock", f"30-11-2026 09:41:{27 + n // 30:02d}", 8, 8, scale, outline=1),
        text("frames", frames, right - 6 * scale * len(frames), 8, scale),
        text("dose", f"DAP {692 + 37 * (n // 9):05d}", 8, bottom, scale, box=24),
        logo(right - 48, bottom - 48, 48),
    ]
    if 6 <= n < 15:
        line = "SUBTITLES STAND STILL"
        drawn.append(text("subtitle", line, (w - 6 * scale * len(line)) // 2, bottom - 12 * scale, scale, outline=2))
    return drawn


def draw(frames, w, h):
    """Frames with their overlays (chroma faded to grey), and what was drawn on each."""
    made, all_drawn = frames.copy(), [overlays(n, w, h) for n in range(len(frames))]
    for frame, drawn in zip(made, all_drawn):
        luma, chroma = frame[: w * h].reshape(h, w), frame[w * h :].reshape(2, h // 2, w // 2)
        for o in drawn:
            rows, columns = o.alpha.shape
            part = luma[o.y : o.y + rows, o.x : o.x + columns]
            part[:] = np.rint(part + o.alpha * (o.luma - part))
            even = np.pad(o.alpha, ((o.y % 2, (o.y + rows) % 2), (o.x % 2, (o.x + columns) % 2)))
            a = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean((1, 3))
            c = chroma[:, o.y // 2 : o.y // 2 + a.shape[0], o.x // 2 : o.x // 2 + a.shape[1]]
            c[:] = np.rint(c + a * (128 - c))
    return made, all_drawn


def correlation(a, b):
    """Of two patches; 0 where one is flat."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(1e-6, np.sqrt((a * a).sum() * (b * b).sum())))


def read(luma, x, y, scale):
    """The digit that a place shows, by the template that it resembles most; ? where it resembles
    none.
    """
    rows, columns = 9 * scale + 4, 6 * scale + 4
    patch = luma[y - 2 : y - 2 + rows, x - 2 : x - 2 + columns].astype(np.float32)
    likeness = {c: correlation(patch, ink(c, scale)) for c in "0123456789"}
    best = max(likeness, key=likeness.get)
    return best


def judge(made, truth, before, after, drawn, beside, w, h):
    """Absolute error and samples of each kind in a frame, and its digits: invented, read."""
    luma = made[: w * h].reshape(h, w)
    real = truth[: w * h].reshape(h, w)
    error = np.abs(luma.astype(np.float32) - real)
    sums = {kind: [0.0, 0.0] for kind in KINDS}
    for o in drawn:
        rows, columns = o.alpha.shape
        inside = o.alpha > 0.05
        part = error[o.y : o.y + rows, o.x : o.x + columns]
        sums[o.kind][0] += float(part[inside].sum())
        sums[o.kind][1] += float(inside.sum())
    invented = count = 0
    parents = [frame[: w * h].reshape(h, w) for frame in (before, after)]
    places = {(x, y, s) for o in beside for _, x, y, s in o.digits}
    for x, y, scale in sorted(places):
        # A digit that cannot be read where it was drawn says nothing of what was made of it.
        known = {c for o in beside for c, *at in o.digits if tuple(at) == (x, y, scale)}
        legible = {read(p, x, y, scale) for p in parents}
        if not legible <= known:
            continue
        count += 1
        invented += read(luma, x, y, scale) not in legible
    return sums, invented, count


def measure(clip, options, runs):
    """Yield a row for each contender on one clip; of one that failed, how."""
    w, h, fps = size_of(clip, options.height)
    plain, w, h = load(clip, w, h, 0, options.max_frames)
    n = (len(plain) - 1) // 2 * 2 + 1
    full, drawn = draw(plain[:n], w, h)
    src, truth = full[0::2], full[1::2]

    def row(name, out):
        totals, invented, read_count = {kind: [0.0, 0.0] for kind in KINDS}, 0, 0
        for i, (made, real) in enumerate(zip(out, truth)):
            beside = drawn[2 * i] + drawn[2 * i + 2]
            sums, bad, count = judge(made, real, src[i], src[i + 1], drawn[2 * i + 1], beside, w, h)
            invented, read_count = invented + bad, read_count + count
            for kind, (error, samples) in sums.items():
                totals[kind][0] += error
                totals[kind][1] += samples
        mean = {kind: round(e / max(1, k), 2) for kind, (e, k) in totals.items()}
        every = [sum(t[i] for t in totals.values()) for i in (0, 1)]
        mean["all"] = round(every[0] / max(1, every[1]), 2)
        y = [((m[: w * h].astype(np.float32) - t[: w * h]) ** 2).mean() for m, t in zip(out, truth)]
        psnr = float(np.mean([10 * np.log10(65025 / max(m, 1e-3)) for m in y]))
        return dict(
            clip=os.path.basename(clip), contender=name, **mean, invented=invented, read=read_count, psnr=round(psnr, 3)
        )

    yield row("blend", ((src[:-1].astype(np.uint16) + src[1:] + 1) // 2).astype(np.uint8))
    with tempfile.TemporaryDirectory() as d:
        source = d + "/in.mkv"
        save(source, src, w, h, fps / 2)
        for name, command in runs.items():
            made = f"{d}/{name}.mkv"
            put = lambda x, made=made: x.replace("{in}", source).replace("{out}", made).replace("{fps}", str(fps))
            r = subprocess.run([put(x) for x in shlex.split(command)], stdout=subprocess.DEVNULL)
            if r.returncode or not os.path.exists(made):
                yield dict(clip=os.path.basename(clip), contender=name, failed=r.returncode)
                continue
            out, ow, oh = load(made)
            assert (ow, oh) == (w, h), (ow, oh, w, h)
            yield row(name, out[offset_of(out, src, w * h) + 1 :: 2])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("clips", nargs="+")
    p.add_argument("--max-frames", type=int, default=21)
    p.add_argument("--height", type=int, default=480)
    p.add_argument("--run", action="append", default=[])
    a = p.parse_args()
    runs = dict(r.split("=", 1) for r in a.run)
    rows = {}
    for clip in a.clips:
        for r in measure(clip, a, runs):
            print(json.dumps(r), flush=True)
            if "failed" in r:
                print(f"{r['contender']} failed on {clip}", file=sys.stderr)
            else:
                rows.setdefault(r["contender"], []).append(r)
    print(
        "\n| |", " | ".join([*KINDS, "all", "digits invented", "of"]), "| PSNR |\n|", "---|" * (len(KINDS) + 5), sep=""
    )
    for name, rs in rows.items():
        errors = [f"{np.mean([r[kind] for r in rs]):.2f}" for kind in (*KINDS, "all")]
        digits = [str(sum(r[key] for r in rs)) for key in ("invented", "read")]
        print(f"| {name} |", " | ".join([*errors, *digits, f"{np.mean([r['psnr'] for r in rs]):.3f}"]), "|")


if __name__ == "__main__":
    main()
