//! The annotated `impl` block: its header, its functions, and whatever else stands in it.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, ImplItem, ItemImpl};

use crate::func::{self, Func};

/// An `impl` block whose functions are still tokens where this crate has nothing to say.
pub(crate) struct Block {
    /// Everything but the items.
    pub(crate) header: ItemImpl,
    pub(crate) items: Vec<Item>,
}

pub(crate) enum Item {
    /// A method marked `#[cached]`, without the mark.
    Cached(Box<Marked>),
    Other(TokenStream),
}

/// A function, and the mark that stood on it.
pub(crate) struct Marked {
    pub(crate) mark: Attribute,
    pub(crate) func: Func,
}

impl Block {
    /// Reads an `impl` block; gives `None` when the tokens are another item.
    pub(crate) fn read(tokens: TokenStream) -> Option<syn::Result<Block>> {
        let mut trees: Vec<TokenTree> = tokens.into_iter().collect();
        let Some(TokenTree::Group(body)) = trees.pop() else { return None };
        if body.delimiter() != Delimiter::Brace || !is_impl(&trees) {
            return None;
        }
        let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
        empty.set_span(body.span());
        trees.push(TokenTree::Group(empty));
        Some(syn::parse2(trees.into_iter().collect()).and_then(|header| {
            let items = items.parse2(body.stream())?;
            Ok(Block { header, items })
        }))
    }

    /// The associated types that the block defines.
    pub(crate) fn assoc_types(&self) -> Vec<String> {
        let name = |item: &Item| match item {
            Item::Other(tokens) => match syn::parse2(tokens.clone()) {
                Ok(ImplItem::Type(assoc)) => Some(assoc.ident.to_string()),
                _ => None,
            },
            Item::Cached(_) => None,
        };
        self.items.iter().filter_map(name).collect()
    }
}

/// Whether the item is an `impl`: that word comes before every other word but its qualifiers.
fn is_impl(trees: &[TokenTree]) -> bool {
    trees
        .iter()
        .find_map(|tree| match tree {
            TokenTree::Ident(word) if word == "unsafe" || word == "default" => None,
            TokenTree::Ident(word) => Some(word == "impl"),
            _ => None,
        })
        .unwrap_or(false)
}

fn items(input: ParseStream<'_>) -> syn::Result<Vec<Item>> {
    let mut items = Vec::new();
    // inner attributes of the block stay where they are: before the items
    let inner = Attribute::parse_inner(input)?;
    items.push(Item::Other(quote!(#(#inner)*)));
    while !input.is_empty() {
        items.push(item(input)?);
    }
    Ok(items)
}

fn item(input: ParseStream<'_>) -> syn::Result<Item> {
    if !func::at_func(input) {
        return input.parse::<ImplItem>().map(|item| Item::Other(item.into_token_stream()));
    }
    let mut func: Func = input.parse()?;
    match func.attrs.iter().position(|attr| func::is_named(attr, "cached")) {
        Some(place) => Ok(Item::Cached(Box::new(Marked { mark: func.attrs.remove(place), func }))),
        None => Ok(Item::Other(func.into_token_stream())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_functions_are_told_from_the_rest() {
        let block = Block::read(quote! {
            #[cfg(all())]
            impl<T: Clone> Repo<T> for Pg {
                const N: u8 = 1;
                type Id = u8;
                #[cached] async fn a(&self) -> u8 { 1 }
                #[other] #[cache_runtime::cached(ttl = "long")] async fn b(&self) -> u8 { 1 }
                fn c() {}
            }
        });
        let block = block.unwrap().unwrap();
        let marked: Vec<String> = block
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Cached(marked) => Some(marked.func.name()),
                Item::Other(_) => None,
            })
            .collect();
        assert_eq!(marked, ["a", "b"]);
        assert_eq!(block.assoc_types(), ["Id"]);
    }

    #[test]
    fn another_item_is_no_block() {
        assert!(
            Block::read(quote!(
                async fn f() {}
            ))
            .is_none()
        );
        assert!(
            Block::read(quote!(
                struct S {
                    a: u8,
                }
            ))
            .is_none()
        );
    }
}
