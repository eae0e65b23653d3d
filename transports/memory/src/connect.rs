//! Connecting to a name.

use linkspan_core::{Endpoint, Error, ErrorKind, Link};

use crate::{Memory, link, names};

pub(crate) async fn connect(memory: &Memory, endpoint: &Endpoint) -> Result<Link, Error> {
    let nobody = || {
        Error::new(
            ErrorKind::Unreachable,
            format!(
                "nobody listens at {endpoint} in this process; start the server first, or check the name"
            ),
        )
    };
    let server = names::find(endpoint.host()).ok_or_else(nobody)?;
    let (mine, theirs) = link::pair((memory, endpoint), (&server.memory, &server.endpoint));
    server.arrivals.send(theirs).await.map_err(|_| nobody())?;
    Ok(mine)
}
