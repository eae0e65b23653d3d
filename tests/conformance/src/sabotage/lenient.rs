//! Roads that hide from one side what the other does wrong, or that make it wrong.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Saboteur;
use super::link::{close, each, hello, keep, keep_unless, link, message, per_frame};
use crate::message::Message;
use crate::raw::numbers;
use crate::watched::{Filters, Side};
use crate::wire::{
    AFTER_PUSHES, BODY, BODY_PLACE, CODEC, FAILURE, HELLO, HELLO_AGENT, HELLO_CODECS, HELLO_LIMITS,
    HELLO_METADATA, HELLO_SESSION, HELLO_VERSIONS, METADATA, Owned, PING, PUSH, Parts, REQUEST, RESET,
    RESPONSE,
};

pub(super) fn saboteurs() -> Vec<Saboteur> {
    vec![
        link("drops answers that a server gets", "an answer to no call closes", || {
            at(Side::Server, drops_answers)
        }),
        link("drops frames on the wrong lane", "frames on the wrong lane close", || each(drops_misplaced)),
        link("drops pushes without a body", "empty values are values", || each(drops_empty)),
        link("drops resets", "abandoned arguments did not run", || {
            each(|parts| keep_unless(parts, parts.kind == RESET))
        }),
        link("drops second answers", "a second answer closes", drops_second_answers),
        link(
            "drops second requests of one number or lane",
            "a second request of one number closes",
            drops_second_requests,
        ),
        link("drops unknown fields that are critical", "unknown critical fields close", || {
            each(drops_critical_fields)
        }),
        link("drops what precedes the hello", "the hello comes first, and once", drops_early),
        link(
            "makes every answer wait for the pushes before",
            "an answer waits for its pushes, and no other does",
            || each(orders_answers),
        ),
        link("pings links that are busy", "a busy link is not pinged", || {
            at(Side::Client, pings_with_answers)
        }),
        link("refuses unknown fields that may be ignored", "unknown ignorable fields are ignored", || {
            each(refuses_odd_fields)
        }),
        link("trims bodies to what their heads say", "a body of another length closes", trims_bodies),
        link("turns resets into closes", "a reset of nothing is nothing", || each(resets_close)),
    ]
}

/// Filters for one side, that remember nothing.
fn at(side: Side, change: fn(&Parts) -> Vec<Owned>) -> Filters {
    Arc::new(move |here| Some(per_frame(if here == side { change } else { keep })))
}

fn drops_answers(parts: &Parts) -> Vec<Owned> {
    keep_unless(parts, [RESPONSE, FAILURE].contains(&parts.kind))
}

fn drops_misplaced(parts: &Parts) -> Vec<Owned> {
    let has_lane = [BODY, RESET].contains(&parts.kind);
    keep_unless(parts, has_lane != (parts.lane != 0))
}

fn drops_empty(parts: &Parts) -> Vec<Owned> {
    let message = Message::of(parts).filter(|message| message.kind == PUSH && message.place().is_none());
    keep_unless(parts, message.is_some_and(|message| message.body.is_empty()))
}

fn drops_second_answers() -> Filters {
    Arc::new(|side| {
        let mut last = None;
        Some(per_frame(move |parts| {
            let again = side == Side::Client && parts.kind == RESPONSE && last.as_ref() == Some(parts);
            if parts.kind == RESPONSE {
                last = Some(parts.clone());
            }
            keep_unless(parts, again)
        }))
    })
}

fn drops_second_requests() -> Filters {
    Arc::new(|side| {
        let (mut last, mut lanes) = (None, HashSet::new());
        Some(per_frame(move |parts| {
            let Some(message) = Message::of(parts).filter(|message| message.kind == REQUEST) else {
                return keep(parts);
            };
            let number = message.numbers.first().copied();
            let same_lane = message.place().is_some_and(|(lane, _)| !lanes.insert(lane));
            let same_number = std::mem::replace(&mut last, number) == number;
            keep_unless(parts, side == Side::Server && (same_lane || same_number))
        }))
    })
}

/// What is left of optional fields, and of a hello's.
fn fields(parts: &Parts, change: fn(&mut Vec<(u64, Vec<u8>)>)) -> Vec<Owned> {
    match parts.kind {
        HELLO => hello(parts, change),
        _ => message(parts, |message| change(&mut message.fields)),
    }
}

fn is_known(tag: u64) -> bool {
    let of_messages = [METADATA, BODY_PLACE, CODEC];
    let of_hellos = [HELLO_VERSIONS, HELLO_CODECS, HELLO_AGENT, HELLO_LIMITS, HELLO_SESSION, HELLO_METADATA];
    of_messages.contains(&tag) || of_hellos.contains(&tag)
}

fn drops_critical_fields(parts: &Parts) -> Vec<Owned> {
    fields(parts, |fields| fields.retain(|(tag, _)| is_known(*tag) || !tag.is_multiple_of(2)))
}

fn refuses_odd_fields(parts: &Parts) -> Vec<Owned> {
    fields(parts, |fields| {
        fields.iter_mut().filter(|(tag, _)| !is_known(*tag)).for_each(|(tag, _)| *tag &= !1);
    })
}

fn drops_early() -> Filters {
    Arc::new(|_| {
        let mut greeted = false;
        Some(per_frame(move |parts| {
            greeted |= parts.kind == HELLO;
            keep_unless(parts, !greeted)
        }))
    })
}

fn orders_answers(parts: &Parts) -> Vec<Owned> {
    let flags = if parts.kind == RESPONSE { parts.flags | AFTER_PUSHES } else { parts.flags };
    keep(&Parts { flags, ..parts.clone() })
}

fn pings_with_answers(parts: &Parts) -> Vec<Owned> {
    let mut frames = keep(parts);
    if parts.kind == RESPONSE {
        frames.insert(0, numbers(PING, &[1]).frame());
    }
    frames
}

fn trims_bodies() -> Filters {
    Arc::new(|_| {
        let mut left: HashMap<u64, u64> = HashMap::new();
        Some(per_frame(move |parts| {
            left.extend(Message::of(parts).and_then(|message| message.place()));
            let mut parts = parts.clone();
            if let Some(left) = left.get_mut(&parts.lane).filter(|_| parts.kind == BODY) {
                parts.fields.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= parts.fields.len() as u64;
            }
            keep(&parts)
        }))
    })
}

fn resets_close(parts: &Parts) -> Vec<Owned> {
    if parts.kind == RESET { vec![close(1002)] } else { keep(parts) }
}
