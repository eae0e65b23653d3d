// A Linkspan client over WebSocket, made from docs/wire.md alone. Sections of it are named in brackets.
//
// It calls and listens, in JSON or MessagePack, and is meant to be read, and to be carried over to other languages.

import { setImmediate as others } from "node:timers/promises";
import WebSocket from "ws";
import * as wire from "./wire.mjs";
import { ApplicationError, Body, Closed, Failure, Gap, Reader, Violation, field, pairs, sized, varint } from "./wire.mjs";

const MAX_INLINE = 16_384;
const [MAX_MESSAGE, MAX_LANES] = [4 << 20, 64]; // what this client accepts
const MAX_HELD = 1_024; // pushes held back behind a large one, and pushes that nobody has read yet
const MAX_WAITING = 1 << 20; // bytes in the socket's buffer, above which the pieces of bodies wait
const HANDSHAKE = 10_000;

// One connection. Made by `connect`; any number of calls may be under way at once.
export class Linkspan {
  calls = new Map();
  lanes = new Map();
  nextLane = 1;
  heads = 0; // pushes and gaps, counted; those delivered are
  delivered = 0;
  ordered = [];
  answers = []; // what waits for the pushes before it
  inbox = [];
  missed = 0;
  readers = [];
  ending = new Closed(2000, "lost");

  // Connects and greets. `watch` is shown every frame that comes; `socket` are the options of `ws`.
  static async connect(url, codecs = ["json"], options = {}) {
    const { versions = [1, 1], metadata = [], pingAfter = 20_000, watch = () => {}, socket = {} } = options;
    const self = new Linkspan();
    Object.assign(self, { watch, pingAfter, welcome: deferred(), ended: deferred() });
    self.socket = new WebSocket(url, ["linkspan.1"], { maxPayload: 1 << 20, ...socket }); // [Roads]
    self.socket.on("message", (data, isBinary) => self.#read(data, isBinary));
    self.socket.on("close", (status) => self.#end(status));
    await new Promise((resolve, reject) => self.socket.once("open", resolve).on("error", reject));
    const fields = [ // [Hello]
      [2, Buffer.concat(versions.map(varint))], [4, Buffer.concat(codecs.map(sized))], [5, "foreign-node/1"],
      [6, Buffer.concat([MAX_MESSAGE, 0, MAX_LANES].map(varint))], [9, pairs(metadata)]];
    self.send(wire.HELLO, 0, Buffer.concat([Buffer.from("LSP1"), ...fields.map((entry) => field(...entry))]));
    const late = setTimeout(() => self.close(2002, "no hello"), HANDSHAKE);
    await self.welcome.promise.finally(() => clearTimeout(late));
    self.#live();
    return self;
  }

  // Calls; answers with `{ value, metadata }`. Giving up, by `timeout` or `signal`, tells the server. [Calls]
  async call(path, argument = null, { timeout = 30_000, metadata = [], oneWay = false, signal } = {}) {
    const body = wire.CODECS[this.codec].encode(argument);
    while (!oneWay && !this.closed && this.calls.size >= this.maxInFlight) await others();
    if (this.closed || this.goingAway !== undefined) throw new Failure(14, wire.DID_NOT_RUN, "the server is going away");
    let [number, lane, fields] = [0, 0, metadata.length ? field(wire.METADATA, pairs(metadata)) : Buffer.alloc(0)];
    const answer = deferred();
    if (!oneWay) {
      while (this.calls.has(number)) number += 1; // the smallest free one
      this.calls.set(number, answer);
    }
    if (body.length > MAX_INLINE) { // [Lanes and bodies]
      lane = this.nextLane;
      this.nextLane += 2;
      fields = Buffer.concat([fields, field(wire.BODY_PLACE, Buffer.concat([varint(lane), varint(body.length)]))]);
    }
    this.send(wire.REQUEST, (fields.length ? wire.FIELDS : 0) | (oneWay ? wire.ONE_WAY : 0), Buffer.concat([
      varint(number), varint(timeout * 1_000), sized(path), fields.length ? sized(fields) : fields, lane ? Buffer.alloc(0) : body]));
    const sending = { stopped: false, done: !lane };
    const sent = lane ? this.#sendBody(lane, body, sending) : undefined;
    if (oneWay) return sent;
    const giveUp = (error) => {
      this.#stopSending(sending, lane);
      if (this.calls.get(number) === answer) this.send(wire.CANCEL, 0, varint(number)); // taken until the answer
      answer.reject(error);
    };
    const late = setTimeout(() => giveUp(new Failure(4, wire.MAY_HAVE_RUN, "too late")), timeout);
    signal?.addEventListener("abort", () => answer.settled || giveUp(signal.reason), { once: true });
    return answer.promise.finally(() => {
      clearTimeout(late);
      this.#stopSending(sending, lane);
    });
  }

  // The next push, `{ path, value, metadata }`, or `Gap`. Of too many that wait the oldest are lost. [Pushes]
  async notification() {
    while (!this.inbox.length) {
      if (this.closed) throw this.closed;
      await new Promise((resolve) => this.readers.push(resolve));
    }
    if (!this.missed) return this.inbox.shift();
    const gap = new Gap(this.missed, 2);
    this.missed = 0;
    return gap;
  }

  // Ends the connection. [Life and end]
  async close(code = 1000, reason = "done") {
    this.ending = new Closed(code, reason);
    this.send(wire.CLOSE, 0, Buffer.concat([varint(code), sized(reason)]));
    const verdict = code >= 1000 && code < 4000 ? Math.floor(code / 1000) - 1 : 0;
    this.socket.close(code === 1000 ? 1000 : 4000 + verdict * 300 + Math.min(code % 1000, 299));
    await this.ended.promise;
  }

  // Sends one frame, as a message of its own. If the link is gone, its end tells.
  send(kind, flags, fields, lane = 0) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(wire.frame(kind, flags, fields, lane), () => {});
  }

  async #sendBody(lane, body, sending) {
    const piece = wire.MAX_FRAME - 4 - varint(lane).length;
    while (this.sendingBodies >= this.maxLanes && !sending.stopped) await others(); // no more than the server takes
    this.sendingBodies += 1;
    for (let at = 0; at < body.length && !sending.stopped && !this.closed; at += piece) {
      this.send(wire.BODY, at + piece >= body.length ? wire.LAST : 0, body.subarray(at, at + piece), lane);
      do await others(); // those who have something else to send
      while (this.socket.bufferedAmount > MAX_WAITING && !this.closed);
    }
    this.sendingBodies -= 1;
    sending.done = true;
  }

