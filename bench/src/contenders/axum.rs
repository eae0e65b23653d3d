//! axum's WebSocket with tokio's broadcast channel, as its examples have it; the client is the tuned tungstenite of `raw-ws`.
//!
//! A receiver that falls behind the channel's capacity would lose notes. So that none is lost, whoever publishes waits for the
//! slowest of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt;
use bytes::{Buf, Bytes};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, broadcast};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::raw::websocket::{Socket, connect};
use super::{NOTE_LEN, NOTES_WAITING, Notes, Publisher, Subscriber, checked_note, note_filler};
use crate::Failure;

/// What the handlers share.
#[derive(Clone, Debug)]
struct Hub {
    notes: broadcast::Sender<Bytes>,
    /// Some receiver has taken all there was.
    taken: Arc<Notify>,
    sequence: Arc<Mutex<u64>>,
}

impl Hub {
    async fn step(&self) -> Result<(), Failure> {
        let mut sequence = self.sequence.lock().await;
        while self.notes.len() >= NOTES_WAITING {
            self.taken.notified().await;
        }
        let mut note = Vec::with_capacity(NOTE_LEN);
        note.extend_from_slice(&sequence.to_le_bytes());
        note.extend_from_slice(note_filler());
        self.notes.send(note.into())?;
        *sequence += 1;
        Ok(())
    }

    async fn tell(&self, mut socket: WebSocket) -> Result<(), Failure> {
        let mut notes = self.notes.subscribe();
        socket.send(Message::Text(DONE.into())).await?;
        loop {
            socket.send(Message::Binary(notes.recv().await?)).await?;
            if notes.is_empty() {
                self.taken.notify_one();
            }
        }
    }

    async fn obey(&self, mut socket: WebSocket) -> Result<(), Failure> {
        while let Some(order) = socket.recv().await {
            match order?.to_text()? {
                FLOW => {
                    let hub = self.clone();
                    tokio::spawn(async move { while hub.step().await.is_ok() {} });
                }
                STEP => self.step().await?,
                _ => return Ok(()),
            }
            socket.send(Message::Text(DONE.into())).await?;
        }
        Ok(())
    }
}

async fn subscribe(upgrade: WebSocketUpgrade, State(hub): State<Hub>) -> Response {
    upgrade.on_upgrade(|socket| async move {
        let _ = hub.tell(socket).await; // the client left
    })
}

async fn order(upgrade: WebSocketUpgrade, State(hub): State<Hub>) -> Response {
    upgrade.on_upgrade(|socket| async move {
        let _ = hub.obey(socket).await; // the client left
    })
}

pub(super) async fn serve() -> Result<(), Failure> {
    let hub =
        Hub { notes: broadcast::Sender::new(NOTES_WAITING), taken: Arc::default(), sequence: Arc::default() };
    let router = Router::new().route("/notes", any(subscribe)).route("/orders", any(order)).with_state(hub);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true); // a socket that is gone fails later
    });
    axum::serve(listener, router).await?;
    Ok(())
}

/// Both halves of the client.
#[derive(Debug)]
pub(super) struct Client;

/// A subscription.
#[derive(Debug)]
pub(super) struct Told(Socket);

/// A connection for orders.
#[derive(Debug)]
pub(super) struct Orders(Mutex<Socket>);

impl Subscriber for Client {
    type Notes = Told;
    type Publisher = Orders;

    async fn subscribe(address: &str) -> Result<Told, Failure> {
        let mut socket = connect(&format!("{address}/notes")).await?;
        done(&mut socket).await?;
        Ok(Told(socket))
    }

    async fn publisher(address: &str) -> Result<Orders, Failure> {
        Ok(Orders(Mutex::new(connect(&format!("{address}/orders")).await?)))
    }
}

impl Notes for Told {
    async fn next(&mut self) -> Result<u64, Failure> {
        match self.0.next().await.ok_or("the server left")?? {
            Frame::Binary(mut note) => checked_note(note.try_get_u64_le()?, &note),
            other => Err(format!("no note but {other:?}").into()),
        }
    }
}

impl Orders {
    async fn give(&self, order: &'static str) -> Result<(), Failure> {
        let mut socket = self.0.lock().await;
        socket.send(Frame::text(order)).await?;
        done(&mut socket).await
    }
}

impl Publisher for Orders {
    async fn flow(&self) -> Result<(), Failure> {
        self.give(FLOW).await
    }

    async fn step(&self) -> Result<(), Failure> {
        self.give(STEP).await
    }
}

async fn done(socket: &mut Socket) -> Result<(), Failure> {
    match socket.next().await.ok_or("the server left")?? {
        Frame::Text(text) if text.as_str() == DONE => Ok(()),
        other => Err(format!("the answer is {other:?}").into()),
    }
}

const DONE: &str = "done";
const FLOW: &str = "flow";
const STEP: &str = "step";
