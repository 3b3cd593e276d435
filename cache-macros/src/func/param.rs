//! The parameters of a function, by the names that its body has of them.

use proc_macro2::{Ident, Span, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, FnArg, Local, Pat, PatIdent, Signature, Stmt, Type};

use super::body::Body;

/// A parameter that is not the receiver.
pub(crate) struct Param {
    /// The `#[cfg(..)]` on it.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) name: Name,
    pub(crate) ty: Type,
}

pub(crate) enum Name {
    Plain(Ident),
    /// `Path(id): Path<u64>`, with the names that the pattern binds.
    Pattern {
        binds: Vec<Ident>,
        span: Span,
    },
    /// `_: Ctx`, which no body can read.
    Wild,
}

impl Param {
    pub(super) fn of(input: &FnArg, sig: &Signature, body: &Body) -> Option<Param> {
        let FnArg::Typed(typed) = input else { return None };
        let cfgs = typed.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
        let name = match &*typed.pat {
            Pat::Wild(_) => Name::Wild,
            Pat::Ident(PatIdent { ident, subpat: None, .. }) => renamed_pattern(ident, sig, body),
            pat => Name::Pattern { binds: binds(pat), span: pat.span() },
        };
        Some(Param { cfgs, name, ty: (*typed.ty).clone() })
    }

    pub(crate) fn ident(&self) -> Option<&Ident> {
        match &self.name {
            Name::Plain(ident) => Some(ident),
            _ => None,
        }
    }

    /// The names that the body has of it.
    pub(crate) fn idents(&self) -> &[Ident] {
        match &self.name {
            Name::Plain(ident) => std::slice::from_ref(ident),
            Name::Pattern { binds, .. } => binds,
            Name::Wild => &[],
        }
    }
}

/// `async_trait` turns the pattern of a parameter into `__arg1` and binds it in the body: the names are found there.
fn renamed_pattern(ident: &Ident, sig: &Signature, body: &Body) -> Name {
    let text = ident.to_string();
    let by_async_trait = sig.generics.lifetimes().any(|param| param.lifetime.ident == "async_trait");
    let positional = text.strip_prefix("__arg").is_some_and(|digits| digits.parse::<usize>().is_ok());
    let Body::Boxed { body, .. } = body else { return Name::Plain(ident.clone()) };
    if !(by_async_trait && positional) {
        return Name::Plain(ident.clone());
    }
    let stmts = syn::Block::parse_within.parse2(body.stream()).unwrap_or_default();
    let bound = stmts.iter().find_map(|stmt| match stmt {
        Stmt::Local(Local { pat, init: Some(init), .. }) => {
            let own = |tree: TokenTree| matches!(&tree, TokenTree::Ident(word) if *word == text);
            let block = init.expr.to_token_stream().into_iter().next();
            let inner = match block {
                Some(TokenTree::Group(group)) => group.stream().into_iter().any(own),
                _ => false,
            };
            inner.then(|| Name::Pattern { binds: binds(pat), span: pat.span() })
        }
        _ => None,
    });
    bound.unwrap_or(Name::Wild)
}

/// The names that a pattern binds.
pub(crate) fn binds(pat: &Pat) -> Vec<Ident> {
    struct Binds(Vec<Ident>);
    impl Visit<'_> for Binds {
        fn visit_pat_ident(&mut self, pat: &PatIdent) {
            self.0.push(pat.ident.clone());
            syn::visit::visit_pat_ident(self, pat);
        }
    }
    let mut binds = Binds(Vec::new());
    binds.visit_pat(pat);
    binds.0
}
