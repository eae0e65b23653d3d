//! How deep we are, and how much may still come.

use std::cell::Cell;

use serde::de::Error;
use thiserror::Error as ThisError;

use crate::codec::DecodeLimits;

/// Options and newtypes on one path for each level: enough for both between any two.
const WRAPPERS_PER_LEVEL: u8 = 2;
/// What an element is taken for where its size is not known yet: 64 of them are 8 KiB, and spare most collections a second
/// allocation.
const ASSUMED_ELEMENT_LEN: usize = 128;

/// The limit that some input exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub(super) enum Exceeded {
    #[error("nested deeper than {0} levels")]
    Depth(u8),
    #[error("more elements than the input has bytes for")]
    Elements,
}

/// What one value may use in all; shared by everything that takes part in reading it.
pub(super) struct Budget {
    limits: DecodeLimits,
    elements: Cell<usize>,
    /// Memory for elements beyond one for each byte of input. A unit type may have some: fields that serde skips.
    free_bytes: Cell<usize>,
    // Kept here as well as in the deserializer's error, because some (postcard's) drop every message.
    exceeded: Cell<Option<Exceeded>>,
}

impl Budget {
    pub(super) fn new(input_len: usize, limits: DecodeLimits) -> Self {
        Self {
            limits,
            elements: Cell::new(input_len),
            free_bytes: Cell::new(limits.max_reserve_len()),
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

    fn too_deep<E: Error>(&self) -> E {
        self.refuse(Exceeded::Depth(self.limits.max_depth()))
    }
}

/// Where in the value we are.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    levels_left: u8,
    wrappers_left: u8,
    /// Whether elements here are charged: those whose number the input decides. Fields are not, for the type bounds them
    /// and may well have more of them than bytes.
    charged: bool,
    budget: &'a Budget,
}

impl<'a> Place<'a> {
    pub(super) fn root(budget: &'a Budget) -> Self {
        let levels_left = budget.limits.max_depth();
        // Does not saturate: the deepest that limits allow is 64.
        let wrappers_left = levels_left.saturating_mul(WRAPPERS_PER_LEVEL);
        Self { levels_left, wrappers_left, charged: true, budget }
    }

    /// One level further down.
    pub(super) fn level<E: Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left, ..self }),
            None => Err(self.budget.too_deep()),
        }
    }

    /// Inside one more option or newtype.
    pub(super) fn wrapper<E: Error>(self) -> Result<Self, E> {
        match self.wrappers_left.checked_sub(1) {
            Some(wrappers_left) => Ok(Self { wrappers_left, ..self }),
            None => Err(self.budget.too_deep()),
        }
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
    pub(super) fn reservable(self, hint: Option<usize>) -> Option<usize> {
        hint.map(|elements| elements.min(self.budget.limits.max_reserve_len() / ASSUMED_ELEMENT_LEN))
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
