//! Meaning, valid by construction. Each noun has one maker, `lower`.

mod attrs;
pub(crate) mod cached;
pub(crate) mod companion;
pub(crate) mod generics;
pub(crate) mod impl_block;
pub(crate) mod key;
pub(crate) mod key_part;
mod layout;
pub(crate) mod listed;
pub(crate) mod many;
pub(crate) mod mutation;
pub(crate) mod places;
pub(crate) mod policy;
pub(crate) mod refresh;
pub(crate) mod returns;
pub(crate) mod settings;
mod skips;
pub(crate) mod tags;
pub(crate) mod values;

use proc_macro2::Span;
use syn::{Expr, Lit, LitStr, Path, parse_quote};

/// A value, and where it was written.
#[derive(Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// An option: not given, given and wrong (which was reported once), or given.
#[derive(Clone)]
pub(crate) enum Slot<T> {
    Empty,
    Broken,
    Set(Spanned<T>),
}

impl<T> Slot<T> {
    fn set(value: T, span: Span) -> Slot<T> {
        Slot::Set(Spanned { value, span })
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.spanned().map(|spanned| &spanned.value)
    }

    pub(crate) fn spanned(&self) -> Option<&Spanned<T>> {
        match self {
            Slot::Set(spanned) => Some(spanned),
            _ => None,
        }
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.spanned().map(|spanned| spanned.span)
    }

    /// This option where it is given, else the default.
    fn or(self, default: &Slot<T>) -> Slot<T>
    where
        T: Clone,
    {
        if matches!(self, Slot::Empty) { default.clone() } else { self }
    }
}

/// Where the runtime is found when the attribute does not say.
pub(crate) fn runtime() -> Path {
    parse_quote!(::cache_runtime)
}

/// The expression without the groups and parentheses around it.
fn peel(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => peel(&group.expr),
        Expr::Paren(paren) => peel(&paren.expr),
        expr => expr,
    }
}

fn literal(expr: &Expr) -> Option<&Lit> {
    match peel(expr) {
        Expr::Lit(literal) => Some(&literal.lit),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<&LitStr> {
    match literal(expr) {
        Some(Lit::Str(text)) => Some(text),
        _ => None,
    }
}
