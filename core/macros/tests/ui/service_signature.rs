use linkspan_macros::service;

#[service]
trait Receivers {
    async fn none();
    async fn other(n: u8);
    async fn exclusive(&mut self);
    async fn owned(self);
    async fn typed(self: std::sync::Arc<Self>);
    async fn timed(&'static self);
}

#[service]
trait Kinds {
    fn blocking(&self) -> u8;
    async unsafe fn risky(&self);
    async extern "C" fn foreign(&self);
    async fn generic<T: Clone>(&self, t: T);
    async fn bounded(&self)
    where
        Self: Sized;
}

#[service]
trait Names {
    async fn new(&self);
    async fn mul(&self);
    async fn mul_(&self);
    #[call(name = "Mul")]
    async fn product(&self);
    async fn sum(&self, a: u8, b: u8);
    #[call(name = "Other")]
    async fn sum_(&self, a: u8, b: u8);
    async fn größe(&self);
    #[cfg(unix)]
    async fn conditional(&self);
}

fn main() {}
