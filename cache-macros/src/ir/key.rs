//! What a key is made of, in order.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned as _;
use syn::{Attribute, Index, Type};

use super::settings::Settings;
use super::skips::{Skips, check_type_params};
use super::{Slot, Spanned};
use crate::diag::{self, Diag};
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

/// One value in a key.
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
enum Root<'a> {
    Param(usize, &'a Param),
    Const(&'a Ident),
    Receiver(Span),
}

impl Key {
    /// Makes the key of a function, of its template or of all its parameters.
    pub(crate) fn lower(func: &Func, settings: &Settings, prefix: &str, diag: &Diag) -> Option<Key> {
        let skips = Skips::lower(func, settings, diag);
        // without the whole of `key` and `skip`, nothing can be said of what is left out
        if !matches!(settings.key, Slot::Broken) {
            check_type_params(func, settings, &skips, diag);
        }
        let mut key = Builder { func, skips, diag, key: Key::new(prefix), text: String::new() };
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
    func: &'a Func,
    skips: Skips,
    diag: &'a Diag,
    key: Key,
    /// The text since the last part.
    text: String,
}

impl<'a> Builder<'a> {
    fn default_key(&mut self) {
        self.text(&format!(":{}", self.func.name()));
        // a const parameter changes what the body does as much as any other
        for param in self.func.sig.generics.const_params() {
            if !self.skips.generic(&param.ident) {
                self.text(":");
                self.part(&Root::Const(&param.ident), &[], None);
            }
        }
        for (place, param) in self.func.params.iter().enumerate() {
            if self.skips.params[place] || !self.check_param(param) {
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
                    match self.root(part, template.span) {
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
        for (_, param) in self.unskipped() {
            match &param.name {
                Name::Plain(ident) if unused(ident) => missing(ident),
                _ => drop(self.check_param(param)),
            }
        }
        let consts = self.func.sig.generics.const_params().map(|param| &param.ident);
        consts.filter(|ident| !self.skips.generic(ident) && unused(ident)).for_each(missing);
    }

    fn unskipped(&self) -> impl Iterator<Item = (usize, &'a Param)> {
        let params = self.func.params.iter().enumerate();
        params.filter(|(place, _)| !self.skips.params[*place])
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

    /// What a placeholder starts with.
    fn root(&self, part: &Placeholder, span: Span) -> Option<Root<'a>> {
        let func = self.func;
        if part.root == "self" {
            let receiver = func.sig.receiver().map(|receiver| Root::Receiver(receiver.self_token.span));
            if receiver.is_none() {
                let message = format!("`{part}` has no meaning in a function without `self`; remove it");
                self.diag.error(span, message);
            }
            return receiver;
        }
        let named = |ident: &Ident| ident.unraw() == part.root;
        if let Some(place) = func.params.iter().position(|param| param.ident().is_some_and(named)) {
            if self.skips.params[place] {
                let name = &part.root;
                let message = format!(
                    "`{part}` is in the key and its parameter is skipped; remove `{name}` from `skip`"
                );
                self.diag.error(span, message);
                return None;
            }
            return Some(Root::Param(place, &func.params[place]));
        }
        if let Some(param) = func.sig.generics.const_params().find(|param| named(&param.ident)) {
            return Some(Root::Const(&param.ident));
        }
        self.diag.error(span, self.unknown(part));
        None
    }

    fn unknown(&self, part: &Placeholder) -> String {
        let known: Vec<String> = self
            .unskipped()
            .filter_map(|(_, param)| param.ident())
            .chain(self.func.sig.generics.const_params().map(|param| &param.ident))
            .map(|ident| ident.unraw().to_string())
            .chain(self.func.sig.receiver().map(|_| "self".into()))
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        match known.as_slice() {
            [] => format!("unknown parameter `{}` in the key; the function has none for it", part.root),
            known => diag::unknown("parameter", &part.root, known).replacen("`;", "` in the key;", 1),
        }
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
        self.key.shape.push_str(text);
    }

    fn part(&mut self, root: &Root<'_>, fields: &[String], template: Option<Span>) {
        let (place, span, cfgs) = match root {
            Root::Receiver(span) => {
                self.key.reads_self = true;
                (quote::quote_spanned!(*span=> self), *span, Vec::new())
            }
            Root::Const(ident) => (quote!(#ident), ident.span(), Vec::new()),
            Root::Param(index, param) => {
                if !self.key.params.contains(index) {
                    self.key.params.push(*index);
                }
                let ident = param.ident().expect("a root has a name");
                (quote!(#ident), param.ty.span(), param.cfgs.clone())
            }
        };
        let name = place.to_string();
        let name = name.strip_prefix("r#").unwrap_or(&name);
        let shown = Placeholder { root: name.into(), fields: fields.to_vec() };
        self.key.shape.push_str(&shown.to_string());
        let span = template.unwrap_or(span);
        let fields = fields.iter().map(|field| member(field, span));
        let place = quote!(#place #(.#fields)*);
        let before = std::mem::take(&mut self.text);
        self.push(Part { before, cfgs, place, span });
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

#[cfg(test)]
mod tests;
