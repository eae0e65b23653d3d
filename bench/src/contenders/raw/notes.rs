//! Reading notes off a stream of bytes, in the task that wants them.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::READ_LEN;
use super::framing::Framing;
use super::message::Message;
use super::outgoing::Outgoing;
use super::stream::FrameWriter;
use crate::Failure;
use crate::contenders::Notes;

/// A subscription.
#[derive(Debug)]
pub(crate) struct StreamNotes<R, W> {
    read: R,
    /// Open as long as the notes are read.
    _write: W,
    framing: Framing,
    input: BytesMut,
}

impl<R, W> StreamNotes<R, W>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: FrameWriter,
{
    /// Subscribes on a fresh connection.
    pub(super) async fn subscribe(
        read: R,
        mut write: W,
        (incoming, outgoing): (Framing, Framing),
    ) -> Result<Self, Failure> {
        let mut output = Outgoing::default();
        output.put(outgoing, 0, &Message::Subscribe);
        write.write(&mut output).await?;
        let mut notes = Self { read, _write: write, framing: incoming, input: BytesMut::new() };
        match notes.message().await? {
            Message::Done => Ok(notes),
            other => Err(format!("the answer to the subscription is {other:?}").into()),
        }
    }

    async fn message(&mut self) -> Result<Message, Failure> {
        loop {
            if let Some((_, message)) = self.framing.next(&mut self.input)? {
                return Ok(message);
            }
            self.input.reserve(READ_LEN);
            if self.read.read_buf(&mut self.input).await? == 0 {
                return Err("the server left".into());
            }
        }
    }
}

impl<R, W> Notes for StreamNotes<R, W>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: FrameWriter,
{
    async fn next(&mut self) -> Result<u64, Failure> {
        match self.message().await? {
            Message::Note(sequence) => Ok(sequence),
            other => Err(format!("no note but {other:?}").into()),
        }
    }
}
