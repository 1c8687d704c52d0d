#!/usr/bin/python3
"""What `framelift convert` makes of inputs that conversion tools have stumbled over.

    bench/file-cases.sh /tmp/cases
    bench/file_cases.py /tmp/cases [--convert 'node bin/framelift.js convert'] [--out FOLDER]

For each file: exit code, frames in and out (as FFmpeg decodes them), the mean difference of source
frames before and after in RGB (both with their tags honoured, so that wrong tags show, too), sample
aspect, rotation, and where the sound starts in relation to the picture. Prints a Markdown table.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile

import numpy as np

SKIPPED = (".png", ".txt", ".json")
ANIMATED = ("anim.png",)
TIMEOUT_SECONDS = 120
# Frames compared: a few from the start tell the colour of all.
COMPARED = 3
CODECS = {"ffv1": ".mkv", "h264": None}


def probe(path):
    """What ffprobe says of a file: its first video and audio stream, and how many of each kind."""
    shown = ["-show_streams", "-show_chapters", "-show_format", "-of", "json"]
    done = subprocess.run(["ffprobe", "-v", "quiet", *shown, path], capture_output=True)
    told = json.loads(done.stdout or "{}")
    kinds = [stream.get("codec_type") for stream in told.get("streams", [])]
    first = lambda kind: next((s for s in told.get("streams", []) if s.get("codec_type") == kind), None)
    return {
        "video": first("video"),
        "audio": first("audio"),
        "kinds": kinds,
        "chapters": len(told.get("chapters", [])),
    }


def frame_times(path):
    """Seconds at which FFmpeg shows each frame of the first video stream."""
    shown = ["-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0"]
    done = subprocess.run(["ffprobe", "-v", "quiet", *shown, path], capture_output=True, text=True)
    values = [line.split(",")[0] for line in done.stdout.split()]
    return [float(value) for value in values if value not in ("", "N/A")]


def pictures(path, indices):
    """RGB pictures at these places, rotation left alone."""
    chosen = "+".join(f"eq(n\\,{i})" for i in indices)
    call = ["ffmpeg", "-v", "quiet", "-noautorotate", "-i", path, "-map", "0:v:0", "-vf", f"select={chosen}"]
    call += ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    raw = subprocess.run(call, capture_output=True).stdout
    video = probe(path)["video"]
    size = int(video["width"]) * int(video["height"]) * 3
    count = len(raw) // size
    return np.frombuffer(raw, np.uint8)[: count * size].reshape(count, int(video["height"]), int(video["width"]), 3)


def colour_error(source, output):
    """Mean absolute difference in levels of the source frames that both have at their start."""
    before, after = frame_times(source), frame_times(output)
    if not before or not after:
        return None
    start = [times[0] for times in (before, after)]
    places = []
    for k, at in enumerate(before[:COMPARED]):
        nearest = min(range(len(after)), key=lambda i: abs((after[i] - start[1]) - (at - start[0])))
        places.append((k, nearest))
    a = pictures(source, [k for k, _ in places])
    b = pictures(output, sorted({i for _, i in places}))
    count = min(len(a), len(b))
    if count == 0:
        return None
    height, width = min(a.shape[1], b.shape[1]), min(a.shape[2], b.shape[2])
    difference = a[:count, :height, :width].astype(float) - b[:count, :height, :width]
    return float(np.abs(difference).mean())


def rotation(video):
    for data in video.get("side_data_list", []):
        if "rotation" in data:
            return int(data["rotation"])
    return 0


def offset(told):
    """Milliseconds from the picture's start to the sound's."""
    video, audio = told["video"], told["audio"]
    if not video or not audio or "start_time" not in video or "start_time" not in audio:
        return None
    return round((float(audio["start_time"]) - float(video["start_time"])) * 1000)


def judge(path, command, codec, folder):
    """One row: what became of one file."""
    name = os.path.basename(path)
    ending = CODECS[codec] or (".mkv" if name.endswith(".mkv") else ".mp4")
    output = os.path.join(folder, f"{os.path.splitext(name)[0]}-{codec}{ending}")
    call = [*command, path, output, "--factor", "2", "--model", "blend", "--codec", codec, "--json"]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        code, said = done.returncode, (done.stderr.strip().splitlines() or [""])[0]
    except subprocess.TimeoutExpired:
        code, said = None, "hangs"
    before = probe(path)
    row = {"file": name, "codec": codec, "exit": code, "in": len(frame_times(path)), "said": said[:110]}
    if not os.path.exists(output) or not before["video"]:
        return row
    after = probe(output)
    if not after["video"]:
        return row
    form = lambda video: f"{video.get('pix_fmt')} {video.get('color_space', '-')} {video.get('color_range', '-')}"
    return row | {
        "out": len(frame_times(output)),
        "colour": colour_error(path, output),
        "form": (form(before["video"]), form(after["video"])),
        "aspect": tuple(told["video"].get("sample_aspect_ratio", "-") for told in (before, after)),
        "rotation": (rotation(before["video"]), rotation(after["video"])),
        "sound": (offset(before), offset(after)),
        "streams": (len(before["kinds"]), len(after["kinds"])),
        "chapters": (before["chapters"], after["chapters"]),
    }


def changed(pair):
    """Both where they differ, one where they do not."""
    a, b = ("–" if value is None else value for value in pair)
    return f"{a}" if a == b else f"{a} → {b}"


def table(rows):
    names = ["file", "codec", "exit", "frames", "colour error", "samples", "aspect", "turned", "sound, ms"]
    names += ["streams", "chapters"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = [row["file"], row["codec"], "hangs" if row["exit"] is None else row["exit"]]
        cells.append(f"{row['in']} → {row.get('out', '–')}")
        error = row.get("colour")
        cells.append("–" if error is None else f"{error:.2f}")
        pairs = ("form", "aspect", "rotation", "sound", "streams", "chapters")
        cells += [changed(row[key]) if key in row else "–" for key in pairs]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--convert", default="node bin/framelift.js convert", help="the command, without arguments")
    parser.add_argument("--out", help="keep the outputs in this folder")
    parser.add_argument("--json", help="write the rows to this file, too")
    arguments = parser.parse_args()
    files = sorted(os.listdir(arguments.folder))
    files = [name for name in files if name in ANIMATED or not name.endswith(SKIPPED)]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or temporary
        os.makedirs(folder, exist_ok=True)
        for name in files:
            for codec in CODECS:
                path = os.path.join(arguments.folder, name)
                row = judge(path, shlex.split(arguments.convert), codec, folder)
                rows.append(row)
                print(f"{name} {codec}: exit {row['exit']} {row['said']}", file=sys.stderr, flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(rows, file, indent=1)
    print(table(rows))


if __name__ == "__main__":
    main()
