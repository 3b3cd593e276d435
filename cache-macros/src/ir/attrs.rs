//! The attributes of a function that its companion and its hidden function have, too.

use syn::{Attribute, Meta, Token, parse_quote};

/// The attribute as the companion has it: configuration, `#[doc(hidden)]`, `#[deprecated]`, and `#[allow]`.
pub(super) fn copied(attr: &Attribute) -> Option<Attribute> {
    meta(&attr.meta, &["cfg", "deprecated", "allow"]).map(|meta| Attribute { meta, ..attr.clone() })
}

/// The attribute as a function has it that only holds the body: configuration, and the levels of lints.
pub(super) fn of_body(attr: &Attribute) -> Option<Attribute> {
    let attr = without_expectation(attr);
    let names = ["cfg", "allow", "warn", "deny", "forbid"];
    meta(&attr.meta, &names).map(|meta| Attribute { meta, ..attr })
}

/// An expectation would be met in one of two functions only, so it becomes a permission in both.
pub(super) fn without_expectation(attr: &Attribute) -> Attribute {
    let mut attr = attr.clone();
    if let (true, Meta::List(list)) = (attr.path().is_ident("expect"), &mut attr.meta) {
        list.path = parse_quote!(allow);
    }
    attr
}

/// Keeps what is named so, at once or under a configuration, and `#[doc(hidden)]`.
fn meta(meta: &Meta, names: &[&str]) -> Option<Meta> {
    let path = meta.path();
    let kept = names.iter().any(|name| path.is_ident(name));
    let hidden = path.is_ident("doc")
        && meta
            .require_list()
            .is_ok_and(|list| list.tokens.clone().into_iter().any(|word| word.to_string() == "hidden"));
    if kept || hidden {
        return Some(meta.clone());
    }
    if !path.is_ident("cfg_attr") {
        return None;
    }
    let metas = syn::punctuated::Punctuated::<Meta, Token![,]>::parse_terminated;
    let all = syn::parse::Parser::parse2(metas, meta.require_list().ok()?.tokens.clone()).ok()?;
    let mut all = all.into_iter();
    let predicate = all.next()?;
    let inner: Vec<Meta> = all.filter_map(|inner| self::meta(&inner, names)).collect();
    if inner.is_empty() { None } else { Some(parse_quote!(cfg_attr(#predicate, #(#inner),*))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    #[test]
    fn only_attributes_of_configuration_are_copied() {
        let copies = |attr: Attribute| copied(&attr).map(|attr| attr.to_token_stream().to_string());
        assert_eq!(copies(parse_quote!(#[instrument])), None);
        assert_eq!(copies(parse_quote!(#[doc = "text"])), None);
        assert_eq!(copies(parse_quote!(#[doc(hidden)])).unwrap(), "# [doc (hidden)]");
        assert_eq!(copies(parse_quote!(#[cfg(test)])).unwrap(), "# [cfg (test)]");
        assert_eq!(copies(parse_quote!(#[cfg_attr(test, instrument)])), None);
        assert_eq!(
            copies(parse_quote!(#[cfg_attr(all(a, b), instrument, deprecated)])).unwrap(),
            "# [cfg_attr (all (a , b) , deprecated)]"
        );
    }

    #[test]
    fn an_expectation_becomes_a_permission() {
        let body = |attr: Attribute| of_body(&attr).map(|attr| attr.to_token_stream().to_string());
        assert_eq!(body(parse_quote!(#[expect(dead_code)])).unwrap(), "# [allow (dead_code)]");
        assert_eq!(body(parse_quote!(#[deny(dead_code)])).unwrap(), "# [deny (dead_code)]");
        assert_eq!(body(parse_quote!(#[deprecated])), None);
    }
}
