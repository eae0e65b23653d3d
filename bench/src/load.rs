//! What is asked of every contender.

/// One load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// For tables and plots.
    pub(crate) title: &'static str,
    pub(crate) kind: Kind,
    pub(crate) connections: usize,
    /// Calls at once on each connection.
    pub(crate) in_flight: usize,
    pub(crate) place: Place,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Connect, call once, leave.
    Connect,
    /// Bodies of this length, there and back.
    Echo(usize),
    /// Connections that do nothing, after one call each.
    Memory,
    /// What the server pushes.
    Notes(Pace),
    /// Multiplications.
    Unary,
}

/// When the server publishes the next note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// When every subscriber has the last one.
    LockStep,
    /// As soon as there is room.
    Saturated,
}

/// Where the two processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On every core.
    Anywhere,
    /// Both on the same core.
    OneCore,
}

use Kind::{Connect, Echo, Memory, Notes, Unary};
use Place::{Anywhere, OneCore};

impl Load {
    const fn new(
        name: &'static str,
        title: &'static str,
        kind: Kind,
        (connections, in_flight): (usize, usize),
        place: Place,
    ) -> Self {
        Self { name, title, kind, connections, in_flight, place }
    }

    /// All, in the order of the tables.
    pub(crate) const ALL: &[Self] = &[
        Self::new("unary-1", "1 call in flight", Unary, (1, 1), OneCore),
        Self::new("unary-64", "64 calls in flight", Unary, (1, 64), OneCore),
        Self::new("unary-1024", "1,024 calls in flight", Unary, (1, 1024), OneCore),
        Self::new("unary-1-unpinned", "1 call in flight", Unary, (1, 1), Anywhere),
        Self::new("unary-64-unpinned", "64 calls in flight", Unary, (1, 64), Anywhere),
        Self::new("unary-1024-unpinned", "1,024 calls in flight", Unary, (1, 1024), Anywhere),
        Self::new("unary-64x16", "64 connections with 16 calls each", Unary, (64, 16), Anywhere),
        Self::new("echo-16k", "echo of 16 KiB, 64 in flight", Echo(16 * 1024), (1, 64), OneCore),
        Self::new("echo-1m", "echo of 1 MiB, 8 in flight", Echo(1024 * 1024), (1, 8), OneCore),
        Self::new("echo-16k-unpinned", "echo of 16 KiB, 64 in flight", Echo(16 * 1024), (1, 64), Anywhere),
        Self::new("push", "push of 128 B to one session", Notes(Pace::Saturated), (1, 1), OneCore),
        Self::new("push-unpinned", "push of 128 B to one session", Notes(Pace::Saturated), (1, 1), Anywhere),
        Self::new("broadcast", "broadcast to 1,000, saturated", Notes(Pace::Saturated), (1000, 1), OneCore),
        Self::new(
            "broadcast-unpinned",
            "broadcast to 1,000, saturated",
            Notes(Pace::Saturated),
            (1000, 1),
            Anywhere,
        ),
        Self::new("lockstep", "broadcast to 1,000 in lock-step", Notes(Pace::LockStep), (1000, 1), OneCore),
        Self::new("connect", "connect, call once, leave; 16 at once", Connect, (16, 1), OneCore),
        Self::new("memory", "2,000 idle connections", Memory, (2000, 1), Anywhere),
    ];

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|load| load.name == name);
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|load| load.name).collect();
            format!("unknown load `{name}`; known: {}", names.join(", "))
        })
    }

    /// What its values count.
    pub(crate) fn unit(&self) -> &'static str {
        match self.kind {
            Connect => "connections/s",
            Echo(_) => "MB/s each way",
            Memory => "KiB/connection",
            Notes(_) => "notes/s",
            Unary => "calls/s",
        }
    }

    /// True if less is better.
    pub(crate) fn counts_cost(&self) -> bool {
        self.kind == Memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_and_say_where_the_processes_run() {
        for load in Load::ALL {
            assert_eq!(Load::parse(load.name).as_ref(), Ok(load));
            let unpinned = load.place == Anywhere && !["memory", "unary-64x16"].contains(&load.name);
            assert_eq!(load.name.ends_with("-unpinned"), unpinned);
        }
        assert!(Load::parse("unary-2").unwrap_err().contains("known: unary-1, unary-64"));
    }
}
