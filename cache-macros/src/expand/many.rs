//! The function of `#[cached_many]`: its body handed over as what loads the ids that are missing.

use proc_macro2::{Group, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::function::{made, typed_after};
use super::rules::kind;
use super::targets;
use super::{own, own_at, placed};
use crate::func::Func;
use crate::ir::many::{Held, Many};

pub(super) fn function(func: &Func, many: &Many) -> TokenStream {
    let Many { krate, id, ids, held, key, cloned, output, .. } = many;
    let span = own_at(output.span());
    let placed_krate = placed(krate, span);
    let error = quote_spanned!(span=> <#output as #placed_krate::__private::Many<#key>>::Error);
    let share = kind(krate, &error, "share", &TokenStream::new());
    let entry = targets::entry(krate, &many.entry);
    let cloned = cloned.iter().map(|param| {
        let krate = placed(krate, param.span());
        quote_spanned! {own_at(param.span())=>
            #[allow(unused_mut)]
            let mut #param = #krate::__private::core::clone::Clone::clone(&#param);
        }
    });
    let missing = match held {
        Held::Slice => quote_spanned!(own()=> &missing[..]),
        Held::Vec => quote_spanned!(own()=> missing),
    };
    let shadowed = quote_spanned! {own()=>
        #[allow(unused_mut)]
        let mut #ids = #missing;
    };
    let one = quote_spanned! {own()=>
        |asked| {
            let #id = #krate::__private::core::clone::Clone::clone(asked);
            #entry
        }
    };
    made(func, &func.attrs, &many.sig, |body: &Group| {
        let body = typed_after(krate, &shadowed, output, body, &quote_spanned!(own()=> move));
        let load = quote_spanned! {own()=>
            |missing| {
                #(#cloned)*
                #body
            }
        };
        // all of it at the return type, so that the compiler says once and there what that lacks
        quote_spanned! {span=>
            #placed_krate::__private::fetch_many::<#key, _, #output, _>(&#ids[..], #one, #share, #load).await
        }
    })
}
