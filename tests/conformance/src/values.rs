//! The values that travel between the kit's client and service.

use linkspan_core::Blob;
use serde::{Deserialize, Serialize};

/// Arguments of every method of the kit's service: what the handler is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Names the call in what is observed.
    pub id: u64,
    /// What the handler does, one after the other.
    pub steps: Vec<Step>,
    /// Returned in the answer.
    pub text: String,
}

/// One thing that a handler does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Step {
    /// Answers with so many other characters instead of the text.
    Answer(u32),
    /// Waits until its call is given up, notes that, and goes on.
    AwaitCancel,
    /// Answers with the milliseconds that are left until the deadline, or with nothing.
    Deadline,
    /// Ends with the method's own error.
    Fail,
    /// Pushes without waiting until the outbox is full, at most so often; answers with how many were taken, then waits
    /// for room for the one that was not.
    Flood(u32),
    /// Waits for the gate.
    Gate,
    /// Never ends.
    Hang,
    /// Returns every header of the request as one of the response.
    Headers,
    /// Panics.
    Panic,
    /// Pushes notes, waiting for room.
    Push {
        /// Who pushes.
        source: u32,
        /// The number of the first.
        from: u64,
        /// How many.
        count: u32,
        /// Characters in the text of each.
        len: u32,
    },
    /// Calls [`Step::Deadline`] with the observer's relay, and adds what that answers to the text.
    Relay,
    /// Calls [`Step::Hang`] with the observer's relay; the number names that call.
    RelayHang(u32),
    /// Lets other tasks run.
    Yield,
}

/// What a method returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The call's.
    pub id: u64,
    /// What was asked for.
    pub text: String,
}

/// A method's own error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("call {id} was refused: {why}")]
pub struct Refusal {
    /// The call's.
    pub id: u64,
    /// The text of its arguments.
    pub why: String,
}

/// What is pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who pushed it.
    pub source: u32,
    /// Its number among those of its source.
    pub number: u64,
    /// Made from the numbers, so that a note that was changed shows.
    pub text: String,
}

/// A value of every shape that a codec meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Signed.
    pub signed: Vec<i64>,
    /// Unsigned.
    pub unsigned: Vec<u64>,
    /// With fractions.
    pub fractions: Vec<f64>,
    /// Text, also beyond ASCII.
    pub texts: Vec<String>,
    /// Present or not.
    pub maybe: Option<bool>,
    /// Many bytes.
    pub blob: Blob,
    /// Values within values.
    pub nest: Nest,
}

/// A value that holds its like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nest(pub Vec<Self>);

impl Ask {
    /// A call that returns its text.
    pub fn new(id: u64) -> Self {
        Self { id, steps: Vec::new(), text: format!("text of {id}") }
    }

    /// The same with one more step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same with another text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }
}

impl Note {
    /// Note `number` of `source`, with a text of `len` characters.
    pub fn new(source: u32, number: u64, len: u32) -> Self {
        let seed = u64::from(source) << 32 ^ number;
        Self { source, number, text: crate::rng::Rng::new(seed).text(len as usize) }
    }

    /// True if nothing of it was changed on its way.
    pub fn is_intact(&self) -> bool {
        let len = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        *self == Self::new(self.source, self.number, len)
    }
}

impl Sample {
    /// One of everything, extremes included.
    pub fn new() -> Self {
        Self {
            signed: vec![0, -1, 1, i64::MIN, i64::MAX],
            unsigned: vec![0, 1, 127, 128, u64::from(u32::MAX), u64::MAX],
            fractions: vec![0.0, -1.5, 0.1, f64::MIN, f64::MAX, f64::MIN_POSITIVE],
            texts: ["", "a", "\"quoted\" \\ \n", "é\u{0}☃\u{10ffff}"].map(str::to_owned).to_vec(),
            maybe: Some(true),
            blob: (0..=u8::MAX).collect::<Vec<u8>>().into(),
            nest: Nest::of_depth(8),
        }
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

impl Nest {
    /// A value with `depth` others inside each other.
    pub fn of_depth(depth: usize) -> Self {
        (0..depth).fold(Self::default(), |inner, _| Self(vec![inner]))
    }
}
