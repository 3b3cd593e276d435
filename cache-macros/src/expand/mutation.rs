//! The function of `#[invalidates]`: targets, body, targets that name the result, and the wait for all of it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprMethodCall, Path};

use super::function::{typed, within};
use super::rules::kind;
use super::{own, own_at, placed};
use crate::func::Func;
use crate::ir::invalidates::{Arg, Callee, Capture, Each, Invalidates, Kept, OnError, Step};

pub(super) fn function(func: &Func, invalidates: &Invalidates) -> TokenStream {
    let Invalidates { krate, function, on_error, early, kept, output, .. } = invalidates;
    let keep = (*on_error == OnError::Keep).then(|| quote_spanned!(own()=> .keep_on_error()));
    let kept = kept.iter().map(|Kept { name, value }| {
        let value = arg(krate, value);
        quote_spanned!(own()=> let #name = #value;)
    });
    let early = early.iter().map(|step| self::step(krate, step));
    let succeeded = succeeded(invalidates);
    let capture = match invalidates.capture {
        Capture::Move => quote_spanned!(own()=> move),
        Capture::Borrow => TokenStream::new(),
    };
    within(func, |body| {
        let body = typed(output, body, &capture);
        quote_spanned! {own()=>
            let mut mutation = #krate::__private::Mutation::new(#function) #keep;
            #(#kept)*
            #(#early)*
            let returned: #output = #body.await;
            let succeeded = #succeeded;
            mutation.finish(succeeded).await;
            returned
        }
    })
}

fn succeeded(invalidates: &Invalidates) -> TokenStream {
    let Invalidates { krate, late, result, output, .. } = invalidates;
    let ok = kind(krate, &quote!(#output), "ok", &quote_spanned!(own()=> &returned));
    let Some(result) = result else { return quote_spanned!(own()=> #ok.is_some()) };
    let late = late.iter().map(|step| self::step(krate, step));
    quote_spanned! {own()=>
        match #ok {
            #krate::__private::core::option::Option::Some(#result) => { #(#late)* true }
            #krate::__private::core::option::Option::None => false,
        }
    }
}

fn step(krate: &Path, step: &Step) -> TokenStream {
    let mut entry = match &step.callee {
        Callee::Path(path) => quote!(#path),
        Callee::Method(ExprMethodCall { receiver, dot_token, method, turbofish, .. }) => {
            quote!(#receiver #dot_token #method #turbofish)
        }
    };
    // the user's own parentheses and commas, at which errors about the number of arguments are shown
    step.paren.surround(&mut entry, |args| {
        for pair in step.args.pairs() {
            args.extend(arg(krate, pair.value()));
            pair.punct().to_tokens(args);
        }
    });
    let target = quote_spanned!(own()=> mutation.target(#entry););
    match &step.each {
        None => target,
        Some(Each { pat, source }) => {
            let source = source_of(krate, source);
            quote_spanned!(own()=> for #pat in #source { #target })
        }
    }
}

/// A variable is cloned, so that the user's own use of it after the attribute stands.
fn arg(krate: &Path, arg: &Arg) -> TokenStream {
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
