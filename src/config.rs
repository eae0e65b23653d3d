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
/// format says the line. [`relative_to`](Self::relative_to) tells it where that file is.
pub struct StackConfig<K> {
    contents: Contents,
    tree: Node,
    file: Option<PathBuf>,
    /// Where relative paths begin, those of variables excepted; none leaves them as they are.
    directory: Option<PathBuf>,
    /// The program's, for what the file does not say.
    certificates: roads::Certificates,
    stack: PhantomData<fn() -> K>,
}

impl<K: Stack> StackConfig<K> {
    /// Reads the file at `path`. Paths in it are relative to its directory. Blocks while it reads.
    ///
    /// # Errors
    /// `Configuration`: it cannot be read; it is not TOML; a key is unknown; a value is wrong or out of range. The error says
    /// where, and what to write. What values mean together, and to the stack, is [checked](Self::check) last.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::default().of_file(path.as_ref())?.read()
    }

    /// Reads the file at `path` and lays the environment's variables over it, as
    /// [`with_environment`](Self::with_environment) does, before any value is looked at: so the file may hold placeholders
    /// for what variables replace.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file) and `with_environment`.
    pub fn from_file_with_environment(path: impl AsRef<Path>, prefix: &str) -> Result<Self, Error> {
        Self::from_file_with_variables(path, prefix, std::env::vars_os())
    }

    /// The same with `variables` instead of the environment's.
    ///
    /// # Errors
    /// As [`from_file_with_environment`](Self::from_file_with_environment).
    pub fn from_file_with_variables(
        path: impl AsRef<Path>,
        prefix: &str,
        variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Error> {
        Self::default().of_file(path.as_ref())?.with_variables(prefix, variables)
    }

    /// Reads `text`. Paths in it are relative to the current directory.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let config = Self::default();
        let tree = Node::from_toml(text).map_err(|problem| config.wrong(&problem))?;
        Self { tree, ..config }.read()
    }

    /// The same with relative paths taken from `directory`, those of variables excepted: as where the file is that a larger
    /// configuration was read from. [`from_file`](Self::from_file) takes them from its file's directory already.
    #[must_use]
    pub fn relative_to(self, directory: impl AsRef<Path>) -> Self {
        let config = Self { directory: Some(directory.as_ref().to_owned()), ..self };
        // What was read once reads again.
        config.clone().read().unwrap_or(config)
    }

    /// The same with the overrides of the environment: `LINKSPAN__LIMITS__MAX_IN_FLIGHT=100` sets `max_in_flight` in
    /// `[limits]` if `prefix` is `LINKSPAN`. Lists are TOML arrays, or separated by commas.
    ///
    /// # Errors
    /// `Configuration`, naming the variable: it names no key, or its value is wrong; or, naming the variable or the line, what
    /// [`check`](Self::check) finds about both sides.
    pub fn with_environment(self, prefix: &str) -> Result<Self, Error> {
        self.with_variables(prefix, std::env::vars_os())
    }

    /// The same with overrides from `variables` instead of the environment's.
    ///
    /// # Errors
    /// As [`with_environment`](Self::with_environment).
    pub fn with_variables(
        mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, Error> {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let laid = environment::overlay(&mut self.tree, prefix, variables, &Self::sections());
        laid.map_err(|problem| self.wrong(&problem))?;
        let config = self.read()?;
        check::check_shared::<K>(&config.contents, &config.tree).map_err(|problem| config.wrong(&problem))?;
        Ok(config)
    }

    /// Checks what no value shows alone: that the stack has each codec and scheme, and that values fit together.
    ///
    /// It comes last, so that variables may complete a file: [`server`](Self::server) and [`client`](Self::client) check what
    /// is about their side. This checks all of it, as a program does that only looks whether a file is right.
    ///
    /// # Errors
    /// `Configuration`, with file and line, or variable, and what to write.
    pub fn check(&self) -> Result<(), Error> {
        self.check_for(&[Side::Server, Side::Client])
    }

    fn check_for(&self, sides: &[Side]) -> Result<(), Error> {
        let (contents, tree) = (&self.contents, &self.tree);
        let mut found = check::check_shared::<K>(contents, tree);
        for side in sides {
            found = found.and_then(|()| check::check_side(contents, *side, tree));
        }
        found.map_err(|problem| self.wrong(&problem))
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
    /// `Certificate`, naming line, key and file: a file of `[server.tls]` is missing or wrong. `Configuration`: what
    /// [`check`](Self::check) finds about a server, or a section about a transport that is the program's own.
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
    /// As [`server`](Self::server), about a client and `[client.tls]`.
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
            self.wrong(&missing.below(&["client", "endpoint"]))
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

    /// The same with the tree of the file at `path`, whose values are not looked at yet.
    fn of_file(self, path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::configuration(format!("cannot read {}", path.display())).with_source(error)
        })?;
        let directory = path.parent().map(Path::to_owned);
        let config = Self { file: Some(path.to_owned()), directory, ..self };
        let tree = Node::from_toml(&text).map_err(|problem| config.wrong(&problem))?;
        Ok(Self { tree, ..config })
    }

    /// The same with what its tree says.
    fn read(mut self) -> Result<Self, Error> {
        self.contents = Contents::deserialize(&self.tree).map_err(|problem| self.wrong(&problem))?;
        if let Some(directory) = &self.directory {
            let is_of_file = |path: &[&str]| !matches!(self.tree.origin_of(path), Origin::Variable(_));
            self.contents.settle(directory, is_of_file);
        }
        Ok(self)
    }

    fn wrong(&self, problem: &Problem) -> Error {
        Error::configuration(problem.describe(self.file.as_deref()))
    }

    /// The transports of `side` that sections of the file are about; they take the place of the stack's.
    fn transports(&self, side: Side, is_encrypted: bool) -> Result<Transports, Error> {
        self.check_for(&[side])?;
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
        Self {
            contents: Contents::default(),
            tree,
            file: None,
            directory: None,
            certificates: None,
            stack: PhantomData,
        }
    }
}

impl<K> Clone for StackConfig<K> {
    fn clone(&self) -> Self {
        Self {
            contents: self.contents.clone(),
            tree: self.tree.clone(),
            file: self.file.clone(),
            directory: self.directory.clone(),
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
        Self { tree, ..Self::default() }.read().map_err(D::Error::custom)
    }
}
