//! What is emitted beside errors: everything the rest of the crate may name, so that one error causes no other.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::DeriveInput;

use super::{Expanded, entry, own};
use crate::func::{Func, is_named};
use crate::ir::cached::rough_runtime;
use crate::ir::companion::{Companion, Home};
use crate::ir::mutation::deferred_signature;
use crate::ir::runtime;
use crate::ir::settings::Settings;

/// An item that could not be read, as it was.
pub(super) fn unread(error: &syn::Error, item: &TokenStream) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#error #item)
}

/// The function as it was, and a companion that is only a signature.
pub(super) fn function(func: &Func, settings: &Settings, home: &Home, errors: &TokenStream) -> Expanded {
    let companion = match home {
        // the `impl` of a trait, which a companion would only break further
        Home::Beside if func.is_async_trait() => TokenStream::new(),
        Home::Nowhere => TokenStream::new(),
        home => {
            let signature =
                entry::signature(&rough_runtime(settings), &Companion::rough(func, settings, home));
            quote_spanned! {own()=>
                #[allow(unused_variables, missing_docs)]
                #signature { loop {} }
            }
        }
    };
    let func = once(func);
    Expanded { function: quote!(#errors #func), companion }
}

/// The function as it was; a deferred one has the signature that callers know.
pub(super) fn mutation(func: &Func, deferred: bool, errors: &TokenStream) -> TokenStream {
    let signature = deferred.then(|| deferred_signature(func, &runtime())).flatten();
    let Some((sig, _)) = signature else { return quote!(#errors #func) };
    let Func { attrs, vis, default, .. } = func;
    let attrs = attrs.iter().filter(|attr| !is_named(attr, "invalidates"));
    quote_spanned! {own()=>
        #errors
        #(#attrs)*
        #[allow(unused_variables, clippy::all, clippy::pedantic)]
        #vis #default #sig { loop {} }
    }
}

/// The function without a second mark, which would only make a second companion.
fn once(func: &Func) -> TokenStream {
    let (attrs, rest) = func.parts();
    let attrs = attrs.iter().filter(|attr| !is_named(attr, "cached"));
    quote!(#(#attrs)* #rest)
}

/// An implementation that is only a signature.
pub(super) fn key_part(input: &DeriveInput, errors: &TokenStream) -> TokenStream {
    let krate = runtime();
    let ident = &input.ident;
    let (params, of, clause) = input.generics.split_for_impl();
    let errors = errors.into_token_stream();
    quote_spanned! {own()=>
        #errors
        #[automatically_derived]
        impl #params #krate::__private::KeyPart for #ident #of #clause {
            fn write(&self, _: &mut #krate::__private::KeyWriter<'_>) {}
        }
    }
}
