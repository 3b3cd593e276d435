//! Where an attribute stands in the program.

use std::fmt;
use std::panic::Location;

/// Where an attribute stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The path of something in the function's body, which tells the type that the function belongs to: no item in it may name `Self`.
    within: fn() -> &'static str,
    module: &'static str,
    location: &'static Location<'static>,
}

impl Place {
    /// A place in `module`.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        within: fn() -> &'static str,
        module: &'static str,
        location: &'static Location<'static>,
    ) -> Self {
        Self { within, module, location }
    }

    pub(super) fn module(&self) -> &'static str {
        self.module
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The path of what `function` belongs to, a type or a module; `None` when the compiler writes paths in another way.
    pub(super) fn owner(&self, function: &str) -> Option<&'static str> {
        let within = (self.within)();
        let end = within.rfind(&format!("::{function}::"))?;
        Some(self_type(&within[..end]))
    }

    /// Whether two functions are one that was compiled twice, as when `main.rs` and `lib.rs` both have its module.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.location == other.location
    }

    /// Whether it is in a documentation test: these are compiled into one program, and never run together.
    pub(super) fn is_doctest(&self) -> bool {
        self.module.starts_with("doctest_bundle")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.location.file(), self.location.line())
    }
}

/// `app::Repo`, of `app::Repo<_>`, `<app::Repo as app::Load>` and `app::other::<impl app::Load for app::Repo<_>>`.
fn self_type(path: &str) -> &str {
    let Some(inside) = path.strip_suffix('>') else { return path };
    let Some(open) = opening(inside) else { return path };
    let inner = &inside[open + 1..];
    if let Some(header) = inner.strip_prefix("impl ") {
        return self_type(outside(header, " for ").map_or(header, |at| &header[at + " for ".len()..]));
    }
    match outside(inner, " as ") {
        Some(at) if open == 0 => self_type(&inner[..at]),
        _ => &path[..open],
    }
}

/// Where the bracket stands that the end of `text` closes.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, character) in text.char_indices().rev() {
        match character {
            '>' if !text[..at].ends_with('-') => depth += 1,
            '<' if depth == 0 => return Some(at),
            '<' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Where `word` stands outside of brackets.
fn outside(text: &str, word: &str) -> Option<usize> {
    let depth =
        |text: &str| text.matches('<').count() + text.matches("->").count() - text.matches('>').count();
    text.match_indices(word).map(|(at, _)| at).find(|at| depth(&text[..*at]) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_found_in_every_form_of_a_path() {
        for path in [
            "app::Repo",
            "app::Repo<_>",
            "app::Repo<fn(u8) -> Vec<u8>, app::Db>",
            "<app::Repo as app::Load>",
            "<app::Repo<_> as app::Load<app::Other<_>>>",
            "app::other::<impl app::Repo>",
            "app::other::<impl app::Repo<u8, fn() -> u8>>",
            "app::other::<impl app::Load<Vec<u8>> for app::Repo<_>>",
        ] {
            assert_eq!(self_type(path), "app::Repo", "{path}");
        }
    }

    #[test]
    fn a_path_of_another_form_has_no_owner() {
        let place = |within| Place::new(within, "app", Location::caller());
        assert_eq!(place(|| "app::Repo::get_entry::_::path").owner("get_entry"), Some("app::Repo"));
        assert_eq!(
            place(|| "app::get::Repo::get::{{closure}}::_::path").owner("get"),
            Some("app::get::Repo")
        );
        assert_eq!(place(|| "some other text").owner("get"), None);
    }
}
