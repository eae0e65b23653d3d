//! Every promise on every road with every codec, and the proof that each promise can be broken.
//!
//! `cargo test --test conformance -- FILTER` runs the cells whose promise or column contains `FILTER`, and without a filter
//! the saboteurs too; `--list` prints the promises. `LINKSPAN_REPORT=DIR` writes pages into `DIR`; with `LINKSPAN_LONG=1`
//! scenarios are many and long. `docs/guide/conformance.md` says more.

use std::path::Path;
use std::process::ExitCode;

use linkspan::{Json, MessagePack, Postcard};
use linkspan_conformance::{Matrix, Road};
use linkspan_memory::{Chaos, Memory};
use linkspan_quic::Quic;
use linkspan_tcp::Tcp;
use linkspan_tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan_websocket::WebSocket;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let ca = DevelopmentCa::generate()?;
    let serving = Tls::new().with_identity(ca.issue(&["localhost", "127.0.0.1"])?);
    let trusting = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?);
    let quic = Quic::new().with_tls(serving.clone());
    let chaos = Memory::new().with_chaos(Chaos::harmless(0));
    let matrix = Matrix::new()
        .road(Road::new("memory", Memory::new(), "mem://conformance-{n}"))
        .road(Road::new("chaos", chaos, "mem://conformance-chaos-{n}?seed={n}"))
        .road(Road::new("tcp", Tcp::new(), "tcp://127.0.0.1:0"))
        .road(Road::new("ws", WebSocket::new(), "ws://127.0.0.1:0/rpc"))
        .road(
            Road::new("quic", quic, "quic://127.0.0.1:0").with_client(Quic::new().with_tls(trusting.clone())),
        )
        .codecs::<(Json, MessagePack, Postcard)>();
    // These differ from a road above in nothing that a codec sees.
    let tls = Tcp::new().with_tls(serving.clone());
    let wss = WebSocket::new().with_tls(serving);
    let matrix = matrix
        .road_in::<(Postcard,)>(
            Road::new("tls", tls, "tls://127.0.0.1:0").with_client(Tcp::new().with_tls(trusting.clone())),
        )
        .road_in::<(Json,)>(
            Road::new("wss", wss, "wss://127.0.0.1:0/rpc").with_client(WebSocket::new().with_tls(trusting)),
        );
    let sockets = std::env::temp_dir().join(format!("linkspan-conformance-{}", std::process::id()));
    let matrix = with_unix(matrix, &sockets)?;
    let ended = matrix.main();
    let _ = std::fs::remove_dir_all(sockets); // at worst an empty directory is left behind
    Ok(ended)
}

#[cfg(unix)]
fn with_unix(matrix: Matrix, sockets: &Path) -> std::io::Result<Matrix> {
    std::fs::create_dir_all(sockets)?;
    let url = format!("unix://{}/{{n}}.sock", sockets.display());
    Ok(matrix.road_in::<(MessagePack,)>(Road::new("unix", linkspan_tcp::Unix::new(), url)))
}

#[cfg(not(unix))]
fn with_unix(matrix: Matrix, _sockets: &Path) -> std::io::Result<Matrix> {
    Ok(matrix)
}
