//! How much is tried.

use proptest::test_runner::{Config, FileFailurePersistence};

/// Short in every run, long on demand. What fails once is tried again for ever.
pub(crate) fn effort() -> Config {
    let cases = if std::env::var_os("LINKSPAN_LONG").is_some() { 20_000 } else { 256 };
    let failure_persistence = Some(Box::new(FileFailurePersistence::WithSource("regressions")) as _);
    Config { cases, failure_persistence, ..Config::default() }
}
