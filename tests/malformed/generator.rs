//! Inputs made from a seed: the golden frames, cut up and put together wrongly, and frames that nobody would send.

use crate::attack::Input;
use crate::corpus::golden;
use crate::wire::{flag, frame, frame_on, kind, put_number};

/// Numbers from a seed (xorshift64*), so that a failure can be repeated.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Seeds are small and near each other; their first numbers should not be.
        let mut random = Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from((self.next() >> 16) % bound.max(1) as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[4]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The input of `seed`. If `whole`, it is whole frames with honest lengths.
pub(crate) fn generate(seed: u64, whole: bool) -> Input {
    let mut random = Random::new(seed);
    let open = !random.one_in(6);
    let mut frames = script(&mut random, open);
    let mut made = Vec::new();
    if open && random.one_in(3) {
        frames.push(bad_call(&mut random));
        made.push("a call that cannot be served");
    }
    while made.is_empty() || random.one_in(3) {
        made.push(mutate(&mut random, &mut frames));
    }
    let mut bytes = frames.concat();
    if !whole && random.one_in(3) {
        made.push(damage(&mut random, &mut bytes, &frames));
    }
    let kinds: Vec<_> = frames.iter().map(|frame| format!("{:02x}", frame[2])).collect();
    let place = if open { "after the hellos" } else { "at the start" };
    Input { name: format!("seed {seed}: {}, {place}, of {}", made.join(", "), kinds.join(" ")), open, bytes }
}

/// What a connector may send: golden frames, and calls with their bodies.
fn script(random: &mut Random, open: bool) -> Vec<Vec<u8>> {
    if !open {
        return vec![golden("hello")];
    }
    let mut frames = Vec::new();
    for _ in 0..=random.below(4) {
        match random.below(8) {
            0 => frames.extend(large_call(random)),
            1 => frames.push(golden(random.pick::<&str>(&ANY))),
            _ => frames.push(golden(random.pick::<&str>(&CONNECTORS))),
        }
    }
    frames
}

/// A call whose arguments have a lane of their own.
fn large_call(random: &mut Random) -> Vec<Vec<u8>> {
    let call = random.byte() & 0x7f;
    let lane = random.byte() & 0x3e | 1;
    let body = br#"{"a":6,"b":7}"#;
    let path = b"\x09Arith/Mul";
    let place = [4, 2, lane, 13];
    let head = [&[call, 0][..], path, &[4], &place].concat();
    let (first, second) = body.split_at(random.below(body.len()));
    vec![
        frame(kind::REQUEST, flag::FIELDS, &head),
        frame_on(lane.into(), kind::BODY, 0, first),
        frame_on(lane.into(), kind::BODY, flag::LAST, second),
    ]
}

/// A call that is well written, and cannot be served.
fn bad_call(random: &mut Random) -> Vec<u8> {
    let (mut call, mut path) = (vec![0x80 | random.byte(), 1], "Arith/Mul".to_owned());
    let (mut block, mut body) = (Vec::new(), br#"{"a":6,"b":7}"#.to_vec());
    match random.below(6) {
        0 => call = vec![0x80 | random.byte(), 0x80 | random.byte(), 1],
        1 => path = format!("Arith/M{}l", random.below(100)),
        2 => {
            let index = random.below(body.len());
            body[index] = random.byte();
        }
        3 => body.truncate(random.below(body.len())),
        4 => block = [&[2, 0x82, 1][..], &[0; 130]].concat(),
        _ => block = b"\x06\x04yaml".to_vec(),
    }
    let flags = if block.is_empty() { 0 } else { flag::FIELDS };
    let mut fields = [&call[..], &[0, path.len().to_le_bytes()[0]], path.as_bytes()].concat();
    if !block.is_empty() {
        put_number(&mut fields, block.len() as u64);
    }
    frame(kind::REQUEST, flags, &[fields, block, body].concat())
}

/// Changes the frames, which stay frames; says how.
fn mutate(random: &mut Random, frames: &mut Vec<Vec<u8>>) -> &'static str {
    let at = random.below(frames.len());
    match frames.get_mut(at) {
        None => "nothing",
        Some(picked) if random.one_in(2) => change(random, picked),
        Some(_) => rearrange(random, frames, at),
    }
}

/// Changes one frame.
fn change(random: &mut Random, picked: &mut Vec<u8>) -> &'static str {
    let (head, fields) = (picked[2..4].to_vec(), picked[4..].to_vec());
    let rebuilt = |fields: &[u8]| frame(head[0], head[1], fields);
    match random.below(6) {
        0 => {
            let bit = random.below((picked.len() - 2) * 8);
            picked[2 + bit / 8] ^= 1 << (bit % 8);
            "a bit flipped"
        }
        1 => {
            let index = 2 + random.below(picked.len() - 2);
            picked[index] = *random.pick(&[0, 1, 0x7f, 0x80, 0xfe, 0xff]);
            "a byte set"
        }
        2 => {
            *picked = rebuilt(&fields[..random.below(fields.len())]);
            "fields cut short"
        }
        3 => {
            let len = 1 + random.below(40);
            *picked = rebuilt(&[fields, random.bytes(len)].concat());
            "bytes behind the fields"
        }
        4 => {
            let other = golden(random.pick::<&str>(&ANY));
            let (front, back) = (random.below(fields.len()), 4 + random.below(other.len() - 4));
            *picked = rebuilt(&[&fields[..front], &other[back..]].concat());
            "two frames spliced"
        }
        _ => {
            let number = random.pick(&NUMBERS);
            let front = random.below(fields.len().min(4));
            let behind = &fields[(front + 1).min(fields.len())..];
            *picked = rebuilt(&[&fields[..front], *number, behind].concat());
            "a number too long or too large"
        }
    }
}

