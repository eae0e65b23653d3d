//! What each side knows of the other, and of the link between them.

use std::net::SocketAddr;

use crate::broken::Broken;
use crate::pair::Pair;
use crate::promise::Promise;

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "both sides know one session",
            "Client and server name the same session and the same codec.",
            one_session,
        ),
        Promise::new(
            "both sides know how they are connected",
            "Road, addresses and upgrade: what one side is told of a link agrees with what the other is told.",
            facts_agree,
        ),
        Promise::new(
            "an encrypted link tells of its TLS",
            "Both sides know the application protocol agreed on, and the client has seen the server's certificate.",
            tells_of_tls,
        )
        .needs(|road| road.encrypted),
    ]
}

async fn one_session(pair: Pair) -> Result<(), Broken> {
    let session = pair.session()?;
    Broken::unless_equal("codec at the server", &session.codec(), &pair.codec().name())?;
    Broken::unless_equal("codec at the client", &pair.client.session().codec(), &pair.codec().name())?;
    let other = pair.connect().await?;
    Broken::unless(pair.session_of(&other)? != session, || "two clients share a session".into())?;
    Broken::unless_equal("sessions", &pair.server()?.sessions().len(), &2)
}

async fn facts_agree(pair: Pair) -> Result<(), Broken> {
    let (here, there) = (pair.client.session().peer().clone(), pair.session()?.peer().clone());
    let scheme = pair.endpoint().scheme();
    Broken::unless_equal("schemes", &(here.scheme(), there.scheme()), &(scheme, scheme))?;
    for (what, mine, theirs) in [
        ("the client's address", here.local_address(), there.remote_address()),
        ("the server's address", here.remote_address(), there.local_address()),
    ] {
        // A road that does not know an address says so.
        if let (Some(mine), Some(theirs)) = (mine, theirs) {
            Broken::unless(same_address(mine, theirs), || format!("{what}: {mine} here, {theirs} there"))?;
        }
    }
    let encrypted = (here.capabilities().encrypted, there.capabilities().encrypted);
    Broken::unless_equal("encrypted, as client and server know it", &encrypted.0, &encrypted.1)?;
    match there.upgrade() {
        None => Ok(()),
        Some(upgrade) => {
            Broken::unless_equal("path of the upgrade", &upgrade.path.as_str(), &pair.endpoint().path())
        }
    }
}

async fn tells_of_tls(pair: Pair) -> Result<(), Broken> {
    let (here, there) = (pair.client.session().peer().clone(), pair.session()?.peer().clone());
    let missing = |side: &str| Broken::new(format!("the {side} is told nothing of the link's TLS"));
    let mine = here.tls().ok_or_else(|| missing("client"))?;
    let theirs = there.tls().ok_or_else(|| missing("server"))?;
    Broken::unless_equal("application protocol", &mine.alpn, &theirs.alpn)?;
    Broken::unless(!mine.certificates.is_empty(), || "the client saw no certificate".into())
}

/// True if both name one address. A socket that is bound to every address of its machine knows only its port.
fn same_address(one: &str, other: &str) -> bool {
    match (one.parse::<SocketAddr>(), other.parse::<SocketAddr>()) {
        (Ok(one), Ok(other)) => {
            let anywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
            one.port() == other.port() && (anywhere || one.ip() == other.ip())
        }
        _ => one == other,
    }
}
