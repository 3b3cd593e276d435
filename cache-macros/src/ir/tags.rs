//! The tags of a cached function's entries: those that its arguments tell, and those that only the value tells.

use proc_macro2::{Ident, Span};
use quote::quote;
use syn::Expr;
use syn::ext::IdentExt;
use syn::spanned::Spanned as _;

use super::places::{Part, Places, chain};
use super::skips::Skips;
use super::{Slot, Spanned, peel, text};
use crate::diag::Diag;
use crate::func::Func;
use crate::syntax::templates::{self, Piece, Template};

/// The text of one tag.
pub(crate) struct Tag {
    /// As it is written.
    pub(crate) template: String,
    pub(crate) parts: Vec<Part>,
    /// The text after the last part.
    pub(crate) tail: String,
}

#[derive(Default)]
pub(crate) struct Tags {
    /// Known before the load.
    pub(crate) of_call: Vec<Tag>,
    /// Known of the value.
    pub(crate) of_value: Vec<Tag>,
    pub(crate) reads_self: bool,
}

/// `tags = ["owner:{owner}"]`
pub(super) fn templates(expr: &Expr, diag: &Diag) -> Slot<Vec<Spanned<Template>>> {
    const USAGE: &str = "write `tags = [\"owner:{owner}\"]`";
    let Expr::Array(list) = peel(expr) else {
        diag.error_at(expr, format!("`tags` is a list of templates; {USAGE}"));
        return Slot::Broken;
    };
    if list.elems.is_empty() {
        diag.error_at(expr, format!("`tags` names no tag; {USAGE}, or remove it"));
        return Slot::Broken;
    }
    let mut seen = Vec::new();
    let mut tags = Vec::new();
    for elem in &list.elems {
        let Some(literal) = text(elem) else {
            diag.error_at(elem, format!("a tag is a template in a string; {USAGE}"));
            continue;
        };
        if seen.contains(&literal.value()) {
            diag.error(
                literal.span(),
                format!("the tag `{}` is given twice; keep one of them", literal.value()),
            );
            continue;
        }
        seen.push(literal.value());
        tags.extend(template(&literal.value(), literal.span(), diag));
    }
    let all_read = tags.len() == list.elems.len();
    if all_read { Slot::Set(Spanned { value: tags, span: expr.span() }) } else { Slot::Broken }
}

/// The template of one tag.
pub(super) fn template(text: &str, span: Span, diag: &Diag) -> Option<Spanned<Template>> {
    match templates::parse("tag", text) {
        Ok(value) => Some(Spanned { value, span }),
        Err(messages) => {
            for message in messages {
                diag.error(span, message);
            }
            None
        }
    }
}

impl Tags {
    pub(super) fn lower(
        func: &Func,
        templates: &Slot<Vec<Spanned<Template>>>,
        skips: &Skips,
        diag: &Diag,
    ) -> Tags {
        let mut tags = Tags::default();
        let own =
            func.params.iter().filter_map(|param| param.ident()).find(|ident| ident.unraw() == "result");
        let places = Places { func, skips, noun: "tag" };
        for template in templates.get().into_iter().flatten() {
            let roots = || template.value.roots();
            let of_value = roots().filter(|root| *root == "result").count();
            if of_value == 0 {
                let tag = of_call(template, places, diag);
                tags.reads_self |= roots().any(|root| root == "self");
                tags.of_call.extend(tag);
            } else if let Some(own) = own {
                ambiguous(own, template.span, diag);
            } else if of_value < roots().count() {
                let message = "a tag names parameters or the result, not both; write two tags";
                diag.error(template.span, message);
            } else {
                tags.of_value.push(of_result(template));
            }
        }
        tags
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.of_call.iter().flat_map(|tag| &tag.parts)
    }
}

fn ambiguous(own: &Ident, span: Span, diag: &Diag) {
    let message = format!(
        "`{{{own}}}` could be the parameter or the value; give the parameter another name, since `result` is the value \
         in `tags`"
    );
    diag.error(span, message);
}

fn of_call(template: &Spanned<Template>, places: Places<'_>, diag: &Diag) -> Option<Tag> {
    Tag::lower(template, |before, part, span| {
        Some(places.root(part, span, diag)?.part(before, &part.fields, Some(span)))
    })
}

fn of_result(template: &Spanned<Template>) -> Tag {
    // the name that the expansion gives the value, which is a reference already
    let root = Ident::new("result", Span::mixed_site().located_at(template.span));
    let place = |fields: &[String], span| match fields {
        [] => quote!(*#root),
        fields => chain(&quote!(#root), fields, span),
    };
    let tag = Tag::lower(template, |before, part, span| {
        Some(Part { before, cfgs: Vec::new(), place: place(&part.fields, span), span })
    });
    tag.expect("every part has a place")
}

impl Tag {
    /// Gives every placeholder its value, or nothing when one has none.
    pub(super) fn lower(
        template: &Spanned<Template>,
        mut part: impl FnMut(String, &templates::Placeholder, Span) -> Option<Part>,
    ) -> Option<Tag> {
        let mut tag = Tag { template: template.value.to_string(), parts: Vec::new(), tail: String::new() };
        let mut all = true;
        for piece in &template.value.pieces {
            match piece {
                Piece::Text(text) => tag.tail.push_str(text),
                Piece::Part(placeholder) => {
                    let before = std::mem::take(&mut tag.tail);
                    match part(before, placeholder, template.span) {
                        Some(part) => tag.parts.push(part),
                        None => all = false,
                    }
                }
            }
        }
        all.then_some(tag)
    }
}
