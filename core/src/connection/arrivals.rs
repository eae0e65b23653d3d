//! Notifications in the order they came. Small ones lie one behind the other in one piece of memory, so that a note
//! costs its bytes and a few more, but no allocation.

use std::collections::VecDeque;

use super::notification::Received;
use crate::RAW;

/// Notifications and gaps, in order.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    heads: VecDeque<Head>,
    /// Paths and bodies of the small ones.
    bytes: Vec<u8>,
    /// How many of these bytes were taken.
    taken: usize,
    /// All that is not small, each in its turn.
    others: VecDeque<Received>,
    weight: usize,
    usage: Use,
    /// The last path that a small one brought, and the length of its service: most often the next one's too.
    known: (Vec<u8>, u8),
}

/// When something came last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Use {
    /// Since [`rest`](Arrivals::rest) was called last.
    Recent,
    /// Before that.
    Earlier,
    /// So long ago that memory was given back.
    #[default]
    None,
}

/// Where a small one begins is where the one before it ends.
#[derive(Clone, Copy, Debug)]
enum Head {
    Other,
    Small(Small),
}

/// A notification without metadata, in the connection's codec or raw: lengths of its service, path and body.
#[derive(Clone, Copy, Debug)]
struct Small {
    service: u8,
    path: u8,
    raw: bool,
    body: u16,
}

impl Small {
    fn len(self) -> usize {
        usize::from(self.path) + usize::from(self.body)
    }
}

/// One that is taken.
#[derive(Debug)]
pub(crate) enum Taken<'a> {
    Other(Received),
    Small(Note<'a>),
}

/// A small notification where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note<'a> {
    pub(crate) path: &'a [u8],
    /// Length of the path's first part.
    pub(crate) service: usize,
    pub(crate) raw: bool,
    pub(crate) body: &'a [u8],
}

impl Arrivals {
    pub(crate) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// How many notifications and gaps.
    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    /// Bytes of all of them.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Appends a notification of the path of the last small one, without metadata and in the connection's codec. False if
    /// it is of another path, which is not checked then.
    pub(crate) fn push_again(&mut self, path: &[u8], body: &[u8]) -> bool {
        let (known, service) = &self.known;
        if known != path || path.is_empty() {
            return false;
        }
        let (Ok(path_len), Ok(body_len)) = (u8::try_from(path.len()), u16::try_from(body.len())) else {
            return false;
        };
        let small = Small { service: *service, path: path_len, raw: false, body: body_len };
        self.put(small, path, body);
        true
    }

    fn put(&mut self, small: Small, path: &[u8], body: &[u8]) {
        self.bytes.reserve(small.len());
        self.bytes.extend_from_slice(path);
        self.bytes.extend_from_slice(body);
        self.heads.push_back(Head::Small(small));
        self.weight += small.len();
        self.usage = Use::Recent;
    }

    /// Appends a notification of a checked path, without metadata. False if it is not small: another codec than the connection's.
    pub(crate) fn push_small(&mut self, path: &str, codec: Option<&str>, body: &[u8]) -> bool {
        let raw = codec == Some(RAW);
        let service = path.bytes().position(|byte| byte == b'/').and_then(|at| u8::try_from(at).ok());
        let path_len = u8::try_from(path.len()).ok();
        let (Some(service), Some(path_len), Ok(body_len)) = (service, path_len, u16::try_from(body.len()))
        else {
            return false;
        };
        if codec.is_some() && !raw {
            return false;
        }
        let small = Small { service, path: path_len, raw, body: body_len };
        self.put(small, path.as_bytes(), body);
        self.known.0.clear();
        self.known.0.extend_from_slice(path.as_bytes());
        self.known.1 = service;
        true
    }

    /// Appends whatever it is.
    pub(crate) fn push(&mut self, received: Received) {
        self.weight += received.weight();
        self.heads.push_back(Head::Other);
        self.others.push_back(received);
    }

    /// The service of the first; `None` if that is a gap.
    pub(crate) fn service(&self) -> Option<&[u8]> {
        match self.heads.front()? {
            Head::Other => service_of(self.others.front()?),
            Head::Small(small) => self.bytes.get(self.taken..self.taken + usize::from(small.service)),
        }
    }

