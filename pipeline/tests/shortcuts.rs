//! The shortcuts around the line must not compile.

#[test]
fn the_shortcuts_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
