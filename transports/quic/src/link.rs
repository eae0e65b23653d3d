//! One QUIC connection as a pipe of frames.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use linkspan_core::{Batch, Capabilities, Close, Endpoint, Error, Inbox, Link, PeerInfo, Pipe, TlsInfo};
use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use rustls_pki_types::CertificateDer;
use tokio::time::timeout;

use crate::failure;
use crate::lanes::{ReceiveLanes, SendLanes};

/// Lane 0's stream: opened by the connecting side, awaited by the other, which hears of it with the first bytes.
pub(crate) enum LaneZero {
    Awaited,
    Open(SendStream, RecvStream),
}

pub(crate) fn link(
    quic: quinn::Endpoint,
    connection: Connection,
    lane_zero: LaneZero,
    peer: PeerInfo,
) -> Link {
    let mut pipe = QuicPipe {
        send: SendLanes::new(connection.clone()),
        receive: ReceiveLanes::new(connection.clone()),
        awaited: None,
        closing: None,
        farewell: (VarInt::from_u32(0), Vec::new()),
        connection,
        _quic: quic,
    };
    match lane_zero {
        LaneZero::Open(send, receive) => pipe.open_lane_zero(send, receive),
        LaneZero::Awaited => {
            let connection = pipe.connection.clone();
            pipe.awaited = Some(Box::pin(async move { connection.accept_bi().await }));
        }
    }
    Link::new(pipe, peer)
}

pub(crate) fn peer_info(
    endpoint: Endpoint,
    quic: &quinn::Endpoint,
    connection: &Connection,
    tls: TlsInfo,
) -> PeerInfo {
    let local = quic.local_addr().ok().map(|mut address| {
        address.set_ip(connection.local_ip().unwrap_or_else(|| address.ip()));
        address.to_string()
    });
    PeerInfo::new(endpoint)
        .with_addresses(local, connection.remote_address().to_string())
        .with_capabilities(Capabilities::streams())
        .with_tls(tls)
}

/// What the handshake of a connection told.
pub(crate) struct Handshake {
    data: Option<HandshakeData>,
    chain: Option<Vec<CertificateDer<'static>>>,
}

pub(crate) fn handshake(connection: &Connection) -> Handshake {
    Handshake {
        data: connection.handshake_data().and_then(|data| data.downcast().ok()).map(|data| *data),
        chain: connection.peer_identity().and_then(|chain| chain.downcast().ok()).map(|chain| *chain),
    }
}

impl Handshake {
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.data.as_ref()?.protocol.as_deref()
    }

    pub(crate) fn server_name(&self) -> Option<String> {
        self.data.as_ref()?.server_name.clone()
    }

    pub(crate) fn chain(&self) -> Option<&[CertificateDer<'static>]> {
        self.chain.as_deref()
    }
}

type Awaited = Pin<Box<dyn Future<Output = Result<(SendStream, RecvStream), ConnectionError>> + Send>>;

struct QuicPipe {
    connection: Connection,
    send: SendLanes,
    receive: ReceiveLanes,
    /// Lane 0 of the accepting side, until the peer opens it.
    awaited: Option<Awaited>,
    closing: Option<Closing>,
    /// What the connection's close says when this pipe goes.
    farewell: (VarInt, Vec<u8>),
    /// Keeps the socket's endpoint alive when its listener is gone.
    _quic: quinn::Endpoint,
}

enum Closing {
    Flushing(Pin<Box<dyn Future<Output = ()> + Send>>),
    Done,
}

impl QuicPipe {
    fn open_lane_zero(&mut self, send: SendStream, receive: RecvStream) {
        self.send.open_zero(send);
        self.receive.open_zero(receive);
    }

    /// Takes lane 0 once the peer opened it.
    fn poll_lane_zero(&mut self, cx: &mut Context<'_>) {
        let Some(awaited) = &mut self.awaited else { return };
        if let Poll::Ready(opened) = awaited.as_mut().poll(cx) {
            self.awaited = None;
            // An error here is the connection's end, which reading reports.
            if let Ok((send, receive)) = opened {
                self.open_lane_zero(send, receive);
            }
        }
    }

    /// Shows the close code once neither direction has anything left to say.
    fn part(&mut self) {
        if self.receive.is_ended() && matches!(self.closing, Some(Closing::Done)) {
            self.connection.close(self.farewell.0, &self.farewell.1);
        }
    }
}

impl Pipe for QuicPipe {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        self.poll_lane_zero(cx);
        let sent = self.send.poll_send(cx, batch);
        match sent {
            // What the peer said before it closed may not be read yet: reading then reports the end.
            Poll::Ready(Err(error)) if failure::is_orderly(&error) && !self.receive.is_ended() => {
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(failure::send(error, self.connection.side()))),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        self.poll_lane_zero(cx);
        let received = ready!(self.receive.poll_recv(cx, inbox));
        self.part();
        Poll::Ready(received)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, close: &Close) -> Poll<Result<(), Error>> {
        let closing = self.closing.get_or_insert_with(|| {
            self.farewell = (u32::from(close.code().number()).into(), close.reason().as_bytes().to_vec());
            Closing::Flushing(Box::pin(finish(self.send.end())))
        });
        if let Closing::Flushing(flushing) = closing {
            ready!(flushing.as_mut().poll(cx));
            self.closing = Some(Closing::Done);
        }
        self.part();
        Poll::Ready(Ok(()))
    }
}

/// Finishes the streams in order: first the lanes' own, then lane 0, whose end tells the peer that all is said. Each
/// waits for the peer to have everything, because closing a connection drops what was not acknowledged.
async fn finish((lanes, zero): (Vec<SendStream>, Option<SendStream>)) {
    let acknowledged = async {
        for lane in &lanes {
            let _ = lane.stopped().await;
        }
    };
    let _ = timeout(MAX_FLUSH, acknowledged).await;
    if let Some(mut zero) = zero {
        let _ = zero.finish();
        let _ = timeout(MAX_FLUSH, zero.stopped()).await;
    }
}

impl Drop for QuicPipe {
    fn drop(&mut self) {
        self.connection.close(self.farewell.0, &self.farewell.1);
    }
}

impl fmt::Debug for QuicPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicPipe")
            .field("remote", &self.connection.remote_address())
            .field("send", &self.send)
            .field("receive", &self.receive)
            .finish_non_exhaustive()
    }
}

/// Longest wait for acknowledgements in each of the two steps of a close: together the second the runtime allows.
const MAX_FLUSH: Duration = Duration::from_millis(500);
