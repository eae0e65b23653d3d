//! The attributes [`macro@service`] and [`macro@notifications`]: a Rust trait is the whole definition of a service or of
//! what is pushed to clients; what moves it over the wire is generated.
//!
//! Use them through the facade `linkspan`, which says by example what they do. Each attribute is read into a plain
//! model (`parse`), which the other files of its folder turn into items.

mod bounds;
mod errors;
mod naming;
mod notifications;
mod options;
mod payload;
mod service;
mod signature;

use proc_macro::TokenStream;

/// Makes a trait a service: what a server implements and a client calls.
///
/// On `trait Arith`, it keeps the trait, whose methods are written and implemented as plain `async fn` and whose futures
/// are `Send`, and generates
/// - `ArithServer<T>`, which wraps an implementation `T` for registration with a server;
/// - `ArithClient`, a cheap clone with a method per method, made by `ArithClient::new(&client)`.
///
/// # Methods
/// A method is `async`, takes `&self`, then `&Context` if it wants to know who calls, then owned arguments.
/// - One argument travels as itself, none as `()`, several as a struct with the names of the arguments.
/// - One that returns `Result<Reply, Fault>`, written with both types, has a fault of its own that crosses the wire
///   typed; one that returns anything else cannot fail in the application.
/// - A body makes it a default method.
///
/// `#[call(..)]` on a method changes how it is called:
///
/// | option | effect |
/// |---|---|
/// | `name = "Other"` | its name on the wire; by default the method's in UpperCamelCase |
/// | `one_way` | never answered and never cancelled; it returns nothing |
/// | `cancel = "drop"` | a caller who gives up drops the handler at its next await; the default |
/// | `cancel = "token"` | … only sets the cancellation token of the `Context` |
/// | `cancel = "never"` | … changes nothing for the handler: for methods that mutate |
/// | `run = "in_place"` | the handler runs where its connection is driven until it waits, then as a task; the default |
/// | `run = "spawn"` | … runs as a task from the beginning: for handlers that compute for milliseconds between awaits |
/// | `run = "blocking"` | … runs on a thread where it may block: for handlers that wait without `await` |
///
/// # Options
/// `#[service(name = "Arith")]` sets the service's name on the wire, by default the trait's. `crate = some::path` says
/// where the framework is found, by default `::linkspan`. Names are made of letters, digits, `_` and `.`.
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(options.into(), item.into()).into()
}

/// Makes a trait a list of notifications: what one side pushes, and the other receives as events.
///
/// A notification is a plain `fn` with owned arguments and without a return type; they travel as those of a method of a
/// service do. On `trait Ticks { fn tick(n: u64); }`, it takes the trait away and generates
/// - `TicksPush<P>`, which pushes into any `PushSink`: `tick(n)` waits for room, `try_tick(n)` does not, and
///   `TicksPush::tick_push(n)` only makes the push;
/// - `TicksEvent`, an enum with a variant per notification, and `Gap` and `Unknown` for what was lost and what this
///   version does not know;
/// - `TicksEvents`, the stream of those events at a client.
///
/// # Options
/// `#[notifications(name = "Ticks")]` sets the name on the wire, by default the trait's. `stack = some::Stack` sets the
/// codecs that `TicksPush` encodes with, by default the facade's `Standard`. `crate = some::path` says where the
/// framework is found, by default `::linkspan`.
#[proc_macro_attribute]
pub fn notifications(options: TokenStream, item: TokenStream) -> TokenStream {
    notifications::expand(options.into(), item.into()).into()
}
