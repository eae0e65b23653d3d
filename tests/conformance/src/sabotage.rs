//! Deliberately broken.
