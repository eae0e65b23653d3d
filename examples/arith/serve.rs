//! The serving half: any number of endpoints, and a tick every second to every session.

use std::time::Duration;

use linkspan::{Server, ServerBuilder, Session, Standard};
use tokio::time::{MissedTickBehavior, interval};

use crate::service::{ArithServer, Calculator, TicksPush};
use crate::{Failure, development};

pub async fn run(endpoints: &[String]) -> Result<(), Failure> {
    let mut builder = Server::builder();
    if endpoints.iter().any(|endpoint| development::is_encrypted(endpoint)) {
        builder = builder.transports(Standard::transports_with(development::server()?));
        println!("certificate authority: {}", development::CA_FILE);
    }
    for endpoint in endpoints {
        builder = builder.listen(endpoint);
    }
    until_interrupted(builder).await
}

/// Serves what `builder` says where.
pub async fn until_interrupted(builder: ServerBuilder) -> Result<(), Failure> {
    let server = builder
        .service(ArithServer::new(Calculator))
        .on_connect(|session: Session| async move {
            println!("+ {} over {} in {}", session.id(), session.peer().scheme(), session.codec());
            Ok(())
        })
        .on_close(|session, reason| println!("- {}: {reason}", session.id()))
        .start()
        .await?;
    let mut told = Told::listen()?; // before anybody can know that we run
    for endpoint in server.endpoints() {
        println!("listening on {endpoint}");
    }
    tokio::select! {
        () = tick(&server) => {}
        result = told.wait() => result?,
    }
    server.shutdown().await;
    Ok(())
}

/// The terminal's Ctrl-C, and what a supervisor sends: SIGTERM.
#[cfg(unix)]
struct Told {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Told {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate })
    }

    async fn wait(&mut self) -> std::io::Result<()> {
        tokio::select! {
            _ = self.interrupt.recv() => Ok(()),
            _ = self.terminate.recv() => Ok(()),
        }
    }
}

/// The terminal's Ctrl-C.
#[cfg(not(unix))]
struct Told;

#[cfg(not(unix))]
impl Told {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn wait(&mut self) -> std::io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}

/// Ticks every session, slow ones excepted: a full outbox is skipped, and nobody waits for it.
async fn tick(server: &Server) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for n in 1.. {
        seconds.tick().await;
        for session in server.sessions().iter() {
            if let Err(refused) = TicksPush::new(&session).try_tick(n) {
                println!("! {}: {}", session.id(), refused.reason);
            }
        }
    }
}
