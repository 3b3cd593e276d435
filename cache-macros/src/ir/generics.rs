//! The generics that a companion needs, out of those that its function has.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericParam, Generics, Lifetime, PredicateType, Token, Type, TypeImplTrait, TypeParamBound,
    WherePredicate,
};

/// The words in some tokens, lifetimes with their `'`.
#[derive(Default)]
pub(crate) struct Words(BTreeSet<String>);

impl Words {
    pub(crate) fn of(tokens: impl ToTokens) -> Words {
        let mut words = Words::default();
        words.add(tokens);
        words
    }

    pub(crate) fn add(&mut self, tokens: impl ToTokens) {
        self.walk(tokens.into_token_stream());
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    fn walk(&mut self, tokens: TokenStream) {
        let mut quote = false;
        for tree in tokens {
            let after_quote = std::mem::take(&mut quote);
            match tree {
                TokenTree::Ident(word) if after_quote => drop(self.0.insert(format!("'{word}"))),
                TokenTree::Ident(word) => drop(self.0.insert(word.to_string())),
                TokenTree::Punct(punct) => quote = punct.as_char() == '\'',
                TokenTree::Group(group) => self.walk(group.stream()),
                TokenTree::Literal(_) => {}
            }
        }
    }
}

/// The name of a generic parameter, as [`Words`] has it.
pub(crate) fn name(param: &GenericParam) -> String {
    match param {
        GenericParam::Lifetime(param) => param.lifetime.to_string(),
        GenericParam::Type(param) => param.ident.to_string(),
        GenericParam::Const(param) => param.ident.to_string(),
    }
}

/// Keeps the parameters that `seed` names or that the bounds of kept ones name, and the bounds over them.
pub(crate) fn needed(all: &Generics, mut seed: Words) -> Generics {
    let params: Vec<(String, &GenericParam)> = all.params.iter().map(|param| (name(param), param)).collect();
    let predicates: Vec<&WherePredicate> =
        all.where_clause.iter().flat_map(|clause| &clause.predicates).collect();
    // each round adds the words of the bounds of what the last round found
    let mut before = usize::MAX;
    while before != seed.0.len() {
        before = seed.0.len();
        for (name, param) in &params {
            if seed.has(name) {
                seed.add(param);
            }
        }
        for predicate in &predicates {
            let bounded = Words::of(bounded(predicate));
            if params.iter().any(|(name, _)| seed.has(name) && bounded.has(name)) {
                seed.add(predicate);
            }
        }
    }
    let kept = |words: &Words| params.iter().all(|(name, _)| !words.has(name) || seed.has(name));
    let mut generics = Generics {
        params: all.params.iter().filter(|param| seed.has(&name(param))).cloned().collect(),
        ..Generics::default()
    };
    let predicates: Vec<&WherePredicate> =
        predicates.into_iter().filter(|predicate| kept(&Words::of(predicate))).collect();
    if !predicates.is_empty() {
        generics.make_where_clause().predicates = predicates.into_iter().cloned().collect();
    }
    generics
}

/// The generics of a block's loose parameters and of a function, as those of one function.
pub(crate) fn join(loose: &Generics, mut own: Generics) -> Generics {
    let mut joined = loose.clone();
    joined.params.extend(std::mem::take(&mut own.params));
    if let Some(clause) = own.where_clause {
        joined.make_where_clause().predicates.extend(clause.predicates);
    }
    joined
}

/// What a predicate says something about.
fn bounded(predicate: &WherePredicate) -> TokenStream {
    match predicate {
        WherePredicate::Lifetime(predicate) => predicate.lifetime.to_token_stream(),
        WherePredicate::Type(predicate) => predicate.bounded_ty.to_token_stream(),
        other => other.to_token_stream(),
    }
}

/// Takes out the lifetime `'async_trait`, which only the returned future needs.
pub(crate) fn without_async_trait(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    let params = std::mem::take(&mut generics.params);
    generics.params = params.into_iter().filter(|param| name(param) != "'async_trait").collect();
    WithoutAsyncTrait.visit_generics_mut(&mut generics);
    if let Some(clause) = &mut generics.where_clause {
        let predicates = std::mem::take(&mut clause.predicates);
        clause.predicates = predicates
            .into_iter()
            .filter(|predicate| match predicate {
                WherePredicate::Lifetime(predicate) => !predicate.bounds.is_empty(),
                WherePredicate::Type(PredicateType { bounds, .. }) => !bounds.is_empty(),
                _ => true,
            })
            .collect();
    }
    generics
}

/// Takes `+ 'async_trait` out of the `impl Trait`s of a type.
pub(crate) fn type_without_async_trait(ty: &mut Type) {
    WithoutAsyncTrait.visit_type_mut(ty);
}

struct WithoutAsyncTrait;

impl WithoutAsyncTrait {
    fn keeps(lifetime: &Lifetime) -> bool {
        lifetime.ident != "async_trait"
    }

