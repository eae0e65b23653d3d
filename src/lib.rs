//! Write a service once as a Rust trait; call it, and push to its clients, over TCP, WebSocket, QUIC or any transport
//! you plug in.
//!
//! ```
//! use linkspan::{Client, Server};
//!
//! #[linkspan::service]
//! trait Greeter {
//!     async fn hello(&self, name: String) -> String;
//! }
//!
//! struct Polite;
//!
//! impl Greeter for Polite {
//!     async fn hello(&self, name: String) -> String {
//!         format!("Hello, {name}!")
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder()
//!     .service(GreeterServer::new(Polite))
//!     .listen("tcp://127.0.0.1:0") // port 0 picks a free one
//!     .start()
//!     .await?;
//!
//! for endpoint in server.endpoints() {
//!     let client = Client::connect(&endpoint.to_string()).await?;
//!     let greeter = GreeterClient::new(&client);
//!     assert_eq!(greeter.hello("world".to_owned()).await?, "Hello, world!");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! | you want to | look at |
//! |---|---|
//! | say what a server does | [`macro@service`] on a trait, with every option by example |
//! | say what a server tells its clients | [`macro@notifications`] on a trait |
//! | serve | [`Server::builder`](stack::Server::builder), and what it takes: services, endpoints, hooks, layers, [`Limits`] |
//! | know who calls, with which headers, until when | [`Context`], the second argument of a method |
//! | call | [`Client::connect`](stack::Client::connect), then the stub that `#[service]` made; a call is a future: [`Call`] |
//! | know why a call brought no value | [`CallError`]: the method's own error, or a [`Status`] that says whether the handler [`Ran`] |
//! | push to a client | [`Session`], at the server, from any task; it is a [`PushSink`] |
//! | read what is pushed | [`Client::events`](stack::Client::events) for a trait, [`Client::notifications`](stack::Client::notifications) for the rest; a [`Gap`] says what is missing |
//! | choose road and codec | the URL: [`Endpoint`]; `?codec=json` |
//! | know why a connection ended | [`Close`], whose code has a [`Verdict`] |
//! | carry it over something new | [`Transport`], and the guide *write a transport* |
//! | write values in another format | [`Codec`], and the guide *write a codec* |
//!
//! # One trait, many roads
//!
//! Types stop at the edge: the code that `#[service]` generates encodes values, and below it only bytes move. So nothing of
//! yours is generic over codec or road. [`Client`] and [`Server`] are built with the [`Standard`] stack, which has every codec
//! and every transport that the crate's features enable: `memory` (`mem://`), `tcp` (`tcp://`, `unix://`), `websocket` (`ws://`),
//! `quic` (`quic://`) and `tls` (`tls://`, `wss://`), all on by default; [`Standard::transports_with`] gives certificates to those
//! that encrypt. Applications with codecs of their own name a [`Stack`] and use [`stack`].
//!
//! # Promises
//!
//! A call has exactly one outcome. Dropping it cancels it at the server. Pushes to a session arrive in order, each once, and a
//! response never overtakes a push that its handler made. What is lost is said, in its place. Every queue and wait is bounded
//! by [`Limits`]. The README lists them all; each is a case of the conformance kit, which runs them on every road in every
//! codec.

#[cfg(feature = "config")]
pub mod config;
mod standard;

