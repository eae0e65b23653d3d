//! Broken roads: each changes what links receive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linkspan_core::frame::{HEAD_LEN, LAST, MAGIC};

use super::Saboteur;
use crate::message::{Message, change_failure};
use crate::stage::Sabotage;
use crate::watched::{Filter, Filters, Side};
use crate::wire::{
    AFTER_PUSHES, APPLICATION_ERROR, BODY, CANCEL, CLOSE, GAP, GOAWAY, HELLO, HELLO_METADATA, HELLO_SESSION,
    IGNORABLE, ONE_WAY, Owned, PING, PUSH, Parts, REQUEST, RESPONSE, read_fields, write_fields, write_number,
};

pub(super) fn saboteurs() -> Vec<Saboteur> {
    vec![
        link("answers one-way calls", "a one-way call runs, unanswered", answers_one_way),
        link("closes when the peer says it goes away", "shutdown lets calls end", || each(closes_on_goaway)),
        link("cuts every link when one fails", "garbage disturbs nobody else", shares_fate),
        link(
            "delivers answers of two calls to each other",
            "many calls are each answered once",
            swaps_answers,
        ),
        link("delivers pieces of a body in the wrong order", "large bodies arrive intact", reorders_bodies),
        link("delivers pushes in the wrong order", "pushes arrive in order, once", reorders_pushes),
        link("drops cancels", "a dropped call frees both sides", || {
            each(|parts| keep_unless(parts, parts.kind == CANCEL))
        }),
        link("drops every other small push", "every client gets its own pushes", drops_pushes),
        link("drops gaps", "a push without the codec leaves a gap", || {
            each(|parts| keep_unless(parts, parts.kind == GAP))
        }),
        link("drops pings", "a silent peer is found dead, a live one is not", || {
            each(|parts| keep_unless(parts, parts.kind == PING))
        }),
        link("drops the last frame of a read", "every request of a peer is ended", drops_last),
        link("drops unknown frames that are critical", "unknown critical frames close", || {
            each(|parts| keep_unless(parts, (GOAWAY + 5..IGNORABLE).contains(&parts.kind)))
        }),
        link("duplicates pushes", "pushes arrive in order, once", || each(duplicates_pushes)),
        link("flips a bit of bodies", "every size arrives intact", || each(flips_bodies)),
        link("forgets deadlines", "a deadline reaches the handler", || each(forgets_deadlines)),
        link(
            "forgets that an answer follows pushes",
            "a large push before return precedes the response",
            || each(forgets_order),
        ),
        link("forgets that an answer is an error", "a method's own error crosses typed", || {
            each(forgets_errors)
        }),
        link("holds everything up behind large bodies", "a small call overtakes large bodies", head_of_line),
        link("keeps the end of the link back", "no common codec is a typed refusal", keeps_end),
        link("names another session", "both sides know one session", || each(renames_sessions)),
        link("refuses unknown frames that may be ignored", "unknown ignorable frames are ignored", || {
            each(refuses_grease)
        }),
        link("sends a request twice", "a handler runs once per call", || each(repeats_requests)),
        link("strips metadata", "metadata travels both ways", || each(strips_metadata)),
        link("swallows closes", "a server's close arrives intact", swallows_close),
        link("tells another close", "a server's close arrives intact", || each(changes_close)),
        link("tells another failure", "an unknown method did not run", || each(changes_failure)),
        link("turns cancels into closes", "a cancel hits no other call", || each(cancel_closes)),
    ]
}

pub(super) fn link(name: &'static str, aims_at: &'static str, filters: fn() -> Filters) -> Saboteur {
    let saboteur = Saboteur::new(name, aims_at);
    Saboteur { sabotage: Sabotage { link: Some(filters), ..Sabotage::default() }, ..saboteur }
}

/// Filters that look at one frame at a time and remember nothing.
pub(super) fn each(change: fn(&Parts) -> Vec<Owned>) -> Filters {
    Arc::new(move |_| Some(per_frame(change)))
}

pub(super) fn per_frame(mut change: impl FnMut(&Parts) -> Vec<Owned> + Send + 'static) -> Filter {
    let frames =
        move |frames: Vec<Owned>| frames.iter().flat_map(|frame| change(&Parts::of(frame))).collect();
    Filter { frames: Box::new(frames), hides_end: false }
}

pub(super) fn keep(parts: &Parts) -> Vec<Owned> {
    vec![parts.frame()]
}

