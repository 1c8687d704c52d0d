/** Still pictures that stand for a film. An adapter of node-av's streams. */
import { AVMEDIA_TYPE_ATTACHMENT, CodecParameters } from 'node-av';
import { FrameliftError } from '../../../errors.ts';
import type { OtherStream } from '../../../ingest/file/accompaniment.ts';
import type { CoverPicture } from '../completion/mp4.ts';
import type { CopiedStream } from '../container.ts';

const KINDS: Readonly<Record<string, { readonly ending: string; readonly mime: string }>> = {
  mjpeg: { ending: 'jpg', mime: 'image/jpeg' },
  png: { ending: 'png', mime: 'image/png' },
  gif: { ending: 'gif', mime: 'image/gif' },
  bmp: { ending: 'bmp', mime: 'image/bmp' },
  webp: { ending: 'webp', mime: 'image/webp' },
};

/** The picture itself. @throws FrameliftError `source.protocol` for a cover without one. */
export function coverOf({ codec, picture }: OtherStream): CoverPicture {
  if (!picture) throw new FrameliftError('source.protocol', 'a cover picture of the input is empty');
  return { codec, data: picture };
}

/** A cover as Matroska has it: an attached file. `codecParameters` is the caller's to free. */
export function attachedCover(cover: OtherStream): CopiedStream {
  const { codec, data } = coverOf(cover);
  const { ending, mime } = KINDS[codec] ?? { ending: codec, mime: `image/${codec}` };
  const codecParameters = new CodecParameters();
  codecParameters.alloc();
  codecParameters.codecType = AVMEDIA_TYPE_ATTACHMENT;
  codecParameters.codecId = cover.native.codecpar.codecId;
  codecParameters.extradata = data;
  const { filename = `cover.${ending}`, mimetype = mime, title } = cover.tags;
  const metadata = { filename, mimetype, ...(title === undefined ? {} : { title }) };
  return { codecParameters, timeBase: { num: 1, den: 1000 }, disposition: 0, metadata };
}
