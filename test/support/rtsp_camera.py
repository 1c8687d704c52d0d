#!/usr/bin/python3
"""A live RTSP camera for tests: GStreamer's RTSP server over a scene whose motion is known exactly.

Every frame carries its capture time (Unix milliseconds modulo 2**24, 24 cells, most significant
first, white = 1) and its frame number (modulo 2**16, 16 cells) in a barcode along the top: 40 cells
of equal width, CELL_ROWS rows high. A viewer that reads the cells gets end-to-end latency and
learns which source frame it is looking at. Below the strip, textured discs move over a panning
textured ground.

Needs (Debian): python3-gi gir1.2-gst-rtsp-server-1.0 python3-numpy
gstreamer1.0-plugins-{base,good,bad,ugly}

    rtsp_camera.py --port 8554 --size 1280x720 --fps 30     rtsp://127.0.0.1:8554/cam
    rtsp_camera.py --codec h265 --user nurse --password secret  with basic authentication
    rtsp_camera.py --user nurse --password secret --digest  with digest authentication
    rtsp_camera.py --codec jpeg                             a codec that RTSP here does not take
    rtsp_camera.py --resize-at 3 --resize-to 320x240        another size after 3 s, same session
    rtsp_camera.py --cut-every 2.0                          a hard scene cut every 2 s
    rtsp_camera.py --stop-after 10                          the server goes away after 10 s
    rtsp_camera.py --stall-at 5 --stall-for 3               no frames for 3 s, then on again
    rtsp_camera.py --sound pcmu --beep-every 1.0            a beep each second, and a white patch
    rtsp_camera.py --sound opus --mute-at 3                 no sound after 3 s
"""

import argparse
import signal
import sys
import time

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
# The versions are asked for before.
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

CELLS, CELL_ROWS = 40, 24
# Of a piece of sound, in samples at SOUND_RATE: 20 ms.
SOUND_RATE, PIECE = 48000, 960
# A beep, in seconds and Hz.
BEEP, PITCH = 0.06, 1000


