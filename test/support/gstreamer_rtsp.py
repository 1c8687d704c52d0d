"""Reads H.264 and sound by RTSP with GStreamer's rtspsrc: units to stdout, a summary to stderr."""

import argparse
import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import Gst, GstApp  # noqa: E402, F401

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--protocol", choices=["tcp", "udp"], default="tcp")
parser.add_argument("--frames", type=int, default=40)
parser.add_argument("--user", default="")
parser.add_argument("--password", default="")
args = parser.parse_args()

Gst.init(None)
pipeline = Gst.parse_launch(
    f"rtspsrc name=source protocols={args.protocol} latency=200 "
    "source. ! application/x-rtp,media=video ! rtph264depay ! "
    "video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=video sync=false "
    "source. ! application/x-rtp,media=audio ! rtpopusdepay ! appsink name=audio sync=false max-buffers=200 drop=true"
)
source = pipeline.get_by_name("source")
source.set_property("location", args.url)
if args.user:
    source.set_property("user-id", args.user)
    source.set_property("user-pw", args.password)
video, audio = pipeline.get_by_name("video"), pipeline.get_by_name("audio")
pipeline.set_state(Gst.State.PLAYING)
pts = []
while len(pts) < args.frames:
    sample = video.try_pull_sample(10 * Gst.SECOND)
    if sample is None:
        message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        print(message.parse_error() if message else "nothing within 10 s", file=sys.stderr)
        sys.exit(1)
    buffer = sample.get_buffer()
    pts.append(buffer.pts / Gst.SECOND)
    sys.stdout.buffer.write(buffer.extract_dup(0, buffer.get_size()))
sounds = []
while (sample := audio.try_pull_sample(0)) is not None:
    sounds.append(sample.get_buffer().pts / Gst.SECOND)
sys.stdout.buffer.flush()
pipeline.set_state(Gst.State.NULL)
print(json.dumps({"video": pts, "audio": sounds}), file=sys.stderr)
