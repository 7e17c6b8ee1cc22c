/** A small PNG writer: 8-bit grey or RGB, rows handed over in bands, so that no picture is held
 * twice. Canvas encoders need the whole picture at once and touch colours on the way. */

const SIGNATURE = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);

const CRC = new Uint32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(name: string, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(body.length + 12);
  const view = new DataView(whole.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) whole[4 + i] = name.charCodeAt(i);
  whole.set(body, 8);
  view.setUint32(8 + body.length, crc32(whole.subarray(4, 8 + body.length)));
  return whole;
}

/** Writes a PNG. Bands must be whole rows of `cols * channels` bytes, top to bottom. */
export async function encodePng(
  rows: number,
  cols: number,
  channels: 1 | 3,
  bands: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Blob> {
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, cols);
  view.setUint32(4, rows);
  head.set([8, channels === 1 ? 0 : 2, 0, 0, 0], 8);

  const packer = new CompressionStream("deflate");
  const writer = packer.writable.getWriter();
  const parts: BlobPart[] = [SIGNATURE, chunk("IHDR", head) as BlobPart];
  const reading = (async () => {
    const reader = packer.readable.getReader();
    for (let got = await reader.read(); !got.done; got = await reader.read()) {
      parts.push(chunk("IDAT", got.value) as BlobPart);
    }
  })();
  const stride = cols * channels;
  let above = new Uint8Array(stride);
  for await (const band of bands) {
    const count = band.length / stride;
    const filtered = new Uint8Array(count * (stride + 1));
    for (let row = 0; row < count; row++) {
      const line = band.subarray(row * stride, (row + 1) * stride);
      const at = row * (stride + 1);
      filtered[at] = 2; // each byte as the difference from the one above: packs photographs well
      for (let i = 0; i < stride; i++) filtered[at + 1 + i] = line[i]! - above[i]!;
      above = line as Uint8Array<ArrayBuffer>;
    }
    above = above.slice();
    await writer.write(filtered);
  }
  await writer.close();
  await reading;
  parts.push(chunk("IEND", new Uint8Array(0)) as BlobPart);
  return new Blob(parts, { type: "image/png" });
}