pub use linkspan_core::{
    Arrival, Backoff, Batch, Blob, Body, BodyCodec, BoxError, Call, CallError, CallRequest, CallResponse,
    Calls, Capabilities, Close, CloseCode, Code, Codec, CodecIndex, CodecSet, Context, Credentials, Decode,
    DecodeBy, DecodeLimits, DepthLimited, Encode, EncodeBy, Encoded, Endpoint, Error, ErrorKind, Events,
    Frame, Gap, GapReason, Inbox, Lane, Limits, Link, Listener, MAX_DEPTH, Metadata, Notification,
    Notifications, OneWayCall, PeerInfo, Pipe, Push, PushError, PushSink, Pushing, RAW, Ran, Reach, Refused,
    Reply, Response, Selection, Session, SessionId, Sessions, Stack, Status, TlsIdentity, TlsInfo, Transport,
    Transports, UpgradeHeaders, UpgradeInfo, Verdict, WriteBody, async_trait, frame,
};
pub use linkspan_core::{settings, typed};
pub use linkspan_json::Json;
/// What a server pushes whenever it likes, and its clients receive as events: a trait that lists it.
///
/// ```
/// use linkspan::{Client, PushError, Server};
/// # #[linkspan::service]
/// # trait Shop {
/// #     async fn sync(&self);
/// # }
/// # struct Open;
/// # impl Shop for Open {
/// #     async fn sync(&self) {}
/// # }
///
/// #[linkspan::notifications(name = "shop.Stock")] // on the wire; by default the trait's name
/// pub trait Stock {
///     /// Arguments are owned and have names, which the event's fields have too.
///     fn changed(article: String, left: u32);
///     fn sold_out();
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server =
/// #     Server::builder().service(ShopServer::new(Open)).listen("mem://stock").start().await?;
/// # let client = Client::connect("mem://stock").await?;
/// // At the server: any task that has a session, or any other sink.
/// for session in server.sessions().iter() {
///     let stock = StockPush::new(&session);
///     stock.changed("pear".to_owned(), 3).await?; // waits while the outbox is full
///     if let Err(refused) = stock.try_sold_out() { // hands the push back instead
///         assert_eq!(refused.reason, PushError::Full);
///     }
/// }
/// // Or the push alone, to hand to many: it is encoded once per codec.
/// let changed = StockPush::changed_push("plum".to_owned(), 1);
/// assert_eq!(changed.path(), "shop.Stock/Changed");
///
/// // At the client.
/// let mut events: StockEvents = client.events::<StockEvent>();
/// while let Some(event) = events.next().await {
///     match event? {
///         StockEvent::Changed { article, left } => {
///             assert_eq!((article.as_str(), left), ("pear", 3));
///         }
///         StockEvent::SoldOut => break,
///         StockEvent::Gap(gap) => panic!("{} are missing: {:?}", gap.count, gap.reason),
///         StockEvent::Unknown(newer) => println!("a newer server pushes {}", newer.path()),
///         _ => {} // the enum may grow
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// `stack = …` names the codecs that pushes of this list are encoded in, for applications with a [`Stack`] of their own:
///
/// ```
/// type JsonOnly = (linkspan::Json,); // a tuple of codecs is a stack without transports
///
/// #[linkspan::notifications(stack = JsonOnly)]
/// trait Ticks {
///     fn tick(n: u64);
/// }
///
/// let (bytes, _) = TicksPush::tick_push(7).body().bytes("json")?;
/// assert_eq!(bytes, "7"); // one argument travels as itself
/// assert!(TicksPush::tick_push(7).body().bytes("postcard").is_err());
/// # Ok::<(), linkspan::Error>(())
/// ```
pub use linkspan_macros::notifications;
/// What a server does and a client calls: a trait.
///
/// ```
/// use std::time::Duration;
///
/// use linkspan::{CallError, Client, Context, Metadata, Server};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// pub struct OutOfStock;
///
/// #[linkspan::service(name = "shop.Cart")] // on the wire; by default the trait's name
/// pub trait Cart {
///     /// `&Context` tells who calls. A `Result` brings the method's own error, typed.
///     async fn add(&self, cx: &Context, item: String, count: u32) -> Result<u32, OutOfStock>;
///
///     /// Any other answer cannot fail in the application. With a body it is a default method.
///     async fn currency(&self) -> String {
///         "EUR".to_owned()
///     }
///
///     /// `shop.Cart/Pay` on the wire, not `PayAll`. A caller who gives up does not stop it.
///     #[call(name = "Pay", cancel = "never")]
///     async fn pay_all(&self) -> u64;
///
///     /// A caller who gives up sets the context's token, and the handler decides.
///     #[call(cancel = "token")]
///     async fn wait_for_offer(&self, cx: &Context) -> bool;
///
///     /// Never answered, and never cancelled.
///     #[call(one_way)]
///     async fn seen(&self, article: String);
/// }
///
/// struct Basket;
///
/// impl Cart for Basket {
///     async fn add(&self, cx: &Context, item: String, count: u32) -> Result<u32, OutOfStock> {
///         cx.add_response_metadata("served-by", "basket-1");
///         if item == "pear" { Ok(count) } else { Err(OutOfStock) }
///     }
///
///     async fn pay_all(&self) -> u64 {
///         1200
///     }
///
///     async fn wait_for_offer(&self, cx: &Context) -> bool {
///         cx.cancelled().await;
///         false
///     }
///
///     async fn seen(&self, _article: String) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder()
///     .service(CartServer::new(Basket))
///     .listen("mem://cart")
///     .start()
///     .await?;
/// let client = Client::connect("mem://cart").await?;
/// let cart = CartClient::new(&client); // cheap to clone; clones share the connection
///
/// assert_eq!(cart.currency().await?, "EUR");
/// assert_eq!(cart.pay_all().await?, 1200);
/// let answer = cart.add("plum".to_owned(), 1).await;
/// assert_eq!(answer, Err(CallError::Application(OutOfStock)));
/// cart.seen("pear".to_owned()).await?; // ready once it is queued
///
/// // A call is a future with settings: headers, a timeout, and headers of the answer.
/// let call = cart.add("pear".to_owned(), 2).with_metadata(Metadata::new().with("trace", "a1"));
/// let response = call.with_timeout(Duration::from_secs(5)).into_response().await;
/// let response = response.map_err(|error| format!("{error:?}"))?;
/// assert_eq!((response.value, response.metadata.text("served-by")), (2, Some("basket-1")));
///
/// // Dropping it cancels it: here after a while, elsewhere in a `select!`.
/// let offer = tokio::time::timeout(Duration::from_millis(10), cart.wait_for_offer()).await;
/// assert!(offer.is_err(), "nobody made one");
/// # server.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// A crate that hands the framework on under a name of its own says where it is found; so do lists of notifications:
///
/// ```
/// mod kit {
///     pub use linkspan::*;
/// }
///
/// #[kit::service(crate = kit)]
/// trait Ping {
///     async fn ping(&self);
/// }
/// ```
pub use linkspan_macros::service;
#[cfg(feature = "memory")]
#[doc(inline)]
pub use linkspan_memory as memory;
pub use linkspan_messagepack::MessagePack;
pub use linkspan_postcard::Postcard;
#[cfg(feature = "quic")]
#[doc(inline)]
pub use linkspan_quic as quic;
#[cfg(feature = "tcp")]
#[doc(inline)]
pub use linkspan_tcp as tcp;
#[cfg(feature = "tls")]
#[doc(inline)]
pub use linkspan_tls as tls;
#[cfg(feature = "websocket")]
#[doc(inline)]
pub use linkspan_websocket as websocket;
pub use standard::Standard;

