//! One target of a mutation: an entry, a tag, or a namespace.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprMethodCall, Path};

use super::{call, own, own_at, placed};
use crate::ir::mutation::{Aim, Arg, Callee, Each, Entry, Step};

pub(super) fn step(krate: &Path, step: &Step) -> TokenStream {
    let target = match &step.aim {
        Aim::Entry(entry) => {
            let entry = self::entry(krate, entry);
            quote_spanned!(own()=> mutation.target(#entry);)
        }
        Aim::Tag { ns, tag } => {
            let write = call::writer(&tag.parts, &tag.tail);
            quote_spanned!(own()=> mutation.tag(#ns, #write);)
        }
        Aim::Namespace(ns) => quote_spanned!(own()=> mutation.namespace(#ns);),
    };
    match &step.each {
        None => target,
        Some(Each { pat, source }) => {
            let source = source_of(krate, source);
            quote_spanned!(own()=> for #pat in #source { #target })
        }
    }
}

/// The companion that gives the entry.
pub(super) fn entry(krate: &Path, entry: &Entry) -> TokenStream {
    let mut tokens = match &entry.callee {
        Callee::Path(path) => quote!(#path),
        Callee::Method(ExprMethodCall { receiver, dot_token, method, turbofish, .. }) => {
            quote!(#receiver #dot_token #method #turbofish)
        }
    };
    // the user's own parentheses and commas, at which errors about the number of arguments are shown
    entry.paren.surround(&mut tokens, |args| {
        for pair in entry.args.pairs() {
            args.extend(arg(krate, pair.value()));
            pair.punct().to_tokens(args);
        }
    });
    tokens
}

/// A variable is cloned, so that the user's own use of it after the attribute stands.
pub(super) fn arg(krate: &Path, arg: &Arg) -> TokenStream {
    match arg {
        Arg::Place(place) => {
            let krate = placed(krate, place.span());
            quote_spanned!(own_at(place.span())=> #krate::__private::core::clone::Clone::clone(&#place))
        }
        Arg::Other(expr) => quote!(#expr),
    }
}

fn source_of(krate: &Path, source: &Arg) -> TokenStream {
    let over = |place: &Expr| {
        let krate = placed(krate, place.span());
        quote_spanned! {own_at(place.span())=>
            #krate::__private::core::iter::Iterator::cloned(#place.iter())
        }
    };
    match source {
        Arg::Place(place) => over(place),
        Arg::Other(expr) => quote!(#expr),
    }
}
