//! A loop written by hand for this one message: what a team would write that needs nothing else, and does it well.
//!
//! Frames are a length, a number and the values. The client has a slab of waiting callers, one shared buffer, and a
//! writer task that takes the whole buffer at once; when other calls are in flight, the writer wakes itself once first,
//! so that the callers that are ready append before it writes. The server answers everything that one read brought with
//! one write.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::{Buf, BytesMut};
use slab::Slab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::{Args, Caller, Product};
use crate::Failure;

pub(super) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut input = BytesMut::with_capacity(READ_LEN);
    let mut output = Vec::with_capacity(READ_LEN);
    while stream.read_buf(&mut input).await? > 0 {
        while let Some(len) = frame_len(&input) {
            input.advance(4);
            let mut frame = input.get(..len).ok_or("frame is cut short")?;
            let number = frame.try_get_u32_le()?;
            let args = Args { a: frame.try_get_i64_le()?, b: frame.try_get_i64_le()? };
            input.advance(len);
            write_frame(&mut output, number, &[args.multiply().c]);
        }
        stream.write_all(&output).await?;
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

pub(super) async fn connect(address: &str) -> Result<Client, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let state = State { waiting: Slab::new(), output: Vec::new(), writer: None };
    let client = Client(Arc::new(Mutex::new(state)));
    tokio::spawn(client.clone().write(write));
    tokio::spawn(client.clone().read(read));
    Ok(client)
}

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
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self, mut stream: OwnedWriteHalf) -> Result<(), Failure> {
        let mut output = Vec::new();
        loop {
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
                std::mem::swap(&mut state.output, &mut output);
                Poll::Ready(())
            })
            .await;
            stream.write_all(&output).await?;
            output.clear();
        }
    }

    async fn read(self, mut stream: OwnedReadHalf) -> Result<(), Failure> {
        let mut input = BytesMut::with_capacity(READ_LEN);
        let mut answered = Vec::new();
        while stream.read_buf(&mut input).await? > 0 {
            let mut state = self.lock();
            while let Some(len) = frame_len(&input) {
                input.advance(4);
                let mut frame = input.get(..len).ok_or("frame is cut short")?;
                let number = frame.try_get_u32_le()?;
                let product = frame.try_get_i64_le()?;
                input.advance(len);
                answered.extend(state.waiting.try_remove(number as usize).map(|sender| (sender, product)));
            }
            drop(state);
            for (sender, product) in answered.drain(..) {
                let _ = sender.send(product); // a caller that left wants no answer
            }
            input.reserve(READ_LEN);
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

/// Length of what follows the length, once all of it is there.
fn frame_len(input: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(*input.first_chunk()?) as usize;
    (input.len() >= 4 + len).then_some(len)
}

/// Room for each read: as much as Linkspan's.
const READ_LEN: usize = 64 * 1024;
