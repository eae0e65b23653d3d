//! What the foreign clients talk to: a service whose methods do one thing each, and remember that they did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use linkspan::{
    Blob, BodyCodec, Context, Encoded, Error, ErrorKind, Limits, Metadata, Push, PushSink, Server, Session,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

#[derive(Serialize, Deserialize)]
pub(crate) struct Args {
    a: i64,
    b: i64,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum ArithError {
    Overflow,
}

#[linkspan::service]
trait Arith {
    async fn mul(&self, args: Args) -> Result<i64, ArithError>;
}

/// A value of every shape that codecs know.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sample {
    text: String,
    least: i64,
    most: u64,
    ratio: f64,
    yes: bool,
    none: Option<u8>,
    some: Option<u8>,
    list: Vec<u8>,
    pair: (u8, String),
    map: BTreeMap<String, u8>,
    bytes: Blob,
    unit: Choice,
    newtype: Choice,
    record: Choice,
    several: Choice,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Choice {
    Idle,
    Moved { x: i8, y: i8 },
    Pair(u8, u8),
    Retry(u32),
}

/// What arrived of a large text.
#[derive(Serialize, Deserialize)]
pub(crate) struct Measured {
    len: usize,
    sum: u64,
}

#[linkspan::service]
trait Proof {
    async fn add(&self, a: i64, b: i64) -> i64;
    /// Answers only once `of` callers have come: the last first.
    async fn crowd(&self, number: u32, of: usize) -> u32;
    async fn echo(&self, sample: Sample) -> Sample;
    /// Never ends, unless released.
    async fn hang(&self, name: String);
    /// Sends all metadata back, and answers with the milliseconds until the deadline.
    async fn headers(&self, cx: &Context) -> u64;
    /// So much text, once so many callers want some.
    async fn large(&self, len: usize, together: usize) -> String;
    /// Shuts the server down.
    #[call(one_way)]
    async fn leave(&self);
    async fn measure(&self, text: String) -> Measured;
    #[call(one_way)]
    async fn note(&self, text: String);
    async fn nothing(&self);
    async fn panic(&self);
    /// Pushes so many ticks, and in their midst two pages of so many characters and one of each other kind.
    async fn push(&self, cx: &Context, count: u64, page: usize);
    #[call(one_way)]
    async fn release(&self);
    /// Answers once `what` has happened.
    async fn saw(&self, what: String);
}

#[linkspan::notifications]
trait Ticks {
    fn page(text: String);
    fn point(x: i32, y: i32);
    fn tick(n: u64);
}

/// What has happened at the server, for who waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<watch::Sender<BTreeSet<String>>>);

impl Seen {
    pub(crate) fn record(&self, what: impl Into<String>) {
        self.0.send_if_modified(|seen| seen.insert(what.into()));
    }

    pub(crate) async fn wait(&self, what: &str) {
        let mut seen = self.0.subscribe();
        seen.wait_for(|seen| seen.contains(what)).await.map(drop).unwrap();
    }

    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.0.borrow().clone()
    }
}

/// Records that a handler has ended, however it did.
struct Ending<'a>(&'a Seen, String);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.record(format!("ended {}", self.1));
    }
}

/// A caller's number, and what lets it go on.
type Waiting = (u32, oneshot::Sender<()>);

#[derive(Clone, Default)]
struct Host {
    crowd: Arc<Mutex<Vec<Waiting>>>,
    seen: Seen,
}

impl Host {
    /// Returns once `of` callers are here, to the one with the greatest number first.
    async fn gather(&self, number: u32, of: usize) {
        let (turn, mine) = oneshot::channel();
        let whole = {
            let mut crowd = self.crowd.lock().unwrap();
            crowd.push((number, turn));
            (crowd.len() == of).then(|| std::mem::take(&mut *crowd))
        };
        let mut whole = whole.unwrap_or_default();
        whole.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        for (_, turn) in whole {
            turn.send(()).unwrap();
        }
        mine.await.unwrap();
    }
}

impl Arith for Host {
    async fn mul(&self, args: Args) -> Result<i64, ArithError> {
        args.a.checked_mul(args.b).ok_or(ArithError::Overflow)
    }
}

