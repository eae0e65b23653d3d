//! Roads, codecs and limits from a file: TOML, with overrides from the environment.
//!
//! One file serves both sides, and one line of it changes the road:
//!
//! ```
//! use linkspan::config::Config;
//! # use linkspan::Context;
//! # #[linkspan::service]
//! # trait Hello { async fn greet(&self, cx: &Context, name: String) -> String; }
//! # struct Polite;
//! # impl Hello for Polite {
//! #     async fn greet(&self, _: &Context, name: String) -> String { format!("hello, {name}") }
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//!
//! let config = Config::from_toml(r#"
//!     codecs = ["postcard", "json"]
//!
//!     [server]
//!     listen = ["mem://greetings"]
//!
//!     [client]
//!     endpoint = "mem://greetings"
//!
//!     [limits]
//!     call_timeout = "5s"
//! "#)?.with_environment("LINKSPAN")?;
//!
//! let server = config.server()?.service(HelloServer::new(Polite)).start().await?;
//! let client = config.connect().await?;
//! assert_eq!(HelloClient::new(&client).greet("world".into()).await.unwrap(), "hello, world");
//! assert_eq!(client.session().codec(), "postcard");
//! # server.shutdown().await;
//! # Ok::<(), linkspan::Error>(()) }).unwrap();
//! ```
//!
//! What is wrong is said with its file, line and key, and with what to write instead:
//!
//! ```
//! use linkspan::config::Config;
//!
//! let error = Config::from_toml("[limits]\ncall_timeout = \"30\"").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     r#"line 2: limits.call_timeout: "30" is not a duration; write "250ms", "10s" or "2m""#
//! );
//! ```
//!
//! [`Config::sections`] tells every key with its documentation, default and range, and [`Config::schema`] the same as a
//! JSON Schema.

mod check;
mod environment;
mod node;
mod problem;
mod read;
mod roads;
mod schema;
mod sections;

pub use sections::Section;

use std::ffi::OsString;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{CodecSet, Endpoint, Error, Limits, Stack, Standard, Transports};
use node::{Node, Origin};
use problem::Problem;
use roads::{Roads, Side};
use sections::Contents;

/// A configuration for applications built with the [`Standard`] stack.
pub type Config = StackConfig<Standard>;

/// What a configuration file says, checked, for applications built with the stack `K`.
///
/// A value says what a file says; whatever else a program wants to choose is chosen on the builders that
/// [`server`](Self::server) and [`client`](Self::client) return.
///
/// It implements serde's traits, so that it can be a part of a larger configuration; errors then name the key, and the
/// format says the line.
pub struct StackConfig<K> {
    contents: Contents,
    tree: Node,
    file: Option<PathBuf>,
    /// The program's, for what the file does not say.
    certificates: roads::Certificates,
    stack: PhantomData<fn() -> K>,
}

