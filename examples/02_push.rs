//! Step 2, pushes: the server speaks first, typed or raw, from any task; and a reader who is too slow is told what he missed.

use linkspan::{Client, Limits, Metadata, PushError, PushSink, Server, Sessions};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What clients call.
#[linkspan::service]
trait Exchange {
    /// Answers at once. An answer never overtakes what was pushed before it.
    async fn sync(&self);
}

/// What clients are told, whenever there is something to tell.
#[linkspan::notifications]
trait Prices {
    /// A share changed hands.
    fn traded(share: String, cents: u64);
    /// No more trades today.
    fn closed();
}

struct Market;

impl Exchange for Market {
    async fn sync(&self) {}
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server =
        Server::builder().service(ExchangeServer::new(Market)).listen("mem://exchange").start().await?;
    typed_and_raw(&server).await?;
    slow_reader(&server).await?;
    server.shutdown().await;
    Ok(())
}

async fn typed_and_raw(server: &Server) -> Result<(), Failure> {
    println!("Two clients, and a task of the server that no call started:");
    let (ann, bob) = (Client::connect("mem://exchange").await?, Client::connect("mem://exchange").await?);
    let trading = tokio::spawn(trade(server.sessions()));

    for (name, client) in [("ann", ann), ("bob", bob)] {
        // One stream per `#[notifications]` trait; everything else waits in `notifications`.
        let (mut prices, mut others) = (client.events::<PricesEvent>(), client.notifications());
        let mut seen = Vec::new();
        while let Some(event) = prices.next().await {
            match event? {
                PricesEvent::Traded { share, cents } => {
                    println!("  {name} sees {share} at {cents}");
                    seen.push(cents);
                }
                PricesEvent::Closed => break,
                other => return Err(format!("nobody pushed {other:?}").into()),
            }
        }
        assert_eq!(seen, [1200, 1250, 1190]);

        let bell = others.next().await.ok_or("the connection ended")?.map_err(|gap| format!("{gap:?}"))?;
        println!("  {name} gets {} with the bytes {:?}", bell.path(), bell.body());
        assert_eq!((bell.path(), bell.body().as_ref()), ("Floor/Bell", b"ding".as_slice()));
    }
    trading.await??;
    Ok(())
}

/// Tells every client. A push is encoded once per codec, however many sessions it goes to.
async fn trade(sessions: Sessions) -> Result<(), PushError> {
    for cents in [1200, 1250, 1190] {
        let traded = PricesPush::traded_push("ACME".to_owned(), cents);
        for session in sessions.iter() {
            session.push(traded.clone()).await?; // waits while this session's outbox is full
        }
    }
    for session in sessions.iter() {
        session.push_raw("Floor", "Bell", Metadata::new(), "ding").await?; // the bytes arrive as they are
        PricesPush::new(&session).closed().await?; // the same as pushing `PricesPush::closed_push()`
    }
    Ok(())
}

async fn slow_reader(server: &Server) -> Result<(), Failure> {
    println!("A client with room for three events, who does not read while ten arrive:");
    let limits = Limits::default().with_max_event_buffer_messages(3);
    let client = Client::builder().limits(limits).connect("mem://exchange").await?;
    let mut prices = client.events::<PricesEvent>();

    let session = server.sessions().find(client.session().id()).ok_or("the server does not know it")?;
    for cents in 1..=10 {
        // `try_traded` would hand the push back when the outbox is full, instead of waiting.
        PricesPush::new(&session).traded("ACME".to_owned(), cents).await?;
    }
    ExchangeClient::new(&client).sync().await?; // answered, so all ten are here

    let mut seen = Vec::new();
    while seen.len() < 4 {
        let event = prices.next().await.ok_or("the connection ended")??;
        println!("  {event:?}");
        seen.push(match event {
            PricesEvent::Traded { cents, .. } => format!("at {cents}"),
            PricesEvent::Gap(gap) => format!("{} missed", gap.count),
            _ => "something else".to_owned(),
        });
    }
    assert_eq!(seen, ["7 missed", "at 8", "at 9", "at 10"]);
    println!("Nothing waited for it, and it knows what it missed.");
    Ok(())
}