    /// Hands the first to `read` and forgets it.
    pub(crate) fn take<R>(&mut self, read: impl FnOnce(Taken<'_>) -> R) -> Option<R> {
        let result = match self.heads.pop_front()? {
            Head::Other => {
                let received = self.others.pop_front()?;
                self.weight -= received.weight();
                read(Taken::Other(received))
            }
            Head::Small(small) => {
                // Forgotten first: what reads it may be the application's, and panic.
                let start = self.taken;
                self.taken += small.len();
                self.weight -= small.len();
                let body = start + usize::from(small.path);
                read(Taken::Small(Note {
                    path: self.bytes.get(start..body).unwrap_or_default(),
                    service: usize::from(small.service),
                    raw: small.raw,
                    body: self.bytes.get(body..self.taken).unwrap_or_default(),
                }))
            }
        };
        self.close_ranks();
        Some(result)
    }

    /// Forgets the first. Returns how many notifications it stood for.
    pub(crate) fn drop_first(&mut self) -> u64 {
        let count = self.take(|taken| match taken {
            Taken::Other(Received::Gap(gap)) => gap.count,
            Taken::Other(Received::Notification(_)) | Taken::Small(_) => 1,
        });
        count.unwrap_or(0)
    }

    /// Moves the first, and those behind it that are of the same service, to the end of `to`.
    pub(crate) fn move_service(&mut self, to: &mut Self) {
        let Some(service) = self.service() else { return };
        let (mut at, mut others) = (self.taken, self.others.iter());
        let run = self.heads.iter().take_while(|head| match head {
            Head::Other => others.next().and_then(service_of) == Some(service),
            Head::Small(small) => {
                let same = self.bytes.get(at..at + usize::from(small.service)) == Some(service);
                at += small.len();
                same
            }
        });
        let count = run.count();
        self.move_first(count, usize::MAX, to);
    }

    /// Moves the first `count` to the end of `to`: as many of them as weigh no more than `weight`, but at least one.
    pub(crate) fn move_first(&mut self, count: usize, weight: usize, to: &mut Self) {
        let (mut moved, mut bytes, mut heavy) = (0, 0, 0);
        for head in self.heads.iter().take(count) {
            let (len, other) = match head {
                Head::Other => (0, self.others.get(heavy).map_or(0, Received::weight)),
                Head::Small(small) => (small.len(), 0),
            };
            if moved > 0 && to.weight + bytes + len + other > weight {
                break;
            }
            moved += 1;
            bytes += len;
            if matches!(head, Head::Other) {
                heavy += 1;
                to.weight += other;
                self.weight -= other;
            }
        }
        to.bytes.extend_from_slice(self.bytes.get(self.taken..self.taken + bytes).unwrap_or_default());
        to.heads.extend(self.heads.drain(..moved));
        to.others.extend(self.others.drain(..heavy));
        to.weight += bytes;
        self.weight -= bytes;
        self.taken += bytes;
        self.close_ranks();
    }

    /// True, once, if nothing came since this was called last; memory that it holds is then given back.
    pub(crate) fn rest(&mut self) -> bool {
        let before = self.usage;
        self.usage = if before == Use::Recent { Use::Earlier } else { Use::None };
        if before == Use::Earlier {
            self.give_back();
        }
        before == Use::Earlier
    }

    /// Gives memory back that an empty one does not need to keep.
    pub(crate) fn give_back(&mut self) {
        if self.is_empty() && self.bytes.capacity() + HEAD_LEN * self.heads.capacity() > MAX_IDLE_LEN {
            *self = Self::default();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
        self.others.clear();
        (self.taken, self.weight) = (0, 0);
    }

    /// Takes the place of what was taken.
    fn close_ranks(&mut self) {
        if self.heads.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        } else if self.taken >= COMPACT_LEN && self.taken * 2 >= self.bytes.len() {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
    }
}

fn service_of(received: &Received) -> Option<&[u8]> {
    match received {
        Received::Gap(_) => None,
        Received::Notification(notification) => Some(notification.service().as_bytes()),
    }
}

/// Memory that an empty one keeps for the next. Chosen to hold what a reader takes along, unless its notes are large.
const MAX_IDLE_LEN: usize = 16 * 1024;
/// Bytes of one head.
const HEAD_LEN: usize = std::mem::size_of::<Head>();
/// Below this many bytes, moving the rest down costs more than it gives back.
const COMPACT_LEN: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Gap, GapReason};
    use crate::{Metadata, Notification};

