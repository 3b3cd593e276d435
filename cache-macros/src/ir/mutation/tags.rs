//! `tags("tasks", "owner:{owner}")`: which words its templates may name here, and what they stand for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::LitStr;
use syn::ext::IdentExt;

use super::{Aim, Each, has_result};
use crate::diag::Diag;
use crate::func::{Func, Name, Param, binds};
use crate::ir::places::{Part, Root, chain, unknown};
use crate::ir::tags::{Tag, template};
use crate::ir::values::namespace_text;
use crate::syntax::templates::Placeholder;

/// One aim for each template, with the word for the result where it names that.
pub(super) fn lower(
    ns: &LitStr,
    templates: &[LitStr],
    each: Option<&Each>,
    func: &Func,
    seen: &mut Vec<(String, String)>,
    diag: &Diag,
) -> Vec<(Aim, Option<Ident>)> {
    let words = Words { func, each: each.map(|each| binds(&each.pat)).unwrap_or_default(), diag };
    let checked = namespace(ns, diag);
    let mut aims = Vec::new();
    for literal in templates {
        let text = literal.value();
        let pair = (ns.value(), text.clone());
        // a word of `each` is another one each time
        if words.each.is_empty() && seen.contains(&pair) {
            diag.error(literal.span(), format!("the tag `{text}` is given twice; keep one of them"));
            continue;
        }
        seen.push(pair);
        let Some(template) = template(&text, literal.span(), diag) else { continue };
        let mut late = None;
        let tag = Tag::lower(&template, |before, part, span| words.part(before, part, span, &mut late));
        if let (Some(tag), Some(ns)) = (tag, checked.clone()) {
            aims.push((Aim::Tag { ns, tag }, late));
        }
    }
    aims
}

pub(super) fn namespace(literal: &LitStr, diag: &Diag) -> Option<String> {
    let text = literal.value();
    namespace_text(&text, "").map_err(|message| diag.error(literal.span(), message)).ok()?;
    Some(text)
}

struct Words<'a> {
    func: &'a Func,
    /// What the target's own `each` binds.
    each: Vec<Ident>,
    diag: &'a Diag,
}

impl Words<'_> {
    /// The value of a placeholder; `late` is set when only the result has it.
    fn part(&self, before: String, part: &Placeholder, span: Span, late: &mut Option<Ident>) -> Option<Part> {
        let named = |ident: &&Ident| ident.unraw() == part.root;
        let other = |root: TokenStream| Part {
            before: before.clone(),
            cfgs: Vec::new(),
            place: chain(&root, &part.fields, span),
            span,
        };
        if let Some(bound) = self.each.iter().find(named) {
            return Some(other(quote!(#bound)));
        }
        for (place, param) in self.func.params.iter().enumerate() {
            let Some(ident) = param.idents().iter().find(named) else { continue };
            return Some(match param.name {
                Name::Plain(_) => Root::Param(place, param).part(before, &part.fields, Some(span)),
                _ => other(quote!(#ident)),
            });
        }
        let consts = || self.func.sig.generics.const_params().map(|param| &param.ident);
        if let Some(ident) = consts().find(named) {
            return Some(other(quote!(#ident)));
        }
        match (part.root.as_str(), self.func.sig.receiver()) {
            ("self", Some(receiver)) => {
                Some(Root::Receiver(receiver.self_token.span).part(before, &part.fields, Some(span)))
            }
            ("result", _) if !has_result(self.func) => {
                let result = Ident::new("result", span);
                let place = other(quote!(#result));
                *late = Some(result);
                Some(place)
            }
            ("self", None) => {
                let message = format!("`{part}` has no meaning in a function without `self`; remove it");
                self.diag.error(span, message);
                None
            }
            _ => {
                self.diag.error(span, unknown("tag", part, &self.known()));
                None
            }
        }
    }

    fn known(&self) -> Vec<String> {
        let params = self.func.params.iter().flat_map(Param::idents);
        let consts = self.func.sig.generics.const_params().map(|param| &param.ident);
        self.each
            .iter()
            .chain(params)
            .chain(consts)
            .map(|ident| ident.unraw().to_string())
            .chain(self.func.sig.receiver().map(|_| "self".into()))
            .chain(["result".into()])
            .collect()
    }
}
