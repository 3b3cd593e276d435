//! Tokens. Everything was decided before; nothing here can fail.

mod apart;
mod background;
mod call;
mod entry;
mod fallback;
mod function;
mod key_part;
mod listed;
mod many;
mod mutation;
mod rules;
mod site;
mod targets;
#[cfg(test)]
mod tests;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{DeriveInput, Path};

use crate::block::{Block, Item, Marked};
use crate::diag::Diag;
use crate::func::Func;
use crate::ir::cached::Cached;
use crate::ir::companion::Home;
use crate::ir::impl_block::{ImplBlock, own_settings};
use crate::ir::key_part::KeyPart;
use crate::ir::many::Many;
use crate::ir::mutation::{Kind, Mutation, is_deferred};
use crate::ir::settings::Settings;

/// `#[cached]`
pub(crate) fn cached(args: TokenStream, item: &TokenStream) -> TokenStream {
    match Block::read(item.clone()) {
        Some(Ok(block)) => impl_block(args, block),
        Some(Err(error)) => fallback::unread(&error, item),
        None => match syn::parse2(item.clone()) {
            Ok(func) => cached_function(args, &func).concat(),
            Err(error) => fallback::unread(&error, item),
        },
    }
}

/// `#[cached_many]`
pub(crate) fn cached_many(args: TokenStream, item: &TokenStream) -> TokenStream {
    let func: Func = match syn::parse2(item.clone()) {
        Ok(func) => func,
        Err(error) => return fallback::unread(&error, item),
    };
    let diag = Diag::new();
    let lowered = Many::lower(args, &func, &diag);
    match diag.settle(lowered) {
        Ok(many) => many::function(&func, &many),
        Err(errors) => quote!(#errors #func),
    }
}

/// `#[invalidates]` and `#[updates]`
pub(crate) fn mutation(kind: Kind, args: TokenStream, item: &TokenStream) -> TokenStream {
    let func: Func = match syn::parse2(item.clone()) {
        Ok(func) => func,
        Err(error) => return fallback::unread(&error, item),
    };
    let diag = Diag::new();
    let deferred = is_deferred(&args);
    let lowered = Mutation::lower(kind, args, &func, &diag);
    match diag.settle(lowered) {
        Ok(mutation) => mutation::function(&func, &mutation),
        Err(errors) => fallback::mutation(&func, deferred, &errors),
    }
}

/// `#[derive(KeyPart)]`
pub(crate) fn key_part(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let diag = Diag::new();
    let lowered = KeyPart::lower(&input, &diag);
    diag.settle(lowered)
        .map_or_else(|errors| fallback::key_part(&input, &errors), |part| key_part::implementation(&part))
}

/// A function and its companion, which may have to stand in different places.
struct Expanded {
    function: TokenStream,
    companion: TokenStream,
}

impl Expanded {
    fn concat(self) -> TokenStream {
        let Expanded { function, companion } = self;
        quote!(#function #companion)
    }
}

fn cached_function(args: TokenStream, func: &Func) -> Expanded {
    let diag = Diag::new();
    let settings = Settings::read(args, &diag);
    expand_one(func, &settings, &Home::Beside, Span::call_site(), diag)
}

fn expand_one(func: &Func, settings: &Settings, home: &Home, mark: Span, diag: Diag) -> Expanded {
    let lowered = Cached::lower(func, settings, home, mark, &diag);
    match diag.settle(lowered) {
        Ok(cached) => {
            let companion = entry::companion(&cached);
            let beside = cached.refresh.background.iter().filter(|background| !background.nested);
            let hidden = beside.map(background::hidden);
            Expanded {
                function: function::function(func, &cached),
                companion: quote!(#companion #(#hidden)*),
            }
        }
        Err(errors) => fallback::function(func, settings, home, &errors),
    }
}

fn impl_block(args: TokenStream, block: Block) -> TokenStream {
    let diag = Diag::new();
    let ImplBlock { defaults, home } = ImplBlock::lower(args, &block, Span::call_site(), &diag);
    let errors = diag.settle(Some(())).err();
    let (mut items, mut companions) = (TokenStream::new(), TokenStream::new());
    for item in block.items {
        match item {
            Item::Other(tokens) => items.extend(tokens),
            Item::Cached(marked) => {
                let Marked { mark, func } = &*marked;
                let diag = Diag::new();
                let settings = own_settings(mark, &defaults, &diag);
                let Expanded { function, companion } =
                    expand_one(func, &settings, &home, mark.path().span(), diag);
                items.extend(function);
                match home {
                    Home::Beside => items.extend(companion),
                    Home::Apart(_) => companions.extend(companion),
                    Home::Nowhere => {}
                }
            }
        }
    }
    let block_tokens = apart::block(&block.header, &items);
    let apart = apart::companions(&block.header, &companions);
    quote!(#errors #block_tokens #apart)
}

/// Where the tokens come from for the compiler: this macro, so that no name of the user is captured and no lint of
/// the user's crate speaks of them.
fn own() -> Span {
    Span::mixed_site()
}

/// The same, with errors shown at `span`.
fn own_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// The path of the runtime, as part of an expression that is shown at `span`: an expression is shown as one place only
/// when all of it has one.
fn placed(krate: &Path, span: Span) -> TokenStream {
    spanned(krate, own_at(span))
}

/// The path of the runtime where every token stands at `span`.
fn spanned(krate: &Path, span: Span) -> TokenStream {
    fn place(tree: TokenTree, span: Span) -> TokenTree {
        match tree {
            // this word finds its crate through where it comes from
            TokenTree::Ident(word) if word == "$crate" => word.into(),
            TokenTree::Group(group) => Group::new(
                group.delimiter(),
                group.stream().into_iter().map(|tree| place(tree, span)).collect(),
            )
            .into(),
            mut tree => {
                tree.set_span(span);
                tree
            }
        }
    }
    krate.to_token_stream().into_iter().map(|tree| place(tree, span)).collect()
}