impl<K: Stack> StackConfig<K> {
    /// Reads the file at `path`. Paths in it are relative to its directory. Blocks while it reads.
    ///
    /// # Errors
    /// `Configuration`: it cannot be read; it is not TOML; a key is unknown; a value is wrong, out of range, or names an
    /// endpoint, scheme or codec that the stack does not have. The error says where, and what to write.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::configuration(format!("cannot read {}", path.display())).with_source(error)
        })?;
        Self::from_tree(Node::from_toml(&text), Some(path.to_owned()))
    }

    /// Reads `text`. Paths in it are relative to the current directory.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::from_tree(Node::from_toml(text), None)
    }

    /// The same with the overrides of the environment: `LINKSPAN__LIMITS__MAX_IN_FLIGHT=100` sets `max_in_flight` in
    /// `[limits]` if `prefix` is `LINKSPAN`. Lists are TOML arrays, or separated by commas.
    ///
    /// # Errors
    /// `Configuration`, naming the variable: it names no key, or its value is wrong.
    pub fn with_environment(self, prefix: &str) -> Result<Self, Error> {
        self.with_variables(prefix, std::env::vars_os())
    }

    /// The same with overrides from `variables` instead of the environment's.
    ///
    /// # Errors
    /// As [`with_environment`](Self::with_environment).
    pub fn with_variables(
        self,
        prefix: &str,
        variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Error> {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let mut tree = self.tree;
        let laid = environment::overlay(&mut tree, prefix, variables, &Self::sections());
        let config = Self::from_tree(laid.map(|()| tree), self.file)?;
        Ok(Self { certificates: self.certificates, ..config })
    }

    /// The same with certificates and trust of the program's own, on both sides. Each key of the file's `[server.tls]` or
    /// `[client.tls]` goes before the same part of it, and the rest stays.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(self, tls: crate::tls::Tls) -> Self {
        Self { certificates: Some(tls), ..self }
    }

    /// A server as the file has it: its endpoints, transports, codecs and limits. What is missing is the services.
    ///
    /// Reads the files of `[server.tls]`, and blocks while it reads; those of `[client.tls]` need not be there.
    ///
    /// # Errors
    /// `Certificate`, naming line, key and file: a file of `[server.tls]` is missing or wrong. `Configuration`: a section is
    /// about a transport that is the program's own.
    pub fn server(&self) -> Result<linkspan_core::ServerBuilder<K>, Error> {
        let builder = linkspan_core::Server::<K>::builder()
            .limits(self.contents.limits.clone())
            .transports(self.transports(Side::Server, true)?);
        let builder = match self.codecs() {
            [] => builder,
            codecs => builder.codecs(codecs),
        };
        Ok(self.listen().iter().fold(builder, |builder, endpoint| builder.listen(endpoint.to_string())))
    }

    /// A client as the file has it: its transports, codecs and limits. What is missing is the endpoint.
    ///
    /// Reads the files of `[client.tls]`, and blocks while it reads; those of `[server.tls]` need not be there.
    ///
    /// # Errors
    /// As [`server`](Self::server), of `[client.tls]`.
    pub fn client(&self) -> Result<linkspan_core::ClientBuilder<K>, Error> {
        self.client_over(true)
    }

    fn client_over(&self, is_encrypted: bool) -> Result<linkspan_core::ClientBuilder<K>, Error> {
        let builder = linkspan_core::Client::<K>::builder()
            .limits(self.contents.limits.clone())
            .transports(self.transports(Side::Client, is_encrypted)?);
        Ok(match self.codecs() {
            [] => builder,
            codecs => builder.codecs(codecs),
        })
    }

    /// Connects a [`client`](Self::client) to the file's [`endpoint`](Self::endpoint). Reads the files of `[client.tls]` only
    /// if that is on a road that encrypts.
    ///
    /// # Errors
    /// As [`client`](Self::client) and [`ClientBuilder::connect`](crate::ClientBuilder::connect); `Configuration` if the
    /// file names no endpoint.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future abandons the attempt.
    pub async fn connect(&self) -> Result<linkspan_core::Client<K>, Error> {
        let endpoint = self.endpoint().ok_or_else(|| {
            let missing = Problem::new("is missing; write endpoint = \"tcp://127.0.0.1:7001\" in [client]");
            Error::configuration(missing.below(&["client", "endpoint"]).describe(self.file.as_deref()))
        })?;
        let scheme = endpoint.scheme();
        let is_encrypted = K::transports().find(endpoint).is_ok_and(|road| road.is_encrypted(scheme));
        self.client_over(is_encrypted)?.connect(&endpoint.to_string()).await
    }

    /// Where a server listens.
    pub fn listen(&self) -> &[Endpoint] {
        &self.contents.server.listen
    }

    /// Where a client connects to.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.contents.client.endpoint.as_ref()
    }

    /// The codecs to speak, most preferred first; empty if the file leaves it to the stack.
    pub fn codecs(&self) -> &[String] {
        &self.contents.codecs
    }

    /// The limits of both sides.
    pub fn limits(&self) -> &Limits {
        &self.contents.limits
    }

    /// The server's certificates and trust, if the file has `[server.tls]`.
    #[cfg(feature = "tls")]
    pub fn server_tls(&self) -> Option<&crate::tls::ServerTlsConfig> {
        self.contents.server.tls.as_ref()
    }

    /// The client's trust and certificates, if the file has `[client.tls]`.
    #[cfg(feature = "tls")]
    pub fn client_tls(&self) -> Option<&crate::tls::ClientTlsConfig> {
        self.contents.client.tls.as_ref()
    }

    /// What a file may hold: every section, and every key with its documentation, default and range.
    pub fn sections() -> Vec<Section> {
        Contents::sections(K::Codecs::NAMES)
    }

    /// A JSON Schema (draft 2020-12) of such files, for editors and checks. `{:#}` prints it.
    pub fn schema() -> serde_json::Value {
        let transports = K::transports();
        let mut schemes: Vec<_> = transports.schemes().collect();
        schemes.sort_unstable();
        schemes.dedup();
        schema::schema(&Self::sections(), K::Codecs::NAMES, &schemes)
    }

    fn from_tree(tree: Result<Node, Problem>, file: Option<PathBuf>) -> Result<Self, Error> {
        let read = |tree: Node| Ok((check::read::<K>(&tree)?, tree));
        let (mut contents, tree) = match tree.and_then(read) {
            Ok(read) => read,
            Err(problem) => return Err(Error::configuration(problem.describe(file.as_deref()))),
        };
        if let Some(directory) = file.as_ref().and_then(|file| file.parent()) {
            contents.settle(directory, |path| matches!(tree.origin_of(path), Origin::Line(_)));
        }
        Ok(Self { contents, tree, file, certificates: None, stack: PhantomData })
    }

    /// The transports of `side` that sections of the file are about; they take the place of the stack's.
    fn transports(&self, side: Side, is_encrypted: bool) -> Result<Transports, Error> {
        let (certificates, contents) = (&self.certificates, &self.contents);
        let roads = Roads { stack: K::transports(), certificates, contents, side, is_encrypted };
        roads.transports().map_err(|fault| {
            let problem = Problem::new(fault.words).at(self.tree.origin_of(&fault.path)).below(&fault.path);
            let place = problem.describe(self.file.as_deref());
            match fault.source {
                Some(source) => Error::new(source.kind(), place).with_source(source),
                None => Error::configuration(place),
            }
        })
    }
}

impl<K> Default for StackConfig<K> {
    /// An empty file.
    fn default() -> Self {
        let tree = Node::empty(Origin::Unknown);
        Self { contents: Contents::default(), tree, file: None, certificates: None, stack: PhantomData }
    }
}

impl<K> Clone for StackConfig<K> {
    fn clone(&self) -> Self {
        Self {
            contents: self.contents.clone(),
            tree: self.tree.clone(),
            file: self.file.clone(),
            certificates: self.certificates.clone(),
            stack: PhantomData,
        }
    }
}

impl<K> fmt::Debug for StackConfig<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("file", &self.file).field("contents", &self.contents).finish()
    }
}

impl<K> Serialize for StackConfig<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.contents.serialize(serializer)
    }
}

impl<'de, K: Stack> Deserialize<'de> for StackConfig<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = Node::deserialize(deserializer)?;
        Self::from_tree(Ok(tree), None).map_err(D::Error::custom)
    }
}
