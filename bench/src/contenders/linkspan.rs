//! Linkspan, as an application uses it: a trait, a server, a generated stub, a list of notifications.

pub(super) mod fixed;

use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::quic::Quic;
use linkspan::tls::{DevelopmentCa, Tls};
use linkspan::{Blob, Client, Context, Events, Limits, Push, PushError, PushSink, Server, Session};

use super::certificate::CertificateFile;
use super::{
    Args, Caller, Notes, Outlet, Product, Publisher, Subscriber, Topic, checked_note, mixed, note_filler,
    note_text,
};
use crate::Failure;

/// The service of every load.
#[linkspan::service]
pub(super) trait Arith {
    /// Multiplies.
    async fn mul(&self, args: Args) -> Product;
    /// Gives back what it is given.
    async fn echo(&self, body: Blob) -> Blob;
    /// Gives back the text it is given: JSON has no bytes.
    async fn echo_text(&self, body: String) -> String;
    /// Tells the caller every note from now on.
    async fn subscribe(&self, cx: &Context);
    /// Publishes notes for ever.
    async fn flow(&self);
    /// Publishes one note.
    async fn step(&self) -> bool;
    /// Computes for 10 ms, where its connection is driven.
    async fn compute(&self) -> u64;
    /// The same if it is to, and nothing else.
    async fn compute_or(&self, nothing: bool) -> u64;
    /// As [`compute`](Self::compute), where it delays nobody.
    #[call(run = "spawn")]
    async fn compute_spawned(&self) -> u64;
    /// Computes so much, however long it takes, where its connection is driven.
    async fn mix(&self, seed: u64) -> u64;
    /// The same in a task of its own.
    #[call(run = "spawn")]
    async fn mix_spawned(&self, seed: u64) -> u64;
    /// The same on a thread of its own.
    #[call(run = "blocking")]
    async fn mix_blocking(&self, seed: u64) -> u64;
}

/// What subscribers are told.
#[linkspan::notifications]
pub(crate) trait Ticks {
    /// One note.
    fn tick(sequence: u64, filler: Blob);
    /// One note for those who have no bytes.
    fn text(sequence: u64, filler: String);
}

#[derive(Debug, Default)]
struct Calculator {
    topic: Topic<Session>,
}

impl Arith for Calculator {
    async fn mul(&self, args: Args) -> Product {
        args.multiply()
    }

    async fn echo(&self, body: Blob) -> Blob {
        body
    }

    async fn echo_text(&self, body: String) -> String {
        body
    }

    async fn subscribe(&self, cx: &Context) {
        self.topic.subscribe(cx.session().clone());
    }

    async fn flow(&self) {
        self.topic.flow();
    }

    async fn step(&self) -> bool {
        self.topic.step().await.is_ok()
    }

    async fn compute(&self) -> u64 {
        compute()
    }

    async fn compute_or(&self, nothing: bool) -> u64 {
        if nothing { 1 } else { compute() }
    }

    async fn compute_spawned(&self) -> u64 {
        compute()
    }

    async fn mix(&self, seed: u64) -> u64 {
        mixed(seed)
    }

    async fn mix_spawned(&self, seed: u64) -> u64 {
        mixed(seed)
    }

    async fn mix_blocking(&self, seed: u64) -> u64 {
        mixed(seed)
    }
}

/// Takes a processor for 10 ms. Returns how far it came.
fn compute() -> u64 {
    let begin = Instant::now();
    let mut steps = 0;
    while begin.elapsed() < COMPUTING {
        steps = std::hint::black_box(steps + 1);
    }
    steps
}

/// A note, as an application would push it.
#[derive(Debug)]
pub(crate) enum Note {
    /// To everyone of many: encoded once.
    Many(Push),
    /// To a single session: written where it is sent from.
    Single(u64),
}

impl Outlet for Session {
    type Note = Note;

    fn encode(&self, sequence: u64, subscribers: usize) -> Note {
        if subscribers == 1 {
            return Note::Single(sequence);
        }
        Note::Many(if self.codec() == JSON {
            TicksPush::text_push(sequence, note_text().to_owned())
        } else {
            TicksPush::tick_push(sequence, filler())
        })
    }

    async fn deliver(&self, note: &Note) -> Result<(), Failure> {
        let push = match note {
            Note::Many(push) => push,
            Note::Single(sequence) if self.codec() == JSON => {
                return Ok(TicksPush::new(self).text(*sequence, note_text().to_owned()).await?);
            }
            Note::Single(sequence) => return Ok(TicksPush::new(self).tick(*sequence, filler()).await?),
        };
        match self.try_push(push.clone()) {
            Err(refused) if refused.reason == PushError::Full => Ok(self.push(refused.push).await?),
            done => Ok(done?),
        }
    }
}

fn filler() -> Blob {
    Blob::from(Bytes::from_static(note_filler()))
}

