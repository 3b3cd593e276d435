//! Loads before an entry ends, after it ended, and beside one that fails.

use proc_macro2::{Group, Ident, Span};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, FnArg, GenericParam, Pat, Receiver, ReceiverKind, Signature, Type, parse_quote};

use super::Slot;
use super::attrs;
use super::companion::Home;
use super::generics::{self, Words};
use super::policy::Limit;
use super::returns::{Returns, Shape, borrow};
use super::settings::Settings;
use super::values::StaleIfError;
use crate::diag::{self, Diag};
use crate::func::{Body, Func, Name, Param, peel};

/// How a function meets an entry that is no longer fresh.
pub(crate) struct Refresh {
    pub(crate) swr: Option<Limit>,
    pub(crate) early: bool,
    pub(crate) stale_if_error: Option<StaleIfError>,
    pub(crate) never_stale: Option<Expr>,
    pub(crate) background: Option<Background>,
}

/// The body as a function of its own, which can run when the call is over.
pub(crate) struct Background {
    /// The attributes of the hidden function, and its signature.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) hidden: Signature,
    pub(crate) body: Group,
    /// Whether it stands in the function, and not beside it.
    pub(crate) nested: bool,
    /// The attributes and the signature of the function without what only the body needs.
    pub(crate) outer_attrs: Vec<Attribute>,
    pub(crate) outer: Signature,
    /// The generic arguments of a call of the hidden function.
    pub(crate) generics: Vec<Ident>,
    pub(crate) args: Vec<Kept>,
}

/// What the function was given, and what a load that outlives the call has of it.
pub(crate) struct Kept {
    /// The word for it, which may be `self`.
    pub(crate) ident: Ident,
    /// Where an error about its type stands.
    pub(crate) span: Span,
    pub(crate) passed: Passed,
}

pub(crate) enum Passed {
    Value,
    /// By reference, to a type that is written out (or to one that only the compiler knows).
    Ref(Option<Box<Type>>),
}

impl Refresh {
    pub(super) fn lower(
        func: &Func,
        settings: &Settings,
        returns: &Returns,
        home: &Home,
        diag: &Diag,
    ) -> Refresh {
        check(settings, returns, diag);
        let early = settings.refresh.spanned().filter(|refresh| refresh.value);
        let asks = settings.swr.span().map(|span| Asks { word: "swr", span });
        let asks = asks.or(early.map(|refresh| Asks { word: "refresh", span: refresh.span }));
        Refresh {
            swr: settings.swr.get().cloned(),
            early: early.is_some(),
            stale_if_error: settings.stale_if_error.get().cloned(),
            never_stale: settings.never_stale.get().cloned(),
            background: asks.and_then(|asks| Background::lower(func, home, &asks, diag)),
        }
    }
}

fn check(settings: &Settings, returns: &Returns, diag: &Diag) {
    let stale = settings.stale_if_error.spanned();
    if let (Some(stale), Shape::Plain | Shape::Whole) = (stale, &returns.shape) {
        let message = format!(
            "`stale_if_error` and the return type contradict each other: `{}` has no error beside the value; remove \
             `stale_if_error`",
            diag::shown(&returns.output)
        );
        diag.error(stale.span, message);
    }
    if let (Some(never), Slot::Empty, Slot::Empty) =
        (settings.never_stale.span(), &settings.swr, &settings.stale_if_error)
    {
        let message = "`never_stale` has nothing to forbid: no entry is served stale; add `swr` or `stale_if_error`, or \
                       remove it";
        diag.error(never, message);
    }
}

/// The option for which the body runs in the background.
struct Asks {
    word: &'static str,
    span: Span,
}

impl Background {
    fn lower(func: &Func, home: &Home, asks: &Asks, diag: &Diag) -> Option<Background> {
        let Body::Async(body) = &func.body else {
            not_async_fn(func, asks, diag);
            return None;
        };
        let params = func.params.iter().filter(|param| !matches!(param.name, Name::Wild));
        let args: Vec<Option<Kept>> = func
            .sig
            .receiver()
            .map(|own| receiver(own, asks, diag))
            .into_iter()
            .chain(params.map(|param| kept(param, asks, diag)))
            .collect();
        let args: Vec<Kept> = args.into_iter().collect::<Option<_>>()?;
        let (hidden, body) = hidden(func, body, home);
        let names = |param: &GenericParam| match param {
            GenericParam::Lifetime(_) => None,
            GenericParam::Type(param) => Some(param.ident.clone()),
            GenericParam::Const(param) => Some(param.ident.clone()),
        };
        let mut words = Words::of(&func.sig);
        words.add(body.stream());
        Some(Background {
            attrs: func.attrs.iter().filter_map(attrs::of_body).collect(),
            generics: hidden.generics.params.iter().filter_map(names).collect(),
            hidden,
            body,
            nested: matches!(home, Home::Beside) && func.sig.receiver().is_none() && !words.has("Self"),
            outer_attrs: func.attrs.iter().map(attrs::without_expectation).collect(),
            outer: without_mut(&func.sig),
            args,
        })
    }
}

