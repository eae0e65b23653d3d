//! TLS over any byte stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use linkspan_core::{Error, ErrorKind, TlsInfo};
use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::failure::{Finder, Side, explain, explain_fault};
use crate::{TlsAcceptor, TlsConnector};

/// A byte stream, encrypted. Its errors that TLS knows more about hold an [`Error`] that says so.
#[derive(Debug)]
pub struct TlsStream<S> {
    inner: tokio_rustls::TlsStream<S>,
    side: Side,
}

impl TlsConnector {
    /// Encrypts `stream`, a fresh connection to the server, and says who the server is.
    ///
    /// In TLS 1.3 a server refuses a client's certificate after this: the first read tells.
    ///
    /// # Errors
    /// `Certificate`, `Refused`, `Protocol` or `Unreachable`, and what to do about it.
    ///
    /// # Cancel safety
    /// Dropping the future drops the stream.
    pub async fn connect<S>(&self, stream: S) -> Result<(TlsStream<S>, TlsInfo), Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let connector = tokio_rustls::TlsConnector::from(self.config());
        let connecting = connector.connect(self.server_name.clone(), stream).into_fallible();
        match Box::pin(connecting).await {
            Ok(mut stream) => {
                let (_, session) = stream.get_mut();
                session.set_buffer_limit(Some(MAX_UNSENT_LEN));
                let info = self.peer(session.alpn_protocol(), session.peer_certificates());
                Ok((TlsStream { inner: stream.into(), side: Side::Connecting }, info))
            }
            Err((error, stream)) => {
                part(stream).await;
                Err(failed(error, Side::Connecting))
            }
        }
    }
}

impl TlsAcceptor {
    /// Encrypts `stream`, a fresh connection of a client, and says who the client is.
    ///
    /// # Errors
    /// `Certificate`, `Refused`, `Protocol` or `Unreachable`, and what to do about it.
    ///
    /// # Cancel safety
    /// Dropping the future drops the stream.
    pub async fn accept<S>(&self, stream: S) -> Result<(TlsStream<S>, TlsInfo), Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let acceptor = tokio_rustls::TlsAcceptor::from(self.config());
        match Box::pin(acceptor.accept(stream).into_fallible()).await {
            Ok(mut stream) => {
                let (_, session) = stream.get_mut();
                session.set_buffer_limit(Some(MAX_UNSENT_LEN));
                let name = session.server_name().map(str::to_owned);
                let info = self.peer(session.alpn_protocol(), name, session.peer_certificates());
                Ok((TlsStream { inner: stream.into(), side: Side::Accepting }, info))
            }
            Err((error, stream)) => {
                part(stream).await;
                Err(failed(error, Side::Accepting))
            }
        }
    }
}

/// Lets the peer read why it was refused: closing over unread bytes makes some systems throw away what was sent last.
async fn part<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let parting = async {
        if stream.shutdown().await.is_ok() {
            let _ = tokio::io::copy(&mut stream.take(MAX_IGNORED_LEN), &mut tokio::io::sink()).await;
        }
    };
    let _ = timeout(LINGER, parting).await;
}

fn failed(error: io::Error, side: Side) -> Error {
    match carry(error, side).downcast::<Error>() {
        Ok(known) => known,
        Err(error) => {
            Error::new(ErrorKind::Unreachable, "the peer left within the TLS handshake").with_source(error)
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Why writing failed. The peer may have said why before it left, and only reading tells.
    fn explain(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        let mut ignored = [0; 1];
        match Pin::new(&mut self.inner).poll_read(cx, &mut ReadBuf::new(&mut ignored)) {
            Poll::Ready(Err(told)) if told.kind() == io::ErrorKind::InvalidData => carry(told, self.side),
            _ => carry(error, self.side),
        }
    }

    fn explain_all<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        wrote.map(|wrote| wrote.map_err(|error| self.explain(cx, error)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let side = self.side;
        Pin::new(&mut self.inner).poll_read(cx, buf).map_err(|error| carry(error, side))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.explain_all(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.explain_all(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.explain_all(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What rustls reports, seen from `side`.
fn translate(error: &rustls::Error, side: Side) -> Error {
    let (kind, words) = match error {
        rustls::Error::AlertReceived(alert) => explain((*alert).into(), side, Finder::Peer),
        rustls::Error::InvalidCertificate(fault) => explain_fault(fault, side),
        rustls::Error::NoCertificatesPresented => {
            explain(AlertDescription::CertificateRequired.into(), side, Finder::Us)
        }
        rustls::Error::NoApplicationProtocol => {
            explain(AlertDescription::NoApplicationProtocol.into(), side, Finder::Us)
        }
        rustls::Error::PeerIncompatible(_) => {
            explain(AlertDescription::HandshakeFailure.into(), side, Finder::Us)
        }
        rustls::Error::InvalidMessage(_) => (
            ErrorKind::Protocol,
            "the peer does not speak TLS; check the scheme: tcp:// and ws:// are plaintext, tls:// and wss:// are not",
        ),
        _ => (ErrorKind::Protocol, "the peer broke the TLS protocol"),
    };
    Error::new(kind, words).with_source(error.clone())
}

/// The error of rustls inside `error`, if that is what it is, as ours: so it passes through what knows bytes only.
fn carry(error: io::Error, side: Side) -> io::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => io::Error::new(error.kind(), translate(inner, side)),
        None => error,
    }
}

/// Bytes that are encrypted and not sent yet: one record (RFC 8446 §5.1). Whoever watches what a peer takes sees no progress
/// in here, so more would make slow peers look dead.
const MAX_UNSENT_LEN: usize = 16 * 1024;
/// Bytes of a refused peer that are read and thrown away: what fits into the buffers between two systems.
const MAX_IGNORED_LEN: u64 = 1024 * 1024;
/// How long a refused peer may take to leave: as long as a closed link may.
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
