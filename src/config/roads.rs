//! The transports that a file is about.
#![cfg_attr(
    not(all(feature = "tls", any(feature = "tcp", feature = "websocket", feature = "quic"))),
    expect(dead_code, reason = "it serves roads and their certificates, of which some are left out")
)]

use std::any::Any;
use std::sync::Arc;

use super::sections::Contents;
#[cfg(feature = "quic")]
use crate::quic::Quic;
#[cfg(all(feature = "tcp", feature = "tls"))]
use crate::tcp::Tcp;
#[cfg(feature = "tls")]
use crate::tls::Tls;
#[cfg(feature = "websocket")]
use crate::websocket::WebSocket;
use crate::{Endpoint, Error, Transport, Transports};

/// Who we are and whom we trust, if the program says so.
#[cfg(feature = "tls")]
pub(super) type Certificates = Option<Tls>;
#[cfg(not(feature = "tls"))]
pub(super) type Certificates = Option<std::convert::Infallible>;

/// Whose transports they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// What keeps a file from being used, and the key it is about.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) path: Vec<&'static str>,
    pub(super) words: String,
    pub(super) source: Option<Error>,
}

/// What the transports of one side are made of. Each part says only what it has: the stack's transports are the
/// beginning, the program's certificates go before theirs, and each key of the file before the same of both.
pub(super) struct Roads<'a> {
    pub(super) stack: Transports,
    pub(super) certificates: &'a Certificates,
    pub(super) contents: &'a Contents,
    pub(super) side: Side,
    /// False leaves the files of certificates unread: no road that is taken encrypts.
    pub(super) is_encrypted: bool,
}

type Road = Option<Arc<dyn Transport>>;

impl Roads<'_> {
    /// The transports that the file or the program's certificates are about.
    pub(super) fn transports(&self) -> Result<Transports, Fault> {
        let mut transports = Transports::new();
        for road in [self.tcp()?, self.websocket()?, self.quic()?] {
            road.into_iter().for_each(|road| transports.register(road));
        }
        Ok(transports)
    }

    #[cfg(all(feature = "tcp", feature = "tls"))]
    fn tcp(&self) -> Result<Road, Fault> {
        let Some(road) = self.own::<Tcp>(&["tcp", "tls"], None)? else { return Ok(None) };
        let tls = self.tls(road.tls())?;
        Ok(Some(Arc::new(road.with_tls(tls))))
    }

    #[cfg(not(all(feature = "tcp", feature = "tls")))]
    fn tcp(&self) -> Result<Road, Fault> {
        Ok(None)
    }

    #[cfg(feature = "websocket")]
    fn websocket(&self) -> Result<Road, Fault> {
        let config = self.contents.websocket.as_ref();
        let section = config.map(|_| "websocket");
        let Some(mut road) = self.own::<WebSocket>(&["ws", "wss"], section)? else { return Ok(None) };
        if let Some(config) = config {
            road = road.with_config(config.clone());
        }
        #[cfg(feature = "tls")]
        {
            let tls = self.tls(road.tls())?;
            road = road.with_tls(tls);
        }
        Ok(Some(Arc::new(road)))
    }

    #[cfg(not(feature = "websocket"))]
    fn websocket(&self) -> Result<Road, Fault> {
        Ok(None)
    }

    #[cfg(feature = "quic")]
    fn quic(&self) -> Result<Road, Fault> {
        let config = self.contents.quic.as_ref();
        let Some(mut road) = self.own::<Quic>(&["quic"], config.map(|_| "quic"))? else { return Ok(None) };
        if let Some(config) = config {
            road = road.with_config(config.clone());
        }
        let tls = self.tls(road.tls())?;
        Ok(Some(Arc::new(road.with_tls(tls))))
    }

    #[cfg(not(feature = "quic"))]
    fn quic(&self) -> Result<Road, Fault> {
        Ok(None)
    }

    /// The transport of `schemes` to begin with; none if nothing is to be changed about the stack's. `section` is the
    /// table that is about it, if the file has it.
    fn own<T: Transport + Clone + Default>(
        &self,
        schemes: &[&'static str],
        section: Option<&'static str>,
    ) -> Result<Option<T>, Fault> {
        if section.is_none() && self.certificates.is_none() && !self.has_tls() {
            return Ok(None);
        }
        let mut own = None;
        for scheme in schemes {
            let Some(found) = self.found(scheme) else { continue };
            let any: &dyn Any = &**found;
            match any.downcast_ref::<T>() {
                Some(found) => own = Some(found.clone()),
                None => return self.foreign(schemes, scheme, section).map(|()| None),
            }
        }
        Ok(Some(own.unwrap_or_default()))
    }

    /// Refuses what the file says about a transport that is not of this crate, and so cannot be told.
    fn foreign(
        &self,
        schemes: &[&'static str],
        scheme: &str,
        section: Option<&'static str>,
    ) -> Result<(), Fault> {
        let words = format!("the program has a transport of its own for {scheme}://");
        if let Some(section) = section {
            let words = format!("{words}, which this section cannot set; take the section out");
            return Err(Fault { path: vec![section], words, source: None });
        }
        let is_taken = self.endpoints().any(|endpoint| {
            let is_encrypted =
                self.found(endpoint.scheme()).is_some_and(|road| road.is_encrypted(endpoint.scheme()));
            is_encrypted && schemes.contains(&endpoint.scheme())
        });
        if self.has_tls() && is_taken {
            let words = format!("{words}, which this section cannot give certificates; take the section out");
            return Err(Fault { path: vec![self.name(), "tls"], words, source: None });
        }
        Ok(())
    }

    fn found(&self, scheme: &str) -> Option<&Arc<dyn Transport>> {
        self.stack.find(&format!("{scheme}://").parse().ok()?).ok()
    }

    fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let (listen, endpoint): (&[_], _) = match self.side {
            Side::Client => (&[], self.contents.client.endpoint.as_ref()),
            Side::Server => (&self.contents.server.listen, None),
        };
        listen.iter().chain(endpoint)
    }

    fn name(&self) -> &'static str {
        match self.side {
            Side::Client => "client",
            Side::Server => "server",
        }
    }

    /// True if the file says something about this side's certificates.
    fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return match self.side {
            Side::Client => self.contents.client.tls.is_some(),
            Side::Server => self.contents.server.tls.is_some(),
        };
        #[cfg(not(feature = "tls"))]
        false
    }

    /// What the file says about certificates, over the program's and failing those over `own`.
    #[cfg(feature = "tls")]
    fn tls(&self, own: &Tls) -> Result<Tls, Fault> {
        let tls = self.certificates.as_ref().unwrap_or(own).clone();
        if !self.is_encrypted {
            return Ok(tls);
        }
        let (server, client) = (&self.contents.server.tls, &self.contents.client.tls);
        let loaded = match (self.side, client, server) {
            (Side::Client, Some(config), _) => config.load_over(tls),
            (Side::Server, _, Some(config)) => config.load_over(tls),
            _ => Ok(tls),
        };
        loaded.map_err(|error| Fault {
            path: vec![self.name(), "tls", error.field()],
            words: "cannot be used".to_owned(),
            source: Some(error.into()),
        })
    }
}
