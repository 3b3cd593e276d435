//! The value of each option, checked by itself.

use syn::spanned::Spanned as _;
use syn::{Expr, ExprClosure, ExprPath, Lit, Type};

use super::policy::Limit;
use super::{Slot, Spanned, literal, peel, text};
use crate::diag::{self, Diag};
use crate::syntax::templates::{self, Template};

#[derive(Clone)]
pub(crate) enum Codec {
    /// A type of the runtime.
    Own(&'static str),
    Type(Box<Type>),
}

/// `returns`: the way out where the return type does not show whether it can fail.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Returning {
    Result,
    Value,
}

/// `stale_if_error`: for how long, and after which errors.
#[derive(Clone)]
pub(crate) struct StaleIfError {
    pub(crate) limit: Limit,
    /// A judge of errors; none where all are meant.
    pub(crate) transient: Option<Expr>,
}

pub(super) fn checked<T>(
    expr: &Expr,
    check: impl FnOnce(&Expr) -> Result<T, String>,
    diag: &Diag,
) -> Slot<T> {
    match check(expr) {
        Ok(value) => Slot::Set(Spanned { value, span: expr.span() }),
        Err(message) => {
            diag.error_at(expr, message);
            Slot::Broken
        }
    }
}

pub(super) fn template(expr: &Expr, diag: &Diag) -> Slot<Template> {
    let Some(text) = text(expr) else {
        diag.error_at(expr, "`key` is a template in a string; write `key = \"{id}\"`");
        return Slot::Broken;
    };
    match templates::parse("key", &text.value()) {
        Ok(value) => Slot::Set(Spanned { value, span: text.span() }),
        Err(messages) => {
            for message in messages {
                diag.error(text.span(), message);
            }
            Slot::Broken
        }
    }
}

pub(super) fn namespace(expr: &Expr) -> Result<String, String> {
    let text = text(expr).ok_or("`ns` is a string; write `ns = \"tasks\"`")?.value();
    namespace_text(&text, "ns = ")?;
    Ok(text)
}

/// Whether a text names a namespace; `usage` stands before it where it is written.
pub(super) fn namespace_text(text: &str, usage: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("an empty namespace; write for example `{usage}\"tasks\"`"));
    }
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    let Some(odd) = text.chars().find(|c| !legal(*c)) else { return Ok(()) };
    let repaired: String =
        text.to_ascii_lowercase().chars().map(|c| if legal(c) { c } else { '_' }).collect();
    let odd = odd.escape_debug();
    Err(format!(
        "`{odd}` cannot stand in a namespace, only lower case, digits and `_ - .` can; write `{usage}\"{repaired}\"`"
    ))
}

pub(super) fn version(expr: &Expr) -> Result<u32, String> {
    number(expr)
        .filter(|number| *number >= 1)
        .ok_or_else(|| "`version` is a whole number from 1 on; write for example `version = 2`".into())
}

pub(super) fn schema(expr: &Expr) -> Result<u8, String> {
    number(expr)
        .ok_or_else(|| "`schema` is a whole number from 0 to 255; write for example `schema = 2`".into())
}

pub(super) fn number<N: std::str::FromStr<Err: std::fmt::Display>>(expr: &Expr) -> Option<N> {
    match literal(expr) {
        Some(Lit::Int(number)) => number.base10_parse().ok(),
        _ => None,
    }
}

/// A closure of one parameter, or the path of a function.
pub(super) fn judge(option: &str, expr: &Expr) -> Result<Expr, String> {
    match peel(expr) {
        Expr::Closure(ExprClosure { inputs, asyncness: None, .. }) if inputs.len() == 1 => Ok(expr.clone()),
        Expr::Closure(_) => {
            Err(format!("`{option}` is given the value and nothing else; write `{option} = |value| ..`"))
        }
        Expr::Path(_) => Ok(expr.clone()),
        _ => Err(format!(
            "`{option}` is a closure or the path of a function; write `{option} = |value| ..` or `{option} = Self::check`"
        )),
    }
}

pub(super) fn condition(expr: &Expr) -> Result<Expr, String> {
    match peel(expr) {
        Expr::Lit(literal) => Err(match &literal.lit {
            Lit::Bool(always) if always.value => "`when` is always true; remove it".into(),
            Lit::Bool(_) => "`when` is never true; remove `#[cached]` where nothing is to be cached".into(),
            _ => "`when` is a condition over the parameters; write for example `when = limit <= 100`".into(),
        }),
        Expr::Closure(_) => {
            Err("`when` is a condition over the parameters; write the expression without `|..|`".into())
        }
        _ => Ok(expr.clone()),
    }
}

