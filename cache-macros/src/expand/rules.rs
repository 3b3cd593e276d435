//! What a function says of its values, and how its types tell their shapes.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type};

use super::{call, own, own_at, placed};
use crate::ir::cached::Cached;
use crate::ir::returns::{Returns, Shape};
use crate::ir::tags::Tag;
use crate::ir::values::{Codec, StaleIfError};

/// The rules over the value of `returns`.
pub(super) fn rules(cached: &Cached, returns: &Returns) -> TokenStream {
    let krate = &cached.krate;
    let value = value(krate, returns);
    let codec = match &cached.rules.codec {
        Codec::Own(name) => {
            let name = Ident::new(name, own());
            quote_spanned!(own()=> #krate::__private::#name)
        }
        Codec::Type(ty) => quote!(#ty),
    };
    let absent = kind(krate, &value, "absent", &TokenStream::new());
    let unless =
        cached.rules.unless.iter().map(|judge| quote_spanned!(own_at(judge.span())=> .unless(#judge)));
    let ttl_with =
        cached.rules.ttl_with.iter().map(|judge| quote_spanned!(own_at(judge.span())=> .ttl_with(#judge)));
    let never_stale = cached
        .refresh
        .never_stale
        .iter()
        .map(|judge| quote_spanned!(own_at(judge.span())=> .never_stale(#judge)));
    let tags_with = tags_with(krate, &cached.tags.of_value, &value);
    let krate = placed(krate, returns.span());
    quote_spanned! {own_at(returns.span())=>
        #krate::__private::Rules::<#value>::new::<#codec>(#absent) #(#unless)* #(#ttl_with)* #(#never_stale)* #tags_with
    }
}

/// The tags that only the value tells; it has none where it is absent.
fn tags_with(krate: &Path, tags: &[Tag], value: &TokenStream) -> Option<TokenStream> {
    if tags.is_empty() {
        return None;
    }
    let present = kind(krate, value, "present", &quote_spanned!(own()=> value));
    let tags = tags.iter().map(|tag| {
        let write = call::writer(&tag.parts, &tag.tail);
        quote_spanned!(own()=> tags.tag(#write);)
    });
    Some(quote_spanned! {own()=>
        .tags_with(|value: &#value, tags: &mut #krate::__private::TagWriter<'_>| {
            if let #krate::__private::core::option::Option::Some(result) = #present { #(#tags)* }
        })
    })
}

/// Which errors an old value may stand in for.
pub(super) fn transient(cached: &Cached, error: &TokenStream) -> TokenStream {
    let krate = &cached.krate;
    let transient = quote_spanned!(own()=> #krate::__private::Transient::<#error>);
    match &cached.refresh.stale_if_error {
        None => quote_spanned!(own()=> #transient::none()),
        Some(StaleIfError { transient: None, .. }) => quote_spanned!(own()=> #transient::all()),
        Some(StaleIfError { transient: Some(judge), .. }) => {
            quote_spanned!(own_at(judge.span())=> #transient::by(#judge))
        }
    }
}

/// The type of the value.
pub(super) fn value(krate: &Path, returns: &Returns) -> TokenStream {
    let output = &returns.output;
    match &returns.shape {
        Shape::Fallible(value) => quote!(#value),
        Shape::Alias => {
            let krate = placed(krate, output.span());
            quote_spanned!(own_at(output.span())=> <#output as #krate::__private::Fallible>::Ok)
        }
        Shape::Plain | Shape::Whole => quote!(#output),
    }
}

/// The type of the error beside it.
pub(super) fn error(krate: &Path, output: &Type) -> TokenStream {
    let krate = placed(krate, output.span());
    quote_spanned!(own_at(output.span())=> <#output as #krate::__private::Fallible>::Err)
}

/// A method of `Kind`, which answers by what the type is.
pub(super) fn kind(krate: &Path, ty: &TokenStream, method: &str, args: &TokenStream) -> TokenStream {
    let span = own_at(ty.span());
    let method = Ident::new(method, span);
    let krate = placed(krate, span);
    quote_spanned! {span=>
        #krate::__private::kind::<#ty>().#method(#args)
    }
}

/// The answer of every type that is no `Result`, for one that is kept whole all the same.
pub(super) fn whole(krate: &Path, output: &Type) -> TokenStream {
    let krate = placed(krate, output.span());
    quote_spanned! {own_at(output.span())=>
        #krate::__private::AnyKind::<#output>::plain(&#krate::__private::kind::<#output>())
    }
}
