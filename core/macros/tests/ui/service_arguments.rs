use linkspan_macros::service;

#[service]
trait Types {
    async fn text(&self, text: &str);
    async fn nested(&self, texts: Vec<&'static str>);
    async fn itself(&self, other: Self) -> Option<Self>;
    async fn opaque(&self, shape: impl Clone) -> impl Clone;
    async fn borrowed(&self) -> &[u8];
}

#[service]
trait Patterns {
    async fn pair(&self, (a, b): (u8, u8));
    async fn ignored(&self, _: u8);
    async fn mutable(&self, mut n: u8) {}
    async fn documented(
        &self,
        /// How many.
        n: u8,
    );
}

#[service]
trait Contexts {
    async fn owned(&self, cx: Context);
    async fn exclusive(&self, cx: &mut linkspan::Context);
    async fn late(&self, n: u8, cx: &Context);
}

fn main() {}
