//! A body to encode into, one per thread.

use std::cell::{RefCell, RefMut};

use super::Body;

/// Lends an empty body that keeps its memory between calls and pushes of this thread, up to [`MAX_KEPT`].
pub(crate) fn with_body<R>(fill: impl FnOnce(&mut Body) -> R) -> R {
    BODY.with(|body| {
        let mut lent = body.try_borrow_mut().ok().map(Lent);
        let mut own = Body::new(); // for whoever calls while encoding
        fill(lent.as_mut().map_or(&mut own, |lent| &mut lent.0))
    })
}

/// Is empty again afterwards, whatever happens.
struct Lent<'a>(RefMut<'a, Body>);

impl Drop for Lent<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.clear();
        if self.0.capacity() > MAX_KEPT {
            *self.0 = Body::new();
        }
    }
}

thread_local! {
    static BODY: RefCell<Body> = const { RefCell::new(Body::new()) };
}

/// Memory of encoded arguments and answers kept per thread.
const MAX_KEPT: usize = 64 * 1024;
