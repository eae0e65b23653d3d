//! The last bytes of a connection.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::clock::now;
use crate::transport::Pipe;
use crate::{Batch, Error, Inbox};

/// Sends what `batch` holds.
pub(crate) async fn flush(pipe: &mut dyn Pipe, batch: &mut Batch) -> Result<(), Error> {
    poll_fn(|cx| pipe.poll_send(cx, batch)).await
}

/// Sends what `batch` holds for as long as the peer takes it: ends when all is out, when nothing was taken for
/// `patience`, or when the link failed.
///
/// What comes meanwhile is dropped: two sides that both send would else wait for each other.
pub(super) async fn flush_patiently(pipe: &mut dyn Pipe, batch: &mut Batch, patience: Duration) {
    let mut inbox = Inbox::new();
    let mut reads = true;
    let mut given_up = pin!(tokio::time::sleep(patience));
    poll_fn(|cx| {
        let before = batch.len();
        if pipe.poll_send(cx, batch).is_ready() {
            return Poll::Ready(());
        }
        if batch.take_progress() | (batch.len() < before) {
            given_up.as_mut().reset((now() + patience).into());
        }
        for _ in 0..ROUNDS {
            if !reads {
                break;
            }
            match pipe.poll_recv(cx, &mut inbox) {
                Poll::Pending => return given_up.as_mut().poll(cx),
                Poll::Ready(Ok(more)) => reads = more,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
        if reads {
            cx.waker().wake_by_ref();
        }
        given_up.as_mut().poll(cx)
    })
    .await;
}

/// Reads dropped before other tasks get their turn.
const ROUNDS: usize = 16;
