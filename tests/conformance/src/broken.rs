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
        Self::unless(got == wanted, || {
            let (got, wanted) = (format!("{got:?}"), format!("{wanted:?}"));
            let same = got.chars().zip(wanted.chars()).take_while(|(one, other)| one == other).count();
            format!("{what}: got {}, wanted {}", around(&got, same), around(&wanted, same))
        })
    }
}

/// The part of `text` that shows its character at `place`, cut to a length a person can read.
fn around(text: &str, place: usize) -> String {
    let len = text.chars().count();
    let from = if place < MAX_SHOWN { 0 } else { place - LEAD };
    let shown: String = text.chars().skip(from).take(MAX_SHOWN).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if from + MAX_SHOWN < len { format!("… ({} bytes)", text.len()) } else { String::new() };
    format!("{before}{shown}{after}")
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
/// Characters shown before a difference that is far from the beginning.
const LEAD: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_however_far_from_the_beginning() {
        let long = "a".repeat(1000);
        let (got, wanted) = (format!("{long}1{long}"), format!("{long}2{long}"));
        let broken = Broken::unless_equal("text", &got, &wanted).unwrap_err().to_string();
        assert!(broken.starts_with("text: got …a"), "{broken}");
        assert!(broken.contains("a1a") && broken.contains("a2a"), "{broken}");
        assert!(broken.ends_with("… (2003 bytes)"), "{broken}");
    }
}
