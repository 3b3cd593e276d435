//! What a function gives back: the value that an entry holds, and whether there is an error beside it.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Lifetime, Type, TypeImplTrait, TypeReference, parse_quote};

use super::settings::Settings;
use super::values::Returning;
use crate::diag::{self, Diag};
use crate::func::{self, Body, Func, last_segment, peel};

/// The output of a function.
#[derive(Clone)]
pub(crate) struct Returns {
    /// All of it.
    pub(crate) output: Type,
    pub(crate) shape: Shape,
}

#[derive(Clone)]
pub(crate) enum Shape {
    /// A `Result` that shows its value: `Result<Task, DbError>`, `anyhow::Result<Task>`.
    Fallible(Box<Type>),
    /// A `Result` by another name, which only the compiler can look into.
    Alias,
    /// The whole output is the value.
    Plain,
    /// The whole output is the value, `Result` or not, since `returns` says so.
    Whole,
}

/// Types that are no `Option` whatever the module defines.
const NO_OPTION: [&str; 34] = [
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Box",
    "Cow",
    "Duration",
    "HashMap",
    "HashSet",
    "Instant",
    "Rc",
    "Result",
    "String",
    "SystemTime",
    "Uuid",
    "Value",
    "Vec",
    "VecDeque",
    "bool",
    "char",
    "f32",
    "f64",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "isize",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "usize",
];

impl Returns {
    /// Reads the return type, and reports what no entry could hold.
    pub(crate) fn lower(func: &Func, settings: &Settings, diag: &Diag) -> Option<Returns> {
        // a function that is not async is reported as such, its type says nothing
        if matches!(func.body, Body::Other(_)) {
            return None;
        }
        let Some(output) = func.output() else {
            diag.error_at(&func.sig.ident, NOTHING);
            return None;
        };
        if let Some(opaque) = opaque(output) {
            diag.error_at(opaque, OPAQUE);
            return None;
        }
        let returns = Returns::of(output, settings);
        returns.check(settings, diag);
        Some(returns)
    }

    /// The return type as far as it can be used where something is wrong already.
    pub(crate) fn rough(func: &Func, settings: &Settings) -> Returns {
        match func.output().filter(|output| opaque(output).is_none()) {
            Some(output) => Returns::of(output, settings),
            None => Returns { output: parse_quote!(()), shape: Shape::Plain },
        }
    }

    /// What an entry holds, where the type shows it.
    pub(crate) fn value(&self) -> Option<&Type> {
        match &self.shape {
            Shape::Fallible(value) => Some(value),
            Shape::Alias => None,
            Shape::Plain | Shape::Whole => Some(&self.output),
        }
    }

    /// Where an error about the value stands.
    pub(crate) fn span(&self) -> Span {
        self.value().unwrap_or(&self.output).span()
    }

    fn of(output: &Type, settings: &Settings) -> Returns {
        let inner = last_segment(output).and_then(|segment| {
            let named = segment.ident.to_string();
            let value = func::first_type(segment).cloned();
            match value {
                Some(value) if named == "Result" => Some(Shape::Fallible(Box::new(value))),
                Some(_) if named.ends_with("Result") => Some(Shape::Alias),
                _ => None,
            }
        });
        let shape = match settings.returns.get() {
            Some(Returning::Value) => Shape::Whole,
            Some(Returning::Result) => inner.unwrap_or(Shape::Alias),
            None => inner.unwrap_or(Shape::Plain),
        };
        Returns { output: output.clone(), shape }
    }

    fn check(&self, settings: &Settings, diag: &Diag) {
        let Some(value) = self.value() else { return };
        match peel(value) {
            Type::Tuple(tuple) if tuple.elems.is_empty() => return diag.error_at(value, NOTHING),
            Type::Never(_) => return diag.error_at(value, NOTHING),
            _ => {}
        }
        if let Some(borrow) = borrow(value) {
            diag.error_at(
                borrow,
                "an entry outlives the call, so its value cannot borrow; return an owned value, as `String` for `&str`",
            );
        }
        if let (Some(none), true) = (settings.none.span(), visibly_no_option(value)) {
            let value = diag::shown(value);
            diag.error(
                none,
                format!("`none` and the return type contradict each other: `{value}` is never `None`; remove `none`"),
            );
        }
    }
}

const NOTHING: &str =
    "the function returns nothing that could be cached; return a value, or remove `#[cached]`";
