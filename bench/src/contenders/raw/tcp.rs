//! The loop over TCP, with `TCP_NODELAY`.

use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::Road;
use super::client::Client;
use super::framing::Framing;
use super::notes::StreamNotes;
pub(crate) use super::server::Style;
use super::server::serve as serve_stream;
use crate::Failure;
use crate::contenders::Topic;

/// TCP, with lengths before the frames.
#[derive(Debug)]
pub(crate) struct Tcp;

impl Road for Tcp {
    type Notes = StreamNotes<OwnedReadHalf, OwnedWriteHalf>;

    async fn open(address: &str) -> Result<Client, Failure> {
        let (read, write) = dial(address).await?.into_split();
        Ok(Client::on_stream(read, write, Framing::Lengths))
    }

    async fn subscribe(address: &str) -> Result<Self::Notes, Failure> {
        let (read, write) = dial(address).await?.into_split();
        StreamNotes::subscribe(read, write, FRAMINGS).await
    }
}

pub(crate) async fn serve(style: Style) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let topic = Topic::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        tokio::spawn(serve_stream(read, write, FRAMINGS, style, topic.clone()));
    }
}

pub(super) async fn dial(address: &str) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

const FRAMINGS: (Framing, Framing) = (Framing::Lengths, Framing::Lengths);
