use linkspan_macros::service;

#[service]
trait Answers {
    async fn alias(&self) -> std::io::Result<u8>;
    async fn bare(&self) -> std::fmt::Result;
    #[call(one_way)]
    async fn answered(&self) -> u8;
}

#[service]
trait Options {
    #[call(oneway)]
    async fn unknown(&self);
    #[call(cancel = "maybe")]
    async fn policy(&self);
    #[call(cancel = drop)]
    async fn unquoted(&self);
    #[call(one_way, cancel = "drop")]
    async fn contradiction(&self);
    #[call(name = "a b")]
    async fn spaced(&self);
    #[call(name = "A")]
    #[call(name = "B")]
    async fn twice(&self);
    #[call]
    async fn empty(&self);
}

fn main() {}
