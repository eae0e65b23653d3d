//! Deep values between a server and its clients, over a socket: each fails alone.

use std::time::Duration;

use linkspan::typed::Client as ClientOf;
use linkspan::{
    CallError, Client, Code, CodecSet, Context, Endpoint, ErrorKind, Limits, Push, PushSink, Ran, Server,
    Stack, Standard,
};
use tokio::time::timeout;

use crate::hostile::{Hostile, Raw};
use crate::shapes::{FITS, LISTS, List, TOO_DEEP};

/// What both sides agree on.
#[linkspan::service]
pub(crate) trait Nesting {
    /// The levels of `list`.
    async fn depth(&self, list: List) -> u32;
    /// How many units there are.
    async fn count(&self, units: Vec<()>) -> usize;
    /// A list of so many levels, or an error of so many.
    async fn nested(&self, depth: u32, fails: u32) -> Result<List, List>;
}

/// What the server says unasked.
#[linkspan::notifications]
pub(crate) trait News {
    /// A list.
    fn heard(list: List);
}

/// An honest implementation.
#[derive(Debug)]
pub(crate) struct Levels;

impl Nesting for Levels {
    async fn depth(&self, list: List) -> u32 {
        levels(&list)
    }

    async fn count(&self, units: Vec<()>) -> usize {
        units.len()
    }

    async fn nested(&self, depth: u32, fails: u32) -> Result<List, List> {
        if fails == 0 { Ok(list(depth)) } else { Err(list(depth)) }
    }
}

/// The side of [`Nesting`] that sends what it likes as a list.
#[linkspan::service(name = "Nesting")]
trait Attack {
    async fn depth(&self, list: Raw) -> u32;
}

/// The side that answers what it likes.
#[linkspan::service(name = "Lies")]
trait Lies {
    async fn tell(&self, cx: &Context, depth: u32) -> Raw;
    async fn fail(&self, cx: &Context, depth: u32) -> Result<Raw, Raw>;
    async fn push(&self, cx: &Context, depth: u32) -> Raw;
}

/// The side that believes it.
#[linkspan::service(name = "Lies")]
trait Told {
    async fn tell(&self, depth: u32) -> List;
    async fn fail(&self, depth: u32) -> Result<List, List>;
    async fn push(&self, depth: u32) -> List;
}

#[derive(Debug)]
struct Liar;

impl Liar {
    fn bytes(cx: &Context, depth: u32) -> Raw {
        let encoding = LISTS.into_iter().find(|encoding| encoding.codec == cx.session().codec()).unwrap();
        Raw(encoding.at(usize::try_from(depth).unwrap()))
    }
}

impl Lies for Liar {
    async fn tell(&self, cx: &Context, depth: u32) -> Raw {
        Self::bytes(cx, depth)
    }

    async fn fail(&self, cx: &Context, depth: u32) -> Result<Raw, Raw> {
        Err(Self::bytes(cx, depth))
    }

    async fn push(&self, cx: &Context, depth: u32) -> Raw {
        let push = Push::typed::<<Hostile as Stack>::Codecs, _>("News/Heard", Self::bytes(cx, depth));
        cx.session().push(push).await.unwrap();
        Self::bytes(cx, 1)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_arguments_fail_their_call_and_disturb_nobody() {
    within_patience(async {
        let server =
            Server::builder().service(NestingServer::new(Levels)).listen(ANYWHERE).start().await.unwrap();
        let healthy = connect(&server.endpoints()[0], "json").await;
        for encoding in LISTS {
            let url = server.endpoints()[0].clone().with_option("codec", encoding.codec).to_string();
            let attacker = ClientOf::<Hostile>::builder().connect(&url).await.unwrap();
            for depth in FITS.into_iter().chain(TOO_DEEP).chain(FITS) {
                let answer = AttackClient::new(&attacker).depth(Raw(encoding.at(depth))).await;
                if depth <= 64 {
                    assert_eq!(answer, Ok(u32::try_from(depth).unwrap()), "{}", encoding.codec);
                } else {
                    let status = status(answer);
                    assert_eq!((status.code(), status.ran()), (Code::InvalidArgument, Ran::No), "{status}");
                    assert!(status.message().contains("nested deeper than 64 levels"), "{status}");
                }
                assert_eq!(NestingClient::new(&healthy).depth(list(3)).await, Ok(3), "{}", encoding.codec);
            }
        }
        server.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_answers_errors_and_notifications_fail_alone() {
    within_patience(async {
        let server = linkspan_core::Server::<Hostile>::builder()
            .service(LiesServer::new(Liar))
            .listen(ANYWHERE)
            .start()
            .await
            .unwrap();
        for codec in <Standard as Stack>::Codecs::NAMES {
            let client = connect(&server.endpoints()[0], codec).await;
            let told = ToldClient::new(&client);
            let mut events = client.events::<NewsEvent>();
            for depth in FITS.into_iter().chain(TOO_DEEP).chain(FITS) {
                let depth = u32::try_from(depth).unwrap();
                let (answer, error) = (told.tell(depth).await, told.fail(depth).await);
                told.push(depth).await.unwrap();
                let event = events.next().await.unwrap();
                if depth <= 64 {
                    assert_eq!(levels(&answer.unwrap()), depth, "{codec}");
                    assert!(matches!(error, Err(CallError::Application(error)) if levels(&error) == depth));
                    assert!(matches!(event, Ok(NewsEvent::Heard { list }) if levels(&list) == depth));
                } else {
                    for status in [status(answer), status(error)] {
                        assert_eq!((status.code(), status.ran()), (Code::Internal, Ran::Yes), "{status}");
                        assert!(status.message().contains("nested deeper than 64 levels"), "{status}");
                    }
                    assert_eq!(event.map(drop).unwrap_err().kind(), ErrorKind::Decode, "{codec}");
                }
            }
        }
        server.shutdown().await;
    })
    .await;
}

/// A list of `depth` levels.
pub(crate) fn list(depth: u32) -> List {
    (1..depth).fold(List::default(), |inner, _| List(vec![inner]))
}

/// The levels of `list`.
pub(crate) fn levels(list: &List) -> u32 {
    1 + list.0.iter().map(levels).max().unwrap_or(0)
}

pub(crate) async fn connect(endpoint: &Endpoint, codec: &str) -> Client {
    connect_within(endpoint, codec, Limits::default()).await
}

pub(crate) async fn connect_within(endpoint: &Endpoint, codec: &str, limits: Limits) -> Client {
    let url = endpoint.clone().with_option("codec", codec).to_string();
    Client::builder().limits(limits).connect(&url).await.unwrap()
}

pub(crate) fn status<T: std::fmt::Debug, E: std::fmt::Debug>(
    answer: Result<T, CallError<E>>,
) -> linkspan::Status {
    match answer {
        Err(CallError::Status(status)) => status,
        other => panic!("{other:?} is no status"),
    }
}

pub(crate) async fn within_patience(test: impl Future<Output = ()>) {
    timeout(PATIENCE, test).await.unwrap();
}

/// A free port of this machine.
pub(crate) const ANYWHERE: &str = "tcp://127.0.0.1:0";
/// Longest a test waits.
const PATIENCE: Duration = Duration::from_secs(60);
