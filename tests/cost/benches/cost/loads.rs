//! What is measured: the same work over any road, by an application that allocates nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use linkspan::{Blob, Client, Events, Push, PushSink, Server, Session};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::select;
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;

use crate::Road;

/// Why a measurement failed.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Callers of small calls.
const IN_FLIGHT: usize = 64;
/// Callers of echoes.
const ECHOES_IN_FLIGHT: usize = 16;
/// Bytes of an echo.
const ECHO_LEN: usize = 16 * 1024;
/// Notes or one-way calls that are sent before their receiver must have seen them all.
const BURST: usize = 64;
/// Sessions of a broadcast, and notes to each in one burst.
const SESSIONS: usize = 100;
const BROADCASTS: usize = 8;

/// One kind of work. Each has a unit, by which it is counted: a call, or a note that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Notes to [`SESSIONS`] sessions, each note encoded once.
    Broadcast,
    /// Calls that carry [`ECHO_LEN`] bytes there and back.
    Echo,
    /// Calls that nobody answers.
    OneWay,
    /// Notes to one session.
    Push,
    /// Small calls, [`IN_FLIGHT`] at once, with the default deadline.
    Unary,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Args {
    a: i64,
    b: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    c: i64,
}

#[linkspan::service]
pub(crate) trait Arith {
    async fn mul(&self, args: Args) -> Product;
    async fn echo(&self, body: Blob) -> Blob;
    #[call(one_way)]
    async fn tell(&self, args: Args);
}

#[linkspan::notifications]
pub(crate) trait Ticks {
    fn tick(n: u64);
}

#[derive(Debug)]
struct Calculator {
    told: Arc<Heard>,
}

impl Arith for Calculator {
    async fn mul(&self, args: Args) -> Product {
        Product { c: args.a.wrapping_mul(args.b) }
    }

    async fn echo(&self, body: Blob) -> Blob {
        body
    }

    async fn tell(&self, _args: Args) {
        self.told.one();
    }
}

/// A load that is set up: its tasks wait at the gate.
#[derive(Debug)]
pub(crate) struct Play {
    gate: Arc<Gate>,
    tasks: JoinSet<Result<(), Failure>>,
    /// Dropped last: they close the connections.
    _clients: Vec<Client>,
    _server: Server,
}

impl Load {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::Echo => "echo",
            Self::OneWay => "one-way",
            Self::Push => "push",
            Self::Unary => "unary",
        }
    }

    /// Units come in multiples of this.
    pub(crate) fn multiple(self) -> usize {
        match self {
            Self::Broadcast => SESSIONS * BROADCASTS,
            Self::OneWay | Self::Push => BURST,
            Self::Echo | Self::Unary => 1,
        }
    }

    /// Starts a server and its clients, each among the tasks of its runtime.
    pub(crate) async fn play(self, scheme: &str, server: &Handle, client: &Handle) -> Result<Play, Failure> {
        let heard = Arc::new(Heard::new(self.multiple()));
        let road = Road::new(scheme, &format!("cost-{}", self.name()));
        let calculator = Calculator { told: Arc::clone(&heard) };
        let builder = road.server().service(ArithServer::new(calculator));
        let running = server.spawn(builder.start()).await??;

        let url = running.endpoints().first().ok_or("no endpoint")?.clone().with_option("codec", "postcard");
        let mut clients = Vec::new();
        for _ in 0..if self == Self::Broadcast { SESSIONS } else { 1 } {
            let (builder, url) = (road.client(), url.to_string());
            clients.push(client.spawn(async move { builder.connect(&url).await }).await??);
        }
        let first = clients.first().ok_or("no client")?;

        let mut tasks = JoinSet::new();
        let parties = match self {
            Self::Echo => ECHOES_IN_FLIGHT,
            Self::Unary => IN_FLIGHT,
            Self::Broadcast | Self::OneWay | Self::Push => 1,
        };
        let gate = Arc::new(Gate::new(parties));
        match self {
            Self::Unary => {
                for number in (0..).take(IN_FLIGHT) {
                    tasks.spawn_on(multiply(Arc::clone(&gate), ArithClient::new(first), number), client);
                }
            }
            Self::Echo => {
                let body = Blob::from(vec![7; ECHO_LEN]);
                for _ in 0..ECHOES_IN_FLIGHT {
                    tasks.spawn_on(echo(Arc::clone(&gate), ArithClient::new(first), body.clone()), client);
                }
            }
            Self::OneWay => {
                tasks.spawn_on(tell(Arc::clone(&gate), ArithClient::new(first), heard), client);
            }
            Self::Push | Self::Broadcast => {
                for client_of_it in &clients {
                    tasks.spawn_on(listen(client_of_it.events(), Arc::clone(&heard)), client);
                }
                let sessions = running.sessions().iter().collect();
                tasks.spawn_on(tick(Arc::clone(&gate), sessions, heard), server);
            }
        }
        Ok(Play { gate, tasks, _clients: clients, _server: running })
    }
}

