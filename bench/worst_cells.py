#!/usr/bin/python3
"""A contact sheet of the worst cells of interpolated frames: truth, before, after.

Every second frame of each clip is removed and made again by two commands, as clip_eval.py does. The
cells of 8x8 whose 5x5 neighbourhood is furthest from the truth in `before` are cut out, at most two
of a frame and --most of a clip, and shown beside each other. Prints where they are, and their
errors (root mean square) before and after.

    bench/worst_cells.py CLIP... --before 'COMMAND {in} {out} {fps}' --after COMMAND --out FILE.jpg
"""

import argparse
import os
import shlex
import subprocess
import tempfile

import numpy as np
from clip_eval import load, offset_of, save, size_of
from PIL import Image

PART = (96, 64)  # columns, rows of a picture on the sheet


def made_by(command, source, d, fps, src, luma):
    """Luma frames that a command puts in the gaps."""
    out = f"{d}/made.mkv"
    put = lambda x: x.replace("{in}", source).replace("{out}", out).replace("{fps}", str(fps))
    subprocess.run([put(x) for x in shlex.split(command)], stdout=subprocess.DEVNULL, check=True)
    frames, _, _ = load(out)
    os.unlink(out)
    return frames[offset_of(frames, src, luma) + 1 :: 2][:, :luma]


def around(error):
    """Mean squared error of cells over 5x5 of them."""
    h, w = (n // 8 for n in error.shape)
    cells = np.pad(error[: 8 * h, : 8 * w].reshape(h, 8, w, 8).mean((1, 3)), 2, mode="edge")
    return sum(cells[i : i + h, j : j + w] for i in range(5) for j in range(5)) / 25


def worst_of(clip, a):
    """(error before, error after, clip, gap, row, column of the cell, the three pictures)."""
    w, h, fps = size_of(clip, a.height)
    full, w, h = load(clip, w, h, 0, a.max_frames)
    n = (len(full) - 1) // 2 * 2 + 1
    src, truth = full[0:n:2], full[1:n:2, : w * h]
    with tempfile.TemporaryDirectory() as d:
        save(d + "/in.mkv", src, w, h, fps / 2)
        before, after = (made_by(c, d + "/in.mkv", d, fps, src, w * h) for c in (a.before, a.after))
    found = []
    for gap in range(1, min(len(before), len(after), len(truth)) - 1):
        pictures = [f[gap].reshape(h, w) for f in (truth, before, after)]
        errors = [around((p.astype(np.float32) - pictures[0]) ** 2) for p in pictures[1:]]
        left = errors[0].copy()
        for _ in range(2):
            y, x = np.unravel_index(left.argmax(), left.shape)
            found.append((errors[0][y, x] ** 0.5, errors[1][y, x] ** 0.5, os.path.basename(clip), gap, y, x, pictures))
            left[max(0, y - 6) : y + 7, max(0, x - 6) : x + 7] = 0
    return sorted(found, key=lambda f: -f[0])[: a.most]


def part(picture, y, x):
    """What is around a cell, framed."""
    h, w = picture.shape
    top = int(np.clip(8 * y + 4 - PART[1] // 2, 0, h - PART[1]))
    left = int(np.clip(8 * x + 4 - PART[0] // 2, 0, w - PART[0]))
    return np.pad(picture[top : top + PART[1], left : left + PART[0]], 1, constant_values=255)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("clips", nargs="+")
    p.add_argument("--before", required=True)
    p.add_argument("--after", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--count", type=int, default=24)
    p.add_argument("--most", type=int, default=5, help="of one clip")
    p.add_argument("--max-frames", type=int, default=21)
    p.add_argument("--height", type=int, default=480)
    a = p.parse_args()
    found = sorted((f for clip in a.clips for f in worst_of(clip, a)), key=lambda f: -f[0])[: a.count]
    rows = []
    for before, after, clip, gap, y, x, pictures in found:
        print(f"{clip} gap {gap} cell {x}, {y}: {before:.1f} before, {after:.1f} after")
        rows.append(np.concatenate([part(picture, y, x) for picture in pictures], 1))
    columns = 3
    rows += [np.full_like(rows[0], 255)] * (-len(rows) % columns)
    gap = np.full((rows[0].shape[0], 8), 255, np.uint8)
    lines = [
        np.concatenate([v for r in rows[i : i + columns] for v in (r, gap)], 1) for i in range(0, len(rows), columns)
    ]
    Image.fromarray(np.concatenate(lines)).save(a.out, quality=85)


if __name__ == "__main__":
    main()
