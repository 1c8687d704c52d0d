#!/usr/bin/python3
"""Interpolation quality on real clips, the same work for every contender.

Every second frame of a clip is removed (kept as truth), the rest is written losslessly, a command
doubles its frame rate, and the frames it put in the gaps are compared with the removed ones (luma
PSNR, SSIM 8x8 mean, IE). The first and the last gap count for nobody: minterpolate leaves the last
one empty. A contender that leaves others empty has failed.

    bench/clip_eval.py CLIP... --max-frames 60 --height 480 \\
        --run 'NAME=command with {in} {out} {fps}' [--run ...]

Built in: repeat, blend, minterpolate. Output: a JSON line per clip and contender, then means.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

import numpy as np

FFMPEG = ["ffmpeg", "-v", "error"]
MINTERPOLATE = "ffmpeg -v error -y -i {in} -vf minterpolate=fps={fps}:mi_mode=mci -c:v ffv1 {out}"


def probe(path):
    """Width, height and frame rate of a clip."""
    shown = ["-show_entries", "stream=width,height,avg_frame_rate", "-of", "json"]
    o = subprocess.check_output(["ffprobe", "-v", "error", "-select_streams", "v:0", *shown, path])
    s = json.loads(o)["streams"][0]
    n, d = map(int, s["avg_frame_rate"].split("/"))
    return s["width"], s["height"], n / d if d else 30.0


def load(path, w=None, h=None, ss=0, n=None):
    """I420 frames [n, bytes], scaled to w × h if given, and their size."""
    a = FFMPEG + (["-ss", str(ss)] if ss else []) + ["-i", path]
    if w:
        a += ["-vf", f"scale={w}:{h}:flags=area"]
    if n:
        a += ["-frames:v", str(n)]
    a += ["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
    if not w:
        w, h, _ = probe(path)
    b = subprocess.check_output(a)
    f = w * h * 3 // 2
    return np.frombuffer(b, np.uint8)[: len(b) // f * f].reshape(-1, f), w, h


def save(path, frames, w, h, fps):
    """Write I420 frames losslessly."""
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{w}x{h}", "-r", str(fps)]
    p = subprocess.Popen([*FFMPEG, "-y", *raw, "-i", "-", "-c:v", "ffv1", path], stdin=subprocess.PIPE)
    p.communicate(frames.tobytes())
    assert p.returncode == 0


def ssim(a, b):
    """Mean SSIM over windows of 8x8."""
    a = a.astype(np.float64)
    b = b.astype(np.float64)
    k = 8

    def box(x):
        c = np.pad(x.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        return (c[k:, k:] - c[:-k, k:] - c[k:, :-k] + c[:-k, :-k]) / (k * k)

    ma, mb = box(a), box(b)
    va, vb, cab = box(a * a) - ma * ma, box(b * b) - mb * mb, box(a * b) - ma * mb
    return float(
        (((2 * ma * mb + 6.5025) * (2 * cab + 58.5225)) / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225))).mean()
    )


def score(pred, truth, w, h):
    """Mean PSNR, SSIM and interpolation error of luma."""
    y = lambda f: f[: w * h].reshape(h, w)
    mse = [((y(p).astype(np.float32) - y(t)) ** 2).mean() for p, t in zip(pred, truth)]
    return dict(
        psnr=float(np.mean([10 * np.log10(65025 / max(m, 1e-3)) for m in mse])),
        ssim=float(np.mean([ssim(y(p), y(t)) for p, t in zip(pred, truth)])),
        ie=float(np.mean(np.sqrt(mse))),
    )


def size_of(clip, most):
    """Size to measure at (at most so many lines, multiples of 16) and frame rate."""
    w, h, fps = probe(clip)
    if most and h > most:
        w, h = int(round(w * most / h / 16)) * 16, most // 16 * 16
    return w // 16 * 16, h // 16 * 16, fps


def offset_of(out, src, luma):
    """Where the frames of `out` that were there before begin: where they match best."""
    seen = lambda o: range(min(6, (len(out) - o) // 2, len(src)))
    apart = lambda o, k: np.abs(out[o + 2 * k][:luma].astype(int) - src[k][:luma]).mean()
    return min(range(min(4, len(out) - 2)), key=lambda o: np.mean([apart(o, k) for k in seen(o)]))


def measure(clip, options, runs):
    """Yield a row for each contender on one clip; of one that failed, how."""
    w, h, fps = size_of(clip, options.height)
    full, w, h = load(clip, w, h, options.ss, options.max_frames)
    n = (len(full) - 1) // 2 * 2 + 1
    if n < 7:
        print("too short", clip, file=sys.stderr)
        return
    src, truth = full[0:n:2], full[1:n:2]
    gaps = len(truth)
    inner = slice(1, gaps - 1)

    def row(name, out, **more):
        figures = {k: round(v, 4) for k, v in score(out[inner], truth[inner], w, h).items()}
        clip_of = dict(clip=os.path.basename(clip), size=f"{w}x{h}", contender=name)
        return dict(clip_of, frames=len(truth[inner]), **figures, **more)

    yield row("repeat", src[:-1])
    yield row("blend", ((src[:-1].astype(np.uint16) + src[1:] + 1) // 2).astype(np.uint8))
    with tempfile.TemporaryDirectory() as d:
        source = d + "/in.mkv"
        save(source, src, w, h, fps / 2)
        for name, command in runs.items():
            made, t = f"{d}/{name}.mkv", time.time()
            put = lambda x, made=made: x.replace("{in}", source).replace("{out}", made).replace("{fps}", str(fps))
            r = subprocess.run([put(x) for x in shlex.split(command)], stdout=subprocess.DEVNULL)
            seconds = time.time() - t
            if r.returncode or not os.path.exists(made):
                yield dict(clip=clip, contender=name, failed=r.returncode)
                continue
            out, ow, oh = load(made)
            assert (ow, oh) == (w, h), (ow, oh, w, h)
            new = out[offset_of(out, src, w * h) + 1 :: 2]
            if len(new) < inner.stop:
                yield dict(clip=clip, contender=name, failed=f"{len(new)} frames for {gaps} gaps")
                continue
            yield row(name, new, ms_per_new_frame=round(1000 * seconds / gaps, 1))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("clips", nargs="+")
    p.add_argument("--max-frames", type=int, default=61)
    p.add_argument("--height", type=int, default=0)
    p.add_argument("--ss", type=float, default=0)
    p.add_argument("--run", action="append", default=[])
    p.add_argument("--no-minterpolate", action="store_true")
    a = p.parse_args()
    runs = dict(r.split("=", 1) for r in a.run)
    if not a.no_minterpolate:
        runs["minterpolate"] = MINTERPOLATE
    rows = {}
    for clip in a.clips:
        for r in measure(clip, a, runs):
            print(json.dumps(r), flush=True)
            if "failed" not in r:
                rows.setdefault(r["contender"], []).append(r)
    for name, rs in rows.items():
        mean = lambda key, digits, rs=rs: round(float(np.mean([r.get(key, 0) for r in rs])), digits)
        means = dict(psnr=mean("psnr", 3), ssim=mean("ssim", 4), ie=mean("ie", 3), ms=mean("ms_per_new_frame", 1))
        print(json.dumps(dict(contender=name, clips=len(rs), **means)))


if __name__ == "__main__":
    main()
