//! The options of one `#[cached]`, each checked by itself.

use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprClosure, Ident, Lit, Path, Type};

use super::policy::{Absent, Level, Limit, Ttl};
use super::{Slot, Spanned, literal, peel, text};
use crate::diag::{self, Diag};
use crate::syntax::options::{Form, Given, Known, Options, Value};
use crate::syntax::templates::{self, Template};

/// The options that `#[cached]` knows.
#[rustfmt::skip]
pub(crate) const KNOWN: &[Known] = &[
    Known { name: "ns", form: Form::Value, usage: "ns = \"tasks\"" },
    Known { name: "ttl", form: Form::Value, usage: "ttl = \"medium\"" },
    Known { name: "key", form: Form::Value, usage: "key = \"{id}\"" },
    Known { name: "skip", form: Form::Names, usage: "skip(db, ctx)" },
    Known { name: "version", form: Form::Value, usage: "version = 2" },
    Known { name: "none", form: Form::Value, usage: "none = \"cache\"" },
    Known { name: "l1", form: Form::Value, usage: "l1 = \"5s\"" },
    Known { name: "load_timeout", form: Form::Value, usage: "load_timeout = \"30s\"" },
    Known { name: "ttl_with", form: Form::Value, usage: "ttl_with = |value| value.ttl()" },
    Known { name: "unless", form: Form::Value, usage: "unless = |value| value.is_draft()" },
    Known { name: "when", form: Form::Value, usage: "when = limit <= 100" },
    Known { name: "cache", form: Form::Value, usage: "cache = self.cache" },
    Known { name: "codec", form: Form::Type, usage: "codec = \"json\"" },
    Known { name: "schema", form: Form::Value, usage: "schema = 2" },
    Known { name: "returns", form: Form::Value, usage: "returns = \"value\"" },
    Known { name: "crate", form: Form::Path, usage: "crate = ::cache_runtime" },
    Known { name: "tags", form: Form::Later, usage: "" },
    Known { name: "refresh", form: Form::Later, usage: "" },
    Known { name: "swr", form: Form::Later, usage: "" },
    Known { name: "stale_if_error", form: Form::Later, usage: "" },
];

/// The options whose meaning hangs on one function, so that a block cannot give them to all.
const OF_ONE_FUNCTION: [&str; 7] = ["key", "skip", "none", "ttl_with", "unless", "when", "returns"];

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) ns: Slot<String>,
    pub(crate) ttl: Slot<Ttl>,
    pub(crate) key: Slot<Template>,
    pub(crate) skip: Vec<Ident>,
    pub(crate) version: Slot<u32>,
    pub(crate) none: Slot<Absent>,
    pub(crate) l1: Slot<Level>,
    pub(crate) load_timeout: Slot<Limit>,
    pub(crate) ttl_with: Slot<Expr>,
    pub(crate) unless: Slot<Expr>,
    pub(crate) when: Slot<Expr>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) codec: Slot<Codec>,
    pub(crate) schema: Slot<u8>,
    pub(crate) returns: Slot<Returning>,
    pub(crate) krate: Slot<Path>,
}

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

impl Settings {
    /// Checks every option; what is wrong is reported and left `Broken`.
    pub(crate) fn lower(options: Options, diag: &Diag) -> Settings {
        let mut settings = Settings::empty();
        let Options { given, lost } = options;
        for Given { name, value } in given {
            settings.set(&name, value, diag);
        }
        settings.check_ttl(diag);
        // what is missing because it could not be read is not missing once more
        let lost = |name: &str| lost.iter().any(|lost| lost == name);
        if lost("ns") && matches!(settings.ns, Slot::Empty) {
            settings.ns = Slot::Broken;
        }
        if lost("key") || lost("skip") {
            settings.key = Slot::Broken;
        }
        settings
    }

    /// These options, over the defaults of the block they stand in.
    pub(crate) fn over(self, block: &Settings) -> Settings {
        Settings {
            ns: self.ns.or(&block.ns),
            ttl: self.ttl.or(&block.ttl),
            version: self.version.or(&block.version),
            l1: self.l1.or(&block.l1),
            load_timeout: self.load_timeout.or(&block.load_timeout),
            cache: self.cache.or(&block.cache),
            codec: self.codec.or(&block.codec),
            schema: self.schema.or(&block.schema),
            krate: self.krate.or(&block.krate),
            ..self
        }
    }

    /// Takes out what only a function can say, with an error each.
    pub(crate) fn only_defaults(options: Options, diag: &Diag) -> Options {
        let (odd, defaults): (Vec<Given>, Vec<Given>) = options
            .given
            .into_iter()
            .partition(|given| OF_ONE_FUNCTION.iter().any(|name| given.name == name));
        for Given { name, .. } in odd {
            diag.error(
                name.span(),
                format!(
                    "`{name}` hangs on one function; write it in the `#[cached({name} ..)]` of that function"
                ),
            );
        }
        Options { given: defaults, ..options }
    }

    /// `ttl_with` is asked for every value, so that a `ttl` beside it would never be used.
    fn check_ttl(&self, diag: &Diag) {
        if let (Some(ttl), Some(_)) = (self.ttl.span(), self.ttl_with.span()) {
            diag.error(
                ttl,
                "`ttl` and `ttl_with` contradict each other: `ttl_with` is asked for every value; remove one",
            );
        }
    }

