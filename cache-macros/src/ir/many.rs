//! A function that loads many: whose entries it shares, and which parameter holds the ids.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Expr, ExprCall, ExprPath, FnArg, Pat, PatIdent, Path, ReceiverKind, Signature, Token, Type, parse_quote,
    token,
};

use super::mutation::Entry;
use super::returns::{OPAQUE, opaque};
use super::runtime;
use crate::diag::{self, Diag};
use crate::func::{Body, Func, Param, binds, first_type, last_segment, peel};
use crate::syntax::options::{Form, Given, Known, Reader, Value};
use crate::syntax::targets::{Aim, Call, Target};

pub(crate) struct Many {
    pub(crate) krate: Path,
    /// One id, and the entry of it.
    pub(crate) id: Pat,
    pub(crate) entry: Entry,
    /// The parameter that holds the ids, what it is, and what one id is.
    pub(crate) ids: Ident,
    pub(crate) held: Held,
    pub(crate) key: Type,
    /// What each run of the body takes for itself.
    pub(crate) cloned: Vec<Ident>,
    /// The signature, in which nothing is `mut` that only a run changes.
    pub(crate) sig: Signature,
    pub(crate) output: Type,
}

/// The type that holds the ids.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Held {
    /// `&[K]`
    Slice,
    /// `Vec<K>`
    Vec,
}

const THERE: &str =
    "a batch shares the entries of its cached function, and their options; write this one there";

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known { name: "each", form: Form::Value, usage: "each = ids" },
    Known { name: "crate", form: Form::Path, usage: "crate = ::cache_runtime" },
    Known { name: "ns", form: Form::Elsewhere, usage: THERE },
    Known { name: "ttl", form: Form::Elsewhere, usage: THERE },
    Known { name: "key", form: Form::Elsewhere, usage: THERE },
    Known { name: "tags", form: Form::Elsewhere, usage: THERE },
    Known { name: "none", form: Form::Elsewhere, usage: THERE },
    Known { name: "l1", form: Form::Elsewhere, usage: THERE },
    Known { name: "codec", form: Form::Elsewhere, usage: THERE },
    Known { name: "cache", form: Form::Elsewhere, usage: THERE },
];

/// Whose entries they are, as it is written.
enum Written {
    /// `Self::get`
    Function(ExprPath),
    /// `each id in ids => Self::get(id)`
    Target(Box<Target>),
}

impl Many {
    /// Reads the attribute's parentheses, and puts function and entries together.
    pub(crate) fn lower(tokens: TokenStream, func: &Func, diag: &Diag) -> Option<Many> {
        let (written, each, krate) = read(tokens, diag)?;
        check_func(func, diag);
        let (id, entry, source) = match written {
            Written::Function(path) => of_function(path, each, diag)?,
            Written::Target(target) => of_target(*target, each, diag)?,
        };
        let param = held_in(&source, func, diag)?;
        let Some((held, key)) = held(&param.ty) else {
            diag.error_at(
                &param.ty,
                "the ids of a batch are a slice or a `Vec`; write for example `ids: &[TaskId]`",
            );
            return None;
        };
        let output = output(func, diag)?;
        let ids = param.ident().cloned()?;
        let mut sig = func.sig.clone();
        let cloned = cloned(&mut sig, &ids, diag);
        Some(Many { krate: krate.unwrap_or_else(runtime), id, entry, ids, held, key, cloned, sig, output })
    }
}

fn read(tokens: TokenStream, diag: &Diag) -> Option<(Written, Option<Expr>, Option<Path>)> {
    let mut reader = Reader::new(KNOWN, diag);
    let (mut first, mut tried, mut options) = (None, false, 0);
    reader.read_all(tokens, |reader, input| {
        if reader.at_option(input) {
            options += 1;
            return reader.option(input);
        }
        let span = input.span();
        let again = std::mem::replace(&mut tried, true);
        let written = written(input)?;
        if again {
            return Err(syn::Error::new(span, "a batch has the entries of one function; remove this"));
        }
        first = Some(written);
        Ok(())
    });
    // what was refused may have been meant for it
    let named = tried || options > reader.given.len();
    let (mut each, mut krate) = (None, None);
    for Given { value, .. } in reader.given {
        match value {
            Value::Expr(expr) => each = Some(expr),
            Value::Path(path) => krate = Some(path),
            _ => {}
        }
    }
    if !named {
        diag.error(
            Span::call_site(),
            "no cached function is named; write for example `#[cached_many(Self::get, each = ids)]`",
        );
    }
    first.map(|written| (written, each, krate))
}

fn written(input: ParseStream<'_>) -> syn::Result<Written> {
    let ahead = input.fork();
    let ends = |ahead: ParseStream<'_>| ahead.is_empty() || ahead.peek(Token![,]);
    if ahead.parse::<ExprPath>().is_ok() && ends(&ahead) {
        return input.parse().map(Written::Function);
    }
    let ahead = input.fork();
    if let Ok(Expr::Field(field)) = ahead.parse::<Expr>()
        && ends(&ahead)
    {
        let method = diag::shown(&field).replace(" . ", ".");
        let message =
            format!("a method is named by its call for one id; write `each id in ids => {method}(id)`");
        return Err(syn::Error::new_spanned(field, message));
    }
    input.parse().map(|target| Written::Target(Box::new(target)))
}

