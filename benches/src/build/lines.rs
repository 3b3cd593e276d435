//! Lines of LLVM's language in bodies of functions, as `cargo llvm-lines` counts them.

use super::sources::ITEM;
use rustc_demangle::demangle;
use std::collections::HashMap;

const DROP: &str = "core::ptr::drop_in_place<";

/// All copies of a function.
#[derive(Debug)]
pub(super) struct Function {
    /// Its path, with the number of an item left out, and what it is generic over.
    pub(super) name: String,
    pub(super) lines: usize,
    pub(super) copies: usize,
}

/// The functions in `text`, those with most lines first.
pub(super) fn count(text: &str) -> Vec<Function> {
    let mut functions: HashMap<String, Function> = HashMap::new();
    let mut inside = None;
    for line in text.lines() {
        if let Some(defined) = line.strip_prefix("define ") {
            let name = name(defined);
            let function =
                functions.entry(name.clone()).or_insert(Function { name: name.clone(), lines: 0, copies: 0 });
            function.copies += 1;
            inside = Some(name);
        } else if line == "}" {
            inside = None;
        } else if line.starts_with("  ")
            && !line.starts_with("   ")
            && let Some(function) = inside.as_ref().and_then(|name| functions.get_mut(name))
        {
            function.lines += 1;
        }
    }
    let mut functions: Vec<Function> = functions.into_values().collect();
    functions.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.name.cmp(&other.name)));
    functions
}

fn name(defined: &str) -> String {
    let symbol = defined.split_once('@').map_or(defined, |(_, rest)| rest);
    let symbol = match symbol.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => symbol.split('(').next(),
    };
    let mut path = format!("{:#}", demangle(symbol.unwrap_or_default()));
    // whose drop it is is said by the first name in it
    if let Some(dropped) = path.strip_prefix(DROP) {
        let dropped = dropped.trim_end_matches('>').split('<').next().unwrap_or_default();
        path = format!("{DROP}{dropped}>");
    }
    let mut name = String::new();
    let mut rest = path.as_str();
    while let Some(place) = rest.to_ascii_lowercase().find(ITEM) {
        let after = place + ITEM.len();
        let after = after + usize::from(rest[after..].starts_with('_'));
        name.push_str(&rest[..after]);
        rest = rest[after..].trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    name + rest
}
