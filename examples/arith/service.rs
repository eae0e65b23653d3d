//! The service and its notifications: plain traits.

use std::fmt;

use linkspan::Context;
use serde::{Deserialize, Serialize};

/// What to multiply.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Args {
    /// One factor.
    pub a: i64,
    /// The other.
    pub b: i64,
}

/// The product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// `a` times `b`.
    pub c: i64,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArithError {
    /// The product exceeds 64 bits.
    Overflow,
}

impl fmt::Display for ArithError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the product exceeds 64 bits")
    }
}

impl std::error::Error for ArithError {}

/// Arithmetic.
#[linkspan::service]
pub trait Arith {
    /// Multiplies.
    async fn mul(&self, cx: &Context, args: Args) -> Result<Reply, ArithError>;
}

/// What the server tells its clients whenever it likes.
#[linkspan::notifications]
pub trait Ticks {
    /// The clock ticked for the `n`th time.
    fn tick(n: u64);
}

/// The implementation.
#[derive(Debug)]
pub struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, _cx: &Context, args: Args) -> Result<Reply, ArithError> {
        args.a.checked_mul(args.b).map(|c| Reply { c }).ok_or(ArithError::Overflow)
    }
}
