#!/usr/bin/python3
"""A WHIP publisher and a WHEP player of aiortc (its own ICE, SRTP and RTP in Python): no kin of the
libraries under test.

Needs (Debian): python3-aiortc python3-numpy

    foreign_aiortc.py publish http://127.0.0.1:8080/whip/cam --codec vp8
        until standard input ends; prints {"sent": frames}
    foreign_aiortc.py play http://127.0.0.1:8080/whep/cam --seconds 3
        prints {"frames", "seconds", "width", "height"}
    foreign_aiortc.py sweep http://127.0.0.1:8080/whep/cam
        plays it once for each order of sections that aiortc offers; prints [{"offer", "frames",
        "why"}]
"""

import argparse
import asyncio
import json
import sys
import time

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from av import VideoFrame

from foreign_http import Session

# A player's decoder is given a moment after the first picture.
SETTLE_SECONDS = 1
# A sweep gives an offer up after this long.
LATE_SECONDS = 8


class Picture(VideoStreamTrack):
    """A ramp that moves, 30 frames a second."""

    def __init__(self, width, height):
        super().__init__()
        self.sent, self._planes = 0, np.full((height * 3 // 2, width), 128, np.uint8)
        self._ramp = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        self._planes[: len(self._ramp)] = np.roll(self._ramp, 3 * self.sent, axis=1)
        frame = VideoFrame.from_ndarray(self._planes, format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        self.sent += 1
        return frame


async def connect(pc, arguments):
    """Offers all candidates at once. @returns the session, to be closed."""
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp
    session = await asyncio.to_thread(Session, arguments.url, offer, arguments.token)
    await pc.setRemoteDescription(RTCSessionDescription(session.answer, "answer"))
    return session


async def publish(arguments):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    track = Picture(*map(int, arguments.size.split("x")))
    transceiver = pc.addTransceiver(track, direction="sendonly")
    wanted = f"video/{arguments.codec}".lower()
    codecs = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType.lower() in (wanted, "video/rtx")])
    session = await connect(pc, arguments)
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.to_thread(session.close)
    await pc.close()
    print(json.dumps({"sent": track.sent}))


async def play(arguments):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    arrived = asyncio.get_running_loop().create_future()
    pc.on("track", arrived.set_result)
    pc.addTransceiver("video", direction="recvonly")
    session = await connect(pc, arguments)
    track = await arrived
    frame = await track.recv()
    settled = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < settled:
        await track.recv()
    start, frames, seconds = time.monotonic(), 0, 0
    while seconds < arguments.seconds:
        frame = await track.recv()
        frames, seconds = frames + 1, time.monotonic() - start
    await asyncio.to_thread(session.close)
    await pc.close()
    print(json.dumps({"frames": frames, "seconds": seconds, "width": frame.width, "height": frame.height}))


async def play_one(arguments, kinds):
    """Five frames of an offer of these sections. @returns how many came."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    arrived, frames, session = asyncio.get_running_loop().create_future(), 0, None
    pc.on("track", lambda track: track.kind == "video" and arrived.set_result(track))
    try:
        for kind in kinds:
            if kind == "application":
                pc.createDataChannel("provenance")
            else:
                pc.addTransceiver(kind, direction="recvonly")
        session = await connect(pc, arguments)
        track = await arrived
        while frames < 5:
            await track.recv()
            frames += 1
        return frames
    finally:
        if session:
            await asyncio.to_thread(session.close)
        await pc.close()


async def sweep(arguments):
    outcomes = []
    # aiortc bundles always, says bundle-only never, and puts data channels last.
    for kinds in ("video", "audio video", "video audio", "video application", "audio video application"):
        outcome = {"offer": kinds, "frames": 0, "why": ""}
        try:
            outcome["frames"] = await asyncio.wait_for(play_one(arguments, kinds.split()), LATE_SECONDS)
        except Exception as error:
            outcome["why"] = repr(error)
        outcomes.append(outcome)
    print(json.dumps(outcomes))


parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["publish", "play", "sweep"])
parser.add_argument("url")
parser.add_argument("--token")
parser.add_argument("--codec", choices=["h264", "vp8"], default="h264")
parser.add_argument("--size", default="320x240")
parser.add_argument("--seconds", type=float, default=3)
chosen = parser.parse_args()
asyncio.run({"publish": publish, "play": play, "sweep": sweep}[chosen.role](chosen))
