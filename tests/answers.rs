//! A server's answer to the hello: whoever answers otherwise than it should is refused, and told why.
#![cfg(all(unix, feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a test may fail"
)]

#[path = "support/raw.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod raw;
mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use linkspan::frame::{KIND_HELLO, MAGIC};
use linkspan::memory::Memory;
use linkspan::{Client, Error, ErrorKind, Transport};
use raw::{Raw, field};
use support::PATIENCE;
use tokio::time::timeout;

/// Connects a client that offers JSON and Postcard to a server whose answer has these codecs and fields. Returns what the
/// client says, and the code that the server was told.
async fn answered(codecs: &[&str], more: &[u8]) -> (Result<Client, Error>, Option<u16>) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = format!("mem://answers-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut listener = Memory::new().listen(&url.parse().unwrap()).await.unwrap();
    let names: Vec<u8> =
        codecs.iter().flat_map(|name| [&[name.len() as u8], name.as_bytes()].concat()).collect();
    let limits = b"\x06\x07\x80\x80\x80\x02\x80\x20\x40";
    let fields = [&MAGIC[..], b"\x02\x02\x01\x01", &field(4, &names), limits, more].concat();
    let serving = async {
        let mut raw = Raw::new(listener.accept().await.unwrap().await.unwrap());
        raw.next_of(KIND_HELLO).await;
        raw.send((KIND_HELLO, 0), 0, &fields).await.unwrap();
        raw
    };
    let connecting = Client::builder().codecs(["json", "postcard"]).connect(&url);
    let both = async { tokio::join!(connecting, async { until_close(serving.await).await }) };
    timeout(PATIENCE, both).await.expect("it ends in time")
}

/// The code of the client's close, if it says one before it pings or ends the link.
async fn until_close(mut raw: Raw) -> Option<u16> {
    loop {
        let frame = raw.next().await?;
        match frame.kind {
            linkspan::frame::KIND_CLOSE => return Some(raw::number(&mut frame.fields.as_slice()) as u16),
            raw::PING => return None,
            _ => {}
        }
    }
}

fn session() -> Vec<u8> {
    field(7, &[7; 16])
}

#[tokio::test(start_paused = true)]
async fn the_one_codec_that_a_server_picks_is_spoken() {
    let (client, told) = answered(&["postcard"], &session()).await;
    assert_eq!((client.unwrap().session().codec(), told), ("postcard", None));
}

#[tokio::test(start_paused = true)]
async fn a_codec_that_was_not_offered_is_refused_though_the_stack_has_it() {
    for codecs in [&["messagepack"][..], &["json", "postcard"], &["morse"], &[]] {
        let (client, told) = answered(codecs, &session()).await;
        let error = client.unwrap_err();
        assert_eq!((error.kind(), told), (ErrorKind::Protocol, Some(1002)), "{codecs:?}: {error}");
        assert!(!error.is_retryable(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hello_of_another_client_is_no_answer() {
    let (client, told) = answered(&["json"], &[]).await;
    let error = client.unwrap_err();
    assert_eq!((error.kind(), told), (ErrorKind::Protocol, Some(1002)), "{error}");
    assert!(error.to_string().contains("session"), "{error}");
}
