//! The cryptography, given explicitly everywhere, so that the process default, which another library may have
//! installed, never matters.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    Arc::clone(&PROVIDER)
}
