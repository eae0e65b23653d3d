//! What the macros say to those who hold them wrong. `TRYBUILD=overwrite` writes the expectations anew.

#[test]
fn mistakes_are_told_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
