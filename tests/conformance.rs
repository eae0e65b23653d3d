//! Every promise on every road with every codec, and the proof that each promise can be broken.
//!
//! `cargo test --test conformance -- FILTER` runs the cells whose promise or column contains `FILTER`, and without a filter
//! the saboteurs too; `--list` prints the promises. `LINKSPAN_REPORT=DIR` writes pages into `DIR`; with `LINKSPAN_LONG=1`
//! scenarios are many and long. `docs/guide/conformance.md` says more.

use std::process::ExitCode;

use linkspan::{Json, MessagePack, Postcard};
use linkspan_conformance::{Matrix, Road};
use linkspan_memory::{Chaos, Memory};
use linkspan_quic::Quic;
use linkspan_tcp::{Tcp, Unix};
use linkspan_tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan_websocket::{Engine, WebSocket};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let ca = DevelopmentCa::generate()?;
    let proven = Tls::new().with_identity(ca.issue(&["localhost", "127.0.0.1"])?);
    let trusting = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?);
    let quic = Quic::new().with_tls(proven.clone());
    let tls = Tcp::new().with_tls(proven.clone());
    let wss = WebSocket::new().with_tls(proven);
    let second = WebSocket::new().with_engine(Engine::Tungstenite);
    let socket_file = std::env::temp_dir().join(format!("linkspan-conformance-{}", std::process::id()));
    let unix = format!("unix://{}-{{n}}.sock", socket_file.display());
    let chaos = Memory::new().with_chaos(Chaos::harmless(0));
    let matrix = Matrix::new()
        .road(Road::new("memory", Memory::new(), "mem://conformance-{n}"))
        .road(Road::new("chaos", chaos, "mem://conformance-chaos-{n}?seed={n}"))
        .road(Road::new("tcp", Tcp::new(), "tcp://127.0.0.1:0"))
        .road(Road::new("ws", WebSocket::new(), "ws://127.0.0.1:0/rpc"))
        .road(
            Road::new("quic", quic, "quic://127.0.0.1:0").with_client(Quic::new().with_tls(trusting.clone())),
        )
        .road_in::<(Postcard,)>(
            Road::new("tls", tls, "tls://127.0.0.1:0").with_client(Tcp::new().with_tls(trusting.clone())),
        )
        .road_in::<(Postcard,)>(Road::new("ws-tungstenite", second, "ws://127.0.0.1:0/rpc"))
        .road_in::<(MessagePack,)>(Road::new("unix", Unix::new(), unix))
        .road_in::<(Json,)>(
            Road::new("wss", wss, "wss://127.0.0.1:0/rpc").with_client(WebSocket::new().with_tls(trusting)),
        )
        .codecs::<(Json, MessagePack, Postcard)>();
    Ok(matrix.main())
}