    fn empty() -> Settings {
        Settings {
            ns: Slot::Empty,
            ttl: Slot::Empty,
            key: Slot::Empty,
            skip: Vec::new(),
            version: Slot::Empty,
            none: Slot::Empty,
            l1: Slot::Empty,
            load_timeout: Slot::Empty,
            ttl_with: Slot::Empty,
            unless: Slot::Empty,
            when: Slot::Empty,
            cache: Slot::Empty,
            codec: Slot::Empty,
            schema: Slot::Empty,
            returns: Slot::Empty,
            krate: Slot::Empty,
        }
    }

    fn set(&mut self, name: &Ident, value: Value, diag: &Diag) {
        let expr = match value {
            Value::Names(names) if names.is_empty() => {
                return diag.error(name.span(), "`skip` names no parameter; write `skip(db)` or remove it");
            }
            Value::Names(names) => return self.skip = names,
            Value::Path(path) => return self.krate = Slot::Set(Spanned { span: path.span(), value: path }),
            Value::Type(ty) => {
                return self.codec = Slot::Set(Spanned { span: ty.span(), value: Codec::Type(Box::new(ty)) });
            }
            Value::Expr(expr) => expr,
        };
        match name.to_string().as_str() {
            "ns" => self.ns = checked(&expr, namespace, diag),
            "ttl" => self.ttl = checked(&expr, Ttl::lower, diag),
            "key" => self.key = template(&expr, diag),
            "version" => self.version = checked(&expr, version, diag),
            "none" => self.none = checked(&expr, Absent::lower, diag),
            "l1" => self.l1 = checked(&expr, Level::lower, diag),
            "load_timeout" => self.load_timeout = checked(&expr, Limit::lower, diag),
            "ttl_with" => self.ttl_with = checked(&expr, |expr| judge("ttl_with", expr), diag),
            "unless" => self.unless = checked(&expr, |expr| judge("unless", expr), diag),
            "when" => self.when = checked(&expr, condition, diag),
            "cache" => self.cache = checked(&expr, |expr| Ok(expr.clone()), diag),
            "codec" => self.codec = checked(&expr, codec, diag),
            "schema" => self.schema = checked(&expr, schema, diag),
            "returns" => self.returns = checked(&expr, returns, diag),
            name => unreachable!("`{name}` is known and has no maker"),
        }
    }
}

fn checked<T>(expr: &Expr, check: impl FnOnce(&Expr) -> Result<T, String>, diag: &Diag) -> Slot<T> {
    match check(expr) {
        Ok(value) => Slot::Set(Spanned { value, span: expr.span() }),
        Err(message) => {
            diag.error_at(expr, message);
            Slot::Broken
        }
    }
}

fn template(expr: &Expr, diag: &Diag) -> Slot<Template> {
    let Some(text) = text(expr) else {
        diag.error_at(expr, "`key` is a template in a string; write `key = \"{id}\"`");
        return Slot::Broken;
    };
    match templates::parse(&text.value()) {
        Ok(value) => Slot::Set(Spanned { value, span: text.span() }),
        Err(messages) => {
            for message in messages {
                diag.error(text.span(), message);
            }
            Slot::Broken
        }
    }
}

fn namespace(expr: &Expr) -> Result<String, String> {
    let text = text(expr).ok_or("`ns` is a string; write `ns = \"tasks\"`")?.value();
    if text.is_empty() {
        return Err("an empty namespace; write for example `ns = \"tasks\"`".into());
    }
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    let Some(odd) = text.chars().find(|c| !legal(*c)) else { return Ok(text) };
    let repaired: String =
        text.to_ascii_lowercase().chars().map(|c| if legal(c) { c } else { '_' }).collect();
    let odd = odd.escape_debug();
    Err(format!(
        "`{odd}` cannot stand in a namespace, only lower case, digits and `_ - .` can; write `ns = \"{repaired}\"`"
    ))
}

fn version(expr: &Expr) -> Result<u32, String> {
    number(expr)
        .filter(|number| *number >= 1)
        .ok_or_else(|| "`version` is a whole number from 1 on; write for example `version = 2`".into())
}

fn schema(expr: &Expr) -> Result<u8, String> {
    number(expr)
        .ok_or_else(|| "`schema` is a whole number from 0 to 255; write for example `schema = 2`".into())
}

fn number<N: std::str::FromStr<Err: std::fmt::Display>>(expr: &Expr) -> Option<N> {
    match literal(expr) {
        Some(Lit::Int(number)) => number.base10_parse().ok(),
        _ => None,
    }
}

/// A closure of one parameter, or the path of a function.
fn judge(option: &str, expr: &Expr) -> Result<Expr, String> {
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

fn condition(expr: &Expr) -> Result<Expr, String> {
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

fn codec(expr: &Expr) -> Result<Codec, String> {
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

fn returns(expr: &Expr) -> Result<Returning, String> {
    let text = text(expr).map(syn::LitStr::value);
    match text.as_deref() {
        Some("result") => Ok(Returning::Result),
        Some("value") => Ok(Returning::Value),
        Some(word) => Err(diag::unknown("value of `returns`", word, &["result", "value"])),
        None => Err("`returns` is a string; write `returns = \"result\"` or `returns = \"value\"`".into()),
    }
}

/// Whether the word stands anywhere in the tokens.
pub(super) fn mentions(tokens: impl ToTokens, word: &str) -> bool {
    super::generics::Words::of(tokens).has(word)
}