impl Proof for Host {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn crowd(&self, number: u32, of: usize) -> u32 {
        self.gather(number, of).await;
        number
    }

    async fn echo(&self, sample: Sample) -> Sample {
        sample
    }

    async fn hang(&self, name: String) {
        self.seen.record(format!("began {name}"));
        let _ending = Ending(&self.seen, name);
        self.seen.wait("release").await;
    }

    async fn headers(&self, cx: &Context) -> u64 {
        for (key, value) in cx.metadata().iter() {
            cx.add_response_metadata(key, value);
        }
        let left = cx.deadline().unwrap() - now();
        left.as_millis().try_into().unwrap()
    }

    async fn large(&self, len: usize, together: usize) -> String {
        let text = text(len);
        self.gather(0, together).await;
        text
    }

    async fn leave(&self) {
        self.seen.record(LEAVE);
    }

    async fn measure(&self, text: String) -> Measured {
        Measured { len: text.len(), sum: text.bytes().map(u64::from).sum() }
    }

    async fn note(&self, text: String) {
        self.seen.record(format!("noted {}", text.chars().take(8).collect::<String>()));
    }

    async fn nothing(&self) {}

    async fn panic(&self) {
        // Without the panic hook: the panic is wanted, and its message would only hide others.
        std::panic::resume_unwind(Box::new("asked to"));
    }

    async fn push(&self, cx: &Context, count: u64, page: usize) {
        let ticks = TicksPush::new(cx.session());
        for n in 0..count {
            if n == count / 2 {
                for _ in 0..2 {
                    ticks.page(text(page)).await.unwrap();
                }
                ticks.point(1, 2).await.unwrap();
                let raw = Push::raw("Log", "Line", b"\x00raw\xff".as_slice());
                let raw = raw.with_metadata(Metadata::new().with("trace", "a1"));
                cx.session().push(raw).await.unwrap();
                cx.session().push(Push::new("Ticks/Other", Arc::new(Foreign))).await.unwrap();
            }
            ticks.tick(n).await.unwrap();
        }
    }

    async fn release(&self) {
        self.seen.record("release");
    }

    async fn saw(&self, what: String) {
        self.seen.wait(&what).await;
    }
}

/// A body in a codec that no client speaks.
#[derive(Debug)]
struct Foreign;

impl Encoded for Foreign {
    fn bytes(&self, codec: &str) -> Result<(Bytes, BodyCodec), Error> {
        Err(Error::new(ErrorKind::UnsupportedCodec, format!("not to be had in {codec}")))
    }
}

/// Starts to serve; what happens is told to `seen`.
pub(crate) async fn start(seen: &Seen) -> Server {
    // Many pings, and patience with a client that is slow to answer them.
    let limits = Limits::default().with_ping_after(Duration::from_millis(100)).with_max_missed_pings(100);
    let limits = limits.with_max_message_len(2 * LARGE);
    let (closing, host) = (seen.clone(), Host { seen: seen.clone(), ..Host::default() });
    Server::builder()
        .limits(limits)
        .service(ArithServer::new(host.clone()))
        .service(ProofServer::new(host))
        .on_connect(admit)
        .on_close(move |session, close| closing.record(format!("{} closed: {close}", session.agent())))
        .listen("ws://127.0.0.1:0")
        .start()
        .await
        .unwrap()
}

async fn admit(session: Session) -> Result<(), String> {
    if session.hello_metadata().get("token").is_some() {
        return Err("a wrong token".to_owned());
    }
    if session.hello_metadata().get("greet").is_some() {
        TicksPush::new(&session).tick(7).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a handler has no other clock to hold its deadline against")]
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// So much text that no two places of it look alike: 0, 1, 2, 3 …, written one behind the other.
fn text(len: usize) -> String {
    let mut text = String::new();
    for number in 0..len {
        if text.len() >= len {
            break;
        }
        text.push_str(&number.to_string());
    }
    text.truncate(len);
    text
}

/// What a handler records that wants the server to go away.
pub(crate) const LEAVE: &str = "leave";
const LARGE: usize = 1 << 20;
