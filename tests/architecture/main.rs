//! The order of the runtime's modules, and the size of its files.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the runtime, from the ground up: a module names those of lower floors, and on its own floor those before it.
const FLOORS: &[&[&str]] = &[
    // Ground.
    &["error", "sync", "time"],
    // Words.
    &["key", "tag", "policy", "frame"],
    // Ports.
    &["health", "observe", "store", "codec"],
    // Mechanisms.
    &["settings", "site", "breaker", "flight", "local", "pending"],
    // Adapters.
    &["memory", "redis"],
    // The algorithm, and the place in the program that asks it.
    &["catalog", "engine"],
    // Front.
    &[
        "cache", "context", "scope", "typed", "entry", "plain", "mutation", "batch", "warm", "behind",
        "progress",
    ],
    // Rim.
    &["metrics", "__private", "http"],
];

/// What a module names although it comes later, and why that stands.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("store", "memory", "the public path of an adapter"),
    ("store", "redis", "the public path of an adapter"),
    ("cache", "context", "a cache is found through the task that it is put into"),
    ("cache", "scope", "a cache opens transactions, and invalidates by the same path as their ends"),
    ("context", "scope", "a transaction is found through its task"),
];

/// What a module never names, whatever the order says.
const NEVER: &[(&str, &[&str])] = &[
    ("engine", &["redis", "memory", "serde_json", "postcard", "rmp_serde", "tower"]),
    ("redis", &["engine"]),
    ("memory", &["engine"]),
];

/// Lines of the longest file that a person reads in one sitting.
const LONGEST: usize = 350;

#[test]
fn a_module_names_only_earlier_ones() {
    let mut violations = String::new();
    for reference in references() {
        let Reference { from, to, .. } = &reference;
        let place = |name: &str| FLOORS.iter().flat_map(|floor| *floor).position(|module| *module == name);
        let allowed = EXCEPTIONS.iter().any(|(one, other, _)| one == from && other == to);
        if place(from).is_none() {
            let _ = writeln!(violations, "{reference}: `{from}` has no place in the order");
        } else if place(to) > place(from) && !allowed {
            let _ = writeln!(violations, "{reference}: `{from}` names `{to}`, which comes later");
        }
    }
    assert!(violations.is_empty(), "\n{violations}");
}

#[test]
fn every_exception_is_needed() {
    let references = references();
    for (from, to, why) in EXCEPTIONS {
        let used = references.iter().any(|reference| reference.from == *from && reference.to == *to);
        assert!(used, "`{from}` names `{to}` no more ({why})");
    }
}

#[test]
fn the_engine_sees_ports_only_and_no_adapter_sees_the_engine() {
    let never = |from: &str, to: &str| NEVER.iter().any(|(one, never)| *one == from && never.contains(&to));
    let mut violations = String::new();
    for reference in references().into_iter().filter(|reference| never(&reference.from, &reference.to)) {
        let _ = writeln!(violations, "{reference}: `{}` names `{}`", reference.from, reference.to);
    }
    for (file, module) in modules() {
        for (number, line) in code(&file) {
            for name in packages(&line).into_iter().filter(|name| never(&module, name)) {
                let _ =
                    writeln!(violations, "{}:{number}: `{module}` names the crate `{name}`", shown(&file));
            }
        }
    }
    assert!(violations.is_empty(), "\n{violations}");
}

#[test]
fn a_file_is_read_in_one_sitting() {
    let mut violations = String::new();
    let folders = ["cache-runtime/src", "cache-macros/src"];
    for file in folders.iter().flat_map(|folder| files(folder)).filter(|file| !file.ends_with("tests.rs")) {
        let lines = text(&file).lines().count();
        if lines > LONGEST {
            let _ = writeln!(violations, "{}:{lines}: the last of more than {LONGEST} lines", shown(&file));
        }
    }
    assert!(violations.is_empty(), "\n{violations}");
}

/// One module named by another.
struct Reference {
    file: PathBuf,
    line: usize,
    from: String,
    to: String,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", shown(&self.file), self.line)
    }
}

fn references() -> Vec<Reference> {
    let modules = modules();
    let known = |name: &str| modules.iter().any(|(_, module)| module == name);
    let mut references = Vec::new();
    for (file, from) in &modules {
        for (line, text) in code(file) {
            for to in named(&text).into_iter().filter(|to| to != from && known(to)) {
                references.push(Reference { file: file.clone(), line, from: from.clone(), to });
            }
        }
    }
    assert!(references.len() > 50, "only {} references found", references.len());
    references
}

/// The files of the runtime, each with the module of the crate that it is or belongs to.
fn modules() -> Vec<(PathBuf, String)> {
    let source = root().join("cache-runtime/src");
    let module = |file: &Path| {
        let first = file.strip_prefix(&source).ok()?.iter().next()?.to_str()?;
        Some(first.trim_end_matches(".rs").to_owned()).filter(|name| name != "lib")
    };
    files("cache-runtime/src").into_iter().filter_map(|file| module(&file).map(|name| (file, name))).collect()
}

/// The modules that a line names by `crate::name` or `crate::{name::.., ..}`.
fn named(line: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, found) in line.match_indices("crate::") {
        let rest = &line[at + found.len()..];
        match rest.strip_prefix('{') {
            None => named.extend(identifier(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, character) in group.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        ' ' => {}
                        _ if start => {
                            named.extend(identifier(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    named
}

fn identifier(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The beginnings of the paths in a line: packages, and names in scope.
fn packages(line: &str) -> Vec<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let paths = line.split(|c: char| !word(c) && c != ':').filter(|path| path.contains("::"));
    paths.filter_map(|path| path.trim_start_matches(':').split("::").next()).collect()
}

/// The numbered lines of `file` without comments; statements of several lines stand on their first.
fn code(file: &Path) -> impl Iterator<Item = (usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in text(file).lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default().trim();
        match lines.last_mut() {
            Some((_, statement)) if open => statement.push_str(line),
            _ => lines.push((number + 1, line.to_owned())),
        }
        let import =
            lines.last().is_some_and(|(_, line)| line.starts_with("use ") || line.starts_with("pub use "));
        open = import && !line.ends_with(';');
    }
    lines.into_iter()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).expect("a readable file")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package of the workspace").to_owned()
}

/// The path from the root of the repository on.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}
