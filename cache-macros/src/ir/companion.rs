//! The function that stands beside a cached one and names its entries: `get_entry` for `get`.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Generics, Ident, Path, Type, TypePath, Visibility, parse_quote};

use super::attrs;
use super::generics::{self, Words};
use super::returns::{Returns, Shape};
use super::settings::{Settings, mentions};
use crate::func::{Func, Name};

/// Where a companion stands.
pub(crate) enum Home {
    /// Beside its function.
    Beside,
    /// In an inherent `impl` after the block, since a trait's `impl` takes no other names.
    Apart(Apart),
    /// Where no companion can be, which was reported.
    Nowhere,
}

/// What changes for the signature of a companion on its way out of a trait's `impl`.
pub(crate) struct Apart {
    /// Generics of the block that its type does not name: an inherent `impl` cannot have them.
    pub(crate) loose: Generics,
    /// The associated types that the block defines.
    pub(crate) assoc_types: Vec<String>,
    pub(crate) of_trait: Path,
}

pub(crate) struct Companion {
    pub(crate) doc: String,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) has_receiver: bool,
    pub(crate) params: Vec<Taken>,
    /// The return type of the function, as it reads where the companion stands.
    pub(crate) returns: Returns,
}

/// A parameter of a companion.
pub(crate) struct Taken {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

impl Companion {
    /// Makes the companion that takes the parameters at `places`; `uses` are the words of what its body names.
    pub(crate) fn lower(
        func: &Func,
        returns: &Returns,
        places: &[usize],
        home: &Home,
        mut uses: Words,
    ) -> Companion {
        let mut places = places.to_vec();
        places.sort_unstable();
        let mut returns = returns.clone();
        let mut params: Vec<Taken> = places.into_iter().map(|place| Taken::of(func, place)).collect();
        let mut all = generics::without_async_trait(&func.sig.generics);
        let mut vis = func.vis.clone();
        if let Home::Apart(apart) = home {
            for param in &mut params {
                apart.qualify(&mut param.ty);
            }
            apart.qualify(&mut returns.output);
            if let Shape::Fallible(value) = &mut returns.shape {
                apart.qualify(value);
            }
            all = generics::join(&apart.loose, all);
            vis = parse_quote!(pub);
        }
        for param in &params {
            uses.add(&param.ty);
        }
        uses.add(returns.value().unwrap_or(&returns.output));
        Companion {
            doc: String::new(),
            attrs: func.attrs.iter().filter_map(attrs::copied).collect(),
            vis,
            name: func.companion(),
            generics: generics::needed(&all, uses),
            has_receiver: false,
            params,
            returns,
        }
    }

    /// A companion of the right signature, as far as that can be known when something is wrong.
    pub(crate) fn rough(func: &Func, settings: &Settings, home: &Home) -> Companion {
        let roots: Option<Vec<&str>> = settings.key.get().map(|template| template.roots().collect());
        let skipped = |ident: &Ident| settings.skip.contains(ident);
        let wanted = |name: &Name| match (name, &roots) {
            (Name::Plain(ident), Some(roots)) => roots.iter().any(|root| ident == root),
            (Name::Plain(ident), None) => !skipped(ident),
            (Name::Pattern { binds, .. }, None) => !binds.iter().any(skipped),
            _ => false,
        };
        let places: Vec<usize> =
            (0..func.params.len()).filter(|place| wanted(&func.params[*place].name)).collect();
        let returns = Returns::rough(func, settings);
        let mut tags = settings.tags.get().into_iter().flatten().flat_map(|tag| tag.value.roots());
        let reads_self = roots.is_some_and(|roots| roots.contains(&"self"))
            || tags.any(|root| root == "self")
            || settings.cache.get().is_some_and(|cache| mentions(cache, "self"));
        let mut companion = Companion::lower(func, &returns, &places, home, Words::default());
        companion.has_receiver = reads_self && func.sig.receiver().is_some();
        companion
    }
}

impl Taken {
    fn of(func: &Func, place: usize) -> Taken {
        let param = &func.params[place];
        let mut ty = param.ty.clone();
        generics::type_without_async_trait(&mut ty);
        let made_up = || quote::format_ident!("part{place}");
        Taken { cfgs: param.cfgs.clone(), ident: param.ident().cloned().unwrap_or_else(made_up), ty }
    }
}

impl Apart {
    /// `Self::Id` has no meaning outside the trait's `impl`, `<Self as Trait>::Id` has.
    pub(super) fn qualify(&self, ty: &mut Type) {
        struct Qualify<'a>(&'a Apart);
        impl VisitMut for Qualify<'_> {
            fn visit_type_path_mut(&mut self, ty: &mut TypePath) {
                visit_mut::visit_type_path_mut(self, ty);
                let segments = &ty.path.segments;
                let own = ty.qself.is_none()
                    && segments.len() == 2
                    && segments[0].ident == "Self"
                    && self.0.assoc_types.iter().any(|assoc| segments[1].ident == assoc);
                if own {
                    let (of_trait, assoc) = (&self.0.of_trait, &segments[1]);
                    *ty = parse_quote!(<Self as #of_trait>::#assoc);
                }
            }
        }
        Qualify(self).visit_type_mut(ty);
    }

    /// The same for tokens that are not read any further.
    pub(super) fn qualified(&self, tokens: TokenStream) -> TokenStream {
        let mut trees: Vec<TokenTree> = tokens.into_iter().map(|tree| self.within(tree)).collect();
        let own = |window: &[TokenTree]| match window {
            [
                TokenTree::Ident(word),
                TokenTree::Punct(one),
                TokenTree::Punct(two),
                TokenTree::Ident(assoc),
            ] => {
                *word == "Self"
                    && (one.as_char(), two.as_char()) == (':', ':')
                    && self.assoc_types.iter().any(|name| assoc == name)
            }
            _ => false,
        };
        let found: Vec<usize> =
            trees.windows(4).enumerate().filter(|(_, window)| own(window)).map(|(place, _)| place).collect();
        for place in found.into_iter().rev() {
            let (word, of_trait) = (&trees[place], &self.of_trait);
            let qualified = quote!(<#word as #of_trait>);
            trees.splice(place..=place, qualified);
        }
        trees.into_iter().collect()
    }

    fn within(&self, tree: TokenTree) -> TokenTree {
        let TokenTree::Group(group) = tree else { return tree };
        let mut own = Group::new(group.delimiter(), self.qualified(group.stream()));
        own.set_span(group.span());
        own.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn associated_types_are_found_in_a_body() {
        let apart = Apart {
            loose: Generics::default(),
            assoc_types: vec!["Id".into()],
            of_trait: parse_quote!(Get<K>),
        };
        let qualified = apart.qualified(quote!({
            let id: Self::Id = Self::Id::new(Self::KEY, [Self::Id::A]);
        }));
        let expected = quote!({
            let id: <Self as Get<K>>::Id = <Self as Get<K>>::Id::new(Self::KEY, [<Self as Get<K>>::Id::A]);
        });
        let text = |tokens: TokenStream| tokens.to_string().replace(' ', "");
        assert_eq!(text(qualified), text(expected));
    }
}
