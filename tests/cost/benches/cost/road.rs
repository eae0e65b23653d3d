//! How a server listens, and how its clients reach it.

use linkspan::{Client, ClientBuilder, Server, ServerBuilder};

/// A road without certificates.
#[derive(Debug)]
pub(crate) struct Road {
    listen: String,
}

impl Road {
    /// A road on a free port; `name` is that of a memory endpoint.
    pub(crate) fn new(scheme: &str, name: &str) -> Self {
        let authority = if scheme == "mem" { name } else { "127.0.0.1:0" };
        Self { listen: format!("{scheme}://{authority}") }
    }

    pub(crate) fn server(&self) -> ServerBuilder {
        Server::builder().listen(self.listen.clone())
    }

    #[expect(clippy::unused_self, reason = "other roads give their clients certificates")]
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder()
    }
}
