//! Which transport serves which scheme.

use std::sync::Arc;

use super::Transport;
use crate::{Endpoint, Error, ErrorKind};

/// The transports an application knows, by scheme.
///
/// ```
/// use linkspan_core::{ErrorKind, Transports};
///
/// let error = Transports::new().find(&"tcp://127.0.0.1:1".parse()?).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::UnknownScheme);
/// # Ok::<(), linkspan_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Transports(Vec<Arc<dyn Transport>>);

impl Transports {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `transport`. For schemes already known it takes precedence, so that an application can replace one.
    pub fn register(&mut self, transport: Arc<dyn Transport>) {
        self.0.insert(0, transport);
    }

    /// Adds every transport of `others`, as [`register`](Self::register) does with one.
    pub fn register_all(&mut self, others: Self) {
        self.0.splice(0..0, others.0);
    }

    /// The transport for `endpoint`.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownScheme`], listing the known schemes.
    pub fn find(&self, endpoint: &Endpoint) -> Result<&Arc<dyn Transport>, Error> {
        let scheme = endpoint.scheme();
        self.0.iter().find(|transport| transport.schemes().contains(&scheme)).ok_or_else(|| {
            let mut known: Vec<_> = self.schemes().collect();
            known.sort_unstable();
            known.dedup();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::new(
                ErrorKind::UnknownScheme,
                format!(
                    "no transport for {scheme}:// (known: {known}); enable the `linkspan` feature of that name, or register a transport"
                ),
            )
        })
    }

    /// Every known scheme.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flat_map(|transport| transport.schemes().iter().copied())
    }
}
