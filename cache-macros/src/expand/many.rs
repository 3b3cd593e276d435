//! The function of `#[cached_many]`: its body handed over as what loads the ids that are missing.

use proc_macro2::{Group, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::function::{typed_after, within};
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
    let clone = quote_spanned!(own()=> #krate::__private::core::clone::Clone::clone);
    let cloned = cloned.iter().map(|param| {
        quote_spanned! {own()=>
            #[allow(unused_mut)]
            let mut #param = #clone(&#param);
        }
    });
    let missing = match held {
        Held::Slice => quote_spanned!(own()=> &missing[..]),
        Held::Vec => quote_spanned!(own()=> missing),
        Held::VecRef => quote_spanned!(own()=> &missing),
    };
    let shadowed = quote_spanned! {own()=>
        #[allow(unused_mut)]
        let mut #ids = #missing;
    };
    within(func, |body: &Group| {
        let body = typed_after(&shadowed, output, body, &quote_spanned!(own()=> move));
        let fetch = quote_spanned!(span=> #placed_krate::__private::fetch_many::<_, _, #output, _>);
        quote_spanned! {own()=>
            #fetch(
                &#ids[..],
                |asked| {
                    let #id = #clone(asked);
                    #entry
                },
                #share,
                |missing| {
                    #(#cloned)*
                    #body
                },
            )
            .await
        }
    })
}
