//! The message that is being decoded on this thread, for large fields that are taken by reference.

use std::cell::Cell;

use bytes::Bytes;

/// Decodes `body`: what is large within it need not be copied.
pub(crate) fn sharing<R>(body: &Bytes, decode: impl FnOnce(&[u8]) -> R) -> R {
    struct Restore(Option<Bytes>);
    impl Drop for Restore {
        fn drop(&mut self) {
            BODY.set(self.0.take());
        }
    }
    if body.len() < MIN_SHARED {
        return decode(body);
    }
    let _restore = Restore(BODY.replace(Some(body.clone())));
    decode(body)
}

/// `part` of the message by reference, if it is large and a good deal of it: it keeps all of it alive.
pub(super) fn share(part: &[u8]) -> Option<Bytes> {
    if part.len() < MIN_SHARED {
        return None;
    }
    let body = BODY.take()?;
    let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr());
    let lies_within = start.is_some_and(|start| start + part.len() <= body.len());
    let shared = (lies_within && body.len() / part.len() < MAX_KEPT_ALIVE).then(|| body.slice_ref(part));
    BODY.set(Some(body));
    shared
}

thread_local! {
    static BODY: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// Smallest field that is taken by reference, in bytes: a copy of less costs no more than the count.
const MIN_SHARED: usize = 8 * 1024;
/// How many times its own length a field may keep alive.
const MAX_KEPT_ALIVE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_part_is_taken_by_reference_while_its_message_is_decoded() {
        let body = Bytes::from(vec![7; 4 * MIN_SHARED]);
        let part = |len: usize| body.get(1..=len).unwrap_or_default();
        let shared = sharing(&body, |_| share(part(2 * MIN_SHARED))).unwrap();
        assert_eq!(shared.as_ptr(), part(1).as_ptr());
        assert_eq!(shared.len(), 2 * MIN_SHARED);
        assert!(share(part(2 * MIN_SHARED)).is_none(), "nothing is decoded any more");
        assert!(sharing(&body, |_| share(part(MIN_SHARED))).is_none(), "it would keep four times itself");
        assert!(sharing(&body, |_| share(part(MIN_SHARED - 1))).is_none(), "it is small");
    }

    #[test]
    fn bytes_of_another_place_are_not_shared_and_a_message_within_a_message_is_its_own() {
        let (outer, inner) = (Bytes::from(vec![1; MIN_SHARED]), Bytes::from(vec![2; MIN_SHARED]));
        sharing(&outer, |outer| {
            assert!(share(&inner).is_none());
            sharing(&inner, |inner| assert!(share(inner).is_some() && share(outer).is_none()));
            assert!(share(outer).is_some());
        });
    }
}
