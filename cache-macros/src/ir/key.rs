//! What a key is made of, in order.

use proc_macro2::{Ident, Span};
use syn::Type;
use syn::ext::IdentExt;

use super::places::{Part, Places, Root};
use super::settings::Settings;
use super::skips::{Skips, check_type_params};
use super::{Slot, Spanned};
use crate::diag::Diag;
use crate::func::{Func, Name, Param, peel};
use crate::syntax::templates::{Piece, Placeholder, Template};

/// The text up to the first part, the parts, and the text after the last one.
pub(crate) struct Key {
    pub(crate) head: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) tail: String,
    /// The key as people read it: `tasks:v1:get:{id}`.
    pub(crate) shape: String,
    /// Which parameters of the function the key reads.
    pub(crate) params: Vec<usize>,
    pub(crate) reads_self: bool,
}

impl Key {
    /// Makes the key of a function, of its template or of all its parameters.
    pub(super) fn lower(
        func: &Func,
        settings: &Settings,
        skips: &Skips,
        prefix: &str,
        diag: &Diag,
    ) -> Option<Key> {
        // without the whole of `key` and `skip`, nothing can be said of what is left out
        if !matches!(settings.key, Slot::Broken) {
            check_type_params(func, settings, skips, diag);
        }
        let mut key = Builder {
            places: Places { func, skips, noun: "key" },
            diag,
            key: Key::new(prefix),
            text: String::new(),
        };
        match &settings.key {
            Slot::Broken => return None,
            Slot::Empty => key.default_key(),
            Slot::Set(template) => key.template(template),
        }
        Some(key.finish())
    }

    fn new(prefix: &str) -> Key {
        Key {
            head: prefix.into(),
            parts: Vec::new(),
            tail: String::new(),
            shape: prefix.into(),
            params: Vec::new(),
            reads_self: false,
        }
    }
}

struct Builder<'a> {
    places: Places<'a>,
    diag: &'a Diag,
    key: Key,
    /// The text since the last part.
    text: String,
}

impl Builder<'_> {
    fn default_key(&mut self) {
        let Places { func, skips, .. } = self.places;
        self.text(&format!(":{}", func.name()));
        // a const parameter changes what the body does as much as any other
        for param in func.sig.generics.const_params() {
            if !skips.generic(&param.ident) {
                self.text(":");
                self.part(&Root::Const(&param.ident), &[], None);
            }
        }
        for (place, param) in func.params.iter().enumerate() {
            if skips.params[place] || !self.check_param(param) {
                continue;
            }
            self.text(":");
            self.part(&Root::Param(place, param), &[], None);
        }
    }

    fn template(&mut self, template: &Spanned<Template>) {
        self.text(":");
        let mut used = Vec::new();
        let mut all_known = true;
        for piece in &template.value.pieces {
            match piece {
                Piece::Text(text) => self.text(text),
                Piece::Part(part) => {
                    used.push(part.root.clone());
                    match self.places.root(part, template.span, self.diag) {
                        Some(root) => self.part(&root, &part.fields, Some(template.span)),
                        None => all_known = false,
                    }
                }
            }
        }
        // an unknown name was meant for one that seems left out
        if all_known {
            self.check_all_used(&used);
        }
    }

    /// What the body reads and the key leaves out would make one entry of several values.
    fn check_all_used(&self, used: &[String]) {
        let unused = |name: &Ident| !used.iter().any(|word| name.unraw() == word);
        let missing = |ident: &Ident| {
            let name = ident.unraw();
            let message =
                format!("parameter `{name}` is not part of the key; add `{{{name}}}` or `skip({name})`");
            self.diag.error(ident.span(), message);
        };
        for (_, param) in self.places.unskipped() {
            match &param.name {
                Name::Plain(ident) if unused(ident) => missing(ident),
                _ => drop(self.check_param(param)),
            }
        }
        let Places { func, skips, .. } = self.places;
        let consts = func.sig.generics.const_params().map(|param| &param.ident);
        consts.filter(|ident| !skips.generic(ident) && unused(ident)).for_each(missing);
    }

    /// Whether a parameter can be part of a key.
    fn check_param(&self, param: &Param) -> bool {
        let ident = match &param.name {
            // no body can read it
            Name::Wild => return false,
            Name::Pattern { binds, span } => {
                let skip = match binds.first() {
                    Some(bind) => format!(", or add `skip({bind})`"),
                    None => String::new(),
                };
                let message = format!("a pattern has no name for the key; give the parameter a name{skip}");
                self.diag.error(*span, message);
                return false;
            }
            Name::Plain(ident) => ident.unraw(),
        };
        if matches!(peel(&param.ty), Type::Reference(reference) if reference.mutability.is_some()) {
            let message = format!("a `&mut` parameter does not identify a value; add `skip({ident})`");
            self.diag.error_at(&param.ty, message);
            return false;
        }
        true
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
        self.key.shape.push_str(text);
    }

    fn part(&mut self, root: &Root<'_>, fields: &[String], template: Option<Span>) {
        match root {
            Root::Receiver(_) => self.key.reads_self = true,
            Root::Param(index, _) if !self.key.params.contains(index) => self.key.params.push(*index),
            _ => {}
        }
        let shown = Placeholder { root: root.name(), fields: fields.to_vec() };
        self.key.shape.push_str(&shown.to_string());
        let before = std::mem::take(&mut self.text);
        self.push(root.part(before, fields, template));
    }

    /// The head names the function in lists, so a `:` at its end goes to the first part.
    fn push(&mut self, mut part: Part) {
        if self.key.parts.is_empty() {
            let text = std::mem::take(&mut part.before);
            let bare = text.strip_suffix(':').unwrap_or(&text);
            self.key.head.push_str(bare);
            part.before = text[bare.len()..].into();
        }
        self.key.parts.push(part);
    }

    fn finish(mut self) -> Key {
        let last = if self.key.parts.is_empty() { &mut self.key.head } else { &mut self.key.tail };
        last.push_str(&self.text);
        self.key
    }
}

#[cfg(test)]
mod tests;
