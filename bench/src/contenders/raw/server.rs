//! The serving half of a connection on a stream of bytes: with a writer task, or in place.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::READ_LEN;
use super::framing::Framing;
use super::message::Message;
use super::outbox::Session;
use super::outgoing::Outgoing;
use super::stream::FrameWriter;
use crate::Failure;
use crate::contenders::Topic;

/// Who writes the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The task that reads: nobody else can write, so there are no notes.
    InPlace,
    /// A task of its own.
    Writer,
}

/// Answers until the peer says no more.
pub(super) async fn serve<R, W>(
    read: R,
    write: W,
    framings: (Framing, Framing),
    style: Style,
    topic: Topic<Session>,
) -> Result<(), Failure>
where
    R: AsyncRead + Unpin + Send,
    W: FrameWriter,
{
    let (incoming, outgoing) = framings;
    if style == Style::InPlace {
        return serve_in_place(read, write, incoming, outgoing).await;
    }
    let session = Session::new(outgoing);
    let writer = tokio::spawn(write_all(session.clone(), write));
    let result = read_all(read, incoming, &session, &topic).await;
    session.close();
    writer.await??;
    result
}

async fn write_all(session: Session, mut write: impl FrameWriter) -> Result<(), Failure> {
    let mut output = Outgoing::default();
    while session.take(&mut output).await {
        if let Err(failure) = write.write(&mut output).await {
            session.close();
            return Err(failure);
        }
    }
    write.end().await
}

async fn read_all(
    mut read: impl AsyncRead + Unpin,
    framing: Framing,
    session: &Session,
    topic: &Topic<Session>,
) -> Result<(), Failure> {
    let mut input = BytesMut::with_capacity(READ_LEN);
    while read.read_buf(&mut input).await? > 0 {
        session.put_all(|| {
            while let Some((number, message)) = framing.next(&mut input)? {
                match respond(message, number, session, topic) {
                    None => {}
                    Some(answer) => return Ok(Some((number, answer))),
                }
            }
            Ok(None)
        })?;
        input.reserve(READ_LEN);
    }
    Ok(())
}

/// The answer to a message, unless it comes later or the message wants none.
pub(super) fn respond(
    message: Message,
    number: u32,
    session: &Session,
    topic: &Topic<Session>,
) -> Option<Message> {
    match message {
        Message::Mul(args) => return Some(Message::Product(args.multiply().c)),
        Message::Echo(body) => return Some(Message::Echo(body)),
        Message::Subscribe => topic.subscribe(session.clone()),
        Message::Flow => topic.flow(),
        Message::Step => {
            let (topic, session) = (topic.clone(), session.clone());
            tokio::spawn(async move {
                topic.step().await?;
                let mut done = Some((number, Message::Done));
                session.put_all(|| Ok(done.take()))
            });
            return None;
        }
        Message::Done | Message::Note(_) | Message::Product(_) => return None,
    }
    Some(Message::Done)
}

async fn serve_in_place(
    mut read: impl AsyncRead + Unpin,
    mut write: impl FrameWriter,
    incoming: Framing,
    outgoing: Framing,
) -> Result<(), Failure> {
    let mut input = BytesMut::with_capacity(READ_LEN);
    let mut output = Outgoing::default();
    while read.read_buf(&mut input).await? > 0 {
        while let Some((number, message)) = incoming.next(&mut input)? {
            let answer = match message {
                Message::Mul(args) => Message::Product(args.multiply().c),
                Message::Echo(body) => Message::Echo(body),
                other => return Err(format!("{other:?} cannot be answered in place").into()),
            };
            output.put(outgoing, number, &answer);
        }
        write.write(&mut output).await?;
        input.reserve(READ_LEN);
    }
    write.end().await
}