  #stopSending(sending, lane) {
    if (sending.done || sending.stopped) return;
    sending.stopped = true;
    this.send(wire.RESET, wire.LAST | wire.ABANDONED, Buffer.alloc(0), lane);
  }

  // Pings when the server is silent, and gives up when it stays so. [Life and end]
  #live() {
    let pings = 0;
    this.quiet = true;
    this.living = setInterval(() => {
      pings = this.quiet ? pings + 1 : 0;
      this.quiet = true;
      if (pings > 2) this.close(2002, "silence");
      else if (pings) this.send(wire.PING, 0, varint(pings));
    }, this.pingAfter);
  }

  #read(data, isBinary) {
    try {
      if (!isBinary) throw new Violation("a text message");
      for (const { kind, flags, lane, content } of wire.split(data)) {
        this.quiet = false;
        this.watch(kind, flags, lane, content);
        this.#handle(kind, flags, lane, new Reader(content));
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.close(1002, error.message);
    }
  }

  #handle(kind, flags, lane, fields) {
    const after = flags & wire.AFTER_PUSHES ? this.heads : 0;
    switch (kind) {
      case wire.HELLO: return this.#onHello(fields);
      case wire.PING: return this.send(wire.PONG, 0, fields.rest()); // 64 bits: sent back as they came
      case wire.PONG: return;
      case wire.BODY: return this.#onBody(lane, fields.rest(), flags & wire.LAST);
      case wire.RESET: return this.#onBody(lane, undefined, true);
      case wire.RESPONSE: return this.#onResponse(flags, fields, after);
      case wire.FAILURE: {
        const [number, code, ran] = [fields.varint(), fields.varint(), fields.varint()];
        return this.#finish(number, new Failure(code, ran, fields.text()), after);
      }
      case wire.PUSH: return this.#onPush(flags, fields);
      case wire.GAP: return this.#hold({ arrived: new Gap(fields.varint(), fields.varint()) });
      case wire.GOAWAY: this.goingAway = fields.text(); return;
      case wire.CLOSE: this.ending = new Closed(fields.varint(), fields.text()); return;
      default: if (kind < 0x80) throw new Violation(`a frame of kind ${kind}`);
    }
  }

  #onHello(fields) {
    if (fields.take(4).toString() !== "LSP1" || this.hello) throw new Violation("not a hello, or another one");
    this.hello = fields.fields([2, 4, 6]);
    this.codec = new Reader(this.hello.get(4)).text();
    const limits = new Reader(this.hello.get(6));
    [this.maxMessage, this.maxInFlight, this.maxLanes] = [limits.varint(), limits.varint(), limits.varint()];
    this.sendingBodies = 0;
    this.welcome.resolve();
  }

  #onResponse(flags, fields, after) {
    const number = fields.varint();
    this.#expect(flags, fields, (value, metadata) => {
      if (value instanceof Gap) this.#finish(number, new Failure(1, wire.RAN, "the answer's body will not come"), after);
      else this.#finish(number, flags & wire.APPLICATION_ERROR ? new ApplicationError(value) : { value, metadata }, after);
    });
  }

  #onPush(flags, fields) {
    const [path, slot] = [fields.text(), { arrived: undefined }];
    this.#hold(slot);
    this.#expect(flags, fields, (value, metadata) => {
      slot.arrived ??= value instanceof Gap ? value : { path, value, metadata };
      this.#deliver();
    });
  }

  // Hands `arrived` the value of a body, now or when it has come; a gap if it cannot be had. [Lanes and bodies]
  #expect(flags, fields, arrived) {
    const found = flags & wire.FIELDS ? new Reader(fields.sized()).fields([2, 4, 6]) : new Map();
    const metadata = new Reader(found.get(wire.METADATA) ?? Buffer.alloc(0)).metadata();
    const codec = wire.CODECS[found.get(wire.CODEC)?.toString() ?? this.codec];
    const whole = (data) => {
      let value = data;
      try {
        if (!(data instanceof Gap)) value = codec.decode(data);
      } catch {
        value = new Gap(1, 1);
      }
      arrived(value, metadata);
    };
    if (!found.has(wire.BODY_PLACE)) return whole(fields.rest());
    const place = new Reader(found.get(wire.BODY_PLACE));
    const body = this.#lane(place.varint());
    Object.assign(body, { length: place.varint(), whole });
    if (body.length > MAX_MESSAGE) {
      whole(new Gap(1, 0));
      body.whole = () => {};
    }
    this.#settle();
  }

  #lane(lane) {
    if (!this.lanes.has(lane)) this.lanes.set(lane, new Body());
    if (this.lanes.size > 2 * MAX_LANES) throw new Violation("more lanes than agreed");
    return this.lanes.get(lane);
  }

  #onBody(lane, piece, last) {
    const body = this.#lane(lane);
    Object.assign(body, { ended: last, lost: piece === undefined });
    if (piece) body.received += body.pieces.push(piece) && piece.length;
    if (body.received > (body.length ?? MAX_MESSAGE)) throw new Violation("more bytes than agreed");
    if (last) this.#settle();
  }

  // Ends the bodies that have come to their end, and of which the head has come too.
  #settle() {
    for (const [lane, body] of [...this.lanes].filter(([, body]) => body.ended && body.whole)) {
      this.lanes.delete(lane);
      if (!body.lost && body.received < body.length) throw new Violation("a body is shorter than its head says");
      body.whole(body.lost ? new Gap(1, 3) : Buffer.concat(body.pieces));
    }
  }

  // Keeps the place of a push or gap, which arrives in `slot`. [Pushes]
  #hold(slot) {
    this.ordered.push(slot);
    this.heads += 1;
    if (this.ordered.length > MAX_HELD) this.ordered[0].arrived ??= new Gap(1, 2);
    this.#deliver();
  }

  // Frees a call's number. Its outcome waits for the `after` pushes that came before it.
  #finish(number, outcome, after = 0) {
    const answer = this.calls.get(number);
    if (!answer) throw new Violation(`an answer to call ${number}, which waits for none`);
    this.calls.delete(number);
    this.answers.push({ after, answer, outcome });
    this.#deliver();
  }

  #deliver() {
    for (; this.ordered[0]?.arrived; this.delivered += 1) {
      this.inbox.push(this.ordered.shift().arrived);
      if (this.inbox.length > MAX_HELD) this.missed += this.inbox.shift().count ?? 1;
    }
    for (const resolve of this.readers.splice(0)) resolve();
    const ready = this.answers.filter(({ after }) => after <= this.delivered);
    this.answers = this.answers.filter(({ after }) => after > this.delivered);
    for (const { answer, outcome } of ready) outcome instanceof Error ? answer.reject(outcome) : answer.resolve(outcome);
  }

  #end(status) {
    this.closed = this.ending;
    this.closed.status = status;
    clearInterval(this.living);
    this.welcome.reject(this.closed);
    for (const number of [...this.calls.keys()]) this.#finish(number, new Failure(14, wire.MAY_HAVE_RUN, this.closed.message));
    this.delivered = this.heads;
    this.#deliver();
    this.ended.resolve();
  }
}

// A promise that others settle.
function deferred() {
  const self = { settled: false };
  self.promise = new Promise((resolve, reject) => {
    self.resolve = (value) => { self.settled = true; resolve(value); };
    self.reject = (error) => { self.settled = true; reject(error); };
  });
  self.promise.catch(() => {}); // whoever waits is told; if nobody does, that is no error
  return self;
}