fn not_async_fn(func: &Func, Asks { word, span }: &Asks, diag: &Diag) {
    let name = &func.sig.ident;
    let repair = if func.is_async_trait() {
        "write `#[cached(..)]` above `#[async_trait]`".into()
    } else {
        format!("write `async fn {name}`")
    };
    // a function that is not asynchronous at all is reported as such
    if matches!(func.body, Body::Boxed { .. }) {
        let message = format!(
            "`{word}` loads in the background, for which the body is taken out of an `async fn`; {repair}, or remove \
             `{word}`"
        );
        diag.error(*span, message);
    }
}

/// `self`, if it can be kept.
fn receiver(receiver: &Receiver, asks: &Asks, diag: &Diag) -> Option<Kept> {
    let ident = Ident::new("self", receiver.self_token.span);
    let span = receiver.self_token.span;
    let passed = match &receiver.kind {
        ReceiverKind::Value => Some(Passed::Value),
        ReceiverKind::Reference(_, _, None) => Some(Passed::Ref(None)),
        ReceiverKind::Typed(_, ty) => passed(ty),
        _ => None,
    };
    if passed.is_none() {
        let word = asks.word;
        let message = format!(
            "`{word}` loads in the background, which cannot keep `{}`; take `&self`, or remove `{word}`",
            diag::shown(receiver)
        );
        diag.error_at(receiver, message);
    }
    passed.map(|passed| Kept { ident, span, passed })
}

fn kept(param: &Param, asks: &Asks, diag: &Diag) -> Option<Kept> {
    let word = asks.word;
    let refuse = |tokens: &dyn ToTokens, what: String, repair: &str| {
        let message = format!(
            "`{word}` loads in the background, which cannot keep {what}; {repair}, or remove `{word}`"
        );
        diag.error_at(tokens.to_token_stream(), message);
    };
    let ident = match &param.name {
        Name::Plain(ident) => ident,
        Name::Pattern { span, .. } => {
            let at = Ident::new("pattern", *span);
            refuse(&at, "a pattern".into(), "give the parameter a name");
            return None;
        }
        Name::Wild => return None,
    };
    if let Some(cfg) = param.cfgs.first() {
        refuse(cfg, "what may not be there".into(), "remove the `#[cfg]`");
        return None;
    }
    let Some(passed) = passed(&param.ty) else {
        let what = format!("`{}`: the `{}` borrows from the caller", ident.unraw(), diag::shown(&param.ty));
        refuse(&param.ty, what, "take an owned value");
        return None;
    };
    Some(Kept { ident: ident.clone(), span: ident.span(), passed })
}

/// How a load has the value, unless its type borrows in a way that cannot be owned.
fn passed(ty: &Type) -> Option<Passed> {
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => None,
        Type::Reference(reference) if borrow(ty).is_some() => {
            let inner = &reference.elem;
            let written = !Words::of(inner).has("impl");
            borrow(inner).is_none().then(|| Passed::Ref(written.then(|| inner.clone())))
        }
        ty => borrow(ty).is_none().then_some(Passed::Value),
    }
}

/// The signature and the body of the hidden function, as they read where it stands.
fn hidden(func: &Func, body: &Group, home: &Home) -> (Signature, Group) {
    let mut sig = func.sig.clone();
    sig.ident = format_ident!("__{}_uncached", func.name(), span = Span::mixed_site());
    sig.inputs = sig.inputs.into_iter().filter(|input| !is_wild(input)).collect();
    let Home::Apart(apart) = home else { return (sig, body.clone()) };
    for input in &mut sig.inputs {
        if let FnArg::Typed(typed) = input {
            apart.qualify(&mut typed.ty);
        }
    }
    if let syn::ReturnType::Type(_, ty) = &mut sig.output {
        apart.qualify(ty);
    }
    sig.generics = generics::join(&apart.loose, sig.generics);
    let mut own = Group::new(body.delimiter(), apart.qualified(body.stream()));
    own.set_span(body.span());
    (sig, own)
}

fn is_wild(input: &FnArg) -> bool {
    matches!(input, FnArg::Typed(typed) if matches!(*typed.pat, Pat::Wild(_)))
}

/// The function only passes on what it is given.
fn without_mut(sig: &Signature) -> Signature {
    let mut sig = sig.clone();
    for input in &mut sig.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.mutability = None,
            FnArg::Typed(typed) => {
                if let Pat::Ident(pat) = &mut *typed.pat {
                    pat.mutability = parse_quote!();
                }
            }
        }
    }
    sig
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_borrows_once_can_be_owned() {
        let shape = |text: &str| match passed(&syn::parse_str(text).expect(text)) {
            Some(Passed::Value) => "value".to_string(),
            Some(Passed::Ref(Some(ty))) => ty.to_token_stream().to_string(),
            Some(Passed::Ref(None)) => "ref".to_string(),
            None => "refused".to_string(),
        };
        for (ty, expected) in [
            ("u64", "value"),
            ("&str", "str"),
            ("&'a [u8]", "[u8]"),
            ("&'static str", "value"),
            ("Cow<'static, str>", "value"),
            ("&impl KeyPart", "ref"),
            ("&mut Db", "refused"),
            ("&&str", "refused"),
            ("Option<&str>", "refused"),
            ("&[Cow<'_, str>]", "refused"),
        ] {
            assert_eq!(shape(ty).replace(' ', ""), expected.replace(' ', ""), "{ty}");
        }
    }
}
