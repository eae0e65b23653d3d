//! Why a promise was not kept.

use std::fmt;

/// A promise that was not kept, in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Broken(String);

impl Broken {
    /// Broken, because of `why`.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// An error, if `holds` is false.
    ///
    /// # Errors
    /// `why`.
    pub fn unless(holds: bool, why: impl FnOnce() -> String) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self(why())) }
    }

    /// An error, if what was got differs from what was wanted.
    ///
    /// # Errors
    /// Both, after `what`.
    pub fn unless_equal<T: PartialEq + fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), Self> {
        Self::unless(got == wanted, || format!("{what}: got {}, wanted {}", short(got), short(wanted)))
    }
}

/// What `value` prints, cut to a length a person can read.
fn short(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(MAX_SHOWN) {
        None => text,
        Some((end, _)) => format!("{}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
    }
}

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            why.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self(why)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_SHOWN: usize = 300;
