//! A promise: a sentence, and the case that holds it against a pair.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use linkspan_core::{Capabilities, Limits};

use crate::broken::Broken;
use crate::codecs::Eventually;
use crate::pair::{Pair, Settings};

/// One promise, and the case that holds it against a pair.
///
/// ```
/// use linkspan_conformance::{Ask, Broken, Promise};
///
/// let promise = Promise::new("calls are answered", "Every call is answered.", async |pair| {
///     pair.client.run(Ask::new(1)).await?;
///     Ok(())
/// });
/// assert_eq!(promise.name(), "calls are answered");
/// ```
#[derive(Clone)]
pub struct Promise {
    name: &'static str,
    says: &'static str,
    subject: &'static str,
    invariants: &'static [&'static str],
    settings: fn(Limits) -> Limits,
    client_settings: fn(Limits) -> Limits,
    needs: fn(Capabilities) -> bool,
    guarded: bool,
    limit: Duration,
    run: Arc<Run>,
}

type Run = dyn Fn(Pair) -> Eventually<'static, Result<(), Broken>> + Send + Sync;

impl Promise {
    /// A promise by its short name and its sentence, and the case that fails if it is not kept.
    pub fn new<F, Fut>(name: &'static str, says: &'static str, case: F) -> Self
    where
        F: Fn(Pair) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Broken>> + Send + 'static,
    {
        Self {
            name,
            says,
            subject: "",
            invariants: &[],
            settings: |limits| limits,
            client_settings: |limits| limits,
            needs: |_| true,
            guarded: false,
            limit: LIMIT,
            run: Arc::new(move |pair| Box::pin(case(pair))),
        }
    }

    /// The same, as one of those about `subject`: reports put them together.
    #[must_use]
    pub fn about(mut self, subject: &'static str) -> Self {
        self.subject = subject;
        self
    }

    /// The same, as one of the invariants that the design numbers.
    #[must_use]
    pub fn of(mut self, invariants: &'static [&'static str]) -> Self {
        self.invariants = invariants;
        self
    }

    /// The same, with a server of these limits.
    #[must_use]
    pub fn server(mut self, limits: fn(Limits) -> Limits) -> Self {
        self.settings = limits;
        self
    }

    /// The same, with clients of these limits.
    #[must_use]
    pub fn client(mut self, limits: fn(Limits) -> Limits) -> Self {
        self.client_settings = limits;
        self
    }

    /// The same, for roads only that can do this.
    #[must_use]
    pub fn needs(mut self, capability: fn(Capabilities) -> bool) -> Self {
        self.needs = capability;
        self
    }

    /// The same, with a layer around every call that ends it as its metadata says.
    pub(crate) fn guarded(mut self) -> Self {
        self.guarded = true;
        self
    }

    /// The same, whose case may take as long as `limit` before it fails. Default: 30 s.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Its short name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its sentence.
    pub fn says(&self) -> &'static str {
        self.says
    }

    /// What it is about, or nothing.
    pub fn subject(&self) -> &'static str {
        self.subject
    }

    /// The design's numbers for it.
    pub fn invariants(&self) -> &'static [&'static str] {
        self.invariants
    }

    /// True if a road of these capabilities must keep it.
    pub fn applies_to(&self, capabilities: Capabilities) -> bool {
        (self.needs)(capabilities)
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            server: (self.settings)(Limits::default()),
            client: (self.client_settings)(Limits::default()),
            guarded: self.guarded,
        }
    }

    pub(crate) fn case(&self, pair: Pair) -> Eventually<'static, Result<(), Broken>> {
        (self.run)(pair)
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Promise").field(&self.name).finish()
    }
}

/// Far more than any case needs: it bounds what hangs.
const LIMIT: Duration = Duration::from_secs(30);