/// The generated stub, and the client whose last clone closes the connection.
#[derive(Clone, Debug)]
pub(crate) struct Stub {
    client: Client,
    arith: ArithClient,
}

impl Stub {
    /// Has the server compute for 10 ms: declared `spawn`, or not declared.
    pub(crate) async fn compute(&self, spawned: bool) -> Result<u64, Failure> {
        Ok(if spawned { self.arith.compute_spawned().await? } else { self.arith.compute().await? })
    }

    /// Has the server compute for 10 ms by a method, not declared either, whose handlers were quick as often as it is trusted for, and again.
    pub(crate) async fn compute_rarely(&self) -> Result<u64, Failure> {
        for _ in 0..TRUSTED_AFTER {
            self.arith.compute_or(true).await?;
        }
        Ok(self.arith.compute_or(false).await?)
    }

    /// Has the server compute what [`mixed`] does.
    pub(crate) async fn mix(&self, seed: u64, run: Where) -> Result<u64, Failure> {
        Ok(match run {
            Where::InPlace => self.arith.mix(seed).await?,
            Where::Spawn => self.arith.mix_spawned(seed).await?,
            Where::Blocking => self.arith.mix_blocking(seed).await?,
        })
    }
}

/// Where a handler runs, as its method declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    Blocking,
    /// Nothing is declared.
    InPlace,
    Spawn,
}

impl Caller for Stub {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let client = Client::builder().limits(limits()).connect(address).await?;
        Ok(Self { arith: ArithClient::new(&client), client })
    }

    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        Ok(self.arith.mul(args).await?)
    }

    async fn echo(&self, body: Bytes) -> Result<Bytes, Failure> {
        if self.client.session().codec() == JSON {
            return Ok(self.arith.echo_text(String::from_utf8(body.into())?).await?.into());
        }
        Ok(self.arith.echo(Blob::from(body)).await?.into_bytes())
    }
}

impl Subscriber for Stub {
    type Notes = Events<TicksEvent>;
    type Publisher = Self;

    async fn subscribe(address: &str) -> Result<Self::Notes, Failure> {
        let stub = Self::connect(address).await?;
        let events = stub.client.events();
        stub.arith.subscribe().await?;
        Ok(events)
    }

    async fn publisher(address: &str) -> Result<Self, Failure> {
        Self::connect(address).await
    }
}

impl Notes for Events<TicksEvent> {
    async fn next(&mut self) -> Result<u64, Failure> {
        match Self::next(self).await.ok_or("the connection ended")?? {
            TicksEvent::Text { sequence, filler } => checked_note(sequence, filler.as_bytes()),
            TicksEvent::Tick { sequence, filler } => checked_note(sequence, &filler),
            other => Err(format!("no note but {other:?}").into()),
        }
    }
}

impl Publisher for Stub {
    async fn flow(&self) -> Result<(), Failure> {
        Ok(self.arith.flow().await?)
    }

    async fn step(&self) -> Result<(), Failure> {
        if self.arith.step().await? { Ok(()) } else { Err("the note was not published".into()) }
    }
}

pub(super) async fn serve(url: &str) -> Result<(), Failure> {
    let calculator = ArithServer::new(Calculator::default());
    let mut builder = Server::builder().service(calculator).limits(limits()).listen(url);
    let mut trusted = None;
    if url.starts_with("quic:") {
        let ca = DevelopmentCa::generate()?;
        trusted = Some(CertificateFile::write(&ca.ca_pem())?);
        let tls = Tls::new().with_identity(ca.issue(&["127.0.0.1", "localhost"])?);
        builder = builder.transport(Quic::new().with_tls(tls));
    }
    let server = builder.start().await?;
    for endpoint in server.endpoints() {
        // The client trusts what the address names.
        let with_ca = trusted.as_ref().map(|file| endpoint.clone().with_option("ca", &file.path()));
        println!("{}", with_ca.as_ref().unwrap_or(endpoint));
    }
    server.stopped().await;
    Ok(())
}

/// `endpoint` for a client that speaks `codec`.
pub(crate) fn with_codec(endpoint: &str, codec: &str) -> String {
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}codec={codec}")
}

/// The defaults, but for bodies of 4 MiB and their length, and for a reader that may fall behind without a gap.
fn limits() -> Limits {
    Limits::default()
        .with_max_message_len(8 * 1024 * 1024)
        .with_max_event_buffer_messages(EVENTS)
        .with_max_event_buffer_len(EVENTS * 256)
}

const JSON: &str = "json";
/// Handlers of a method after which it is taken for quick, and more.
const TRUSTED_AFTER: usize = 300;
/// What a handler that computes takes.
const COMPUTING: Duration = Duration::from_millis(10);
/// Notes that a subscriber of ours may be behind: more than come in any run.
const EVENTS: usize = 1 << 22;
