//! The calling half of a connection.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::{Bytes, BytesMut};
use slab::Slab;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;

use super::READ_LEN;
use super::framing::Framing;
use super::message::Message;
use super::outbox::{Outbox, Room};
use super::outgoing::Outgoing;
use super::stream::FrameWriter;
use crate::Failure;
use crate::contenders::{Args, Product};

/// Calls on one connection, which its last clone closes.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Handle>);

#[derive(Debug)]
struct Handle(Shared);

impl Drop for Handle {
    fn drop(&mut self) {
        let wakers = self.0.lock().outbox.close();
        wakers.for_each(Waker::wake);
    }
}

/// What callers share with the tasks that write and read.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    framing: Framing,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Slab<oneshot::Sender<Message>>,
    outbox: Outbox,
}

/// A caller and its answer.
pub(super) type Answered = (oneshot::Sender<Message>, Message);

impl Client {
    /// A client, and what the tasks that write and read for it need.
    pub(super) fn new(framing: Framing) -> (Self, Shared) {
        let shared = Shared { framing, state: Arc::default() };
        (Self(Arc::new(Handle(shared.clone()))), shared)
    }

    /// A client on a stream of bytes.
    pub(super) fn on_stream<R, W>(read: R, write: W, framing: Framing) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: FrameWriter,
    {
        let (client, shared) = Self::new(framing);
        tokio::spawn(shared.clone().write(write));
        tokio::spawn(shared.read(read));
        client
    }

    pub(super) async fn mul(&self, args: Args) -> Result<Product, Failure> {
        match self.call(&Message::Mul(args)).await? {
            Message::Product(c) => Ok(Product { c }),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn echo(&self, body: Bytes) -> Result<Bytes, Failure> {
        match self.call(&Message::Echo(body)).await? {
            Message::Echo(body) => Ok(body),
            other => Err(unexpected(&other)),
        }
    }

    /// Tells the server to do something that has no result.
    pub(super) async fn order(&self, message: &Message) -> Result<(), Failure> {
        match self.call(message).await? {
            Message::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn call(&self, message: &Message) -> Result<Message, Failure> {
        let (sender, receiver) = oneshot::channel();
        let Handle(shared) = &*self.0;
        let writer = {
            let mut state = shared.lock();
            let number = u32::try_from(state.waiting.insert(sender))?;
            state.outbox.put(shared.framing, number, message)
        };
        writer.into_iter().for_each(Waker::wake);
        Ok(receiver.await?)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self, mut stream: impl FrameWriter) -> Result<(), Failure> {
        let mut output = Outgoing::default();
        while self.queued(&mut output).await {
            stream.write(&mut output).await?;
        }
        stream.end().await
    }

    async fn read(self, mut stream: impl AsyncRead + Unpin) -> Result<(), Failure> {
        let mut input = BytesMut::with_capacity(READ_LEN);
        let mut answered = Vec::new();
        while stream.read_buf(&mut input).await? > 0 {
            self.deliver(&mut answered, || self.framing.next(&mut input))?;
            input.reserve(READ_LEN);
        }
        Ok(())
    }

    /// Waits until callers have queued frames, lets those that are ready queue theirs, and takes all into `output`, which is
    /// empty; false once the client is gone.
    pub(super) async fn queued(&self, output: &mut Outgoing) -> bool {
        let mut waited = false;
        poll_fn(|cx| {
            let State { waiting, outbox } = &mut *self.lock();
            outbox.poll_take(cx, waiting.len() > 1, &mut waited, output)
        })
        .await
        .map(Room::tell)
        .is_some()
    }

    /// Wakes the callers of all answers that `next` gives. One lock for all; `answered` is empty before and after.
    pub(super) fn deliver(
        &self,
        answered: &mut Vec<Answered>,
        mut next: impl FnMut() -> Result<Option<(u32, Message)>, Failure>,
    ) -> Result<(), Failure> {
        let mut state = self.lock();
        while let Some((number, message)) = next()? {
            answered.extend(state.waiting.try_remove(number as usize).map(|sender| (sender, message)));
        }
        drop(state);
        for (sender, message) in answered.drain(..) {
            let _ = sender.send(message); // a caller that left wants no answer
        }
        Ok(())
    }
}

fn unexpected(message: &Message) -> Failure {
    format!("the answer is {message:?}").into()
}
