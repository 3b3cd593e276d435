//! Prints what the models find: `cargo run --release -p cache-model -- [--full] [NAME]`.

use cache_model::{Outcome, cases};

fn main() {
    let (flags, names): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|it| it.starts_with("--"));
    let full = flags.iter().any(|flag| flag == "--full");
    println!("{:<34} {:<26} {:>9} {:>5} {:>7}  verdict", "model", "without", "states", "depth", "seconds");
    let mut failed = false;
    for case in cases(full) {
        if !names.is_empty() && !names.iter().any(|name| case.scenario.contains(name.as_str())) {
            continue;
        }
        let outcome = case.run();
        let guard = case.without.as_ref().map_or("-", |(guard, _)| guard);
        let Outcome { states, depth, elapsed, .. } = &outcome;
        let seconds = elapsed.as_secs_f32();
        let right = outcome.is_as_expected(&case);
        failed |= !right;
        print!("{:<34} {guard:<26} {states:>9} {depth:>5} {seconds:>7.2}  ", case.scenario);
        println!("{}{outcome}", if right { "" } else { "UNEXPECTED: " });
        for (step, number) in outcome.broken.iter().flat_map(|broken| &broken.steps).zip(1..) {
            println!("    {number:>2}. {step}");
        }
    }
    std::process::exit(i32::from(failed));
}