/// A client built with the [`Standard`] stack; [its methods](stack::Client).
pub type Client = linkspan_core::Client<Standard>;
/// Settings of a [`Client`]; [its methods](stack::ClientBuilder).
pub type ClientBuilder = linkspan_core::ClientBuilder<Standard>;
/// A server built with the [`Standard`] stack; [its methods](stack::Server).
pub type Server = linkspan_core::Server<Standard>;
/// Settings of a [`Server`]; [its methods](stack::ServerBuilder).
pub type ServerBuilder = linkspan_core::ServerBuilder<Standard>;

pub mod stack {
    //! Clients and servers for applications with a [`Stack`](crate::Stack) of their own: other codecs, or transports that
    //! every builder knows.
    //!
    //! ```
    //! use std::sync::Arc;
    //!
    //! use linkspan::memory::Memory;
    //! use linkspan::{Json, Postcard, Stack, Transports, stack};
    //!
    //! /// Postcard preferred to JSON, and nothing but memory beneath.
    //! struct Small;
    //!
    //! impl Stack for Small {
    //!     type Codecs = (Postcard, Json);
    //!
    //!     fn transports() -> Transports {
    //!         let mut transports = Transports::new();
    //!         transports.register(Arc::new(Memory::new()));
    //!         transports
    //!     }
    //! }
    //!
    //! // Named once, they are written as those of the usual stack are.
    //! type Client = stack::Client<Small>;
    //! type Server = stack::Server<Small>;
    //!
    //! #[linkspan::service]
    //! trait Ping {
    //!     async fn ping(&self) -> u32;
    //! }
    //!
    //! struct Pong;
    //!
    //! impl Ping for Pong {
    //!     async fn ping(&self) -> u32 {
    //!         7
    //!     }
    //! }
    //!
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    //! let server =
    //!     Server::builder().service(PingServer::new(Pong)).listen("mem://small").start().await?;
    //! let client = Client::connect("mem://small").await?;
    //! assert_eq!(PingClient::new(&client).ping().await?, 7);
    //! assert_eq!(client.session().codec(), "postcard");
    //! # server.shutdown().await;
    //! # Ok(())
    //! # }
    //! ```

    pub use linkspan_core::{Client, ClientBuilder, Server, ServerBuilder};
}

/// The README's quickstart, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The guides' code, compiled and run.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../docs/guide/codec.md")]
    struct Codec;

    #[cfg(feature = "config")]
    #[doc = include_str!("../docs/guide/configuration.md")]
    struct Configuration;

    #[doc = include_str!("../docs/guide/transport.md")]
    struct Transport;
}
