//! What the placeholders of a template may name, and the values that they stand for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned as _;
use syn::{Attribute, Index};

use super::skips::Skips;
use crate::diag::{self, Diag};
use crate::func::{Func, Param};
use crate::syntax::templates::Placeholder;

/// One value in a key or a tag.
pub(crate) struct Part {
    /// The text before it.
    pub(crate) before: String,
    /// Its parameter may not be there in every configuration.
    pub(crate) cfgs: Vec<Attribute>,
    /// `id`, `page.limit`, `self.tenant`
    pub(crate) place: TokenStream,
    /// Where an error about the type of the value stands.
    pub(crate) span: Span,
}

/// A word that a placeholder may start with.
pub(super) enum Root<'a> {
    Param(usize, &'a Param),
    Const(&'a Ident),
    Receiver(Span),
}

impl Root<'_> {
    /// The value of a chain of fields, as the part after some text. `template` is where the placeholder was written.
    pub(super) fn part(&self, before: String, fields: &[String], template: Option<Span>) -> Part {
        let (place, span, cfgs) = match self {
            Root::Receiver(span) => (quote_spanned!(*span=> self), *span, Vec::new()),
            Root::Const(ident) => (quote!(#ident), ident.span(), Vec::new()),
            Root::Param(_, param) => {
                let ident = param.ident().expect("a root has a name");
                (quote!(#ident), param.ty.span(), param.cfgs.clone())
            }
        };
        let span = template.unwrap_or(span);
        Part { before, cfgs, place: chain(&place, fields, span), span }
    }

    /// The word as people read it.
    pub(super) fn name(&self) -> String {
        match self {
            Root::Receiver(_) => "self".into(),
            Root::Const(ident) => ident.unraw().to_string(),
            Root::Param(_, param) => param.ident().map(|ident| ident.unraw().to_string()).unwrap_or_default(),
        }
    }
}

/// `page.limit`
pub(super) fn chain(root: &TokenStream, fields: &[String], span: Span) -> TokenStream {
    let fields = fields.iter().map(|field| member(field, span));
    quote!(#root #(.#fields)*)
}

/// A field by its name or its place.
fn member(field: &str, span: Span) -> syn::Member {
    if let Ok(index) = field.parse::<u32>() {
        return syn::Member::Unnamed(Index { index, span });
    }
    syn::Member::Named(match syn::parse_str::<Ident>(field) {
        Ok(_) => Ident::new(field, span),
        Err(_) => Ident::new_raw(field, span),
    })
}

/// The words of a cached function, for the templates of its key and its tags.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) func: &'a Func,
    pub(super) skips: &'a Skips,
    /// `key` or `tag`
    pub(super) noun: &'static str,
}

impl<'a> Places<'a> {
    /// What a placeholder starts with.
    pub(super) fn root(&self, part: &Placeholder, span: Span, diag: &Diag) -> Option<Root<'a>> {
        let func = self.func;
        if part.root == "self" {
            let receiver = func.sig.receiver().map(|receiver| Root::Receiver(receiver.self_token.span));
            if receiver.is_none() {
                let message = format!("`{part}` has no meaning in a function without `self`; remove it");
                diag.error(span, message);
            }
            return receiver;
        }
        let named = |ident: &Ident| ident.unraw() == part.root;
        if let Some(place) = func.params.iter().position(|param| param.ident().is_some_and(named)) {
            if self.skips.params[place] {
                diag.error(span, self.skipped(part));
                return None;
            }
            return Some(Root::Param(place, &func.params[place]));
        }
        if let Some(param) = func.sig.generics.const_params().find(|param| named(&param.ident)) {
            return Some(Root::Const(&param.ident));
        }
        diag.error(span, self.unknown(part));
        None
    }

    fn skipped(&self, part: &Placeholder) -> String {
        let name = &part.root;
        match self.noun {
            "key" => {
                format!("`{part}` is in the key and its parameter is skipped; remove `{name}` from `skip`")
            }
            noun => format!(
                "a {noun} names a skipped parameter, which `{}` does not take; remove `{name}` from `skip`, or `{part}` \
                 from the {noun}",
                self.func.companion()
            ),
        }
    }

    pub(super) fn unskipped(&self) -> impl Iterator<Item = (usize, &'a Param)> + use<'a> {
        let skips = self.skips;
        self.func.params.iter().enumerate().filter(|(place, _)| !skips.params[*place])
    }

    fn unknown(&self, part: &Placeholder) -> String {
        let known: Vec<String> = self
            .unskipped()
            .filter_map(|(_, param)| param.ident())
            .chain(self.func.sig.generics.const_params().map(|param| &param.ident))
            .map(|ident| ident.unraw().to_string())
            .chain(self.func.sig.receiver().map(|_| "self".into()))
            .collect();
        unknown(self.noun, part, &known)
    }
}

/// "unknown parameter `idd` in the key; did you mean `id`? one of: id, self".
pub(super) fn unknown(noun: &str, part: &Placeholder, known: &[String]) -> String {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match known.as_slice() {
        [] => format!("unknown parameter `{}` in the {noun}; the function has none for it", part.root),
        known => {
            diag::unknown("parameter", &part.root, known).replacen("`;", &format!("` in the {noun};"), 1)
        }
    }
}