/// `Self::get, each = ids`
fn of_function(path: ExprPath, each: Option<Expr>, diag: &Diag) -> Option<(Pat, Entry, Expr)> {
    let Some(each) = each else {
        let name = diag::shown(&path);
        diag.error_at(&path, format!("no parameter is named that holds the ids; write `{name}, each = ids`"));
        return None;
    };
    let id = Ident::new("id", Span::mixed_site().located_at(path.span()));
    let paren_token = token::Paren(path.span());
    let call = ExprCall {
        attrs: Vec::new(),
        func: Box::new(Expr::Path(path.clone())),
        paren_token,
        args: parse_quote!(#id),
    };
    Some((parse_quote!(#id), Entry::of(Call::Path(path, call)), each))
}

/// `each id in ids => Self::get(id)`
fn of_target(target: Target, each: Option<Expr>, diag: &Diag) -> Option<(Pat, Entry, Expr)> {
    let Aim::Call(call) = target.aim else {
        diag.error(
            target.span,
            "a batch has the entries of a cached function; write `Self::get, each = ids`",
        );
        return None;
    };
    let Some(of_target) = target.each else {
        diag.error(
            target.span,
            "no parameter is named that holds the ids; write `each id in ids => Self::get(id)`",
        );
        return None;
    };
    if let Some(each) = each {
        diag.error_at(each, "the ids are named twice; remove this `each = ..`");
        return None;
    }
    Some((of_target.pat, Entry::of(call), of_target.source))
}

/// The parameter that holds the ids.
fn held_in<'a>(source: &Expr, func: &'a Func, diag: &Diag) -> Option<&'a Param> {
    let name = match super::peel(source) {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    };
    let Some(name) = name else {
        diag.error_at(source, "the ids of a batch are a parameter; write its name");
        return None;
    };
    let found = func.params.iter().find(|param| param.ident() == Some(name));
    if found.is_none() {
        let known: Vec<String> =
            func.params.iter().filter_map(Param::ident).map(|ident| ident.unraw().to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        diag.error(name.span(), diag::unknown("parameter", &name.unraw().to_string(), &known));
    }
    found
}

fn held(ty: &Type) -> Option<(Held, Type)> {
    match peel(ty) {
        Type::Reference(reference) => match peel(&reference.elem) {
            Type::Slice(slice) if reference.mutability.is_none() => {
                Some((Held::Slice, (*slice.elem).clone()))
            }
            _ => None,
        },
        ty => {
            let segment = last_segment(ty).filter(|segment| segment.ident == "Vec")?;
            Some((Held::Vec, first_type(segment)?.clone()))
        }
    }
}

fn output(func: &Func, diag: &Diag) -> Option<Type> {
    let Some(output) = func.output() else {
        if !matches!(func.body, Body::Other(_)) {
            diag.error_at(
                &func.sig.ident,
                "a batch returns values by their ids; write for example `-> HashMap<TaskId, Task>`",
            );
        }
        return None;
    };
    if let Some(opaque) = opaque(output) {
        diag.error_at(opaque, OPAQUE);
        return None;
    }
    Some(output.clone())
}

fn check_func(func: &Func, diag: &Diag) {
    if matches!(func.body, Body::Other(_)) {
        let name = &func.sig.ident;
        let message = format!("only an async function can load a batch; write `async fn {name}`");
        diag.error_at(func.sig.fn_token, message);
    }
    for other in ["cached_many", "cached", "invalidates", "updates"] {
        let Some(again) = func.attribute(other) else { continue };
        diag.error_at(
            again,
            format!(
                "a function has `#[cached_many]` once and no attribute of ours beside it; remove `#[{other}]`"
            ),
        );
    }
    let borrows = func.sig.receiver().is_none_or(|receiver| match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
        ReceiverKind::Typed(_, ty) => is_shared(ty),
        _ => false,
    });
    if !borrows {
        diag.error_at(func.sig.receiver(), "the body may run twice; take `&self`");
    }
}

fn is_shared(ty: &Type) -> bool {
    matches!(peel(ty), Type::Reference(reference) if reference.mutability.is_none())
}

/// The parameters that a run could take away from the next one, or change.
fn cloned(sig: &mut Signature, ids: &Ident, diag: &Diag) -> Vec<Ident> {
    struct Still;
    impl VisitMut for Still {
        fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
            pat.mutability = None;
            visit_mut::visit_pat_ident_mut(self, pat);
        }
    }
    let mut cloned = Vec::new();
    for input in &mut sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        let changed = matches!(&*typed.pat, Pat::Ident(PatIdent { mutability: Some(_), .. }));
        Still.visit_pat_mut(&mut typed.pat);
        match peel(&typed.ty) {
            Type::Reference(reference) if reference.mutability.is_some() => diag.error_at(
                &typed.ty,
                "the body may run twice, and neither run can have what the other one changes; take it by `&`, or something \
                 that clones",
            ),
            Type::Reference(_) if !changed => {}
            _ => match &*typed.pat {
                Pat::Ident(PatIdent { ident, subpat: None, .. }) if ident == ids => {}
                Pat::Wild(_) => {}
                pat => cloned.extend(binds(pat)),
            },
        }
    }
    cloned
}
