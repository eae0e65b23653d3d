//! What the servers under test do.

use std::future::Future;

use linkspan::{Client, Context, Endpoint, Error, ErrorKind, Limits, Server, Session};
use tokio::task::consume_budget;
use tokio::task::coop::has_budget_remaining;
use tokio::time::timeout;

use crate::support::{PATIENCE, Road};

#[linkspan::service]
pub trait Work {
    async fn echo(&self, cx: &Context, text: String) -> String;
    /// Never ends.
    async fn hang(&self, cx: &Context) -> u64;
    /// Leaves its task no turn for anything else that waits.
    async fn spend(&self, cx: &Context) -> u64;
    /// An answer of so many characters.
    async fn large(&self, cx: &Context, len: usize) -> String;
    /// Never ends, and is never answered.
    #[call(one_way)]
    async fn note(&self, cx: &Context, text: String);
}

#[derive(Debug)]
pub struct Worker;

impl Work for Worker {
    async fn echo(&self, _cx: &Context, text: String) -> String {
        text
    }

    async fn hang(&self, _cx: &Context) -> u64 {
        std::future::pending().await
    }

    async fn spend(&self, _cx: &Context) -> u64 {
        let mut spent = 0;
        while has_budget_remaining() {
            consume_budget().await;
            spent += 1;
        }
        spent
    }

    async fn large(&self, _cx: &Context, len: usize) -> String {
        "x".repeat(len)
    }

    async fn note(&self, _cx: &Context, _text: String) {
        std::future::pending().await
    }
}

/// A server with `limits` on one road, and a healthy client beside whoever misbehaves.
pub struct Stage {
    pub scheme: &'static str,
    pub road: Road,
    pub server: Server,
    pub endpoint: Endpoint,
    healthy: Client,
}

impl Stage {
    pub async fn new(scheme: &'static str, test: &str, limits: Limits) -> Self {
        let road = Road::new(scheme, &format!("limits-{test}"));
        let server = road.server().limits(limits).service(WorkServer::new(Worker)).start().await.unwrap();
        let endpoint = server.endpoints()[0].clone();
        let healthy = road.connect(&endpoint, "json").await;
        Self { scheme, road, server, endpoint, healthy }
    }

    pub async fn connect(&self) -> Client {
        self.road.connect(&self.endpoint, "json").await
    }

    pub async fn connect_with(&self, limits: Limits) -> Result<Client, Error> {
        let url = self.endpoint.clone().with_option("codec", "json").to_string();
        within(self.road.client().limits(limits).connect(&url)).await
    }

    /// The session that is not the healthy client's. There must be one.
    pub fn other_session(&self) -> Session {
        let healthy = self.healthy.session().id();
        self.server.sessions().iter().find(|session| session.id() != healthy).expect("another session")
    }

    /// The healthy client is served as ever, and so is a new one; then everything ends.
    pub async fn assert_healthy(self) {
        // A place is free again a moment after its session has ended.
        let new = within(async {
            loop {
                match self.connect_with(Limits::default()).await {
                    Ok(client) => return client,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::AtCapacity, "{error}"),
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        for client in [&self.healthy, &new] {
            let answer = within(WorkClient::new(client).echo("healthy".into())).await;
            assert_eq!(answer.as_deref(), Ok("healthy"), "{}", self.scheme);
        }
        assert_eq!(self.healthy.session().close_reason(), None, "{}", self.scheme);
        within(self.server.shutdown()).await;
    }
}

/// No case may take longer.
pub async fn within<T>(case: impl Future<Output = T>) -> T {
    timeout(PATIENCE, case).await.expect("it ends in time")
}
