//! The bytes of every message. `docs/wire.md` is normative; `tests/golden/` holds its vectors.

pub(crate) mod varint;