def texture(rng, h, w, scale):
    """Band-limited noise, uint8 [h, w]."""
    small = rng.integers(0, 256, (h // scale + 2, w // scale + 2)).astype(np.float32)
    ys = np.linspace(0, small.shape[0] - 1.001, h)
    xs = np.linspace(0, small.shape[1] - 1.001, w)
    y0, x0 = ys.astype(int), xs.astype(int)
    fy, fx = (ys - y0)[:, None], (xs - x0)[None, :]
    a, b = small[y0][:, x0], small[y0][:, x0 + 1]
    c, d = small[y0 + 1][:, x0], small[y0 + 1][:, x0 + 1]
    return ((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy).astype(np.uint8)


class Scene:
    """The picture at time t (seconds): I420 bytes. Motion is a function of t alone."""

    def __init__(self, w, h, cut_every):
        self.w, self.h, self.cut_every = w, h, cut_every
        self.grounds = [texture(np.random.default_rng(s), h, w * 2, 12) // 2 + 40 for s in (1, 2)]
        r = self.r = h // 7
        yy, xx = np.mgrid[-r:r, -r:r]
        self.disc = (yy**2 + xx**2) < r * r
        self.skins = [texture(np.random.default_rng(10 + i), 2 * r, 2 * r, 6) for i in range(3)]

    def luma(self, t):
        w, h, r = self.w, self.h, self.r
        which = int(t / self.cut_every) % 2 if self.cut_every else 0
        pan = int(round(t * w / 8)) % w
        y = self.grounds[which][:, pan : pan + w].copy()
        for i, skin in enumerate(self.skins):
            cx = int((0.5 + 0.35 * np.sin(t * (1.1 + 0.4 * i) + i)) * w)
            cy = int((0.55 + 0.28 * np.cos(t * (0.9 + 0.5 * i) + 2 * i)) * h)
            x0, y0 = max(cx - r, 0), max(cy - r, 0)
            x1, y1 = min(cx + r, w), min(cy + r, h)
            m = self.disc[y0 - cy + r : y1 - cy + r, x0 - cx + r : x1 - cx + r]
            y[y0:y1, x0:x1][m] = skin[y0 - cy + r : y1 - cy + r, x0 - cx + r : x1 - cx + r][m]
        return y

    def frame(self, t, stamp_ms, number, flash=False):
        y = self.luma(t)
        if flash:
            y[self.h // 2 - 40 : self.h // 2 + 40, self.w // 2 - 60 : self.w // 2 + 60] = 235
        bits = [(stamp_ms >> (23 - i)) & 1 for i in range(24)] + [(number >> (15 - i)) & 1 for i in range(16)]
        edges = [i * self.w // CELLS for i in range(CELLS + 1)]
        for i, bit in enumerate(bits):
            y[:CELL_ROWS, edges[i] : edges[i + 1]] = 235 if bit else 16
        return y.tobytes() + bytes([128]) * (self.w * self.h // 2)


def caps(width, height, fps):
    """Raw frames of this size and rate."""
    return f"video/x-raw,format=I420,width={width},height={height},framerate={int(fps * 1000)}/1000"


def encoder(options):
    """Encoder and payloader of the codec that is asked for."""
    rate = f"bitrate={options.kbps} key-int-max={int(options.fps)}"
    live = "tune=zerolatency"
    return {
        "h264": f"x264enc {live} sliced-threads=false threads=1 speed-preset=ultrafast {rate}"
        " ! rtph264pay config-interval=-1",
        "h265": f"x265enc {live} speed-preset=ultrafast {rate} ! rtph265pay config-interval=-1",
        "jpeg": "jpegenc ! rtpjpegpay",
    }[options.codec]


def sound(t, beep_every):
    """20 ms of sound from time t on: silence, and a tone from each beep on. S16LE bytes."""
    at = t + np.arange(PIECE) / SOUND_RATE
    since = (at + 1e-6) % beep_every if beep_every else at * 0 + 1
    tone = np.where(since < BEEP, np.sin(2 * np.pi * PITCH * since), 0)
    return (tone * 16000).astype("<i2").tobytes()


def voice(codec):
    """The branch of the sound, in a codec."""
    raw = f"audio/x-raw,format=S16LE,layout=interleaved,rate={SOUND_RATE},channels=1"
    source = f"appsrc name=voice is-live=true format=time do-timestamp=true caps={raw} ! queue ! audioconvert"
    narrow = "audioresample ! audio/x-raw,rate=8000,channels=1"
    coded = {
        "opus": "opusenc audio-type=restricted-lowdelay ! rtpopuspay",
        "pcmu": f"{narrow} ! mulawenc ! rtppcmupay",
        "pcma": f"{narrow} ! alawenc ! rtppcmapay",
        "aac": "voaacenc ! aacparse ! rtpmp4gpay",
        "l16": "rtpL16pay",
    }[codec]
    return f"{source} ! {coded} name=pay1"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port", type=int, default=8554)
    p.add_argument("--path", default="/cam")
    p.add_argument("--size", default="1280x720")
    p.add_argument("--fps", type=float, default=30)
    p.add_argument("--codec", choices=["h264", "h265", "jpeg"], default="h264")
    p.add_argument("--kbps", type=int, default=6000)
    p.add_argument("--user")
    p.add_argument("--password")
    p.add_argument("--digest", action="store_true")
    p.add_argument("--resize-at", type=float, default=0)
    p.add_argument("--resize-to", default="320x240")
    p.add_argument("--cut-every", type=float, default=0)
    p.add_argument("--stop-after", type=float, default=0)
    p.add_argument("--stall-at", type=float, default=0)
    p.add_argument("--stall-for", type=float, default=0)
    p.add_argument("--sound", choices=["opus", "pcmu", "pcma", "aac", "l16"])
    p.add_argument("--beep-every", type=float, default=0)
    p.add_argument("--mute-at", type=float, default=0)
    a = p.parse_args()
    w, h = map(int, a.size.split("x"))
    Gst.init(None)
    scene = Scene(w, h, a.cut_every)
    source = "appsrc name=src is-live=true format=time do-timestamp=true"
    queue = "queue max-size-buffers=2 leaky=downstream"
    launch = f"{source} caps={caps(w, h, a.fps)} ! {queue} ! {encoder(a)} name=pay0 pt=96"
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(True)
    factory.set_launch(f"( {launch} {voice(a.sound) if a.sound else ''} )")

    def configure(_factory, media):
        src = media.get_element().get_child_by_name("src")
        voice_src = media.get_element().get_child_by_name("voice") if a.sound else None
        state = {"n": 0, "pieces": 0, "t0": time.monotonic(), "scene": scene, "gone": False}

        def tick():
            now = time.monotonic() - state["t0"]
            while voice_src and state["pieces"] * PIECE / SOUND_RATE <= now:
                t = state["pieces"] * PIECE / SOUND_RATE
                state["pieces"] += 1
                if a.mute_at and t >= a.mute_at:
                    continue
                piece = Gst.Buffer.new_wrapped(sound(t, a.beep_every))
                piece.duration = Gst.SECOND * PIECE // SOUND_RATE
                voice_src.emit("push-buffer", piece)
            while state["n"] / a.fps <= now:
                n = state["n"]
                t = n / a.fps
                state["n"] += 1
                if a.stall_for and a.stall_at <= t < a.stall_at + a.stall_for:
                    continue
                if now - t > 2 / a.fps:  # this machine is late: skip, never burst
                    continue
                if a.resize_at and t >= a.resize_at and state["scene"] is scene:
                    rw, rh = map(int, a.resize_to.split("x"))
                    state["scene"] = Scene(rw, rh, a.cut_every)
                    src.set_property("caps", Gst.Caps.from_string(caps(rw, rh, a.fps)))
                flash = bool(a.beep_every) and n % round(a.beep_every * a.fps) == 0
                stamp = int(time.time() * 1000) & 0xFFFFFF
                buf = Gst.Buffer.new_wrapped(state["scene"].frame(t, stamp, n & 0xFFFF, flash))
                # appsrc stamps arrival: a pts of our own would wait in the sink
                buf.duration = int(Gst.SECOND / a.fps)
                # FLUSHING while the pipeline changes state: that frame is lost
                src.emit("push-buffer", buf)
            return not state["gone"]

        media.connect("unprepared", lambda _media: state.update(gone=True))

        def start():
            state["t0"] = time.monotonic()
            GLib.timeout_add(2, tick)
            return False

        # Sound is coded at once: a piece that comes before its branch is linked ends the branch.
        if voice_src:
            GLib.timeout_add(150, start)
        else:
            start()

    factory.connect("media-configure", configure)

    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(a.port))
    if a.user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        if a.digest:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(a.user, a.password or "", token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(a.user, a.password or ""), token)
        server.set_auth(auth)
        perms = GstRtspServer.RTSPPermissions()
        perms.add_permission_for_role("viewer", "media.factory.access", True)
        perms.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(perms)
    server.get_mount_points().add_factory(a.path, factory)
    if server.attach(None) == 0:
        sys.exit(f"rtsp_camera: port {a.port} is taken")
    loop = GLib.MainLoop()
    for s in (signal.SIGINT, signal.SIGTERM):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, s, loop.quit)
    if a.stop_after:
        GLib.timeout_add(int(a.stop_after * 1000), loop.quit)
    print(f"rtsp://127.0.0.1:{a.port}{a.path}", flush=True)
    loop.run()


if __name__ == "__main__":
    main()
