// Everything that a foreign client can see of a Linkspan server, checked: `scenario.mjs URL CODEC`.
//
// Each check prints one line of JSON; the test that starts this script wants every one of them.

import { deepStrictEqual as equal, ok } from "node:assert";
import { setImmediate as others } from "node:timers/promises";
import WebSocket from "ws";
import * as wire from "./wire.mjs";
import { ApplicationError, Closed, Failure, Gap, Reader, field, sized, varint } from "./wire.mjs";
import { Linkspan } from "./client.mjs";

const [URL, CODEC] = process.argv.slice(2);
const LARGE = 1 << 20;
const PATIENCE = 60_000;

// As the server makes it.
function text(length) {
  return Array.from({ length: Math.floor(length / 3) }, (_, n) => n).join("").slice(0, length);
}

async function failure(promise, kind = Failure) {
  const answer = await promise.catch((error) => {
    if (!(error instanceof kind)) throw error;
    return { error };
  });
  ok(answer?.error, "answered, and should have failed");
  return answer.error;
}

// A call that hangs at the server, once it has begun there.
async function begun(link, name, options) {
  const call = link.call("Proof/Hang", name, options);
  call.catch(() => {}); // it is awaited later
  await link.call("Proof/Saw", `began ${name}`);
  return { call };
}

// Resolves with the first frame of `kind`.
const first = (link, kind) => new Promise((resolve) => {
  link.watch = (other, flags, lane, content) => other === kind && resolve(content);
});

const mul = async (link, a, b) => (await link.call("Arith/Mul", { a, b })).value;

