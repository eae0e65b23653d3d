use linkspan_macros::notifications;

#[notifications]
struct Ticks;

#[notifications(service = "Ticks")]
trait Unknown {}

#[notifications]
#[derive(Debug)]
trait Traits<T>: Send {
    type Item;
}

#[notifications]
trait Signatures {
    fn receiver(&self);
    async fn waited();
    fn answered() -> u8;
    fn done() {}
    fn generic<T>(t: T);
    fn borrowed(text: &str);
    fn pattern((a, b): (u8, u8));
    #[must_use]
    fn attribute();
}

#[notifications]
trait Names {
    fn gap();
    fn unknown();
    fn new();
    fn tick();
    fn tick_();
    fn try_tick();
    fn self_();
}

fn main() {}
