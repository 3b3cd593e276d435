//! The cached function: its signature as it was, its body handed over unpolled.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Path, Signature, Type};

use super::{background, call, own, own_at, placed, rules};
use crate::func::{Body, Func};
use crate::ir::cached::Cached;
use crate::ir::returns::Shape;

pub(super) fn function(func: &Func, cached: &Cached) -> TokenStream {
    match &cached.refresh.background {
        None => within(func, |body| {
            let krate = placed(&cached.krate, own_at(cached.returns.span()));
            let body = typed(&cached.krate, &cached.returns.output, body, &quote_spanned!(own()=> move));
            fetch(cached, &quote_spanned!(own_at(cached.returns.span())=> #krate::__private::body(#body)))
        }),
        Some(background) => made(func, &background.outer_attrs, &background.outer, |_| {
            let nested = background.nested.then(|| background::hidden(background));
            let loads = background::loads(&cached.krate, background);
            let fetch = fetch(cached, &loads);
            quote!(#nested #fetch)
        }),
    }
}

/// The function with other statements, which `inner` makes of the block that the user wrote.
pub(super) fn within(func: &Func, inner: impl FnOnce(&Group) -> TokenStream) -> TokenStream {
    made(func, &func.attrs, &func.sig, inner)
}

/// The same, with other attributes and another signature.
pub(super) fn made(
    func: &Func,
    attrs: &[Attribute],
    sig: &Signature,
    inner: impl FnOnce(&Group) -> TokenStream,
) -> TokenStream {
    let Func { vis, default, body, .. } = func;
    let body = match body {
        Body::Async(body) | Body::Other(body) => inner(body),
        Body::Boxed { pin, opening, body, .. } => {
            let inner = inner(body);
            quote!(#pin(#opening { #inner }))
        }
    };
    quote!(#(#attrs)* #vis #default #sig { #body })
}

/// The call, with what loads its value: a future, or closures that make one.
fn fetch(cached: &Cached, load: &TokenStream) -> TokenStream {
    let krate = &cached.krate;
    let output = &cached.returns.output;
    let look_up = call::look_up(cached);
    let rules = rules::rules(cached, &cached.returns);
    let span = own_at(cached.returns.span());
    let refreshing = cached.refresh.background.is_some();
    let plain = Ident::new(if refreshing { "fetch_plain_refreshing" } else { "fetch_plain" }, span)
        .into_token_stream();
    let (fetch, shape) = match cached.returns.shape {
        Shape::Plain => (plain, rules::kind(krate, &quote!(#output), "plain", &TokenStream::new())),
        Shape::Whole => (plain, rules::whole(krate, output)),
        Shape::Fallible(_) | Shape::Alias => {
            let error = rules::error(krate, output);
            let share = rules::kind(krate, &error, "share", &TokenStream::new());
            let transient = rules::transient(cached, &error);
            match (refreshing, &cached.refresh.stale_if_error) {
                (true, _) => (quote_spanned!(span=> fetch_refreshing), quote!(#share, #transient)),
                (false, Some(_)) => (quote_spanned!(span=> fetch_or_stale), quote!(#share, #transient)),
                (false, None) => (quote_spanned!(span=> fetch), share),
            }
        }
    };
    let result = quote_spanned!(own()=> #krate::__private::core::result::Result);
    let hit = match cached.returns.shape {
        Shape::Plain | Shape::Whole => quote_spanned!(own()=> value),
        Shape::Fallible(_) | Shape::Alias => quote_spanned!(own()=> #result::Ok(value)),
    };
    let missed = quote_spanned!(own()=> missed);
    let krate = placed(krate, span);
    // all of it at the value, so that the compiler says once and there what the value lacks
    let fetch = quote_spanned!(span=> #krate::__private::#fetch(#missed, #rules, #shape, #load).await);
    quote_spanned! {own()=>
        // a statement of its own, so that neither its temporaries nor the value live across the await
        let #missed = match #look_up {
            #result::Ok(value) => return #hit,
            #result::Err(missed) => missed,
        };
        #fetch
    }
}

/// The body as a future of a known type (that captures by `move` or by nothing), so that an error in it is shown in the user's line.
pub(super) fn typed(krate: &Path, output: &Type, body: &Group, capture: &TokenStream) -> TokenStream {
    typed_after(krate, &TokenStream::new(), output, body, capture)
}

/// The same, with statements before it.
pub(super) fn typed_after(
    krate: &Path,
    before: &TokenStream,
    output: &Type,
    body: &Group,
    capture: &TokenStream,
) -> TokenStream {
    let krate = placed(krate, own_at(output.span()));
    let return_type = quote_spanned! {own_at(output.span())=>
        if false {
            return #krate::__private::never::<#output>();
        }
    };
    let body = quiet(body);
    quote_spanned! {own()=>
        async #capture { #return_type #before #body }
    }
}

/// The body, with braces that no lint finds superfluous: those around one expression become ours. An error in it is
/// shown at the expression, so that nothing is lost by that.
fn quiet(body: &Group) -> Group {
    let ends_statement = |tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ';');
    let mut quiet = body.clone();
    if !body.stream().into_iter().any(ends_statement) {
        quiet.set_span(own_at(body.span()));
    }
    quiet
}
