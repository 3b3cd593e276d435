//! `impl KeyPart`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};

use super::{own, own_at};
use crate::ir::key_part::{Field, Form, KeyPart, Variant};

pub(super) fn implementation(part: &KeyPart) -> TokenStream {
    let KeyPart { krate, ident, generics, form } = part;
    let (params, of, clause) = generics.split_for_impl();
    let body = body(form);
    quote_spanned! {own()=>
        #[automatically_derived]
        impl #params #krate::__private::KeyPart for #ident #of #clause {
            fn write(&self, key: &mut #krate::__private::KeyWriter<'_>) { #body }
        }
    }
}

fn body(form: &Form) -> TokenStream {
    match form {
        Form::Transparent(field) => own_part(field),
        Form::Tuple(fields) => {
            let parts = fields.iter().map(own_part);
            quote_spanned!(own()=> key.tuple(|key| { #(#parts)* });)
        }
        Form::Name(name) => quote_spanned!(own()=> key.name(#name);),
        Form::Display => quote_spanned!(own()=> key.display(self);),
        Form::Variants(variants) if variants.is_empty() => quote_spanned!(own()=> match *self {}),
        Form::Variants(variants) => {
            let arms = variants.iter().map(arm);
            quote_spanned!(own()=> match self { #(#arms)* })
        }
    }
}

/// A field of `self` as a part.
fn own_part(Field { member, span }: &Field) -> TokenStream {
    let value = quote_spanned!(own_at(*span)=> &self.#member);
    quote_spanned!(own()=> key.part(#value);)
}

fn arm(Variant { ident, name, fields }: &Variant) -> TokenStream {
    if fields.is_empty() {
        return quote_spanned!(own()=> Self::#ident { .. } => key.name(#name),);
    }
    let bind = |(place, field): (usize, &Field)| format_ident!("field{place}", span = own_at(field.span));
    let binds: Vec<Ident> = fields.iter().enumerate().map(bind).collect();
    let members = fields.iter().map(|field| &field.member);
    quote_spanned! {own()=>
        Self::#ident { #(#members: #binds),* } => key.variant(#name, |key| { #(key.part(#binds);)* }),
    }
}
