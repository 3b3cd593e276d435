//! Each model holds with all its guards, and breaks without any one of them.

use cache_model::Case;

fn check(cases: &[Case]) {
    for case in cases {
        let outcome = case.run();
        let guard = case.without.as_ref().map_or("nothing", |(guard, _)| guard);
        println!("{}, without {guard}: {outcome}, {} states", case.scenario, outcome.states);
        let steps = outcome.broken.as_ref().map(|broken| broken.steps.join("\n")).unwrap_or_default();
        assert!(outcome.is_as_expected(case), "{}, without {guard}: {outcome}\n{steps}", case.scenario);
    }
}

#[test]
fn entry() {
    check(&cache_model::entry::cases(false));
}

#[test]
fn tags() {
    check(&cache_model::tags::cases(false));
}

#[test]
fn holds() {
    check(&cache_model::holds::cases(false));
}

#[test]
fn write_through() {
    check(&cache_model::write_through::cases(false));
}

#[test]
fn outage() {
    check(&cache_model::outage::cases(false));
}

#[test]
fn nested() {
    check(&cache_model::nested::cases(false));
}

#[test]
fn joins() {
    check(&cache_model::joins::cases(false));
}

#[test]
fn reloads() {
    check(&cache_model::reloads::cases(false));
}

#[test]
fn restarts() {
    check(&cache_model::restarts::cases(false));
}
