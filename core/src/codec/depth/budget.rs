//! How deep we are, and how much may still come.

use std::cell::Cell;

use serde::de::Error;
use thiserror::Error as ThisError;

use super::MAX_DEPTH;

/// Options and newtypes on one path: enough for both between any two levels.
const MAX_WRAPPERS: u8 = 2 * MAX_DEPTH;
/// Memory for elements beyond one for each byte of input. A unit type may have some: fields that serde skips.
const MAX_FREE_BYTES: usize = 8 << 10;
/// Elements reserved ahead of data: 8 KiB of 128 bytes each, and no second allocation for most collections.
const MAX_RESERVED: usize = 64;

/// The limit that some input exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub(super) enum Exceeded {
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("more elements than the input has bytes for")]
    Elements,
}

/// What one value may use in all; shared by everything that takes part in reading it.
pub(super) struct Budget {
    elements: Cell<usize>,
    free_bytes: Cell<usize>,
    // Kept here as well as in the deserializer's error, because some (postcard's) drop every message.
    exceeded: Cell<Option<Exceeded>>,
}

impl Budget {
    pub(super) fn new(input_len: usize) -> Self {
        Self {
            elements: Cell::new(input_len),
            free_bytes: Cell::new(MAX_FREE_BYTES),
            exceeded: Cell::new(None),
        }
    }

    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    fn refuse<E: Error>(&self, limit: Exceeded) -> E {
        self.exceeded.set(Some(limit));
        E::custom(limit)
    }
}

/// Where in the value we are.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    levels: u8,
    wrappers: u8,
    /// Whether elements here are charged: those whose number the input decides. Fields are not, for the type bounds them
    /// and may well have more of them than bytes.
    charged: bool,
    budget: &'a Budget,
}

impl<'a> Place<'a> {
    pub(super) fn root(budget: &'a Budget) -> Self {
        Self { levels: 0, wrappers: 0, charged: true, budget }
    }

    /// One level further down.
    pub(super) fn level<E: Error>(self) -> Result<Self, E> {
        if self.levels == MAX_DEPTH {
            return Err(self.budget.refuse(Exceeded::Depth));
        }
        Ok(Self { levels: self.levels + 1, ..self })
    }

    /// Inside one more option or newtype.
    pub(super) fn wrapper<E: Error>(self) -> Result<Self, E> {
        if self.wrappers == MAX_WRAPPERS {
            return Err(self.budget.refuse(Exceeded::Depth));
        }
        Ok(Self { wrappers: self.wrappers + 1, ..self })
    }

    /// The same place, where the input decides how many elements there are.
    pub(super) fn charged(self) -> Self {
        Self { charged: true, ..self }
    }

    /// The same place, where the type decides.
    pub(super) fn free(self) -> Self {
        Self { charged: false, ..self }
    }

    /// Accounts for one element that has been read, and is a `T`.
    pub(super) fn charge<T, E: Error>(self) -> Result<(), E> {
        if !self.charged {
            return Ok(());
        }
        if let Some(left) = self.budget.elements.get().checked_sub(1) {
            self.budget.elements.set(left);
            return Ok(());
        }
        let left = self.budget.free_bytes.get().checked_sub(size_of::<T>().max(1));
        self.budget.free_bytes.set(left.ok_or_else(|| self.budget.refuse(Exceeded::Elements))?);
        Ok(())
    }

    /// The part of a collection's size that may be reserved ahead of its elements.
    pub(super) fn reservable(hint: Option<usize>) -> Option<usize> {
        hint.map(|elements| elements.min(MAX_RESERVED))
    }

    /// Limits `inner`, whatever part it plays in reading.
    pub(super) fn around<T>(self, inner: T) -> Limited<'a, T> {
        Limited { inner, place: self }
    }
}

/// A deserializer, visitor, seed or access that hands on its limits to all it meets.
pub(super) struct Limited<'a, T> {
    pub(super) inner: T,
    pub(super) place: Place<'a>,
}
