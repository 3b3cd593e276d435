//! The body as a function of its own, and the two ways to call it: now, and when the call is over.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Path;

use super::{own, own_at, placed};
use crate::ir::refresh::{Background, Kept, Passed};

/// The hidden function.
pub(super) fn hidden(background: &Background) -> TokenStream {
    let Background { attrs, hidden, body, .. } = background;
    quote_spanned! {own()=>
        #(#attrs)*
        #[doc(hidden)]
        #[allow(
            unused_variables,
            clippy::needless_pass_by_value,
            clippy::ref_option,
            clippy::too_many_arguments,
            clippy::trivially_copy_pass_by_ref,
            clippy::type_complexity,
            clippy::unused_async,
            clippy::unused_self
        )]
        #hidden #body
    }
}

/// The two closures that load.
pub(super) fn loads(krate: &Path, background: &Background) -> TokenStream {
    let call = callee(background);
    let now = background.args.iter().map(|kept| match kept.passed {
        Passed::Ref(_) => kept.ident.to_token_stream(),
        Passed::Value => keep(krate, kept),
    });
    let names: Vec<Ident> =
        (0..background.args.len()).map(|place| format_ident!("kept{place}", span = own())).collect();
    let lets = background.args.iter().zip(&names).map(|(kept, name)| {
        let value = keep(krate, kept);
        quote_spanned!(own()=> let #name = #value;)
    });
    let later = background.args.iter().zip(&names).map(|(kept, name)| passed(krate, kept, name));
    quote_spanned! {own()=>
        || #call(#(#now),*),
        || {
            #(#lets)*
            async move { #call(#(#later),*).await }
        }
    }
}

fn callee(background: &Background) -> TokenStream {
    let Background { hidden, generics, nested, .. } = background;
    let name = &hidden.ident;
    let of_type = (!nested).then(|| quote_spanned!(own()=> Self::));
    let generics = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
    quote!(#of_type #name #generics)
}

/// What is given, owned.
fn keep(krate: &Path, Kept { ident, span, passed }: &Kept) -> TokenStream {
    let krate = placed(krate, *span);
    // behind a reference, too, so that no one is told to add one
    let value = match passed {
        Passed::Value => quote_spanned!(own_at(*span)=> &#ident),
        Passed::Ref(_) => quote_spanned!(own_at(*span)=> &*#ident),
    };
    quote_spanned!(own_at(*span)=> #krate::__private::keep(#value))
}

/// What was kept, as the function takes it.
fn passed(krate: &Path, Kept { span, passed, .. }: &Kept, name: &Ident) -> TokenStream {
    let krate = placed(krate, *span);
    match passed {
        Passed::Value => name.to_token_stream(),
        Passed::Ref(None) => quote_spanned!(own_at(*span)=> &#name),
        Passed::Ref(Some(ty)) => {
            quote_spanned!(own_at(*span)=> #krate::__private::core::borrow::Borrow::<#ty>::borrow(&#name))
        }
    }
}
