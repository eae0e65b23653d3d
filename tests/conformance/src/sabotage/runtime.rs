//! Broken runtimes: each changes what the server does with calls, limits and hooks.

use std::sync::Arc;
use std::time::Duration;

use linkspan_core::typed::{CancelPolicy, Handling, MethodDescription, MethodOptions, Payload, Service};
use linkspan_core::{Close, CloseCode, Context, Limits, PeerInfo};
use tokio::sync::Mutex;

use super::Saboteur;
use crate::service::Alter;
use crate::stage::{ConnectHooks, Sabotage};

pub(super) fn saboteurs() -> Vec<Saboteur> {
    vec![
        service("closes when a handler panics", "a panic fails its call only", |inner| {
            altered(inner, panic_closes)
        }),
        service(
            "drops every handler when its client goes",
            "one-way handlers are never cancelled",
            |inner| altered(inner, ends_with_session),
        ),
        service("forgets cancel policies", "never means never", |inner| {
            let methods =
                inner.methods().iter().map(|method| with_policy(*method, CancelPolicy::Drop)).collect();
            Arc::new(Altered { methods, ..Altered::new(inner, call) })
        }),
        service("ignores that calls are given up", "a dropped call frees both sides", |inner| {
            altered(inner, never_dropped)
        }),
        service("runs handlers twice", "a handler runs once per call", |inner| altered(inner, twice)),
        service("runs one handler at a time", "answers come in any order", |inner| {
            altered(inner, one_at_a_time)
        }),
        saboteur(
            "admits one client after the other",
            "a slow connect hook delays nobody else",
            connect_hooks(ConnectHooks::InTurn),
        ),
        saboteur(
            "admits clients before the hook said so",
            "the connect hook precedes every call",
            connect_hooks(ConnectHooks::Late),
        ),
        saboteur(
            "tells other facts of a peer",
            "both sides know how they are connected",
            Sabotage { facts: other_facts, ..Sabotage::default() },
        ),
        saboteur(
            "takes a byte less than it says",
            "a message of exactly the limit is taken",
            Sabotage { limits: a_byte_less, ..Sabotage::default() },
        ),
        saboteur(
            "ignores its limits",
            "too many calls did not run",
            Sabotage { limits: without_limits, ..Sabotage::default() },
        ),
        saboteur(
            "runs no close hook",
            "one close hook per connect",
            Sabotage { close_hooks: 0, ..Sabotage::default() },
        ),
        saboteur(
            "runs the close hook twice",
            "one close hook per connect",
            Sabotage { close_hooks: 2, ..Sabotage::default() },
        ),
    ]
}

fn saboteur(name: &'static str, aims_at: &'static str, sabotage: Sabotage) -> Saboteur {
    Saboteur { sabotage, ..Saboteur::new(name, aims_at) }
}

fn service(name: &'static str, aims_at: &'static str, alter: Alter) -> Saboteur {
    saboteur(name, aims_at, Sabotage { service: Some(alter), ..Sabotage::default() })
}

fn connect_hooks(connect_hooks: ConnectHooks) -> Sabotage {
    Sabotage { connect_hooks, ..Sabotage::default() }
}

fn other_facts(peer: PeerInfo) -> PeerInfo {
    "other://elsewhere".parse().map_or(peer, PeerInfo::new)
}

fn a_byte_less(limits: Limits) -> Limits {
    let len = limits.max_message_len - 1;
    limits.with_max_message_len(len)
}

/// Limits so high that no case reaches them.
fn without_limits(limits: Limits) -> Limits {
    limits
        .with_max_in_flight(65_536)
        .with_max_message_len(1 << 30)
        .with_max_metadata_len(32_768)
        .with_max_metadata_entries(4096)
        .with_max_outbox_len(1 << 30)
        .with_max_outbox_messages(1 << 20)
        .with_max_event_buffer_len(1 << 30)
        .with_max_event_buffer_messages(1 << 20)
        .with_max_connections(10_000)
        .with_max_cancels_per_second(1 << 20)
        .with_handshake_timeout(Duration::from_secs(600))
        .with_write_timeout(Duration::from_secs(600))
        .with_ping_after(Duration::from_secs(600))
        .with_drain_timeout(Duration::from_secs(600))
}

/// A service whose calls go through `call`.
struct Altered {
    inner: Arc<dyn Service>,
    methods: Vec<MethodDescription>,
    call: Called,
    turn: Arc<Mutex<()>>,
}

/// How a call is made: the service, the method's index, and what the method is given.
type Called = fn(&Altered, usize, Context, Payload) -> Handling;

impl Altered {
    fn new(inner: Arc<dyn Service>, call: Called) -> Self {
        let methods = inner.methods().to_vec();
        Self { inner, methods, call, turn: Arc::default() }
    }
}

fn altered(inner: Arc<dyn Service>, call: Called) -> Arc<dyn Service> {
    Arc::new(Altered::new(inner, call))
}

impl std::fmt::Debug for Altered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Service for Altered {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn methods(&self) -> &[MethodDescription] {
        &self.methods
    }

    fn call(self: Arc<Self>, method: usize, context: Context, payload: Payload) -> Handling {
        (self.call)(&self, method, context, payload)
    }
}

fn with_policy(method: MethodDescription, policy: CancelPolicy) -> MethodDescription {
    MethodDescription { options: MethodOptions::new().with_cancel(policy), ..method }
}

fn call(altered: &Altered, method: usize, context: Context, payload: Payload) -> Handling {
    altered.inner.clone().call(method, context, payload)
}

fn panic_closes(altered: &Altered, method: usize, context: Context, payload: Payload) -> Handling {
    struct OnPanic(Context);
    impl Drop for OnPanic {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0.session().close(Close::new(CloseCode::LOST, "a handler panicked"));
            }
        }
    }
    let guard = OnPanic(context.clone());
    let mut handling = call(altered, method, context, payload);
    Box::pin(std::future::poll_fn(move |cx| {
        let _here = &guard;
        let _unwinds = OnPanic(guard.0.clone());
        handling.as_mut().poll(cx)
    }))
}

fn ends_with_session(altered: &Altered, method: usize, context: Context, payload: Payload) -> Handling {
    let session = context.session().clone();
    let handling = call(altered, method, context, payload);
    Box::pin(async move {
        tokio::select! {
            reply = handling => reply,
            _ = session.closed() => std::future::pending().await,
        }
    })
}

fn never_dropped(altered: &Altered, method: usize, context: Context, payload: Payload) -> Handling {
    // The service's own task outlives whatever happens to the call.
    let handling = tokio::spawn(call(altered, method, context, payload));
    Box::pin(async move {
        match handling.await {
            Ok(reply) => reply,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    })
}

fn twice(altered: &Altered, method: usize, context: Context, payload: Payload) -> Handling {
    let first = call(altered, method, context.clone(), payload.clone());
    let again = call(altered, method, context, payload);
    Box::pin(async move {
        drop(first.await);
        again.await
    })
}

fn one_at_a_time(altered: &Altered, method: usize, context: Context, payload: Payload) -> Handling {
    let turn = altered.turn.clone();
    let handling = call(altered, method, context, payload);
    Box::pin(async move {
        let _turn = turn.lock().await;
        handling.await
    })
}