const CHECKS = {
  async hello(link) {
    equal([...link.hello.get(2)], [1, 1]);
    equal([link.codec, link.hello.get(7).length, link.socket.protocol], [CODEC, 16, "linkspan.1"]);
    ok(link.hello.get(5).toString().startsWith("linkspan/"));
    equal([link.maxMessage, link.maxInFlight], [2 * LARGE, 4096]);
  },

  async the_first_common_codec_is_chosen() {
    const other = await Linkspan.connect(URL, ["unheard-of", CODEC, "postcard"]);
    equal(other.codec, CODEC);
    await other.close();
  },

  async call(link) {
    equal(await mul(link, 6, 7), 42);
  },

  async typed_error(link) {
    const large = CODEC === "json" ? Number.MAX_SAFE_INTEGER : 1n << 62n;
    equal((await failure(link.call("Arith/Mul", { a: large, b: 1 << 20 }), ApplicationError)).value, "Overflow");
  },

  async values_of_every_shape(link) {
    const [least, most, bytes] = CODEC === "json"
      ? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, [0, 255, 128]]
      : [-(1n << 63n), (1n << 64n) - 1n, Buffer.from([0, 255, 128])];
    const sample = {
      text: "snö ☃ 𝄞", least, most, ratio: 0.1, yes: true, none: null, some: 7, list: [1, 2, 3], pair: [1, "two"],
      map: { a: 1, b: 2 }, bytes, unit: "Idle", newtype: { Retry: 3 }, record: { Moved: { x: 1, y: -1 } },
      several: { Pair: [1, 2] } };
    const { none, ...sent } = { ...sample, unknown: [{}] };
    equal((await link.call("Proof/Echo", sent)).value, { none, ...sample }, "what is unknown is skipped, what is missing is none");
  },

  async no_argument_and_several(link) {
    equal((await link.call("Proof/Nothing")).value, null);
    equal((await link.call("Proof/Add", { a: 40, b: 2 })).value, 42);
  },

  async unknown_names(link) {
    for (const path of ["Arith/Pow", "Nowhere/Mul"]) {
      const { code, ran } = await failure(link.call(path, 1));
      equal([code, ran], [12, wire.DID_NOT_RUN]);
    }
  },

  async unreadable_arguments(link) {
    const { code, ran } = await failure(link.call("Arith/Mul", { a: "six" }));
    equal([code, ran], [3, wire.DID_NOT_RUN]);
  },

  async metadata_both_ways(link) {
    const metadata = [["trace", Buffer.from("a1")], ["trace", Buffer.from([0xff])]];
    equal((await link.call("Proof/Headers", null, { metadata })).metadata, metadata);
    const { code, ran } = await failure(link.call("Proof/Headers", null, { metadata: [["big", Buffer.alloc(9_000)]] }));
    equal([code, ran], [8, wire.DID_NOT_RUN]);
  },

  async one_way(link) {
    await link.call("Proof/Note", "inline", { oneWay: true });
    await link.call("Proof/Saw", "noted inline");
    await link.call("Proof/Note", text(LARGE), { oneWay: true });
    await link.call("Proof/Saw", `noted ${text(LARGE).slice(0, 8)}`);
    equal((await failure(link.call("Proof/Note", "x"))).code, 3);
  },

  async deadline(link) {
    const left = (await link.call("Proof/Headers", null, { timeout: 50_000 })).value;
    ok(left > 30_000 && left <= 50_000, `${left}`);
    equal((await failure(link.call("Proof/Hang", "late", { timeout: 100 }))).code, 4);
    await link.call("Proof/Saw", "ended late");
  },

  async cancel(link) {
    const controller = new AbortController();
    const { call } = await begun(link, "given up", { signal: controller.signal });
    const taken = link.calls.size;
    controller.abort(new Error("no longer wanted"));
    equal((await failure(call, Error)).message, "no longer wanted");
    await link.call("Proof/Saw", "ended given up");
    while (link.calls.size >= taken) await link.call("Proof/Nothing"); // free once the cancelled call's answer has come
  },

  async panic_of_a_handler(link) {
    const { code, ran } = await failure(link.call("Proof/Panic"));
    equal([code, ran], [13, wire.MAY_HAVE_RUN]);
  },

  async large_answers_at_once(link) {
    const lanes = new Set();
    link.watch = (kind, flags, lane) => kind === wire.BODY && lanes.add(lane);
    const calls = [1, 2].map(() => link.call("Proof/Large", { len: LARGE, together: 2 }));
    equal(await mul(link, 3, 3), 9);
    for (const { value } of await Promise.all(calls)) ok(value === text(LARGE));
    ok(lanes.size === 2 && [...lanes].every((lane) => lane % 2 === 0), `${[...lanes]}`);
  },

  async large_arguments(link) {
    const texts = [0, 1, 2].map((n) => text(LARGE) + n);
    const answers = await Promise.all(texts.map((one) => link.call("Proof/Measure", one)));
    const sum = (one) => Buffer.from(one).reduce((total, byte) => total + byte, 0);
    equal(answers.map(({ value }) => value), texts.map((one) => ({ len: LARGE + 1, sum: sum(one) })));
  },

  async too_large_arguments(link) {
    const { code, ran } = await failure(link.call("Proof/Measure", text(3 * LARGE)));
    equal([code, ran], [8, wire.DID_NOT_RUN]);
  },

  async arguments_that_are_given_up(link) {
    const [lane, number] = [link.nextLane, 0];
    ok(!link.calls.has(number));
    link.nextLane += 2;
    const answer = new Promise((resolve, reject) => link.calls.set(number, { resolve, reject }));
    const fields = field(wire.BODY_PLACE, Buffer.concat([varint(lane), varint(LARGE)]));
    const head = [varint(number), varint(0), sized("Proof/Measure"), sized(fields)];
    link.send(wire.REQUEST, wire.FIELDS, Buffer.concat(head));
    link.send(wire.BODY, 0, Buffer.from("begun"), lane);
    link.send(wire.RESET, wire.LAST | wire.ABANDONED, Buffer.alloc(0), lane);
    link.send(wire.CANCEL, 0, varint(number));
    const { code, ran } = await failure(answer);
    equal([code, ran], [1, wire.DID_NOT_RUN]);
  },

  async a_large_answer_that_is_given_up(link) {
    const controller = new AbortController();
    const call = link.call("Proof/Large", { len: 2 * LARGE - 2, together: 1 }, { signal: controller.signal });
    await first(link, wire.BODY);
    controller.abort(new Error("no longer wanted"));
    await failure(call, Error);
    while (link.calls.size || link.lanes.size) await others();
    equal((await link.call("Proof/Large", { len: 20_000, together: 1 })).value, text(20_000));
  },

  async a_thousand_calls_at_once(link) {
    const [numbers, order] = [Array.from({ length: 1_000 }, (_, number) => number), []];
    const answers = await Promise.all(numbers.map(async (number) => {
      const { value } = await link.call("Proof/Crowd", { number, of: numbers.length });
      order.push(value);
      return value;
    }));
    equal(answers, numbers);
    ok(order.some((number, at) => at > 0 && number < order[at - 1]), "the server answers the last ones first");
  },

  async pushes_in_order(link) {
    const answer = link.call("Proof/Push", { count: 50, page: LARGE });
    const got = [];
    while (got.length < 55) got.push(await link.notification());
    const ticks = Array.from({ length: 50 }, (_, value) => ({ path: "Ticks/Tick", value, metadata: [] }));
    const raw = { path: "Log/Line", value: Buffer.from("\x00raw\xff", "latin1"), metadata: [["trace", Buffer.from("a1")]] };
    const point = { path: "Ticks/Point", value: { x: 1, y: 2 }, metadata: [] };
    const page = { path: "Ticks/Page", value: text(LARGE), metadata: [] };
    equal(got, [...ticks.slice(0, 25), page, page, point, raw, new Gap(1, 1), ...ticks.slice(25)]);
    await answer;
  },

  async no_answer_overtakes_a_push(link) {
    const seen = [];
    link.watch = (kind, flags, lane) => seen.push({ kind, after: flags & wire.AFTER_PUSHES, lane });
    await link.call("Proof/Push", { count: 10, page: 100_000 });
    equal(link.inbox.length, 15, "every push of the handler is here when its answer is");
    const pieces = seen.filter(({ kind }) => kind === wire.BODY);
    const answer = seen.findIndex(({ kind }) => kind === wire.RESPONSE);
    ok(seen[answer].after && seen.lastIndexOf(pieces.at(-1)) > answer, "the answer came before the end of the large pushes");
    const [{ lane }] = pieces;
    equal(pieces.map((piece) => piece.lane), [lane, lane + 2, lane, lane + 2]);
    while (link.inbox.length) await link.notification();
  },

  async pushes_to_a_newcomer() {
    const other = await Linkspan.connect(URL, [CODEC], { metadata: [["greet", Buffer.from("yes")]] });
    equal(await other.notification(), { path: "Ticks/Tick", value: 7, metadata: [] });
    await other.close();
    equal((await failure(other.notification(), Closed)).code, 1000);
  },

  async pings_of_the_server(link) {
    for (let pings = 0; pings < 4; pings += 1) await first(link, wire.PING);
    equal(await mul(link, 6, 7), 42);
  },

  async pings_of_the_client(link) {
    const payload = varint((1n << 64n) - 1n);
    const pong = first(link, wire.PONG);
    link.send(wire.PING, 0, payload);
    equal(await pong, payload);
    const answered = new Promise((resolve) => link.socket.once("pong", resolve));
    link.socket.ping();
    await answered;
  },

  async what_is_ignorable_is_ignored(link) {
    link.send(0x80, 0xf6, Buffer.from("whatever"), 77);
    link.send(wire.CANCEL, 0, Buffer.from([9, 0xff, 0xff]));
    equal(await mul(link, 2, 2), 4);
  },

  async messages_of_any_shape(link) {
    const ping = wire.frame(wire.PING, 0, varint(1));
    let pongs = 0;
    link.watch = (kind) => { pongs += kind === wire.PONG; };
    for (const message of [Buffer.alloc(0), ping, Buffer.concat([ping, ping, ping])]) link.socket.send(message);
    for (const [from, to] of [[0, 1], [1, 3], [3]]) link.socket.send(ping.subarray(from, to), { binary: true, fin: !to });
    while (pongs < 5) await others();
  },

  async refusals() {
    for (const [code, status, codecs, options] of [
      [1003, 4003, ["unheard-of"], {}], [1004, 4004, [CODEC], { versions: [2, 9] }],
      [1008, 4008, [CODEC], { metadata: [["token", Buffer.from("wrong")]] }],
      [1009, 4009, [CODEC], { metadata: [["big", Buffer.alloc(9_000)]] }]]) {
      const closed = await failure(Linkspan.connect(URL, codecs, options), Closed);
      equal([closed.code, closed.status], [code, status]);
    }
  },

  async violations() {
    const request = wire.frame(wire.REQUEST, 0, Buffer.concat([varint(0), varint(0), sized("Proof/Nothing")]));
    const greeting = wire.frame(wire.HELLO, 0, Buffer.concat([
      Buffer.from("LSP1"), field(2, Buffer.from([1, 1])), field(4, sized(CODEC)), field(6, Buffer.alloc(3))]));
    const behind = (kind, fields) => Buffer.concat([greeting, wire.frame(kind, 0, Buffer.from(fields))]);
    const long = wire.frame(0x80, 0, Buffer.alloc(60_000));
    for (const [code, message] of [
      [1002, "text"], [1002, request], [1002, wire.frame(wire.PING, 0, varint(1))], [1002, greeting.subarray(0, -2)],
      [1002, Buffer.concat([greeting, greeting])], [1009, Buffer.from([0xff, 0xff, 1, 0])], [1002, behind(0x33, [])],
      [1002, behind(wire.RESPONSE, [5])], [1009, Buffer.concat([greeting, ...Array(18).fill(long)])]]) {
      equal(await answerTo(message), [code, 4000 + code - 1000], message.toString().slice(0, 99));
    }
  },

  async doors_that_stay_shut() {
    for (const [status, url, options] of [[403, URL, { origin: "https://elsewhere.example" }], [404, `${URL}/elsewhere`, {}]]) {
      const error = await failure(Linkspan.connect(url, [CODEC], { socket: options }), Error);
      ok(error.message.includes(status), error.message);
    }
    const other = new WebSocket(URL); // who offers no subprotocol is admitted, with none
    await new Promise((resolve, reject) => other.on("open", resolve).on("error", reject));
    equal(other.protocol, "");
    other.close();
  },

  async the_server_goes_away(link) {
    const { call: held } = await begun(link, "until the end");
    const gone = first(link, wire.GOAWAY);
    await link.call("Proof/Leave", null, { oneWay: true });
    await gone;
    equal((await failure(link.call("Arith/Mul", { a: 1, b: 1 }))).ran, wire.DID_NOT_RUN);
    link.goingAway = undefined; // as if the call had crossed it
    const { code, ran } = await failure(link.call("Arith/Mul", { a: 1, b: 1 }));
    equal([code, ran], [14, wire.DID_NOT_RUN]);
    await link.call("Proof/Release", null, { oneWay: true });
    equal((await held).value, null, "a call in flight ends as if nothing were");
    const closed = await failure(link.notification(), Closed);
    equal([closed.code, closed.status], [3000, 4600]);
  },
};

// What the server says to `message`: the code of its last frame, CLOSE, and the status of the WebSocket.
function answerTo(message) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(URL, ["linkspan.1"]);
    let code;
    socket.on("open", () => socket.send(message)).on("error", reject);
    socket.on("message", (data) => {
      for (const { kind, content } of wire.split(data)) code = kind === wire.CLOSE ? new Reader(content).varint() : undefined;
    });
    socket.on("close", (status) => resolve([code, status]));
  });
}

const link = await Linkspan.connect(URL, [CODEC], { pingAfter: 5_000 });
for (const [check, run] of Object.entries(CHECKS)) {
  let late;
  const timeout = new Promise((_, reject) => { late = setTimeout(() => reject(new Error("takes too long")), PATIENCE); });
  const result = await Promise.race([run(link), timeout]).then(
    () => ({ check, ok: true }), (error) => ({ check, ok: false, detail: error.stack }));
  clearTimeout(late);
  link.watch = () => {};
  console.log(JSON.stringify(result));
}
