//! The loop over a WebSocket with frames of its own: tungstenite shakes hands, and then hands the socket over.

use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{accept_async, client_async};

use super::Road;
use super::client::Client;
use super::framing::Framing;
use super::notes::StreamNotes;
use super::server::{Style, serve as serve_stream};
use super::tcp::dial;
use crate::Failure;
use crate::contenders::Topic;

/// RFC 6455 over the buffers of the loop over TCP.
#[derive(Debug)]
pub(crate) struct Frames;

impl Road for Frames {
    type Notes = StreamNotes<OwnedReadHalf, OwnedWriteHalf>;

    async fn open(url: &str) -> Result<Client, Failure> {
        let (read, write) = shake_hands(url).await?.into_split();
        // What a server sends is told from what a client sends by its mask, so one framing reads either.
        Ok(Client::on_stream(read, write, Framing::Masked))
    }

    async fn subscribe(url: &str) -> Result<Self::Notes, Failure> {
        let (read, write) = shake_hands(url).await?.into_split();
        StreamNotes::subscribe(read, write, (Framing::Unmasked, Framing::Masked)).await
    }
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}/", listener.local_addr()?);
    let topic = Topic::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let topic = topic.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            // Nothing is lost here: a client says nothing before it has the answer to its handshake.
            let (read, write) = accept_async(stream).await?.into_inner().into_split();
            let framings = (Framing::Masked, Framing::Unmasked);
            serve_stream(read, write, framings, Style::Writer, topic).await
        });
    }
}

/// A socket ready for frames. Servers of this program speak only when spoken to, so none was read with the handshake.
async fn shake_hands(url: &str) -> Result<TcpStream, Failure> {
    let stream = dial(super::websocket::authority(url)).await?;
    let (socket, _) = client_async(url, stream).await?;
    Ok(socket.into_inner())
}
