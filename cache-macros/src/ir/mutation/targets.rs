//! The targets of a mutation: what is evaluated before its body, and what is after.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::punctuated::{Pair, Punctuated};
use syn::{Expr, ExprMethodCall, ExprPath, Pat, PathArguments, Token, parse_quote, token};

use crate::diag;
use crate::func::binds;
use crate::ir::generics::Words;
use crate::ir::peel;
use crate::ir::tags::Tag;
use crate::syntax::targets::{self, Call};

/// One target.
pub(crate) struct Step {
    pub(crate) each: Option<Each>,
    pub(crate) aim: Aim,
}

#[derive(Clone)]
pub(crate) struct Each {
    pub(crate) pat: Pat,
    pub(crate) source: Arg,
}

pub(crate) enum Aim {
    Entry(Entry),
    /// The entries of a namespace that carry a tag.
    Tag {
        ns: String,
        tag: Tag,
    },
    /// All entries of a namespace.
    Namespace(String),
}

/// The entry of one call.
pub(crate) struct Entry {
    /// The function as it is written, without generic arguments: `Self::get`.
    pub(crate) function: String,
    pub(crate) callee: Callee,
    pub(crate) paren: token::Paren,
    pub(crate) args: Punctuated<Arg, Token![,]>,
}

/// The companion that gives the entry.
pub(crate) enum Callee {
    Path(ExprPath),
    /// The receiver and the name; the arguments of the call are those of the step.
    Method(ExprMethodCall),
}

#[derive(Clone)]
pub(crate) enum Arg {
    /// A variable or a field of one, which must not be moved.
    Place(Expr),
    Other(Expr),
}

/// A value that the body could move away, cloned before it runs.
pub(crate) struct Kept {
    pub(crate) name: Ident,
    pub(crate) value: Arg,
}

impl Each {
    pub(super) fn of(each: targets::Each) -> Each {
        Each { pat: each.pat, source: Arg::of(each.source) }
    }
}

/// The first `result` in what is called, as the user wrote it.
pub(super) fn result_in(call: &Call) -> Option<Ident> {
    let tokens = match call {
        Call::Path(_, call) => call.args.to_token_stream(),
        Call::Method(call) => call.to_token_stream(),
    };
    find(tokens, "result")
}

pub(super) fn find(tokens: TokenStream, word: &str) -> Option<Ident> {
    tokens.into_iter().find_map(|tree| match tree {
        TokenTree::Ident(ident) if ident == word => Some(ident),
        TokenTree::Group(group) => find(group.stream(), word),
        _ => None,
    })
}

impl Entry {
    pub(in crate::ir) fn of(call: Call) -> Entry {
        let function = written(&call);
        let (callee, paren, args) = match call {
            Call::Path(mut path, call) => {
                let last = path.path.segments.last_mut().expect("a path has segments");
                last.ident = format_ident!("{}_entry", last.ident);
                (Callee::Path(path), call.paren_token, call.args)
            }
            Call::Method(mut call) => {
                call.method = format_ident!("{}_entry", call.method);
                let (paren, args) = (call.paren_token, std::mem::take(&mut call.args));
                (Callee::Method(call), paren, args)
            }
        };
        let args = args.into_pairs().map(|pair| {
            let (arg, comma) = pair.into_tuple();
            Pair::new(Arg::of(arg), comma)
        });
        Entry { function, callee, paren, args: args.collect() }
    }
}

/// The function that is called, as people read it.
fn written(call: &Call) -> String {
    let text = match call {
        Call::Path(path, _) => {
            let mut path = path.clone();
            path.path.segments.iter_mut().for_each(|segment| segment.arguments = PathArguments::None);
            diag::shown(path)
        }
        Call::Method(ExprMethodCall { receiver, method, .. }) => {
            format!("{}.{method}", diag::shown(receiver).replace(" . ", "."))
        }
    };
    text.replace("r#", "")
}

impl Step {
    /// Makes a target ready to be evaluated after the body, which takes the parameters by value: what the target `reads` of
    /// them is cloned before.
    pub(super) fn late(mut self, result: &Ident, reads: &[String], kept: &mut Vec<Kept>) -> Step {
        let mut own = vec![result.to_string()];
        if let Some(each) = &mut self.each {
            each.source.keep(&own, reads, kept);
            own.extend(binds(&each.pat).iter().map(Ident::to_string));
        }
        match &mut self.aim {
            Aim::Entry(entry) => {
                for arg in &mut entry.args {
                    arg.see_through(result);
                    arg.keep(&own, reads, kept);
                }
            }
            Aim::Tag { tag, .. } => {
                for part in &mut tag.parts {
                    let place = &part.place;
                    let mut arg = Arg::of(parse_quote!(#place));
                    arg.see_through(result);
                    arg.keep(&own, reads, kept);
                    let (Arg::Place(place) | Arg::Other(place)) = arg;
                    part.place = quote!(#place);
                }
            }
            Aim::Namespace(_) => {}
        }
        self
    }

    pub(super) fn reads_self(&self) -> bool {
        let Aim::Entry(entry) = &self.aim else { return false };
        let receiver = match &entry.callee {
            Callee::Path(_) => None,
            Callee::Method(call) => Some(&*call.receiver),
        };
        let args = entry.args.iter().map(|(Arg::Place(expr) | Arg::Other(expr))| expr);
        args.chain(receiver).any(|expr| Words::of(expr).has("self"))
    }
}

impl Arg {
    fn of(expr: Expr) -> Arg {
        if is_place(&expr) { Arg::Place(expr) } else { Arg::Other(expr) }
    }

    /// In a target the result stands behind a reference already.
    fn see_through(&mut self, result: &Ident) {
        let (Arg::Place(expr) | Arg::Other(expr)) = &*self;
        let is_result = |expr: &Expr| matches!(peel(expr), Expr::Path(path) if path.path.is_ident(result));
        if is_result(expr) {
            *self = Arg::Place(parse_quote!(*#result));
        } else if matches!(peel(expr), Expr::Reference(borrow) if is_result(&borrow.expr)) {
            *self = Arg::Other(parse_quote!(#result));
        }
    }

    /// Evaluates an argument that `reads` a parameter before the body, unless it names what only its target knows.
    fn keep(&mut self, own: &[String], reads: &[String], kept: &mut Vec<Kept>) {
        let (Arg::Place(expr) | Arg::Other(expr)) = &*self;
        let words = Words::of(expr);
        let has = |names: &[String]| names.iter().any(|name| words.has(name));
        if has(own) || !has(reads) {
            return;
        }
        let name = format_ident!("kept{}", kept.len(), span = Span::mixed_site());
        let by_ref = match peel(expr) {
            Expr::Reference(reference) if is_place(&reference.expr) => {
                Some(Arg::Place((*reference.expr).clone()))
            }
            _ => None,
        };
        // a borrow of what the body moves could not live on, a borrow of the clone can
        let arg = match by_ref {
            Some(_) => Arg::Other(parse_quote!(&#name)),
            None => Arg::Place(parse_quote!(#name)),
        };
        let value = std::mem::replace(self, arg);
        kept.push(Kept { name, value: by_ref.unwrap_or(value) });
    }
}

/// A variable, or a chain of fields of one. Constants and variants are no places, they stand for themselves.
fn is_place(expr: &Expr) -> bool {
    match peel(expr) {
        Expr::Path(path) => path.path.get_ident().is_some_and(|ident| {
            ident.to_string().trim_start_matches("r#").starts_with(|c: char| c == '_' || c.is_lowercase())
        }),
        Expr::Field(field) => is_place(&field.base),
        _ => false,
    }
}
