//! Every mistake is met with one error, where it was made, which says the rule and then the repair.

#[test]
fn mistakes_are_met_with_their_repair() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