/// Puts frames where they do not belong, or takes one away.
fn rearrange(random: &mut Random, frames: &mut Vec<Vec<u8>>, at: usize) -> &'static str {
    let (added, what) = match random.below(7) {
        0 => {
            let other = random.below(frames.len());
            frames.swap(at, other);
            return "two frames swapped";
        }
        1 => {
            frames.remove(at);
            return "a frame left out";
        }
        2 => (frames[at].clone(), "a frame repeated"),
        3 => (golden("hello"), "a hello repeated"),
        4 => {
            let (kind, flags, len) = (random.byte() & 0x8f, random.byte(), random.below(60));
            (frame(kind, flags, &random.bytes(len)), "a frame of random bytes")
        }
        5 => {
            let (kind, lane) = (random.byte() & 0x0f, random.next() >> (1 + random.below(63)));
            (frame_on(lane, kind, 0, b"x"), "a frame on a lane")
        }
        _ => (golden(random.pick::<&str>(&ANSWERS)), "an answer to nothing"),
    };
    frames.insert(random.below(frames.len() + 1), added);
    what
}

/// Changes the bytes so that they are frames no more, or others; says how.
fn damage(random: &mut Random, bytes: &mut Vec<u8>, frames: &[Vec<u8>]) -> &'static str {
    let begins: Vec<_> = frames
        .iter()
        .scan(0, |begin, frame| {
            *begin += frame.len();
            Some(*begin - frame.len())
        })
        .collect();
    match random.below(5) {
        0 => {
            bytes.truncate(random.below(bytes.len()));
            "the end cut off"
        }
        1 if !begins.is_empty() => {
            let begin = *random.pick(&begins);
            let len = *random.pick(&[0u16, 1, 2, 3, 5, 0x7fff, 65_533, 65_534, 65_535]);
            bytes[begin..begin + 2].copy_from_slice(&len.to_le_bytes());
            "a length that lies"
        }
        2 => {
            let at = random.below(bytes.len());
            bytes.drain(at..(at + 1).min(bytes.len()));
            "a byte lost"
        }
        3 => {
            let at = random.below(bytes.len());
            bytes.insert(at, random.byte());
            "a byte too much"
        }
        _ => {
            let len = 1 + random.below(200);
            bytes.extend(random.bytes(len));
            "garbage behind it"
        }
    }
}

/// Golden frames that a connector may send.
const CONNECTORS: [&str; 9] =
    ["request", "request", "request_large", "cancel", "push", "push_raw", "gap", "ping", "goaway"];
/// Every golden frame.
const ANY: [&str; 19] = [
    "body",
    "cancel",
    "close",
    "failure",
    "gap",
    "goaway",
    "hello",
    "hello_answer",
    "ping",
    "pong",
    "push",
    "push_large",
    "push_raw",
    "request",
    "request_large",
    "reset",
    "response",
    "response_error",
    "response_large",
];
const ANSWERS: [&str; 4] = ["failure", "response", "response_error", "response_large"];
/// Numbers that do not fit, that are cut short, or that are longer than they need to be.
const NUMBERS: [&[u8]; 6] = [
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    &[0xff; 10],
    b"\x80\x80\x80\x80\x10",
    &[0x80; 11],
    b"\x85\x80\x00",
    b"\xff\xff\x03",
];