impl Play {
    /// Lets the tasks do exactly `units` of work, and waits until it is done.
    pub(crate) async fn window(&mut self, units: usize) -> Result<(), Failure> {
        select! {
            biased;
            () = self.gate.pass(units) => Ok(()),
            ended = self.tasks.join_next() => match ended.ok_or("no task")?? {
                Err(failure) => Err(failure),
                Ok(()) => Err("a task ended".into()),
            },
        }
    }
}

async fn multiply(gate: Arc<Gate>, arith: ArithClient, number: i64) -> Result<(), Failure> {
    loop {
        gate.opened().await;
        while gate.take(1) {
            let product = arith.mul(Args { a: number, b: 7 }).await?;
            if product != (Product { c: number * 7 }) {
                return Err(format!("{number} * 7 is not {product:?}").into());
            }
        }
        gate.opened().await;
    }
}

async fn echo(gate: Arc<Gate>, arith: ArithClient, body: Blob) -> Result<(), Failure> {
    loop {
        gate.opened().await;
        while gate.take(1) {
            if arith.echo(body.clone()).await? != body {
                return Err("the echo is another".into());
            }
        }
        gate.opened().await;
    }
}

async fn tell(gate: Arc<Gate>, arith: ArithClient, heard: Arc<Heard>) -> Result<(), Failure> {
    loop {
        gate.opened().await;
        while gate.take(BURST) {
            for number in (0..).take(BURST) {
                arith.tell(Args { a: number, b: 7 }).await?;
            }
            heard.all().await;
        }
        gate.opened().await;
    }
}

async fn tick(gate: Arc<Gate>, sessions: Vec<Session>, heard: Arc<Heard>) -> Result<(), Failure> {
    let (notes, all) = match sessions.len() {
        1 => (BURST, BURST),
        many => (BROADCASTS, BROADCASTS * many),
    };
    let mut number = 0;
    loop {
        gate.opened().await;
        while gate.take(all) {
            for _ in 0..notes {
                match sessions.as_slice() {
                    [one] => TicksPush::new(one).tick(number).await?,
                    many => broadcast(many, TicksPush::tick_push(number)).await?,
                }
                number += 1;
            }
            heard.all().await;
        }
        gate.opened().await;
    }
}

async fn broadcast(sessions: &[Session], push: Push) -> Result<(), Failure> {
    for session in sessions {
        session.push(push.clone()).await?;
    }
    Ok(())
}

async fn listen(mut events: Events<TicksEvent>, heard: Arc<Heard>) -> Result<(), Failure> {
    for expected in 0.. {
        match events.next().await.ok_or("the connection ended")?? {
            TicksEvent::Tick { n } if n == expected => heard.one(),
            other => return Err(format!("{other:?} in place of {expected}").into()),
        }
    }
    Ok(())
}

/// Where tasks wait for the next window and share out its units. Passing it allocates nothing.
#[derive(Debug)]
struct Gate {
    barrier: Barrier,
    left: AtomicUsize,
}

impl Gate {
    fn new(parties: usize) -> Self {
        Self { barrier: Barrier::new(parties + 1), left: AtomicUsize::new(0) }
    }

    async fn opened(&self) {
        self.barrier.wait().await;
    }

    fn take(&self, units: usize) -> bool {
        let less = |left: usize| left.checked_sub(units);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    async fn pass(&self, units: usize) {
        self.left.store(units, Ordering::Relaxed);
        self.opened().await;
        self.opened().await;
    }
}

/// Tells a sender when a whole burst has arrived.
#[derive(Debug)]
struct Heard {
    burst: usize,
    count: AtomicUsize,
    all: Notify,
}

impl Heard {
    fn new(burst: usize) -> Self {
        Self { burst, count: AtomicUsize::new(0), all: Notify::new() }
    }

    fn one(&self) {
        if (self.count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.burst) {
            self.all.notify_one();
        }
    }

    async fn all(&self) {
        self.all.notified().await;
    }
}
