//! Which code frames messages, once a stream is upgraded.

use std::convert::Infallible;

use linkspan_core::settings::{Misfit, SettingKind, SettingType, SettingValue};
use linkspan_core::{Link, PeerInfo};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::framing::FramingPipe;
use crate::link::Role;
use crate::tungstenite::TungstenitePipe;

/// What frames messages after the upgrade. A peer cannot tell one from the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// Framing of our own, over the buffers of every byte stream.
    #[default]
    Own,
    /// The library that also does the upgrade.
    Tungstenite,
}

impl Engine {
    /// Its name, as files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => OWN,
            Self::Tungstenite => TUNGSTENITE,
        }
    }

    /// The link over a stream that is upgraded, of which `read` was read already.
    pub(crate) async fn link<S>(self, (stream, read): (S, &[u8]), role: Role, peer: PeerInfo) -> Link
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match self {
            Self::Own => Link::new(FramingPipe::new(stream, read, role), peer),
            Self::Tungstenite => Link::new(TungstenitePipe::new(stream, read, role).await, peer),
        }
    }
}

impl SettingType for Engine {
    type Bound = Infallible;
    const KIND: SettingKind = SettingKind::Choice(&[OWN, TUNGSTENITE]);

    fn to_value(&self, _: SettingKind) -> SettingValue {
        SettingValue::Choice(self.name())
    }

    fn from_value(name: &'static str, value: SettingValue) -> Result<Self, Misfit> {
        match value {
            SettingValue::Choice(OWN) => Ok(Self::Own),
            SettingValue::Choice(TUNGSTENITE) => Ok(Self::Tungstenite),
            other => {
                Err(Misfit::new(name, format!("{other} is no engine; write {OWN:?} or {TUNGSTENITE:?}")))
            }
        }
    }

    fn bound(bound: Infallible) -> SettingValue {
        match bound {}
    }
}

const OWN: &str = "own";
const TUNGSTENITE: &str = "tungstenite";

#[cfg(test)]
mod tests;
