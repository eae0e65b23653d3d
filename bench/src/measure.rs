//! The client's half of a run: puts a load on a server, checks everything that comes back, and says what it brought.

pub(crate) mod calls;
pub(crate) mod connect;
pub(crate) mod memory;
pub(crate) mod mixes;
pub(crate) mod notes;
mod repeat;
mod stage;
mod tally;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::{Kind, Load};

pub(crate) use repeat::{Work, repeat};
pub(crate) use stage::Stage;
pub(crate) use tally::Tally;

/// How long, and whose cost.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
    /// The server's process, for its CPU time and memory.
    pub(crate) server: Option<u32>,
}

/// What one run brought.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// What was done while it was measured: calls, notes received, connections.
    pub(crate) operations: u64,
    /// The same, with the warm-up.
    pub(crate) operations_ever: u64,
    pub(crate) seconds: f64,
    /// Of one operation, where its beginning is known.
    pub(crate) p50_micros: Option<f64>,
    pub(crate) p99_micros: Option<f64>,
    pub(crate) max_micros: Option<f64>,
    pub(crate) client_cpu_seconds: f64,
    pub(crate) server_cpu_seconds: f64,
    /// Bytes of the server's that each idle connection keeps resident.
    pub(crate) resident_bytes: Option<f64>,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.operations as f64 / self.seconds
    }

    /// In the unit of `load`.
    pub(crate) fn value(&self, load: &Load) -> f64 {
        match load.kind {
            Kind::Echo(len) => self.per_second() * len as f64 / 1e6,
            Kind::Memory => self.resident_bytes.unwrap_or(f64::NAN) / 1024.0,
            Kind::Connect | Kind::Notes(_) | Kind::Unary => self.per_second(),
        }
    }

    /// CPU seconds of a million operations, which is microseconds of one.
    pub(crate) fn per_million(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds / self.operations as f64 * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_the_unit_of_the_load() {
        let measured = Measured {
            operations: 3000,
            seconds: 2.0,
            resident_bytes: Some(5120.0),
            client_cpu_seconds: 0.3,
            ..Measured::default()
        };
        let value = |name| measured.value(&Load::parse(name).unwrap());
        assert_eq!(value("unary-1"), 1500.0);
        assert_eq!(value("echo-1m"), 1500.0 * 1.048576);
        assert_eq!(value("memory"), 5.0);
        assert_eq!(measured.per_million(measured.client_cpu_seconds).round(), 100.0);
    }
}
