"""Reading luma from video files through the ffmpeg command line."""

import json
import os
import subprocess

import numpy as np

VIDEO = (".mp4", ".mkv", ".webm", ".ts", ".mov", ".wmv", ".avi", ".m4v")


def videos(folder):
    """Paths of the video files in a folder, sorted."""
    return sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.lower().endswith(VIDEO))


def probe(path):
    """(width, height) as displayed (rotation applied) of the first video stream."""
    out = subprocess.check_output(
        [
            "ffprobe",
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "stream=width,height:stream_side_data=rotation",
            "-of",
            "json",
            path,
        ]
    )
    s = json.loads(out)["streams"][0]
    turned = any(abs(int(d.get("rotation", 0))) % 180 == 90 for d in s.get("side_data_list", []))
    return (s["height"], s["width"]) if turned else (s["width"], s["height"])


def rate(path):
    """Average frames a second of the first video stream; 30 where the file does not say."""
    shown = ["-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate", "-of", "json", path]
    s = json.loads(subprocess.check_output(["ffprobe", "-v", "error", *shown]))["streams"][0]
    over, under = map(int, s["avg_frame_rate"].split("/"))
    return over / under if over and under else 30.0


def read_planes(path, width, height, frames=None, threads=1):
    """Decode to uint8 luma [n, height, width] and chroma [n, 2, height/2, width/2], area-scaled."""
    a = ["ffmpeg", "-v", "error", "-threads", str(threads), "-i", path, "-vf", f"scale={width}:{height}:flags=area"]
    a += (["-frames:v", str(frames)] if frames else []) + [
        "-an",
        "-fps_mode",
        "passthrough",
        "-pix_fmt",
        "yuv420p",
        "-f",
        "rawvideo",
        "-",
    ]
    raw, size = subprocess.check_output(a), width * height * 3 // 2
    n, luma = len(raw) // size, width * height
    planes = np.frombuffer(raw, np.uint8)[: n * size].reshape(n, size)
    return planes[:, :luma].reshape(n, height, width), planes[:, luma:].reshape(n, 2, height // 2, width // 2)


def read_luma(path, width, height, frames=None, threads=1):
    """Decode to [n, height, width] uint8 luma, area-scaled."""
    return read_planes(path, width, height, frames, threads)[0]


def eval_size(path, height=480):
    """Frame size of the evaluation protocol: at most `height` lines, both sides multiples of 16."""
    w, h = probe(path)
    if h > height:
        w, h = int(round(w * height / h / 16)) * 16, height
    return w // 16 * 16, h // 16 * 16