pub(super) fn codec(expr: &Expr) -> Result<Codec, String> {
    const NAMED: [(&str, &str); 3] = [("json", "Json"), ("postcard", "Postcard"), ("msgpack", "MsgPack")];
    let Some(text) = text(expr) else {
        return Err("`codec` is a name or a type; write `codec = \"json\"`".into());
    };
    let text = text.value();
    match NAMED.iter().find(|(word, _)| *word == text) {
        Some((_, ty)) => Ok(Codec::Own(ty)),
        None => Err(format!("{}, or a type", diag::unknown("codec", &text, &NAMED.map(|(word, _)| word)))),
    }
}

/// `compress`: how values are made smaller in the store.
#[derive(Clone)]
pub(crate) enum Compress {
    /// By the runtime's constructor of this name.
    Own(&'static str),
    Const(ExprPath),
}

pub(super) fn compress(expr: &Expr) -> Result<Compress, String> {
    const NAMED: [&str; 3] = ["lz4", "zstd", "off"];
    if let Expr::Path(path) = peel(expr) {
        if path.path.segments.first().is_some_and(|segment| segment.ident == "Self") {
            return Err("`compress` stands in a `static`, where `Self` has no meaning; write the type's name, as `TaskRepo::PACKED`".into());
        }
        return Ok(Compress::Const(path.clone()));
    }
    let Some(text) = text(expr) else {
        return Err("`compress` is a string or the path of a constant; write `compress = \"lz4\"`".into());
    };
    let text = text.value();
    match NAMED.iter().find(|word| **word == text) {
        Some(word) => Ok(Compress::Own(word)),
        None => Err(diag::unknown("value of `compress`", &text, &NAMED)),
    }
}

/// `layout`: whether values stand bare.
pub(super) fn layout(expr: &Expr) -> Result<bool, String> {
    let text = text(expr).map(syn::LitStr::value);
    match text.as_deref() {
        Some("plain") => Ok(true),
        Some("framed") => Ok(false),
        Some(word) => Err(diag::unknown("value of `layout`", word, &["framed", "plain"])),
        None => Err("`layout` is a string; write `layout = \"plain\"` or `layout = \"framed\"`".into()),
    }
}

pub(super) fn returns(expr: &Expr) -> Result<Returning, String> {
    let text = text(expr).map(syn::LitStr::value);
    match text.as_deref() {
        Some("result") => Ok(Returning::Result),
        Some("value") => Ok(Returning::Value),
        Some(word) => Err(diag::unknown("value of `returns`", word, &["result", "value"])),
        None => Err("`returns` is a string; write `returns = \"result\"` or `returns = \"value\"`".into()),
    }
}

/// `probe`
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Probe {
    #[default]
    Auto,
    Get,
    Lease,
}

pub(super) fn probe(expr: &Expr) -> Result<Probe, String> {
    let text = text(expr).map(syn::LitStr::value);
    match text.as_deref() {
        Some("auto") => Ok(Probe::Auto),
        Some("get") => Ok(Probe::Get),
        Some("lease") => Ok(Probe::Lease),
        Some(word) => Err(diag::unknown("value of `probe`", word, &["auto", "get", "lease"])),
        None => Err("`probe` is a string; write `probe = \"lease\"` or `probe = \"get\"`".into()),
    }
}

pub(super) fn refresh(expr: &Expr) -> Result<bool, String> {
    let text = text(expr).map(syn::LitStr::value);
    match text.as_deref() {
        Some("early") => Ok(true),
        Some("off") => Ok(false),
        Some(word) => Err(diag::unknown("value of `refresh`", word, &["early", "off"])),
        None => Err("`refresh` is a string; write `refresh = \"early\"` or `refresh = \"off\"`".into()),
    }
}

/// `stale_if_error = "10m"`, or `stale_if_error("10m", Self::is_transient)`.
pub(super) fn stale_if_error(values: &[Expr], name: &syn::Ident, diag: &Diag) -> Slot<StaleIfError> {
    const USAGE: &str = "`stale_if_error` is given a duration, and which errors it is for where not for all; write \
                         `stale_if_error = \"10m\"` or `stale_if_error(\"10m\", Self::is_transient)`";
    let (limit, transient) = match values {
        [limit] => (limit, None),
        [limit, transient] => (limit, Some(transient)),
        _ => {
            diag.error(name.span(), USAGE);
            return Slot::Broken;
        }
    };
    let span = limit.span();
    let limit = checked(limit, |expr| Limit::of_static("stale_if_error", expr), diag);
    let judged = match transient {
        Some(Expr::Path(_) | Expr::Closure(_)) | None => true,
        Some(other) => {
            diag.error_at(other, USAGE);
            false
        }
    };
    match limit {
        Slot::Set(Spanned { value: limit, .. }) if judged => {
            Slot::Set(Spanned { value: StaleIfError { limit, transient: transient.cloned() }, span })
        }
        _ => Slot::Broken,
    }
}
