//! What the server under attack serves.

use linkspan::{notifications, service};

#[service]
pub(crate) trait Arith {
    async fn mul(&self, a: u64, b: u64) -> u64;
}

#[notifications]
pub(crate) trait Ticks {
    fn tick(n: u64);
}

#[derive(Debug)]
pub(crate) struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, a: u64, b: u64) -> u64 {
        a.wrapping_mul(b)
    }
}
