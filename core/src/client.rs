//! The connecting side: calls out, notifications in.

mod backoff;
mod buffers;
mod builder;
mod call;
mod error;
mod events;
mod method;
mod one_way;

pub use backoff::Backoff;
pub use builder::ClientBuilder;
pub use call::{Call, CallResponse, Response};
pub use error::CallError;
pub use events::{Event, Events, Notifications};
pub use method::{Caller, Method, OneWayMethod};
pub use one_way::OneWayCall;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::{Close, CloseCode, Error, Session, Stack};
use buffers::Buffers;

/// A connection to a server. Cheap to clone; it closes when the last clone, stub and stream made of it is dropped.
///
/// A program that ends right afterwards should [`close`](Self::close) it and await [`closed`](Self::closed), so that the
/// server is told.
///
/// Make stubs from it (`ArithClient::new(&client)`), and read what the server pushes with
/// [`events`](Self::events) or [`notifications`](Self::notifications).
pub struct Client<K> {
    inner: Arc<Inner>,
    stack: PhantomData<fn() -> K>,
}

struct Inner {
    caller: Caller,
    buffers: Arc<Buffers>,
}

impl<K: Stack> Client<K> {
    /// Connects to `url` with the defaults, such as `tcp://127.0.0.1:7001` or `quic://localhost:7003?codec=postcard`.
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future abandons the attempt.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder().connect(url).await
    }

    /// A client with settings of one's own.
    pub fn builder() -> ClientBuilder<K> {
        ClientBuilder::new()
    }

    /// The notifications of one service, typed. Those that waited unread in [`notifications`](Self::notifications) move
    /// here.
    ///
    /// A second stream of the same service takes the place of the first, which then ends.
    pub fn events<E: Event<K>>(&self) -> Events<E> {
        Events::new::<K>(self.inner.buffers.subscribe(E::SERVICE), self.caller())
    }

    /// Every notification that no stream of [`events`](Self::events) takes, in order, as it came. Clones share the
    /// buffer.
    pub fn notifications(&self) -> Notifications {
        Notifications::new(self.inner.buffers.others(), self.caller())
    }

    /// The server at the other end.
    pub fn session(&self) -> &Session {
        self.inner.caller.session()
    }

    /// Calls methods by name, with encoded arguments; stubs are made of it.
    pub fn caller(&self) -> Caller {
        self.inner.caller.clone()
    }

    /// Closes the connection. Calls in flight end with a status; doing it again changes nothing.
    pub fn close(&self) {
        self.session().close(Close::new(CloseCode::NORMAL, "client closed"));
    }

    /// Waits for the end of the connection.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn closed(&self) -> Close {
        self.session().closed().await
    }
}

impl<K> Clone for Client<K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), stack: PhantomData }
    }
}

impl<K> fmt::Debug for Client<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(self.inner.caller.session()).finish()
    }
}
