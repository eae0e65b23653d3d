//! The last bytes of a connection.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::clock::now;
use crate::transport::Pipe;
use crate::{Batch, Close, CloseCode, Error, Inbox};

/// Sends what `batch` holds.
async fn flush(pipe: &mut dyn Pipe, batch: &mut Batch) -> Result<(), Error> {
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

/// Sends what is left, ends our direction, and reads on until the peer ends too: closing with unread bytes would make some
/// roads throw away what we sent last.
pub(crate) async fn wind_down(pipe: &mut dyn Pipe, batch: &mut Batch, close: &Close) {
    if flush(pipe, batch).await.is_err() {
        return;
    }
    // That a link was lost is what is known here, never what is said: roads with close codes of their own would say it.
    let silent = Close::new(CloseCode::NORMAL, "");
    let close = if close.code() == CloseCode::LOST { &silent } else { close };
    let mut inbox = Inbox::new();
    let mut ended = false;
    poll_fn(|cx| {
        if !ended {
            ended = pipe.poll_close(cx, close).is_ready();
        }
        loop {
            match pipe.poll_recv(cx, &mut inbox) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(_) if ended => return Poll::Ready(()),
                Poll::Ready(_) => return pipe.poll_close(cx, close).map(|_| ()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// Reads dropped before other tasks get their turn.
const ROUNDS: usize = 16;

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    /// Remembers what it was closed with; its peer has ended.
    #[derive(Debug, Default)]
    struct Ended(Option<Close>);

    impl Pipe for Ended {
        fn poll_send(&mut self, _: &mut Context<'_>, _: &mut Batch) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }

        fn poll_recv(&mut self, _: &mut Context<'_>, _: &mut Inbox) -> Poll<Result<bool, Error>> {
            Poll::Ready(Ok(false))
        }

        fn poll_close(&mut self, _: &mut Context<'_>, close: &Close) -> Poll<Result<(), Error>> {
            self.0 = Some(close.clone());
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn that_a_link_was_lost_is_told_to_nobody() {
        let silent = Close::new(CloseCode::NORMAL, "");
        let refused = Close::new(CloseCode::REFUSED, "no");
        for (close, shown) in
            [(Close::new(CloseCode::LOST, "peer ended"), &silent), (refused.clone(), &refused)]
        {
            let mut pipe = Ended::default();
            wind_down(&mut pipe, &mut Batch::new(), &close).await;
            assert_eq!(pipe.0.as_ref(), Some(shown));
        }
    }
}
