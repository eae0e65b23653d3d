//! The calling half. It does not know which road it is on.

use linkspan::{Client, Standard};

use crate::arguments::Call;
use crate::service::{Args, ArithClient, TicksEvent};
use crate::{Failure, development};

pub async fn run(call: Call) -> Result<(), Failure> {
    let mut builder = Client::builder();
    if development::is_encrypted(&call.endpoint) {
        let tls = development::client(call.ca.as_deref())?;
        builder = builder.transports(Standard::transports_with(tls));
    }
    let client = builder.connect(&with_codec(&call.endpoint, call.codec.as_deref())).await?;
    talk(client, &call).await
}

/// Calls and listens as `call` says.
pub async fn talk(client: Client, call: &Call) -> Result<(), Failure> {
    if let Some((a, b)) = call.factors {
        let reply = ArithClient::new(&client).mul(Args { a, b }).await?;
        println!("{}", reply.c);
    }
    if call.listen {
        listen(&client).await?;
    }
    // So that the server is told before the process ends.
    client.close();
    client.closed().await;
    Ok(())
}

async fn listen(client: &Client) -> Result<(), Failure> {
    let mut ticks = client.events::<TicksEvent>();
    let mut others = client.notifications();
    loop {
        tokio::select! {
            tick = ticks.next() => match tick {
                Some(event) => println!("{:?}", event?),
                None => break,
            },
            other = others.next() => match other {
                Some(Ok(notification)) => println!("{} {:?}", notification.path(), notification.body()),
                Some(Err(gap)) => println!("{gap:?}"),
                None => break,
            },
            result = tokio::signal::ctrl_c() => return Ok(result?),
        }
    }
    println!("{}", client.closed().await);
    Ok(())
}

fn with_codec(endpoint: &str, codec: Option<&str>) -> String {
    match codec {
        None => endpoint.to_owned(),
        Some(codec) => format!("{endpoint}{}codec={codec}", if endpoint.contains('?') { '&' } else { '?' }),
    }
}
