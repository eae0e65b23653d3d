//! What a file may hold.

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

#[cfg(feature = "quic")]
use crate::quic::QuicConfig;
use crate::settings::{Setting, SettingKind, SettingValue, Settings, deserialize_value};
#[cfg(feature = "tls")]
use crate::tls::TlsConfig;
#[cfg(feature = "websocket")]
use crate::websocket::WebSocketConfig;
use crate::{Endpoint, Limits};

/// A table of a configuration file, or the keys above all tables.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Section {
    /// Its name in the file; empty for the keys above all tables.
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
    pub(super) server: ServerConfig,
    pub(super) client: ClientConfig,
    #[cfg(feature = "tls")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<TlsConfig>,
    #[cfg(feature = "websocket")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) websocket: Option<WebSocketConfig>,
    #[cfg(feature = "quic")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quic: Option<QuicConfig>,
    pub(super) limits: Limits,
}

linkspan_core::settings! {
    /// The serving side.
    pub(super) struct ServerConfig {
        /// Endpoints to listen on. Port 0 picks a free one. Default none: the program says where.
        listen: Vec<Endpoint> = Vec::new();
    }
}

linkspan_core::settings! {
    /// The calling side.
    pub(super) struct ClientConfig {
        /// The endpoint to connect to. Its scheme picks the road, its option `codec` a codec. Default none: the program
        /// says where.
        endpoint: Option<Endpoint> = None;
    }
}

impl Contents {
    /// Every section, in the order of the documentation; `codecs` are those of the stack.
    pub(super) fn sections(codecs: &[&str]) -> Vec<Section> {
        let codecs: Vec<String> = codecs.iter().map(|&name| name.to_owned()).collect();
        let codecs = Setting::new::<Vec<String>>("codecs", &CODECS, &codecs);
        vec![
            Section { name: "", about: "What both sides speak.", settings: vec![codecs] },
            section::<ServerConfig>("server", "Where a server listens."),
            section::<ClientConfig>("client", "Where a client connects to."),
            #[cfg(feature = "tls")]
            section::<TlsConfig>(
                "tls",
                "Certificates for every road that encrypts: `tls://`, `wss://` and `quic://`.",
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
        if let Some(tls) = &mut self.tls {
            settle(tls, directory, |key| is_of_file(&["tls", key]));
        }
    }

    /// The first setting that does not fit, with its section.
    pub(super) fn misfit(&self) -> Option<(&'static str, crate::settings::Misfit)> {
        let found = [
            #[cfg(feature = "tls")]
            ("tls", self.tls.as_ref().map_or(Ok(()), Settings::fits)),
            #[cfg(feature = "websocket")]
            ("websocket", self.websocket.as_ref().map_or(Ok(()), Settings::fits)),
            #[cfg(feature = "quic")]
            ("quic", self.quic.as_ref().map_or(Ok(()), Settings::fits)),
            ("limits", self.limits.fits()),
        ];
        found.into_iter().find_map(|(section, fits)| Some((section, fits.err()?)))
    }
}

fn codecs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match deserialize_value(SettingKind::Texts, deserializer)? {
        SettingValue::Texts(names) => Ok(names),
        other => Err(D::Error::custom(other)),
    }
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
    let (section, key) = match path {
        [key] => ("", key),
        [section, key] => (*section, key),
        _ => return None,
    };
    let section = sections.iter().find(|known| known.name == section)?;
    section.settings.iter().find(|setting| setting.name == *key).map(|setting| setting.kind)
}

const CODECS: [&str; 4] = [
    "Codecs to speak, most preferred first; others of the program are then not spoken. A client offers them in this",
    "order, a server takes the first of them that a client offers. Default: all that the program is built with, and",
    "the client's order counts.",
    "",
];
