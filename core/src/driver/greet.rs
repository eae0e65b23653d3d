//! The exchange of hellos, before a session exists.

use std::future::poll_fn;
use std::task::Poll;

use tokio::time::timeout_at;

use crate::clock::now;
use crate::connection::{Connection, Events, Opened, close_for};
use crate::transport::Pipe;
use crate::{Batch, Close, CloseCode, Error, ErrorKind, Inbox};

/// What greeting brought: the peer's hello, and what came with it.
pub(crate) struct Greeted {
    pub(crate) opened: Opened,
    pub(crate) events: Events,
}

/// Why greeting failed.
pub(crate) struct Ungreeted {
    /// As the peer said it, or as it is to be told.
    pub(crate) close: Close,
    /// What the link said, if it failed.
    pub(crate) error: Option<Error>,
}

impl From<Close> for Ungreeted {
    fn from(close: Close) -> Self {
        Self { close, error: None }
    }
}

/// Sends what waits and reads until the peer's hello is there. Bounded by the handshake deadline.
///
/// # Errors
/// The close that ended it.
pub(crate) async fn greet(pipe: &mut dyn Pipe, connection: &mut Connection) -> Result<Greeted, Ungreeted> {
    let mut batch = Batch::new();
    let mut inbox = Inbox::new();
    let mut events = Events::default();
    let deadline = connection.handshake_deadline().unwrap_or_else(now);
    let greeting = poll_fn(|cx| {
        loop {
            // Before its close is taken: whoever refuses sends it, and waits until the link takes it.
            if let Some(close) = connection.closed() {
                return Poll::Ready(Err(close.clone().into()));
            }
            connection.poll_batch(&mut batch);
            if let Poll::Ready(Err(error)) = pipe.poll_send(cx, &mut batch) {
                return Poll::Ready(Err(lost(error)));
            }
            if let Some(opened) = events.opened.take() {
                events.requests.iter_mut().for_each(|request| request.detach(&inbox));
                return Poll::Ready(Ok(*opened));
            }
            match pipe.poll_recv(cx, &mut inbox) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(true)) => {
                    if let Err(error) = connection.handle_inbox(now(), &mut inbox, &mut events) {
                        connection.close(close_for(&error), &mut events);
                    }
                }
                Poll::Ready(Ok(false)) => {
                    return Poll::Ready(Err(Close::new(
                        CloseCode::LOST,
                        "peer ended the link before its hello",
                    )
                    .into()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(lost(error))),
            }
        }
    });
    let greeted = timeout_at(deadline.into(), greeting).await;
    match greeted {
        Ok(Ok(opened)) => Ok(Greeted { opened, events }),
        Ok(Err(ungreeted)) => Err(ungreeted),
        Err(_) => Err(Close::new(CloseCode::TIMEOUT, "handshake took longer than handshake_timeout").into()),
    }
}

fn lost(error: Error) -> Ungreeted {
    let close = match error.kind() {
        ErrorKind::Closed => Close::new(CloseCode::LOST, error.to_string()),
        _ => close_for(&error),
    };
    Ungreeted { close, error: Some(error) }
}
