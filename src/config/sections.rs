//! What a file may hold.

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::roads::Side;
#[cfg(feature = "quic")]
use crate::quic::QuicConfig;
use crate::settings::{Misfit, Setting, SettingKind, SettingValue, Settings, deserialize_value};
#[cfg(feature = "tls")]
use crate::tls::{ClientTlsConfig, ServerTlsConfig};
#[cfg(feature = "websocket")]
use crate::websocket::WebSocketConfig;
use crate::{Endpoint, Limits};

/// A table of a configuration file, or the keys above all tables.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Section {
    /// Its name in the file, as in `client.tls`; empty for the keys above all tables.
    pub name: &'static str,
    /// What it is about, in one sentence.
    pub about: &'static str,
    /// Its keys, in the order of the documentation.
    pub settings: Vec<Setting>,
}

/// A file, read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Contents {
    #[serde(deserialize_with = "codecs", skip_serializing_if = "Vec::is_empty")]
    pub(super) codecs: Vec<String>,
    pub(super) server: ServerContents,
    pub(super) client: ClientContents,
    #[cfg(feature = "websocket")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) websocket: Option<WebSocketConfig>,
    #[cfg(feature = "quic")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quic: Option<QuicConfig>,
    pub(super) limits: Limits,
}

/// The serving side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServerContents {
    #[serde(
        deserialize_with = "endpoints",
        serialize_with = "as_texts",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) listen: Vec<Endpoint>,
    #[cfg(feature = "tls")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<ServerTlsConfig>,
}

/// The calling side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ClientContents {
    #[serde(
        deserialize_with = "endpoint",
        serialize_with = "as_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) endpoint: Option<Endpoint>,
    #[cfg(feature = "tls")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<ClientTlsConfig>,
}

impl Contents {
    /// Every section, in the order of the documentation; `codecs` are those of the stack.
    pub(super) fn sections(codecs: &[&str]) -> Vec<Section> {
        let codecs: Vec<String> = codecs.iter().map(|&name| name.to_owned()).collect();
        let codecs = Setting::new::<Vec<String>>("codecs", &CODECS, &codecs);
        let listen = Setting::new::<Vec<Endpoint>>("listen", &LISTEN, &Vec::new());
        let endpoint = Setting::new::<Option<Endpoint>>("endpoint", &ENDPOINT, &None);
        vec![
            Section { name: "", about: "What both sides speak.", settings: vec![codecs] },
            Section { name: "server", about: "Where a server listens.", settings: vec![listen] },
            #[cfg(feature = "tls")]
            section::<ServerTlsConfig>(
                "server.tls",
                "Who a server is and which clients it believes, on every road that encrypts: `tls://`, `wss://` and `quic://`.",
            ),
            Section { name: "client", about: "Where a client connects to.", settings: vec![endpoint] },
            #[cfg(feature = "tls")]
            section::<ClientTlsConfig>(
                "client.tls",
                "Which servers a client believes and who it is, on every road that encrypts: `tls://`, `wss://` and `quic://`.",
            ),
            #[cfg(feature = "websocket")]
            section::<WebSocketConfig>("websocket", "What may be chosen about `ws://` and `wss://`."),
            #[cfg(feature = "quic")]
            section::<QuicConfig>("quic", "What may be chosen about `quic://`."),
            section::<Limits>("limits", "Every bound of a connection and of a server, for both sides."),
        ]
    }

    /// Takes relative paths of the file from `directory`; `is_of_file` says whether those at a path are.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "no setting is a path"))]
    pub(super) fn settle(&mut self, directory: &Path, is_of_file: impl Fn(&[&str]) -> bool) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.server.tls {
            settle(tls, directory, |key| is_of_file(&["server", "tls", key]));
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.client.tls {
            settle(tls, directory, |key| is_of_file(&["client", "tls", key]));
        }
    }

    /// The first setting that does not fit, with its section; of those that both sides share.
    pub(super) fn misfit(&self) -> Option<(&'static str, Misfit)> {
        let found = [
            #[cfg(feature = "websocket")]
            ("websocket", self.websocket.as_ref().map_or(Ok(()), Settings::fits)),
            #[cfg(feature = "quic")]
            ("quic", self.quic.as_ref().map_or(Ok(()), Settings::fits)),
            ("limits", self.limits.fits()),
        ];
        found.into_iter().find_map(|(section, fits)| Some((section, fits.err()?)))
    }
}

#[cfg(feature = "tls")]
impl Contents {
    /// The first setting that does not fit, with its section; of those of `side` alone.
    pub(super) fn misfit_of(&self, side: Side) -> Option<(&'static str, Misfit)> {
        let (section, fits) = match side {
            Side::Client => ("client.tls", self.client.tls.as_ref().map_or(Ok(()), Settings::fits)),
            Side::Server => ("server.tls", self.server.tls.as_ref().map_or(Ok(()), Settings::fits)),
        };
        Some((section, fits.err()?))
    }
}

#[cfg(not(feature = "tls"))]
impl Contents {
    pub(super) fn misfit_of(&self, _: Side) -> Option<(&'static str, Misfit)> {
        None
    }
}

fn codecs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match deserialize_value(SettingKind::Texts, deserializer)? {
        SettingValue::Texts(names) => Ok(names),
        other => Err(D::Error::custom(other)),
    }
}

fn endpoints<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Endpoint>, D::Error> {
    match deserialize_value(SettingKind::Endpoints, deserializer)? {
        SettingValue::Endpoints(list) => Ok(list),
        other => Err(D::Error::custom(other)),
    }
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Endpoint>, D::Error> {
    match deserialize_value(SettingKind::Endpoint, deserializer)? {
        SettingValue::Endpoint(endpoint) => Ok(endpoint),
        other => Err(D::Error::custom(other)),
    }
}

fn as_texts<S: Serializer>(list: &[Endpoint], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(ToString::to_string))
}

fn as_text<S: Serializer>(endpoint: &Option<Endpoint>, serializer: S) -> Result<S::Ok, S::Error> {
    endpoint.as_ref().map(ToString::to_string).serialize(serializer)
}

#[cfg(feature = "tls")]
fn settle<T: Settings>(settings: &mut T, directory: &Path, is_of_file: impl Fn(&str) -> bool) {
    for name in T::NAMES {
        if let Some(SettingValue::Path(Some(path))) = settings.value(name)
            && is_of_file(name)
        {
            // A path has no range: nothing is refused.
            let _ = settings.set(name, SettingValue::Path(Some(directory.join(path))));
        }
    }
}

fn section<T: Settings>(name: &'static str, about: &'static str) -> Section {
    Section { name, about, settings: T::settings().to_vec() }
}

/// The kind of value at `path`; none if there is none.
pub(super) fn kind_at(sections: &[Section], path: &[&str]) -> Option<SettingKind> {
    let (key, section) = path.split_last()?;
    let section = section.join(".");
    let section = sections.iter().find(|known| known.name == section)?;
    section.settings.iter().find(|setting| setting.name == *key).map(|setting| setting.kind)
}

const LISTEN: [&str; 1] =
    ["Endpoints to listen on. Port 0 picks a free one. Default none: the program says where."];

const ENDPOINT: [&str; 2] = [
    "The endpoint to connect to. Its scheme picks the road, its option `codec` a codec. Default none: the program",
    "says where.",
];

const CODECS: [&str; 4] = [
    "Codecs to speak, most preferred first; others of the program are then not spoken. A client offers them in this",
    "order, a server takes the first of them that a client offers. Default: all that the program is built with, and",
    "the client's order counts.",
    "",
];