    fn filter(bounds: &mut syn::punctuated::Punctuated<TypeParamBound, Token![+]>) {
        let all = std::mem::take(bounds);
        let keeps = |bound: &TypeParamBound| match bound {
            TypeParamBound::Lifetime(lifetime) => Self::keeps(lifetime),
            _ => true,
        };
        *bounds = all.into_iter().filter(keeps).collect();
    }
}

impl VisitMut for WithoutAsyncTrait {
    fn visit_type_param_mut(&mut self, param: &mut syn::TypeParam) {
        Self::filter(&mut param.bounds);
        visit_mut::visit_type_param_mut(self, param);
    }

    fn visit_lifetime_param_mut(&mut self, param: &mut syn::LifetimeParam) {
        param.bounds = std::mem::take(&mut param.bounds).into_iter().filter(Self::keeps).collect();
    }

    fn visit_predicate_type_mut(&mut self, predicate: &mut PredicateType) {
        Self::filter(&mut predicate.bounds);
        visit_mut::visit_predicate_type_mut(self, predicate);
    }

    fn visit_predicate_lifetime_mut(&mut self, predicate: &mut syn::PredicateLifetime) {
        predicate.bounds = std::mem::take(&mut predicate.bounds).into_iter().filter(Self::keeps).collect();
    }

    fn visit_type_impl_trait_mut(&mut self, ty: &mut TypeImplTrait) {
        Self::filter(&mut ty.bounds);
        visit_mut::visit_type_impl_trait_mut(self, ty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;
    use syn::{Signature, parse_quote};

    fn needed_by(seed: TokenStream, sig: &Signature) -> String {
        let kept = needed(&sig.generics, Words::of(seed));
        let clause = &kept.where_clause;
        quote!(#kept #clause).to_string()
    }

    #[test]
    fn only_what_the_seed_needs_is_kept() {
        let sig: Signature = parse_quote!(
            fn get<'a, 'b, T: Model<K>, K, D, const N: usize>()
            where
                K: Clone,
                D: Db,
                'b: 'a,
                String: Into<D>,
                Vec<u8>: Clone
        );
        assert_eq!(needed_by(quote!(u64), &sig), "where Vec < u8 > : Clone");
        assert_eq!(
            needed_by(quote!(Vec<T>), &sig),
            "< T : Model < K > , K > where K : Clone , Vec < u8 > : Clone"
        );
        assert_eq!(
            needed_by(quote!(&'b [u8; N]), &sig),
            "< 'a , 'b , const N : usize > where 'b : 'a , Vec < u8 > : Clone"
        );
    }

    #[test]
    fn the_lifetime_of_async_trait_leaves_no_trace() {
        let sig: Signature = parse_quote!(
            fn get<'life0, 'async_trait, T>()
            where
                'life0: 'async_trait,
                T: 'async_trait + Clone,
                Self: 'async_trait
        );
        let generics = without_async_trait(&sig.generics);
        let clause = &generics.where_clause;
        assert_eq!(quote!(#generics #clause).to_string(), "< 'life0 , T > where T : Clone");
    }
}
