#!/usr/bin/python3
"""A WHIP publisher and a WHEP player of GStreamer's webrtcbin (libnice, OpenSSL, libsrtp): no kin
of the libraries under test.

Needs (Debian): python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice
gstreamer1.0-plugins-{base,good,bad,ugly}

    foreign_gstreamer.py publish http://127.0.0.1:8080/whip/cam --codec vp8
        until standard input ends; prints {"sent": frames}
    foreign_gstreamer.py play http://127.0.0.1:8080/whep/cam --seconds 3
        prints {"frames", "seconds", "width", "height"}
    foreign_gstreamer.py sweep http://127.0.0.1:8080/whep/cam
        plays it once for each order of sections and each bundle policy that webrtcbin has, or that
        of --policy alone; prints [{"offer", "frames", "why"}]
"""

import argparse
import json
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
# The versions are asked for before.
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from foreign_http import Session  # noqa: E402

# A player's decoders are given a moment after the first picture.
SETTLE_SECONDS = 1
# A sweep gives an offer up after this long.
LATE_SECONDS = 8
MIN_FRAMES = 5
RECEIVED = {
    "video": "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f,rtcp-fb-nack-pli=(boolean)true",
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
}
ENCODERS = {
    "h264": (
        "x264enc tune=zerolatency speed-preset=ultrafast bitrate=1000 key-int-max=60"
        " ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency",
        "H264",
    ),
    "vp8": (
        "vp8enc deadline=1 cpu-used=8 target-bitrate=1000000 keyframe-max-dist=60 ! rtpvp8pay picture-id-mode=15-bit",
        "VP8",
    ),
}


POLICIES = ("none", "balanced", "max-compat", "max-bundle")


class Peer:
    """A webrtcbin that offers all its candidates at once. Sub-classes put media to it."""

    def __init__(self, arguments, pipeline):
        self.arguments, self.pipeline = arguments, pipeline
        self.webrtc = pipeline.get_by_name("webrtc")
        self.loop, self.session, self.failure = GLib.MainLoop(), None, None
        # In the loop, that is when all sections are there: webrtcbin asks from a thread of its own.
        self.webrtc.connect("on-negotiation-needed", lambda _: GLib.idle_add(self._negotiate))
        self.webrtc.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self._gathered))
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: self.fail(message.parse_error()))

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.session:
            self.session.close()
        self.pipeline.set_state(Gst.State.NULL)
        if self.failure:
            sys.exit(str(self.failure))

    def fail(self, why):
        self.failure = why
        self.loop.quit()

    def _negotiate(self):
        self.webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self._offered))

    def _offered(self, promise):
        # The offer lives in the reply.
        reply = promise.get_reply()
        self.webrtc.emit("set-local-description", reply.get_value("offer"), None)

    def _gathered(self):
        state = self.webrtc.get_property("ice-gathering-state")
        if self.session or state != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        try:
            offer = self.webrtc.get_property("local-description").sdp.as_text()
            self.session = Session(self.arguments.url, offer, self.arguments.token)
            _, sdp = GstSdp.SDPMessage.new_from_text(self.session.answer)
            answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
            self.webrtc.emit("set-remote-description", answer, Gst.Promise.new_with_change_func(self._taken))
        except Exception as error:
            self.fail(error)

    def _taken(self, promise):
        reply = promise.get_reply()
        if reply and reply.has_field("error"):
            GLib.idle_add(self.fail, reply.get_value("error"))


def publish(arguments):
    encoder, name = ENCODERS[arguments.codec]
    width, height = arguments.size.split("x")
    pipeline = Gst.parse_launch(
        "videotestsrc is-live=true pattern=ball"
        f" ! video/x-raw,format=I420,width={width},height={height},framerate={arguments.fps}/1"
        f" ! identity name=pictures ! {encoder}"
        f" ! application/x-rtp,media=video,encoding-name={name},payload=96,rtcp-fb-nack-pli=(boolean)true"
        " ! webrtcbin name=webrtc bundle-policy=max-bundle"
    )
    sent = 0

    def count(*_):
        nonlocal sent
        connected = peer.webrtc.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED
        sent += connected
        return Gst.PadProbeReturn.OK

    peer = Peer(arguments, pipeline)
    transceiver = peer.webrtc.emit("get-transceiver", 0)
    transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    transceiver.set_property("do-nack", True)
    pipeline.get_by_name("pictures").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, count)
    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, lambda *_: peer.loop.quit())
    peer.run()
    print(json.dumps({"sent": sent}))


class Player(Peer):
    """Offers these kinds of sections, plays the video, and ends `seconds` after the first of its
    pictures, of which there are five at least.
    """

    def __init__(self, arguments, seconds, kinds=("video",), policy="max-bundle"):
        pipeline = Gst.Pipeline()
        pipeline.add(Gst.parse_launch(f"webrtcbin name=webrtc bundle-policy={policy}"))
        super().__init__(arguments, pipeline)
        self.times, self.size, self._seconds = [], {}, seconds
        self.webrtc.connect("pad-added", self._received)
        if "application" in kinds:
            pipeline.set_state(Gst.State.READY)
            self.channel = self.webrtc.emit("create-data-channel", "provenance", None)
        for kind in kinds:
            if kind == "application":
                continue
            direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            transceiver = self.webrtc.emit("add-transceiver", direction, Gst.Caps.from_string(RECEIVED[kind]))
            transceiver.set_property("do-nack", kind == "video")

    def _seen(self, pad, _):
        structure = pad.get_current_caps().get_structure(0)
        self.size.update(width=structure.get_int("width").value, height=structure.get_int("height").value)
        self.times.append(time.monotonic())
        if len(self.times) >= MIN_FRAMES and self.times[-1] - self.times[0] >= self._seconds:
            self.loop.quit()
        return Gst.PadProbeReturn.OK

    def _received(self, _, pad):
        tail = Gst.parse_bin_from_description(
            "rtph264depay ! h264parse ! openh264dec ! fakesink name=screen sync=false", True
        )
        self.pipeline.add(tail)
        tail.get_by_name("screen").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._seen)
        tail.sync_state_with_parent()
        pad.link(tail.get_static_pad("sink"))


def play(arguments):
    peer = Player(arguments, SETTLE_SECONDS + arguments.seconds)
    peer.run()
    times = peer.times
    counted = [at for at in times if at >= times[0] + SETTLE_SECONDS]
    print(json.dumps({"frames": len(counted) - 1, "seconds": counted[-1] - counted[0], **peer.size}))


def sweep(arguments):
    outcomes = []
    for policy in [arguments.policy] if arguments.policy else POLICIES:
        # webrtcbin puts data channels last.
        for kinds in ("video", "audio video", "video audio", "video application", "audio video application"):
            peer = Player(arguments, 0.1, kinds.split(), policy)
            GLib.timeout_add_seconds(LATE_SECONDS, peer.fail, "no picture in time")
            why = ""
            try:
                peer.run()
            except SystemExit as failure:
                why = str(failure)
            outcomes.append({"offer": f"{kinds}, {policy}", "frames": len(peer.times), "why": why})
    print(json.dumps(outcomes))


parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["publish", "play", "sweep"])
parser.add_argument("url")
parser.add_argument("--token")
parser.add_argument("--codec", choices=ENCODERS, default="h264")
parser.add_argument("--size", default="320x240")
parser.add_argument("--fps", type=int, default=30)
parser.add_argument("--policy", choices=POLICIES)
parser.add_argument("--seconds", type=float, default=3)
Gst.init(None)
chosen = parser.parse_args()
{"publish": publish, "play": play, "sweep": sweep}[chosen.role](chosen)
