//! An `impl` block whose functions share options, and where their companions go.

use proc_macro2::TokenStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, Generics, ItemImpl, Meta, Type, WherePredicate};

use super::attrs;
use super::companion::{Apart, Home};
use super::generics::{self, Words};
use super::settings::{KNOWN, Settings};
use crate::block::{Block, Item};
use crate::diag::Diag;
use crate::func::peel;
use crate::syntax::options;

pub(crate) struct ImplBlock {
    /// The defaults of the functions.
    pub(crate) defaults: Settings,
    pub(crate) home: Home,
}

/// The header of the inherent `impl` in which companions stand apart.
pub(crate) struct ApartHeader {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) generics: Generics,
    pub(crate) self_ty: Type,
}

impl ImplBlock {
    pub(crate) fn lower(args: TokenStream, block: &Block, mark: proc_macro2::Span, diag: &Diag) -> ImplBlock {
        let given = options::parse(args, KNOWN, diag);
        let defaults = Settings::lower(Settings::only_defaults(given, diag), diag);
        if !block.items.iter().any(|item| matches!(item, Item::Cached(_))) {
            diag.error(
                mark,
                "no function of this block is cached; write `#[cached]` on those that are to be",
            );
        }
        let home = match &block.header.trait_ {
            None => Home::Beside,
            Some(_) if !is_own(&block.header) => {
                diag.error_at(&block.header.self_ty, FOREIGN);
                Home::Nowhere
            }
            Some((of_trait, _)) => Home::Apart(Apart {
                loose: loose(&block.header),
                assoc_types: block.assoc_types(),
                of_trait: of_trait.clone(),
            }),
        };
        ImplBlock { defaults, home }
    }
}

impl ApartHeader {
    pub(crate) fn of(header: &ItemImpl) -> ApartHeader {
        ApartHeader {
            attrs: header.attrs.iter().filter_map(attrs::copied).collect(),
            generics: generics::needed(&header.generics, Words::of(&header.self_ty)),
            self_ty: (*header.self_ty).clone(),
        }
    }
}

/// The options on one function of a block, over the defaults.
pub(crate) fn own_settings(mark: &Attribute, defaults: &Settings, diag: &Diag) -> Settings {
    let tokens = match &mark.meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(value) => {
            diag.error(
                value.eq_token.span(),
                "options stand in parentheses; write `#[cached(ttl = \"long\")]`",
            );
            TokenStream::new()
        }
    };
    Settings::read(tokens, diag).over(defaults)
}

const FOREIGN: &str = "a companion stands in an inherent impl, which this type cannot have; implement the trait for a \
                       type of your own";

/// Whether the type can have an inherent `impl`, as far as it shows.
fn is_own(header: &ItemImpl) -> bool {
    match peel(&header.self_ty) {
        Type::Path(path) => !header.generics.type_params().any(|param| path.path.is_ident(&param.ident)),
        _ => false,
    }
}

/// The generics of the block that the type does not name, and the bounds over them.
fn loose(header: &ItemImpl) -> Generics {
    let tight = generics::needed(&header.generics, Words::of(&header.self_ty));
    let is_loose = |name: &String| !tight.params.iter().any(|param| generics::name(param) == *name);
    let names: Vec<String> = header.generics.params.iter().map(generics::name).filter(is_loose).collect();
    let params = header.generics.params.iter().filter(|param| names.contains(&generics::name(param)));
    let mut loose = Generics { params: params.cloned().collect(), ..Generics::default() };
    let over_loose = |predicate: &&WherePredicate| {
        let words = Words::of(predicate);
        names.iter().any(|name| words.has(name))
    };
    let predicates =
        header.generics.where_clause.iter().flat_map(|clause| &clause.predicates).filter(over_loose);
    let predicates: Vec<WherePredicate> = predicates.cloned().collect();
    if !predicates.is_empty() {
        loose.make_where_clause().predicates.extend(predicates);
    }
    loose
}
