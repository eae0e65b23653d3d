use linkspan_macros::service;

#[service(stack = Standard)]
trait Unknown {}

#[service(name = Arith)]
trait Unquoted {}

#[service(crate = "linkspan")]
trait Quoted {}

#[service("Arith")]
trait Bare {}

#[service(name = "A", name = "B")]
trait Twice {}

fn main() {}