pub(super) const OPAQUE: &str =
    "`impl Trait` in the return type has no name for an entry to hold; write the type itself";

pub(super) fn opaque(ty: &Type) -> Option<TypeImplTrait> {
    struct Find(Option<TypeImplTrait>);
    impl Visit<'_> for Find {
        fn visit_type_impl_trait(&mut self, ty: &TypeImplTrait) {
            self.0.get_or_insert_with(|| ty.clone());
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// The first part of a type that borrows for less than `'static`.
pub(super) fn borrow(ty: &Type) -> Option<proc_macro2::TokenStream> {
    struct Find(Option<proc_macro2::TokenStream>);
    impl Find {
        fn found(&mut self, tokens: impl ToTokens) {
            self.0.get_or_insert_with(|| tokens.into_token_stream());
        }
    }
    impl Visit<'_> for Find {
        fn visit_type_reference(&mut self, ty: &TypeReference) {
            match &ty.lifetime {
                Some(lifetime) if lifetime.ident == "static" => visit::visit_type_reference(self, ty),
                _ => self.found(ty),
            }
        }
        fn visit_lifetime(&mut self, lifetime: &Lifetime) {
            if lifetime.ident != "static" {
                self.found(lifetime);
            }
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

fn visibly_no_option(ty: &Type) -> bool {
    match peel(ty) {
        Type::Tuple(_) | Type::Array(_) | Type::Slice(_) | Type::Reference(_) => true,
        ty => last_segment(ty).is_some_and(|segment| NO_OPTION.iter().any(|name| segment.ident == name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::settings::KNOWN;
    use crate::syntax::options;

    fn lower(returns: &str, options: &str) -> (String, Vec<String>) {
        let diag = Diag::new();
        let given = options::parse(options.parse().unwrap(), KNOWN, &diag);
        let settings = Settings::lower(given, &diag);
        let func = syn::parse_str(&format!("async fn f() {returns} {{}}")).unwrap();
        let returns = Returns::lower(&func, &settings, &diag);
        let shape = match returns {
            None => "none".into(),
            Some(Returns { shape: Shape::Fallible(value), .. }) => value.to_token_stream().to_string(),
            Some(Returns { shape: Shape::Alias, .. }) => "alias".into(),
            Some(Returns { shape: Shape::Plain, .. }) => "plain".into(),
            Some(Returns { shape: Shape::Whole, .. }) => "whole".into(),
        };
        (shape, diag.messages())
    }

    #[test]
    fn a_result_is_told_by_its_name_and_its_arguments() {
        for (returns, shape) in [
            ("-> Result<Task, E>", "Task"),
            ("-> anyhow::Result<Option<Task>>", "Option < Task >"),
            ("-> DbResult<Task>", "alias"),
            ("-> Result", "plain"),
            ("-> DbResult", "plain"),
            ("-> Vec<Result<u8, E>>", "plain"),
        ] {
            assert_eq!(lower(returns, ""), (shape.into(), vec![]), "{returns}");
        }
        assert_eq!(lower("-> Loaded", "returns = \"result\"").0, "alias");
        assert_eq!(lower("-> Result<u8, E>", "returns = \"value\"").0, "whole");
    }

    #[test]
    fn what_no_entry_can_hold_is_refused() {
        for (returns, message) in [
            ("", NOTHING),
            ("-> ()", NOTHING),
            ("-> Result<(), E>", NOTHING),
            ("-> impl Iterator<Item = u8>", OPAQUE),
            ("-> Result<Vec<impl Clone>, E>", OPAQUE),
        ] {
            assert_eq!(lower(returns, "").1, [message], "{returns}");
        }
        for returns in ["-> &str", "-> Result<Cow<'_, str>, E>", "-> Option<&'a u8>"] {
            assert!(lower(returns, "").1[0].contains("outlives the call"), "{returns}");
        }
        assert!(lower("-> Result<u8, Error<'_>>", "").1.is_empty());
    }

    #[test]
    fn none_wants_a_type_that_can_be_none() {
        assert!(lower("-> Result<Vec<u8>, E>", "none = \"cache\"").1[0].contains("contradict"));
        assert!(lower("-> Result<Option<u8>, E>", "none = \"cache\"").1.is_empty());
        assert!(lower("-> Result<MaybeTask, E>", "none = \"cache\"").1.is_empty());
    }
}
