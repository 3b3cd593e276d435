//! Collects the errors of one attribute, so that one build reports them all.

use std::cell::RefCell;
use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors found so far. It must be read with [`settle`](Self::settle) before it is dropped.
pub(crate) struct Diag {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Diag {
    pub(crate) fn new() -> Diag {
        Diag { errors: RefCell::new(Some(Vec::new())) }
    }

    /// Records an error whose caret stands at `span`.
    pub(crate) fn error(&self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Records an error whose caret stands below all of `tokens`.
    pub(crate) fn error_at(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Records an error of the parser.
    pub(crate) fn push(&self, error: syn::Error) {
        self.errors.borrow_mut().as_mut().expect("not settled yet").push(error);
    }

    /// The value when nothing was wrong, else the `compile_error!`s.
    pub(crate) fn settle<T>(self, value: Option<T>) -> Result<T, TokenStream> {
        let errors = self.errors.borrow_mut().take().expect("settled once");
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            // nothing made and no error: the block that the function stands in has them
            _ => Err(errors.iter().map(syn::Error::to_compile_error).collect()),
        }
    }

    /// The texts of the errors, in the order they were found.
    #[cfg(test)]
    pub(crate) fn messages(self) -> Vec<String> {
        self.errors.borrow_mut().take().unwrap().iter().map(syn::Error::to_string).collect()
    }
}

impl Drop for Diag {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            debug_assert!(self.errors.borrow().is_none(), "errors were collected and never read");
        }
    }
}

/// "unknown policy `mediun`; did you mean `medium`? one of: short, medium".
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    match near(word, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{word}`; did you mean `{near}`? one of: {list}"),
        None => format!("unknown {what} `{word}`; one of: {list}"),
    }
}

/// The candidate that is at most two edits away, the nearest first.
pub(crate) fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), candidate), candidate))
        // a word that shares no letter with the candidate is not a slip of it
        .filter(|(edits, candidate)| *edits <= 2 && *edits < candidate.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Tokens as a person writes them: `Result<Vec<u8>, E>`.
pub(crate) fn shown(tokens: impl ToTokens) -> String {
    let spaced = tokens.into_token_stream().to_string();
    [(" < ", "<"), (" >", ">"), (" ,", ","), (" :: ", "::"), ("& ", "&"), ("< ", "<")]
        .into_iter()
        .fold(spaced, |text, (wide, tight)| text.replace(wide, tight))
}

/// Edits between two words: insert, delete, replace, or swap two neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let edit = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(replace);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { edit.min(rows[i - 2][j - 2] + 1) } else { edit }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_two_edits_away_at_most() {
        let known = ["short", "medium", "long", "very_long"];
        assert_eq!(near("mediun", known), Some("medium"));
        assert_eq!(near("meidum", known), Some("medium"));
        assert_eq!(near("Long", known), Some("long"));
        assert_eq!(near("verylong", known), Some("very_long"));
        assert_eq!(near("eternal", known), None);
    }

    #[test]
    fn a_short_word_is_no_slip_of_another_short_word() {
        assert_eq!(near("xy", ["ns"]), None);
        assert_eq!(near("n", ["ns"]), Some("ns"));
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("skip", "skpi"), 1);
    }

    #[test]
    fn the_rule_comes_first_and_the_repair_second() {
        assert_eq!(
            unknown("policy", "mediun", &["short", "medium"]),
            "unknown policy `mediun`; did you mean `medium`? one of: short, medium"
        );
        assert_eq!(unknown("policy", "eternal", &["short"]), "unknown policy `eternal`; one of: short");
    }

    #[test]
    fn every_error_is_reported() {
        let diag = Diag::new();
        diag.error(Span::call_site(), "first");
        diag.error(Span::call_site(), "second");
        let tokens = diag.settle(Some(())).unwrap_err().to_string();
        assert_eq!(tokens.matches("compile_error").count(), 2);
    }
}
