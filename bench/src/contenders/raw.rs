//! Loops written by hand for this one message: what a team would write that needs nothing else, and does it well.
//!
//! Frames are a length, a number and the values. The client has a slab of waiting callers, one shared buffer, and a
//! writer task that takes the whole buffer at once; when other calls are in flight, the writer wakes itself once first,
//! so that the callers that are ready append before it writes. The server answers everything that one read brought with
//! one write. Here is all of it for a stream of bytes, which serves TCP and QUIC; a WebSocket brings messages.

pub(super) mod quic;
pub(super) mod tcp;
pub(super) mod websocket;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::{Buf, BytesMut};
use slab::Slab;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use super::{Args, Caller, Product};
use crate::Failure;

/// The serving half of a stream of bytes.
async fn answer(mut read: impl AsyncRead + Unpin, mut write: impl AsyncWrite + Unpin) -> Result<(), Failure> {
    let mut input = BytesMut::with_capacity(READ_LEN);
    let mut output = Vec::with_capacity(READ_LEN);
    while read.read_buf(&mut input).await? > 0 {
        while let Some((number, args)) = next_frame(&mut input, parse_call)? {
            write_frame(&mut output, number, &[args.multiply().c]);
        }
        write.write_all(&output).await?;
        output.clear();
        input.reserve(READ_LEN);
    }
    Ok(())
}

/// The calling half of a connection.
#[derive(Clone, Debug)]
pub(super) struct Client(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    waiting: Slab<oneshot::Sender<i64>>,
    output: Vec<u8>,
    /// The writer, while there is nothing to write.
    writer: Option<Waker>,
}

/// A caller and its answer.
type Answered = (oneshot::Sender<i64>, i64);

impl Caller for Client {
    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        let (sender, receiver) = oneshot::channel();
        let writer = {
            let mut state = self.lock();
            let number = u32::try_from(state.waiting.insert(sender))?;
            write_frame(&mut state.output, number, &[args.a, args.b]);
            state.writer.take()
        };
        writer.into_iter().for_each(Waker::wake);
        Ok(Product { c: receiver.await? })
    }
}

impl Client {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State { waiting: Slab::new(), output: Vec::new(), writer: None })))
    }

    /// A client on a stream of bytes.
    fn on_stream<R, W>(read: R, write: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let client = Self::new();
        tokio::spawn(client.clone().write(write));
        tokio::spawn(client.clone().read(read));
        client
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self, mut stream: impl AsyncWrite + Unpin) -> Result<(), Failure> {
        let mut output = Vec::new();
        loop {
            self.queued(&mut output).await;
            stream.write_all(&output).await?;
            output.clear();
        }
    }

    async fn read(self, mut stream: impl AsyncRead + Unpin) -> Result<(), Failure> {
        let mut input = BytesMut::with_capacity(READ_LEN);
        let mut answered = Vec::new();
        while stream.read_buf(&mut input).await? > 0 {
            self.deliver(&mut answered, || next_frame(&mut input, parse_answer))?;
            input.reserve(READ_LEN);
        }
        Ok(())
    }

    /// Waits until callers have queued frames, lets those that are ready queue theirs, and takes all into `output`,
    /// which is empty.
    async fn queued(&self, output: &mut Vec<u8>) {
        let mut waited = false;
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.output.is_empty() {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if state.waiting.len() > 1 && !waited {
                waited = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            std::mem::swap(&mut state.output, output);
            Poll::Ready(())
        })
        .await;
    }

    /// Wakes the callers of all answers that `next` gives. One lock for all; `answered` is empty before and after.
    fn deliver(
        &self,
        answered: &mut Vec<Answered>,
        mut next: impl FnMut() -> Result<Option<(u32, i64)>, Failure>,
    ) -> Result<(), Failure> {
        let mut state = self.lock();
        while let Some((number, product)) = next()? {
            answered.extend(state.waiting.try_remove(number as usize).map(|sender| (sender, product)));
        }
        drop(state);
        for (sender, product) in answered.drain(..) {
            let _ = sender.send(product); // a caller that left wants no answer
        }
        Ok(())
    }
}

fn write_frame(output: &mut Vec<u8>, number: u32, values: &[i64]) {
    let len = 4 + 8 * u32::try_from(values.len()).unwrap_or(u32::MAX);
    output.extend_from_slice(&len.to_le_bytes());
    output.extend_from_slice(&number.to_le_bytes());
    for value in values {
        output.extend_from_slice(&value.to_le_bytes());
    }
}

/// Takes a frame off the front of `input` once all of it is there, and gives what `parse` makes of it.
fn next_frame<T>(
    input: &mut BytesMut,
    parse: impl FnOnce(&[u8]) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let Some(len) = frame_len(input) else { return Ok(None) };
    let parsed = parse(input.get(4..4 + len).ok_or("frame is cut short")?)?;
    input.advance(4 + len);
    Ok(Some(parsed))
}

/// Length of what follows the length, once all of it is there.
fn frame_len(input: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(*input.first_chunk()?) as usize;
    (input.len() >= 4 + len).then_some(len)
}

fn parse_call(mut frame: &[u8]) -> Result<(u32, Args), Failure> {
    let number = frame.try_get_u32_le()?;
    Ok((number, Args { a: frame.try_get_i64_le()?, b: frame.try_get_i64_le()? }))
}

fn parse_answer(mut frame: &[u8]) -> Result<(u32, i64), Failure> {
    Ok((frame.try_get_u32_le()?, frame.try_get_i64_le()?))
}

/// Room for each read: as much as Linkspan's.
const READ_LEN: usize = 64 * 1024;