pub(super) fn keep_unless(parts: &Parts, dropped: bool) -> Vec<Owned> {
    if dropped { Vec::new() } else { keep(parts) }
}

/// What `change` makes of a request, response or push; other frames stay.
pub(super) fn message(parts: &Parts, change: impl FnOnce(&mut Message)) -> Vec<Owned> {
    match Message::of(parts) {
        None => keep(parts),
        Some(mut message) => {
            change(&mut message);
            vec![message.frame()]
        }
    }
}

pub(super) fn close(code: u64) -> Owned {
    let mut fields = Vec::new();
    write_number(&mut fields, code);
    write_number(&mut fields, 0);
    Parts::new(CLOSE, fields).frame()
}

fn answers_one_way() -> Filters {
    let owed = Arc::new(AtomicBool::new(false));
    Arc::new(move |side| {
        let owed = owed.clone();
        Some(per_frame(move |parts| {
            if side == Side::Server && parts.kind == REQUEST && parts.flags & ONE_WAY != 0 {
                owed.store(true, Ordering::Release);
            }
            let mut frames = keep(parts);
            if side == Side::Client && owed.swap(false, Ordering::AcqRel) {
                frames.push(Parts::new(RESPONSE, vec![0]).frame());
            }
            frames
        }))
    })
}

fn closes_on_goaway(parts: &Parts) -> Vec<Owned> {
    if parts.kind == GOAWAY { vec![close(3000)] } else { keep(parts) }
}

fn shares_fate() -> Filters {
    let doomed = Arc::new(AtomicBool::new(false));
    Arc::new(move |side| {
        let doomed = doomed.clone();
        Some(per_frame(move |parts| {
            if side == Side::Client {
                return keep(parts);
            }
            // A server is sent no answers, so the last is a sign of garbage.
            if [CLOSE, RESPONSE].contains(&parts.kind) {
                doomed.store(true, Ordering::Release);
            }
            if doomed.load(Ordering::Acquire) { vec![close(1002)] } else { keep(parts) }
        }))
    })
}

fn swaps_answers() -> Filters {
    stateful(|| {
        |frames: Vec<Owned>| {
            let mut parts: Vec<_> = frames.iter().map(|frame| Parts::of(frame)).collect();
            let mut messages: Vec<_> = parts
                .iter_mut()
                .filter(|parts| parts.kind == RESPONSE)
                .filter_map(|parts| Some((Message::of(parts)?, parts)))
                .collect();
            for pair in messages.chunks_mut(2) {
                if let [(one, _), (two, _)] = pair {
                    std::mem::swap(&mut one.numbers, &mut two.numbers);
                }
            }
            for (message, parts) in messages {
                *parts = Parts::of(&message.frame());
            }
            parts.iter().map(Parts::frame).collect()
        }
    })
}

/// Filters for the client's side that remember something per link.
fn stateful<F>(new: fn() -> F) -> Filters
where
    F: FnMut(Vec<Owned>) -> Vec<Owned> + Send + 'static,
{
    Arc::new(move |_| Some(Filter { frames: Box::new(new()), hides_end: false }))
}

/// Holds a frame that `holds` picks until the next such frame has passed.
fn exchange(holds: fn(&Parts) -> bool) -> Filters {
    Arc::new(move |_| {
        let mut held = None;
        Some(per_frame(move |parts| {
            if !holds(parts) {
                return keep(parts);
            }
            match held.take() {
                None => {
                    held = Some(parts.frame());
                    Vec::new()
                }
                Some(earlier) => vec![parts.frame(), earlier],
            }
        }))
    })
}

fn reorders_bodies() -> Filters {
    exchange(|parts| parts.kind == BODY && parts.flags & LAST == 0)
}

fn reorders_pushes() -> Filters {
    exchange(|parts| parts.kind == PUSH)
}

fn drops_pushes() -> Filters {
    Arc::new(|_| {
        let mut seen = 0u64;
        Some(per_frame(move |parts| {
            seen += u64::from(parts.kind == PUSH);
            keep_unless(parts, parts.kind == PUSH && seen.is_multiple_of(2))
        }))
    })
}

fn drops_last() -> Filters {
    stateful(|| {
        |mut frames: Vec<Owned>| {
            if frames.len() > 1 {
                frames.pop();
            }
            frames
        }
    })
}

