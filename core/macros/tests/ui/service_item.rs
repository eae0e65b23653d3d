use linkspan_macros::service;

#[service]
struct Arith;

#[service]
impl Clone for Arith {}

#[service]
trait Generic<'a, T>
where
    T: Clone,
{
}

#[service]
unsafe trait Unsafe {
    type Output;
    const LIMIT: u8;
    helper!();
}

#[service(name = "a/b")]
trait Slashed {}

#[service(name = "")]
trait Nameless {}

#[service]
trait Größe {}

fn main() {}
