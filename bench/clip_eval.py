#!/usr/bin/python3
"""Interpolation quality on real clips, the same work for every contender.

Every second frame of a clip is removed (kept as truth), the rest is written losslessly, a command
doubles its frame rate, and the frames it put in the gaps are compared with the removed ones (luma
PSNR, SSIM 8x8 mean, IE).

    bench/clip_eval.py CLIP... --max-frames 60 --height 480 --run 'NAME=command with {in} {out} {fps}' [--run ...]
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


def probe(path):
    o = subprocess.check_output(
        [
            "ffprobe",
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "stream=width,height,avg_frame_rate",
            "-of",
            "json",
            path,
        ]
    )
    s = json.loads(o)["streams"][0]
    n, d = map(int, s["avg_frame_rate"].split("/"))
    return s["width"], s["height"], n / d if d else 30.0


def load(path, w=None, h=None, ss=0, n=None):
    a = ["ffmpeg", "-v", "error"] + (["-ss", str(ss)] if ss else []) + ["-i", path]
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
    p = subprocess.Popen(
        [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "yuv420p",
            "-s",
            f"{w}x{h}",
            "-r",
            str(fps),
            "-i",
            "-",
            "-c:v",
            "ffv1",
            path,
        ],
        stdin=subprocess.PIPE,
    )
    p.communicate(frames.tobytes())
    assert p.returncode == 0


def ssim(a, b):
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
    y = lambda f: f[: w * h].reshape(h, w)
    mse = [((y(p).astype(np.float32) - y(t)) ** 2).mean() for p, t in zip(pred, truth)]
    return dict(
        psnr=float(np.mean([10 * np.log10(65025 / max(m, 1e-3)) for m in mse])),
        ssim=float(np.mean([ssim(y(p), y(t)) for p, t in zip(pred, truth)])),
        ie=float(np.mean(np.sqrt(mse))),
    )


def main():
    p = argparse.ArgumentParser()
    p.add_argument("clips", nargs="+")
    p.add_argument("--max-frames", type=int, default=61)
    p.add_argument("--height", type=int, default=0)
    p.add_argument("--ss", type=float, default=0)
    p.add_argument("--run", action="append", default=[])
    p.add_argument("--no-minterpolate", action="store_true")
    a = p.parse_args()
    runs = dict(r.split("=", 1) for r in a.run)
    rows = {}
    for clip in a.clips:
        w, h, fps = probe(clip)
        if a.height and h > a.height:
            w, h = int(round(w * a.height / h / 16)) * 16, a.height // 16 * 16
        w, h = w // 16 * 16, h // 16 * 16
        full, w, h = load(clip, w, h, a.ss, a.max_frames)
        n = (len(full) - 1) // 2 * 2 + 1
        if n < 5:
            print("too short", clip, file=sys.stderr)
            continue
        full = full[:n]
        src, truth = full[0::2], full[1::2]
        gaps = len(truth)
        with tempfile.TemporaryDirectory() as d:
            fin = d + "/in.mkv"
            save(fin, src, w, h, fps / 2)

            def put(name, out, secs=None):
                m = min(len(out), gaps)
                edge = 1 if m > 6 else 0
                r = dict(
                    clip=os.path.basename(clip),
                    size=f"{w}x{h}",
                    contender=name,
                    frames=m - 2 * edge,
                    **{k: round(v, 4) for k, v in score(out[edge : m - edge], truth[edge : m - edge], w, h).items()},
                )
                if secs:
                    r["ms_per_new_frame"] = round(1000 * secs / gaps, 1)
                rows.setdefault(name, []).append(r)
                print(json.dumps(r), flush=True)

            put("repeat", src[:-1])
            put("blend", ((src[:-1].astype(np.uint16) + src[1:] + 1) // 2).astype(np.uint8))
            todo = dict(runs)
            if not a.no_minterpolate:
                todo["minterpolate"] = (
                    "ffmpeg -v error -y -i {in} -vf minterpolate=fps={fps}:mi_mode=mci -c:v ffv1 {out}"
                )
            for name, cmd in todo.items():
                fo = f"{d}/{name}.mkv"
                t = time.time()
                r = subprocess.run(
                    [x.replace("{in}", fin).replace("{out}", fo).replace("{fps}", str(fps)) for x in shlex.split(cmd)],
                    stdout=subprocess.DEVNULL,
                )
                secs = time.time() - t
                if r.returncode or not os.path.exists(fo):
                    print(json.dumps(dict(clip=clip, contender=name, failed=r.returncode)))
                    continue
                out, ow, oh = load(fo)
                assert (ow, oh) == (w, h), (ow, oh, w, h)
                # line the output up with the source: the offset at which even frames match best
                off = min(
                    range(0, min(4, len(out) - 2)),
                    key=lambda o: np.mean(
                        [
                            (np.abs(out[o + 2 * k][: w * h].astype(int) - src[k][: w * h])).mean()
                            for k in range(min(6, (len(out) - o) // 2, len(src)))
                        ]
                    ),
                )
                put(name, out[off + 1 :: 2], secs)
    for name, rs in rows.items():
        print(
            json.dumps(
                dict(
                    contender=name,
                    clips=len(rs),
                    psnr=round(float(np.mean([r["psnr"] for r in rs])), 3),
                    ssim=round(float(np.mean([r["ssim"] for r in rs])), 4),
                    ie=round(float(np.mean([r["ie"] for r in rs])), 3),
                    ms=round(float(np.mean([r.get("ms_per_new_frame", 0) for r in rs])), 1),
                )
            )
        )


main()
