//! The function of `#[invalidates]` and `#[updates]`: targets, body, targets that name the result, and the wait for all of it.

use proc_macro2::{Group, Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type};

use super::function::{made, typed, within};
use super::rules::{error, kind};
use super::targets::{arg, entry, step};
use super::{listed, own, own_at, placed, site};
use crate::func::{Func, first_type, last_segment};
use crate::ir::mutation::{Capture, End, Kept, Mutation, OnError};

pub(super) fn function(func: &Func, mutation: &Mutation) -> TokenStream {
    let Mutation { krate, early, kept, output, .. } = mutation;
    let listed = listed::mutation(mutation);
    let new = new(mutation);
    let update = mutation.update.iter().map(|update| {
        let entry = entry(krate, update);
        quote_spanned!(own()=> let update = mutation.update(#entry);)
    });
    let kept = kept.iter().map(|Kept { name, value }| {
        let value = arg(krate, value);
        quote_spanned!(own()=> let #name = #value;)
    });
    let early = early.iter().map(|early| step(krate, early));
    let begin = begin(mutation);
    let capture = match mutation.capture {
        Capture::Move => quote_spanned!(own()=> move),
        Capture::Borrow => TokenStream::new(),
    };
    let end = end(mutation);
    let inner = |body: &Group| {
        let body = typed(krate, output, body, &capture);
        quote_spanned! {own()=>
            #listed
            let mut mutation = #new;
            #(#update)*
            #(#kept)*
            #(#early)*
            #begin
            let returned: #output = #body.await;
            #end
        }
    };
    match &mutation.end {
        End::Deferred { sig, .. } => made(func, &func.attrs, sig, inner),
        _ => within(func, inner),
    }
}

/// The mutation with its options.
fn new(mutation: &Mutation) -> TokenStream {
    let Mutation { krate, function, manner, hold, .. } = mutation;
    let duration = |duration| site::duration(krate, duration);
    let cache = manner.cache.get().map(|cache| quote_spanned!(own_at(cache.span())=> .on(&(#cache))));
    let keep =
        (manner.on_error.get() == Some(&OnError::Keep)).then(|| quote_spanned!(own()=> .keep_on_error()));
    let around = hold.map(duration).map(|hold| quote_spanned!(own()=> .around(#hold)));
    let settle = manner.settle.get().map(|()| quote_spanned!(own()=> .settle()));
    let wait = manner.wait.get().map(|(replicas, limit)| {
        let (replicas, limit) = (Literal::u32_unsuffixed(*replicas), duration(*limit));
        quote_spanned!(own()=> .wait(#replicas, #limit))
    });
    let hold_after = manner.hold_after.get().map(|hold| {
        let hold = duration(*hold);
        quote_spanned!(own()=> .hold_after(#hold))
    });
    let or_fail = matches!(mutation.end, End::OrFail).then(|| quote_spanned!(own()=> .or_fail()));
    quote_spanned! {own()=>
        #krate::__private::Mutation::new(#function) #cache #keep #around #settle #wait #hold_after #or_fail
    }
}

/// The entries are held.
fn begin(mutation: &Mutation) -> Option<TokenStream> {
    let Mutation { krate, output, .. } = mutation;
    mutation.hold?;
    if !matches!(mutation.end, End::OrFail) {
        return Some(quote_spanned!(own()=> mutation.begin_or_degrade().await;));
    }
    let refused = refused(krate, output);
    Some(quote_spanned! {own()=>
        if let #krate::__private::core::result::Result::Err(undone) = mutation.begin().await {
            return #refused;
        }
    })
}

/// The error that says so, shown at the return type, whose error may not know this one.
fn refused(krate: &Path, output: &Type) -> TokenStream {
    let error = error(krate, output);
    let placed = placed(krate, output.span());
    let refused = quote_spanned!(own_at(output.span())=> #placed::__private::refused::<#error>);
    quote_spanned!(own()=> #krate::__private::core::result::Result::Err(#refused(undone)))
}

/// What is done with `returned`.
fn end(mutation: &Mutation) -> TokenStream {
    let Mutation { krate, output, .. } = mutation;
    match &mutation.end {
        End::Deferred { fallible: true, .. } => deferred(mutation),
        End::Deferred { fallible: false, .. } => deferred_plain(mutation),
        End::Told => {
            let succeeded = succeeded(mutation);
            quote_spanned! {own()=>
                let succeeded = #succeeded;
                mutation.finish(succeeded).await;
                returned
            }
        }
        End::OrFail => {
            let succeeded = succeeded(mutation);
            let refused = refused(krate, output);
            // an error of the body says more
            quote_spanned! {own()=>
                let succeeded = #succeeded;
                match mutation.finish_or_fail(succeeded).await {
                    #krate::__private::core::result::Result::Err(undone) if succeeded => #refused,
                    _ => returned,
                }
            }
        }
    }
}

/// The value with what the caller invalidates by.
fn deferred(mutation: &Mutation) -> TokenStream {
    let late = late_of_value(mutation);
    let krate = &mutation.krate;
    let result = quote_spanned!(own()=> #krate::__private::core::result::Result);
    quote_spanned! {own()=>
        match returned {
            #result::Ok(value) => {
                #late
                #result::Ok(mutation.defer(value))
            }
            #result::Err(error) => {
                mutation.finish(false).await;
                #result::Err(error)
            }
        }
    }
}

/// The same where the body cannot fail, which is proved.
fn deferred_plain(mutation: &Mutation) -> TokenStream {
    let Mutation { krate, output, .. } = mutation;
    let late = late_of_value(mutation);
    let plain = kind(krate, &quote!(#output), "plain", &TokenStream::new());
    let placed = placed(krate, output.span());
    let proof = quote_spanned!(own_at(output.span())=> #placed::__private::plain::<#output>(#plain););
    quote_spanned! {own()=>
        #proof
        let value = returned;
        #late
        mutation.defer(value)
    }
}

fn late_of_value(mutation: &Mutation) -> Option<TokenStream> {
    let result = mutation.result.as_ref()?;
    let late = mutation.late.iter().map(|late| step(&mutation.krate, late));
    Some(quote_spanned! {own()=>
        {
            let #result = &value;
            #(#late)*
        }
    })
}

fn succeeded(mutation: &Mutation) -> TokenStream {
    let Mutation { krate, late, output, .. } = mutation;
    let ok = kind(krate, &quote!(#output), "ok", &quote_spanned!(own()=> &returned));
    let own_word = Ident::new("result", own());
    let result = match (&mutation.result, &mutation.update) {
        (Some(result), _) => result,
        (None, Some(_)) => &own_word,
        (None, None) => return quote_spanned!(own()=> #ok.is_some()),
    };
    let becomes = mutation.update.as_ref().map(|_| becomes(krate, output, result));
    let late = late.iter().map(|late| step(krate, late));
    quote_spanned! {own()=>
        match #ok {
            #krate::__private::core::option::Option::Some(#result) => { #becomes #(#late)* true }
            #krate::__private::core::option::Option::None => false,
        }
    }
}

/// The value becomes the entry, shown at its type, which may not be what the entry holds.
fn becomes(krate: &Path, output: &Type, result: &Ident) -> TokenStream {
    let inner = last_segment(output).filter(|segment| segment.ident == "Result").and_then(first_type);
    let span = inner.unwrap_or(output).span();
    let krate = placed(krate, span);
    let result = Ident::new("result", result.span().located_at(span));
    let value = quote_spanned!(own_at(span)=> #krate::__private::Becomes::becomes(#result));
    quote_spanned!(own()=> mutation.becomes(update, #value);)
}
