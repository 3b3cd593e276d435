//! The companion of a cached function: `get_entry` for `get`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;

use super::{call, own, own_at, placed, rules};
use crate::ir::cached::Cached;
use crate::ir::companion::{Companion, Taken};

pub(super) fn companion(cached: &Cached) -> TokenStream {
    let Cached { krate, companion, .. } = cached;
    let call = call::of_companion(cached);
    let rules = rules::rules(cached, &companion.returns);
    let doc = &companion.doc;
    let signature = signature(krate, companion);
    let span = companion.returns.span();
    let krate = placed(krate, span);
    let entry = quote_spanned!(own_at(span)=> #krate::__private::entry(#call, #rules));
    quote_spanned! {own()=>
        #[doc = #doc]
        #[must_use = "an entry does nothing until one of its methods is called"]
        // no code where it is not called
        #[inline]
        #signature {
            #entry
        }
    }
}

/// Attributes, visibility and signature of a companion.
pub(super) fn signature(krate: &Path, companion: &Companion) -> TokenStream {
    let Companion { attrs, vis, name, generics, .. } = companion;
    let clause = &generics.where_clause;
    let value = rules::value(krate, &companion.returns);
    let receiver = companion.has_receiver.then(|| quote!(&self,));
    let params = companion.params.iter().map(|Taken { cfgs, ident, ty }| quote!(#(#cfgs)* #ident: #ty));
    quote_spanned! {own()=>
        #(#attrs)*
        #[allow(
            dead_code,
            private_bounds,
            private_interfaces,
            single_use_lifetimes,
            unreachable_pub,
            unused_lifetimes,
            clippy::all,
            clippy::pedantic
        )]
        #vis fn #name #generics (#receiver #(#params),*) -> #krate::__private::EntryRef<#value> #clause
    }
}
