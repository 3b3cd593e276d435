//! One call, or one companion: the site, the policy and the key.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use super::{listed, own, own_at, placed, rules, site};
use crate::ir::cached::Cached;
use crate::ir::places::Part;
use crate::ir::policy::{Hot, Ttl};

/// The call of a function, as far as L1 answers it.
pub(super) fn look_up(cached: &Cached) -> TokenStream {
    let krate = &cached.krate;
    let call = call(cached, &TokenStream::new());
    let value = rules::value(krate, &cached.returns);
    let take = rules::kind(krate, &value, "take", &quote_spanned!(own()=> shared));
    let when = cached.when.iter().map(|when| quote_spanned!(own_at(when.span())=> .only_if(#when)));
    let (key, tags) = writers(cached);
    // what the template says between them is the same in all calls
    let parts = cached.key.parts.iter().map(argument);
    let parts = quote_spanned!(own()=> |key| { #(#parts)* });
    quote_spanned!(own()=> #call #(#when)* .look_up(|shared| #take, #parts, #parts, #key, #tags))
}

/// The call of a companion, which loads nothing, and which the catalogue knows the function by.
pub(super) fn of_companion(cached: &Cached) -> TokenStream {
    let call = call(cached, &listed::function(cached));
    let (key, tags) = writers(cached);
    quote_spanned!(own()=> #call.missing(#key, #tags))
}

/// A call, with `items` beside its site.
fn call(cached: &Cached, items: &TokenStream) -> TokenStream {
    let krate = &cached.krate;
    let site = site::site(cached, items);
    let policy = policy(cached);
    let cache = cached.cache.iter().map(|cache| quote_spanned!(own_at(cache.span())=> .on(&(#cache))));
    quote_spanned!(own()=> #krate::__private::Call::new(#site, const { &#policy }) #(#cache)*)
}

/// The closures that write the key and the tags.
fn writers(cached: &Cached) -> (TokenStream, TokenStream) {
    let key = writer(&cached.key.parts, &cached.key.tail);
    let tags = cached.tags.of_call.iter().map(|tag| {
        let write = writer(&tag.parts, &tag.tail);
        quote_spanned!(own()=> tags.tag(#write);)
    });
    let tags = if cached.tags.of_call.is_empty() {
        quote_spanned!(own()=> |_| {})
    } else {
        quote_spanned!(own()=> |tags| { #(#tags)* })
    };
    (key, tags)
}

fn policy(cached: &Cached) -> TokenStream {
    let krate = &cached.krate;
    let stale = cached.refresh.swr.iter().map(|limit| {
        let limit = site::limit(krate, limit);
        quote_spanned!(own()=> .stale_for(#limit))
    });
    let fresh = fresh(krate, &cached.ttl);
    quote_spanned!(own()=> #fresh #(#stale)*)
}

fn fresh(krate: &Path, ttl: &Ttl) -> TokenStream {
    match ttl {
        Ttl::Named(named) => {
            let constant = format_ident!("{}", named.constant, span = own());
            quote_spanned!(own()=> #krate::__private::Policy::#constant)
        }
        Ttl::For(length) => {
            let length = site::duration(krate, *length);
            quote_spanned!(own()=> #krate::__private::Policy::fresh_for(#length))
        }
        Ttl::Adaptive(base, Hot { fresh: longer, above, per }) => {
            let base = fresh(krate, base);
            let (longer, per) = (site::duration(krate, *longer), site::duration(krate, *per));
            quote_spanned!(own()=> #base.hot_for(#longer, #above, #per))
        }
        Ttl::Sliding(base) => {
            let base = fresh(krate, base);
            quote_spanned!(own()=> #base.sliding())
        }
        Ttl::Const(path) => {
            let krate = placed(krate, path.span());
            quote_spanned!(own_at(path.span())=> #krate::__private::Ttl(#path).policy())
        }
    }
}

/// A closure that writes the parts of a key or a tag, and the text after them.
pub(super) fn writer(parts: &[Part], tail: &str) -> TokenStream {
    if parts.is_empty() && tail.is_empty() {
        return quote_spanned!(own()=> |_| {});
    }
    let parts = parts.iter().map(part);
    let tail =
        Some(tail).filter(|tail| !tail.is_empty()).map(|tail| quote_spanned!(own()=> key.literal(#tail);));
    quote_spanned! {own()=>
        |key| { #(#parts)* #tail }
    }
}

fn part(part: &Part) -> TokenStream {
    let before = Some(&part.before).filter(|text| !text.is_empty());
    let before = before.map(|text| quote_spanned!(own()=> key.literal(#text);));
    let value = argument(part);
    match &part.cfgs[..] {
        [] => quote_spanned!(own()=> #before #value),
        cfgs => quote_spanned!(own()=> #(#cfgs)* { #before #value }),
    }
}

/// The part without the text before it.
fn argument(part: &Part) -> TokenStream {
    let Part { cfgs, place, span, .. } = part;
    let value = quote_spanned!(own_at(*span)=> &#place);
    quote_spanned!(own()=> #(#cfgs)* key.part(#value);)
}