fn duplicates_pushes(parts: &Parts) -> Vec<Owned> {
    let copies = if parts.kind == PUSH { 2 } else { 1 };
    std::iter::repeat_n(parts.frame(), copies).collect()
}

fn flips_bodies(parts: &Parts) -> Vec<Owned> {
    let mut parts = parts.clone();
    if [BODY, RESPONSE, PUSH].contains(&parts.kind)
        && let Some(last) = parts.fields.last_mut()
    {
        *last ^= 1;
    }
    keep(&parts)
}

fn forgets_deadlines(parts: &Parts) -> Vec<Owned> {
    message(parts, |message| {
        if let (REQUEST, Some(timeout)) = (message.kind, message.numbers.get_mut(1)) {
            *timeout = 0;
        }
    })
}

fn forgets_order(parts: &Parts) -> Vec<Owned> {
    let flags = if parts.kind == RESPONSE { parts.flags & !AFTER_PUSHES } else { parts.flags };
    keep(&Parts { flags, ..parts.clone() })
}

fn forgets_errors(parts: &Parts) -> Vec<Owned> {
    let flags = if parts.kind == RESPONSE { parts.flags & !APPLICATION_ERROR } else { parts.flags };
    keep(&Parts { flags, ..parts.clone() })
}

fn head_of_line() -> Filters {
    Arc::new(|_| {
        let mut open = std::collections::HashSet::new();
        let mut held = Vec::new();
        Some(per_frame(move |parts| {
            if parts.lane == 0 {
                if open.is_empty() {
                    return keep(parts);
                }
                held.push(parts.frame());
                return Vec::new();
            }
            if parts.flags & LAST == 0 {
                open.insert(parts.lane);
            } else {
                open.remove(&parts.lane);
            }
            let mut frames = keep(parts);
            if open.is_empty() {
                frames.append(&mut held);
            }
            frames
        }))
    })
}

fn keeps_end() -> Filters {
    Arc::new(|_| Some(Filter { hides_end: true, ..per_frame(keep) }))
}

fn swallows_close() -> Filters {
    let swallow = |parts: &Parts| keep_unless(parts, parts.kind == CLOSE);
    Arc::new(move |_| Some(Filter { hides_end: true, ..per_frame(swallow) }))
}

/// A hello with what `change` makes of its fields.
pub(super) fn hello(parts: &Parts, change: impl FnOnce(&mut Vec<(u64, Vec<u8>)>)) -> Vec<Owned> {
    let Some(fields) = parts.fields.strip_prefix(&MAGIC).filter(|_| parts.kind == HELLO) else {
        return keep(parts);
    };
    let mut fields = read_fields(fields);
    change(&mut fields);
    vec![Parts::new(HELLO, [&MAGIC[..], &write_fields(&fields)].concat()).frame()]
}

fn renames_sessions(parts: &Parts) -> Vec<Owned> {
    hello(parts, |fields| {
        let sessions = fields.iter_mut().filter(|(tag, _)| *tag == HELLO_SESSION);
        sessions.for_each(|(_, id)| id.iter_mut().for_each(|byte| *byte = !*byte));
    })
}

fn refuses_grease(parts: &Parts) -> Vec<Owned> {
    let kind = if parts.kind & IGNORABLE == 0 { parts.kind } else { IGNORABLE - 1 };
    keep(&Parts { kind, ..parts.clone() })
}

fn repeats_requests(parts: &Parts) -> Vec<Owned> {
    let again = parts.kind == REQUEST && parts.frame().len() > HEAD_LEN;
    std::iter::repeat_n(parts.frame(), if again { 2 } else { 1 }).collect()
}

fn strips_metadata(parts: &Parts) -> Vec<Owned> {
    if parts.kind == HELLO {
        return hello(parts, |fields| fields.retain(|(tag, _)| *tag != HELLO_METADATA));
    }
    message(parts, Message::strip_metadata)
}

fn changes_close(parts: &Parts) -> Vec<Owned> {
    if parts.kind == CLOSE { vec![close(1999)] } else { keep(parts) }
}

fn changes_failure(parts: &Parts) -> Vec<Owned> {
    change_failure(parts, |_, _| (2, 1)).map_or_else(|| keep(parts), |frame| vec![frame])
}

fn cancel_closes(parts: &Parts) -> Vec<Owned> {
    if parts.kind == CANCEL { vec![close(1002)] } else { keep(parts) }
}
