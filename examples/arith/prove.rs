//! Every road and codec in one process, and the table that shows them.

use std::time::{Duration, Instant};

use linkspan::tls::DevelopmentCa;
use linkspan::typed::Event;
use linkspan::{Client, Metadata, Server, Standard};
use tokio::time::timeout;

use crate::service::{Args, ArithClient, ArithServer, Calculator, TicksEvent, TicksPush};
use crate::{Failure, development};

const CODECS: [&str; 3] = ["json", "messagepack", "postcard"];
const TICKS: u64 = 5;
const TIMED_CALLS: u32 = 1000;
const PATIENCE: Duration = Duration::from_secs(20);

/// What one road and codec brought.
struct Row {
    answer: i64,
    pushes: String,
    per_call: Duration,
    right: bool,
}

pub async fn run() -> Result<(), Failure> {
    let ca = DevelopmentCa::generate()?;
    let socket_file = std::env::temp_dir().join(format!("linkspan-arith-{}.sock", std::process::id()));
    let server = Server::builder()
        .service(ArithServer::new(Calculator))
        .transports(Standard::transports_with(development::server_of(&ca)?))
        .listen("mem://arith")
        .listen("tcp://127.0.0.1:0")
        .listen("tls://127.0.0.1:0")
        .listen(format!("unix://{}", socket_file.display()))
        .listen("ws://127.0.0.1:0")
        .listen("wss://127.0.0.1:0")
        .listen("quic://127.0.0.1:0")
        .start()
        .await?;

    println!(
        "| {:<6} | {:<11} | {:>6} | {:<16} | {:>13} |",
        "road", "codec", "answer", "pushes", "time per call"
    );
    println!("|{:-<8}|{:-<13}|{:->8}|{:-<18}|{:->15}|", "", "", "", "", "");
    let mut right = 0;
    let mut all = 0;
    for endpoint in server.endpoints() {
        for codec in CODECS {
            let url = endpoint.clone().with_option("codec", codec).to_string();
            let roads = Standard::transports_with(development::client_of(&ca)?);
            let client = Client::builder().transports(roads).connect(&url).await?;
            let row = timeout(PATIENCE, exercise(&server, &client)).await??;
            let micros = row.per_call.as_secs_f64() * 1e6;
            println!(
                "| {:<6} | {codec:<11} | {:>6} | {:<16} | {micros:>10.1} µs |",
                endpoint.scheme(),
                row.answer,
                row.pushes
            );
            all += 1;
            right += u32::from(row.right);
        }
    }
    server.shutdown().await;
    println!("{right} of {all} right");
    if right == all { Ok(()) } else { Err("not every road and codec did what it should".into()) }
}

#[expect(clippy::disallowed_methods, reason = "it shows how long a call takes")]
async fn exercise(server: &Server, client: &Client) -> Result<Row, Failure> {
    let arith = ArithClient::new(client);
    let answer = arith.mul(Args { a: 10, b: 20 }).await?.c;

    // From outside any handler: the session is found by its id, as any task of a server may.
    let session =
        server.sessions().find(client.session().id()).ok_or("the server does not know this session")?;
    let ticks = TicksPush::new(&session);
    for n in 1..=TICKS {
        ticks.tick(n).await?;
    }
    session.push_raw("Log", "Line", Metadata::new(), "all ticked").await?;

    let mut notifications = client.notifications();
    let mut arrived = Vec::new();
    for _ in 0..=TICKS {
        let notification =
            notifications.next().await.ok_or("the connection ended")?.map_err(|gap| format!("{gap:?}"))?;
        arrived.push(match <TicksEvent as Event<Standard>>::decode(&notification.as_view())? {
            TicksEvent::Tick { n } => format!("tick {n}"),
            _ => format!("raw {}", String::from_utf8_lossy(notification.body())),
        });
    }
    let expected: Vec<_> =
        (1..=TICKS).map(|n| format!("tick {n}")).chain(["raw all ticked".to_owned()]).collect();

    let begin = Instant::now();
    for _ in 0..TIMED_CALLS {
        arith.mul(Args { a: 10, b: 20 }).await?;
    }
    let per_call = begin.elapsed() / TIMED_CALLS;
    let in_order = arrived == expected;
    let pushes = if in_order { "5 ticks, 1 raw".to_owned() } else { format!("wrong: {arrived:?}") };
    Ok(Row { answer, pushes, per_call, right: answer == 200 && in_order })
}
