// The bytes of docs/wire.md: numbers, fields, frames; and what arrives. Sections of it are named in brackets.

import { decode, encode } from "@msgpack/msgpack";

// [Frames]
export const [HELLO, REQUEST, RESPONSE, FAILURE, CANCEL, PUSH, GAP, BODY, PING, PONG, GOAWAY, CLOSE, RESET] = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0f];
export const [LANE, LAST, ABANDONED, FIELDS, ONE_WAY, AFTER_PUSHES, APPLICATION_ERROR] = [
  0x01, 0x02, 0x04, 0x10, 0x20, 0x20, 0x40];
export const MAX_FRAME = 65_536;
export const [DID_NOT_RUN, MAY_HAVE_RUN, RAN] = [0, 1, 2]; // [Calls]
export const [METADATA, BODY_PLACE, CODEC] = [2, 4, 6]; // [Numbers, text, fields]

const utf8 = new TextDecoder("utf-8", { fatal: true });

export const CODECS = {
  // JavaScript's numbers hold 53 bits: a service that needs larger ones in JSON writes them as text.
  json: { encode: (value) => Buffer.from(JSON.stringify(value)), decode: (bytes) => JSON.parse(utf8.decode(bytes)) },
  messagepack: { encode: (value) => Buffer.from(encode(value, INTEGERS)), decode: (bytes) => decode(bytes, INTEGERS) },
  raw: { encode: (bytes) => bytes, decode: (bytes) => bytes },
};
const INTEGERS = { useBigInt64: true };

// The method's own error, in `value`.
export class ApplicationError extends Error {
  constructor(value) {
    super(JSON.stringify(value));
    this.value = value;
  }
}

// What the framework says instead of an answer. [Status codes]
export class Failure extends Error {
  constructor(code, ran, message) {
    super(`${message} (code ${code})`);
    Object.assign(this, { code, ran });
  }
}

// The connection has ended. [Close codes]
export class Closed extends Error {
  constructor(code, reason) {
    super(`${reason} (close code ${code})`);
    Object.assign(this, { code, status: undefined }); // the status of the WebSocket, once it has ended
  }
}

// The server broke the protocol. [Violations]
export class Violation extends Error {}

// Notifications that are missing. [Pushes]
export class Gap {
  constructor(count, reason) {
    Object.assign(this, { count, reason });
  }
}

// A body on a lane of its own, of which head and pieces come in any order. [Lanes and bodies]
export class Body {
  pieces = [];
  received = 0;
  ended = false;
  lost = false;
  length = undefined;
  whole = undefined;
}

// Numbers have up to 64 bits: beyond 53 they are BigInt, as PING's payload may be.
export function varint(number) {
  const out = [];
  let left = BigInt(number);
  for (; left > 0x7fn; left >>= 7n) out.push(Number(left & 0x7fn) | 0x80);
  return Buffer.from([...out, Number(left)]);
}

// `bytes` of the notation, or `text`.
export function sized(data) {
  const bytes = Buffer.from(data);
  return Buffer.concat([varint(bytes.length), bytes]);
}

export const field = (tag, value) => Buffer.concat([varint(tag), sized(value)]);

export const pairs = (metadata) => Buffer.concat(metadata.flatMap(([key, value]) => [sized(key), sized(value)]));

export function frame(kind, flags, fields, lane = 0) {
  const content = lane
    ? Buffer.concat([Buffer.from([kind, flags | LANE]), varint(lane), fields])
    : Buffer.concat([Buffer.from([kind, flags]), fields]);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(content.length);
  return Buffer.concat([length, content]);
}

// Takes numbers, bytes and fields from the front of a frame.
export class Reader {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  get isEmpty() {
    return this.at === this.data.length;
  }

  varint() {
    let number = 0n;
    for (let place = 0n; place < 10n; place += 1n) {
      const [byte] = this.take(1);
      number |= BigInt(byte & 0x7f) << (7n * place);
      if (byte < 0x80 && number < 1n << 64n) return Number(number);
    }
    throw new Violation("a number has more than 64 bits");
  }

  take(length) {
    this.at += length;
    if (this.at > this.data.length) throw new Violation("a frame ends too early");
    return this.data.subarray(this.at - length, this.at);
  }

  sized() {
    return this.take(this.varint());
  }

  text() {
    try {
      return utf8.decode(this.sized());
    } catch (error) {
      throw error instanceof Violation ? error : new Violation("a text is not UTF-8");
    }
  }

  rest() {
    return this.take(this.data.length - this.at);
  }

  fields(known) {
    const found = new Map();
    while (!this.isEmpty) {
      const [tag, value] = [this.varint(), this.sized()];
      if (tag % 2 === 0 && !known.includes(tag)) throw new Violation(`unknown field ${tag}`);
      found.set(tag, value);
    }
    return found;
  }

  metadata() {
    const entries = [];
    while (!this.isEmpty) entries.push([this.text(), this.sized()]);
    return entries;
  }
}

// The frames of a WebSocket message: kind, flags, lane, what follows. [Frames]
export function* split(message) {
  const reader = new Reader(message);
  while (!reader.isEmpty) {
    const length = reader.take(2).readUInt16LE();
    if (length < 2 || length === 0xffff) throw new Violation(`a frame of length ${length}`);
    const one = new Reader(reader.take(length));
    const [kind, flags] = one.take(2);
    const lane = flags & LANE ? one.varint() : 0;
    yield { kind, flags, lane, content: one.rest() };
  }
}
