//! A block again, and the inherent `impl` for companions that cannot stand in it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ImplItem, ItemImpl};

use crate::ir::impl_block::ApartHeader;

/// The block with its new items.
pub(super) fn block(header: &ItemImpl, items: &TokenStream) -> TokenStream {
    let header = ItemImpl { items: vec![ImplItem::Verbatim(items.clone())], ..header.clone() };
    header.into_token_stream()
}

/// The companions of a trait's block.
pub(super) fn companions(header: &ItemImpl, companions: &TokenStream) -> TokenStream {
    if companions.is_empty() {
        return TokenStream::new();
    }
    let ApartHeader { attrs, generics, self_ty } = ApartHeader::of(header);
    let (params, _, clause) = generics.split_for_impl();
    quote! {
        #(#attrs)*
        impl #params #self_ty #clause { #companions }
    }
}
