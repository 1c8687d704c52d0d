/** A WHIP publisher that is not ours: FFmpeg's own muxer, as node-av brings it. A process of its own, since it blocks its thread: `node ffmpeg-whip.ts <file> <url> <token> [<flags>]`, e.g. `dtls_active`. */
import { Demuxer, Muxer } from 'node-av';

const [file = '', url = '', authorization = '', flags] = process.argv.slice(2);
await using input = await Demuxer.open(file);
const options = { handshake_timeout: '5000', authorization, ...(flags && { whip_flags: flags }) };
await using output = await Muxer.open(url, { format: 'whip', options });
const video = input.video();
if (!video) throw new Error(`no video in ${file}`);
const track = output.addStream(video);
const started = performance.now();
for await (const packet of input.packets(video.index)) {
  if (!packet) break;
  const dueMs = (Number(packet.dts) * 1000 * video.timeBase.num) / video.timeBase.den;
  const wait = started + dueMs - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  await output.writePacket(packet, track);
  packet.free();
}