    /// Small ones, a gap and one with metadata, of two services.
    fn mixed() -> Arrivals {
        let mut arrivals = Arrivals::default();
        assert!(arrivals.push_small("A/Note", None, b"1"));
        assert!(arrivals.push_small("A/Note", Some(RAW), b"22"));
        let headed = Notification::new("A/Note", None, Some(Metadata::new().with("key", "value")));
        arrivals.push(Received::Notification(headed));
        assert!(arrivals.push_small("B/Note", None, b""));
        arrivals.push(Received::Gap(Gap::new(7, GapReason::Other)));
        assert!(arrivals.push_small("A/Note", None, b"3"));
        assert!(!arrivals.push_small("A/Note", Some("json"), b"4"), "it names its codec");
        assert!(!arrivals.push_again(b"B/Note", b""), "that was not the last");
        arrivals
    }

    fn describe(taken: Taken<'_>) -> String {
        match taken {
            Taken::Other(Received::Gap(gap)) => format!("-{}", gap.count),
            Taken::Other(Received::Notification(notification)) => notification.path().to_owned(),
            Taken::Small(Note { path, service, raw, body }) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                format!("{}{}{}", text(&path[..service]), text(body), if raw { "raw" } else { "" })
            }
        }
    }

    fn drain(arrivals: &mut Arrivals) -> Vec<String> {
        let all = std::iter::from_fn(|| arrivals.take(describe)).collect();
        assert_eq!((arrivals.weight(), arrivals.len()), (0, 0));
        all
    }

    #[test]
    fn all_come_out_as_they_went_in() {
        assert_eq!(drain(&mut mixed()), ["A1", "A22raw", "A/Note", "B", "-7", "A3"]);
    }

    #[test]
    fn one_of_the_same_path_comes_out_as_the_first_did() {
        let mut arrivals = Arrivals::default();
        assert!(!arrivals.push_again(b"", b"no path is known"));
        arrivals.push_small("Service/Note", Some(RAW), b"1");
        assert!(arrivals.push_again(b"Service/Note", b"2"));
        assert!(!arrivals.push_again(b"Service/Nota", b"3"));
        assert_eq!(drain(&mut arrivals), ["Service1raw", "Service2"]);
    }

    #[test]
    fn those_of_one_service_in_a_row_move_together() {
        let (mut from, mut to) = (mixed(), Arrivals::default());
        from.move_service(&mut to);
        assert_eq!(to.weight(), 7 + 8 + 14);
        assert_eq!(drain(&mut to), ["A1", "A22raw", "A/Note"]);
        from.move_service(&mut to);
        assert_eq!((drain(&mut to), from.service()), (vec!["B".to_owned()], None));
        assert_eq!(from.drop_first(), 7);
        assert_eq!(drain(&mut from), ["A3"]);
    }

    #[test]
    fn so_many_move_as_weigh_no_more_than_asked_but_one_at_least() {
        for (count, weight, moved) in
            [(6, usize::MAX, 6), (2, usize::MAX, 2), (6, 15, 2), (6, 14, 1), (6, 0, 1)]
        {
            let (mut from, mut to) = (mixed(), Arrivals::default());
            from.move_first(count, weight, &mut to);
            assert_eq!((to.len(), from.len()), (moved, 6 - moved), "{count} of {weight} bytes");
            from.move_first(6, usize::MAX, &mut to);
            assert_eq!(drain(&mut to), drain(&mut mixed()));
        }
    }

    #[test]
    fn memory_is_used_again_and_given_back() {
        let (mut arrivals, body) = (Arrivals::default(), [0; 1000]);
        for _ in 0..10_000 {
            arrivals.push_small("A/Note", None, &body);
            if arrivals.len() > 100 {
                assert_eq!(arrivals.drop_first(), 1);
            }
        }
        assert!(arrivals.bytes.capacity() <= 8 * 100 * 1006, "holds {}", arrivals.bytes.capacity());
        drain(&mut arrivals);
        assert!(!arrivals.rest() && arrivals.bytes.capacity() > 0, "more may come");
        assert!(arrivals.rest() && arrivals.bytes.capacity() == 0);
    }
}
