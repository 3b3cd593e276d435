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
    let taker = rules::kind(krate, &value, "taker", &TokenStream::new());
    let when = cached.when.iter().map(|when| quote_spanned!(own_at(when.span())=> .only_if(#when)));
    let (parts, tags) = told(cached);
    quote_spanned!(own()=> #krate::__private::look_up(#call #(#when)*, #taker, #parts, #tags))
}

/// The call of a companion, which loads nothing, and which the catalogue knows the function by.
pub(super) fn of_companion(cached: &Cached) -> TokenStream {
    let krate = &cached.krate;
    let call = call(cached, &listed::function(cached));
    let (parts, tags) = told(cached);
    quote_spanned!(own()=> #krate::__private::missing(#call, #parts, #tags))
}

/// A call, with `items` beside its site.
fn call(cached: &Cached, items: &TokenStream) -> TokenStream {
    let krate = &cached.krate;
    let site = site::site(cached, items);
    let policy = policy(cached);
    let cache = cached.cache.iter().map(|cache| quote_spanned!(own_at(cache.span())=> .on(&(#cache))));
    quote_spanned!(own()=> #krate::__private::call(#site, #policy) #(#cache)*)
}

/// What the arguments tell: the parts of the key, and a closure that writes the tags.
fn told(cached: &Cached) -> (TokenStream, TokenStream) {
    let krate = &cached.krate;
    let tags = cached.tags.of_call.iter().map(|tag| {
        let write = writer(&tag.parts, &tag.tail);
        quote_spanned!(own()=> tags.tag(#write);)
    });
    let tags = if cached.tags.of_call.is_empty() {
        quote_spanned!(own()=> #krate::__private::no_tags)
    } else {
        quote_spanned!(own()=> |tags| { #(#tags)* })
    };
    (parts(krate, &cached.key.parts), tags)
}

/// `(part(&a), (part(&b), ()))`
fn parts(krate: &Path, parts: &[Part]) -> TokenStream {
    // all of it at the part, so that the compiler says there what it lacks
    let part = |part: &Part| {
        let (krate, value) = (placed(krate, part.span), value(part));
        quote_spanned!(own_at(part.span)=> #krate::__private::part(#value))
    };
    let end = quote_spanned!(own()=> ());
    if parts.iter().all(|part| part.cfgs.is_empty()) {
        return parts.iter().rev().fold(end, |more, one| {
            let part = part(one);
            quote_spanned!(own()=> (#part, #more))
        });
    }
    let more = quote_spanned!(own()=> parts);
    let steps = parts.iter().rev().map(|one| {
        let (cfgs, part) = (&one.cfgs, part(one));
        quote_spanned!(own()=> #(#cfgs)* let #more = (#part, #more);)
    });
    quote_spanned!(own()=> { let #more = #end; #(#steps)* #more })
}

fn policy(cached: &Cached) -> TokenStream {
    let krate = &cached.krate;
    let stale = cached.refresh.swr.iter().map(|limit| {
        let limit = site::limit(krate, limit);
        quote_spanned!(own()=> .stale_for(#limit))
    });
    let fresh = fresh(krate, &cached.ttl);
    if let (Ttl::Named(_), None) = (&cached.ttl, &cached.refresh.swr) {
        // lives as long as the program without a block of its own
        return quote_spanned!(own()=> &#fresh);
    }
    quote_spanned!(own()=> const { &#fresh #(#stale)* })
}

fn fresh(krate: &Path, ttl: &Ttl) -> TokenStream {
    match ttl {
        Ttl::Named(named) => {
            let constant = format_ident!("{}", named.constant, span = own());
            quote_spanned!(own()=> #krate::__private::#constant)
        }
        Ttl::For(length) => {
            let length = site::duration(krate, *length);
            quote_spanned!(own()=> #krate::__private::fresh_for(#length))
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

/// A closure that writes the parts of a tag, and the text after them.
pub(super) fn writer(parts: &[Part], tail: &str) -> TokenStream {
    if parts.is_empty() && tail.is_empty() {
        return quote_spanned!(own()=> |_| {});
    }
    let parts = parts.iter().map(part);
    let tail =
        Some(tail).filter(|tail| !tail.is_empty()).map(|tail| quote_spanned!(own()=> key.text(#tail);));
    quote_spanned! {own()=>
        |key| { #(#parts)* #tail }
    }
}

fn part(part: &Part) -> TokenStream {
    let (cfgs, value) = (&part.cfgs, value(part));
    let before = Some(&part.before).filter(|text| !text.is_empty());
    let before = before.map(|text| quote_spanned!(own()=> key.text(#text);));
    match &cfgs[..] {
        [] => quote_spanned!(own()=> #before key.part(#value);),
        cfgs => quote_spanned!(own()=> #(#cfgs)* { #before key.part(#value); }),
    }
}

fn value(Part { place, span, .. }: &Part) -> TokenStream {
    quote_spanned!(own_at(*span)=> &#place)
}
