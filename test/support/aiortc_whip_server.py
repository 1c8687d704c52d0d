"""A WHIP server of aiortc: answers one offer, decodes what comes, and tells of it.

Needs (Debian): python3-aiortc

Prints its port; then, when it has had so many pictures and pieces of sound,
{"frames", "width", "height", "sounds", "token"}; then {"ended": true} after the DELETE.
"""

import argparse
import asyncio
import json

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

parser = argparse.ArgumentParser()
parser.add_argument("--frames", type=int, default=30)
arguments = parser.parse_args()
pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
heard = {"frames": 0, "width": 0, "height": 0, "sounds": 0, "token": ""}


def say(what):
    print(json.dumps(what), flush=True)


async def watch(track):
    told = False
    while True:
        frame = await track.recv()
        if track.kind == "audio":
            heard["sounds"] += 1
            continue
        heard.update(frames=heard["frames"] + 1, width=frame.width, height=frame.height)
        if heard["frames"] >= arguments.frames and not told:
            told = True
            say(heard)


@pc.on("track")
def on_track(track):
    asyncio.ensure_future(watch(track))


async def serve(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    start, *lines = head.split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if start.startswith("DELETE"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        say({"ended": True})
    else:
        heard["token"] = fields.get("authorization", "")
        offer = (await reader.readexactly(int(fields["content-length"]))).decode()
        await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        answer = pc.localDescription.sdp.encode()
        lines = ["HTTP/1.1 201 Created", "Content-Type: application/sdp", "Location: /session/1"]
        lines += [f"Content-Length: {len(answer)}", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + answer)
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
