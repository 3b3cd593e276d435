//! What the catalogue of the program has of an attribute: an item that is found without a call of the function.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Path;

use super::{own, spanned};
use crate::ir::cached::Cached;
use crate::ir::mutation::{Aim, Mutation};

/// The cached function, where its `SITE` is in scope.
pub(super) fn function(cached: &Cached) -> TokenStream {
    let Cached { krate, listed, .. } = cached;
    let (key, value, ttl) = (&cached.key.shape, &listed.value, &listed.ttl);
    let tags = Some(&listed.tags).filter(|tags| !tags.is_empty());
    let tags = tags.map(|tags| quote_spanned!(own()=> .tagged(&[#(#tags),*])));
    let ttl_only = listed.ttl_only.then(|| quote_spanned!(own()=> .ttl_only()));
    let elsewhere = listed.elsewhere.then(|| quote_spanned!(own()=> .elsewhere()));
    let place = place(krate, listed.at);
    let function = quote_spanned! {own()=>
        #krate::__private::function(&SITE, #key, #place, #value, #ttl) #tags #ttl_only #elsewhere
    };
    submitted(krate, &function)
}

/// The mutation with its targets.
pub(super) fn mutation(mutation: &Mutation) -> TokenStream {
    let Mutation { krate, function, update, early, late, .. } = mutation;
    let entry = |path: &str| quote_spanned!(own()=> #krate::__private::catalog::Target::Entry(#path));
    let update = update.iter().map(|update| entry(&update.function));
    let steps = early.iter().chain(late).map(|step| match &step.aim {
        Aim::Entry(target) => entry(&target.function),
        Aim::Tag { ns, tag } => {
            let tag = &tag.template;
            quote_spanned!(own()=> #krate::__private::catalog::Target::Tag { namespace: #ns, tag: #tag })
        }
        Aim::Namespace(ns) => quote_spanned!(own()=> #krate::__private::catalog::Target::Namespace(#ns)),
    });
    let targets = update.chain(steps);
    let place = place(krate, mutation.at);
    let mutation = quote_spanned! {own()=>
        #krate::__private::catalog::Mutation::new(#function, &[#(#targets),*], #place)
    };
    submitted(krate, &mutation)
}

fn submitted(krate: &Path, entry: &TokenStream) -> TokenStream {
    quote_spanned! {own()=>
        #krate::__private::inventory::submit! { #entry }
    }
}

/// Where the attribute stands. The compiler tells the line of what comes from the user, and the path of what is written here.
fn place(krate: &Path, at: Span) -> TokenStream {
    let runtime = spanned(krate, at);
    let here = quote_spanned!(at=> #runtime::__private::here());
    quote_spanned! {own()=>
        #krate::__private::place(
            {
                fn within() -> &'static #krate::__private::core::primitive::str {
                    #krate::__private::core::any::type_name_of_val(&within)
                }
                within
            },
            #krate::__private::core::module_path!(),
            #here,
        )
    }
}
