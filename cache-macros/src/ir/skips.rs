//! What `skip` takes out of the key, and what it must.

use syn::ext::IdentExt;
use syn::{Ident, Type};

use super::generics::{self, Words};
use super::returns::Returns;
use super::settings::Settings;
use crate::diag::{self, Diag};
use crate::func::{Func, Name, Param, peel};

/// What `skip` takes out of the key.
pub(super) struct Skips {
    pub(super) params: Vec<bool>,
    generics: Vec<String>,
}

impl Skips {
    pub(super) fn lower(func: &Func, settings: &Settings, diag: &Diag) -> Skips {
        let mut skips = Skips { params: vec![false; func.params.len()], generics: Vec::new() };
        let mut seen: Vec<String> = Vec::new();
        for name in &settings.skip {
            let text = name.unraw().to_string();
            if text == "self" {
                diag.error(
                    name.span(),
                    "`self` is in no key unless a template names it; remove it from `skip`",
                );
            } else if seen.contains(&text) {
                diag.error(name.span(), format!("`{text}` is skipped twice; keep one of them"));
            } else if !skips.take(func, &text) {
                let known = skippable(func);
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                diag.error(name.span(), diag::unknown("parameter", &text, &known));
                if let Some(meant) = diag::near(&text, known) {
                    skips.take(func, meant);
                }
            }
            seen.push(text);
        }
        skips
    }

    fn take(&mut self, func: &Func, text: &str) -> bool {
        let is_it = |param: &Param| match &param.name {
            Name::Plain(ident) => ident.unraw() == text,
            Name::Pattern { binds, .. } => binds.iter().any(|bind| bind.unraw() == text),
            Name::Wild => false,
        };
        if let Some(place) = func.params.iter().position(is_it) {
            self.params[place] = true;
            return true;
        }
        let generic = func.sig.generics.params.iter().any(|param| generics::name(param) == text);
        if generic {
            self.generics.push(text.into());
        }
        generic
    }

    pub(super) fn generic(&self, name: &Ident) -> bool {
        self.generics.iter().any(|skipped| name == skipped)
    }
}

/// A type has no text in the key, so two types could share an entry.
pub(super) fn check_type_params(func: &Func, settings: &Settings, skips: &Skips, diag: &Diag) {
    let output = func.output().map(Words::of).unwrap_or_default();
    for param in func.sig.generics.type_params().filter(|param| !skips.generic(&param.ident)) {
        let name = param.ident.to_string();
        let shapes_value = match Returns::rough(func, settings).value() {
            Some(value) => Words::of(value).has(&name),
            None => output.has(&name),
        };
        let follows = func.params.iter().any(|param| constrains(&param.ty, &name));
        if shapes_value || !follows {
            diag.error(
                param.ident.span(),
                format!(
                    "the type `{name}` is not part of the key, so two types could share an entry; write a function \
                     for each type, or add `skip({name})` where the other parts tell the types apart"
                ),
            );
        }
    }
}

/// Whether an argument of the type decides what the type parameter is: `Vec<T>` does, `T::Id` does not.
fn constrains(ty: &Type, name: &str) -> bool {
    match peel(ty) {
        Type::Path(path) if path.qself.is_some() => false,
        Type::Path(path) if path.path.segments.len() > 1 && path.path.segments[0].ident == name => false,
        ty => Words::of(ty).has(name),
    }
}

/// The names that `skip` could take.
fn skippable(func: &Func) -> Vec<String> {
    let params = func.params.iter().flat_map(|param| match &param.name {
        Name::Plain(ident) => vec![ident],
        Name::Pattern { binds, .. } => binds.iter().collect(),
        Name::Wild => Vec::new(),
    });
    let generics = func.sig.generics.type_params().map(|param| &param.ident);
    let consts = func.sig.generics.const_params().map(|param| &param.ident);
    params.chain(generics).chain(consts).map(|ident| ident.unraw().to_string()).collect()
}
