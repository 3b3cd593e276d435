//! The options of one `#[cached]`, each checked by itself.

use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, Path};

use super::policy::{Absent, Level, Limit, Ttl};
use super::tags;
use super::values::{self, Codec, Compress, Probe, Returning, StaleIfError, checked, judge};
use super::{Slot, Spanned};
use crate::diag::Diag;
use crate::syntax::options::{Form, Given, Known, Options, Value};
use crate::syntax::templates::Template;

/// The options that `#[cached]` knows.
#[rustfmt::skip]
pub(crate) const KNOWN: &[Known] = &[
    Known { name: "ns", form: Form::Value, usage: "ns = \"tasks\"" },
    Known { name: "ttl", form: Form::Phrase, usage: "ttl = \"medium\"" },
    Known { name: "ttl_only", form: Form::Flag, usage: "ttl_only" },
    Known { name: "key", form: Form::Value, usage: "key = \"{id}\"" },
    Known { name: "skip", form: Form::Names, usage: "skip(db, ctx)" },
    Known { name: "version", form: Form::Value, usage: "version = 2" },
    Known { name: "tags", form: Form::Value, usage: "tags = [\"owner:{owner}\"]" },
    Known { name: "none", form: Form::Value, usage: "none = \"cache\"" },
    Known { name: "l1", form: Form::Value, usage: "l1 = \"5s\"" },
    Known { name: "probe", form: Form::Value, usage: "probe = \"lease\"" },
    Known { name: "swr", form: Form::Value, usage: "swr = \"30s\"" },
    Known { name: "stale_if_error", form: Form::Values, usage: "stale_if_error = \"10m\"" },
    Known { name: "refresh", form: Form::Value, usage: "refresh = \"early\"" },
    Known { name: "never_stale", form: Form::Value, usage: "never_stale = |value| value.is_final()" },
    Known { name: "load_timeout", form: Form::Value, usage: "load_timeout = \"30s\"" },
    Known { name: "ttl_with", form: Form::Value, usage: "ttl_with = |value| value.ttl()" },
    Known { name: "unless", form: Form::Value, usage: "unless = |value| value.is_draft()" },
    Known { name: "when", form: Form::Value, usage: "when = limit <= 100" },
    Known { name: "cache", form: Form::Value, usage: "cache = self.cache" },
    Known { name: "codec", form: Form::Type, usage: "codec = \"json\"" },
    Known { name: "compress", form: Form::Value, usage: "compress = \"lz4\"" },
    Known { name: "layout", form: Form::Value, usage: "layout = \"plain\"" },
    Known { name: "schema", form: Form::Value, usage: "schema = 2" },
    Known { name: "returns", form: Form::Value, usage: "returns = \"value\"" },
    Known { name: "crate", form: Form::Path, usage: "crate = ::cache_runtime" },
];

/// The options whose meaning hangs on one function, so that a block cannot give them to all.
#[rustfmt::skip]
const OF_ONE_FUNCTION: [&str; 10] = [
    "key", "skip", "tags", "none", "stale_if_error", "never_stale", "ttl_with", "unless", "when", "returns",
];

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) ns: Slot<String>,
    pub(crate) ttl: Slot<Ttl>,
    pub(crate) ttl_only: Slot<()>,
    pub(crate) key: Slot<Template>,
    pub(crate) skip: Vec<Ident>,
    pub(crate) version: Slot<u32>,
    pub(crate) tags: Slot<Vec<Spanned<Template>>>,
    pub(crate) none: Slot<Absent>,
    pub(crate) l1: Slot<Level>,
    pub(crate) probe: Slot<Probe>,
    pub(crate) swr: Slot<Limit>,
    pub(crate) stale_if_error: Slot<StaleIfError>,
    pub(crate) refresh: Slot<bool>,
    pub(crate) never_stale: Slot<Expr>,
    pub(crate) load_timeout: Slot<Limit>,
    pub(crate) ttl_with: Slot<Expr>,
    pub(crate) unless: Slot<Expr>,
    pub(crate) when: Slot<Expr>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) codec: Slot<Codec>,
    pub(crate) compress: Slot<Compress>,
    /// Whether values stand bare in the store.
    pub(crate) layout: Slot<bool>,
    pub(crate) schema: Slot<u8>,
    pub(crate) returns: Slot<Returning>,
    pub(crate) krate: Slot<Path>,
}

impl Settings {
    /// Checks every option; what is wrong is reported and left `Broken`.
    pub(crate) fn lower(options: Options, diag: &Diag) -> Settings {
        let mut settings = Settings::empty();
        let Options { given, lost } = options;
        for Given { name, value } in given {
            settings.set(&name, value, diag);
        }
        settings.check(diag);
        // what is missing because it could not be read is not missing once more
        let lost = |name: &str| lost.iter().any(|lost| lost == name);
        if lost("ns") && matches!(settings.ns, Slot::Empty) {
            settings.ns = Slot::Broken;
        }
        if lost("swr") {
            settings.swr = Slot::Broken;
        }
        if lost("stale_if_error") {
            settings.stale_if_error = Slot::Broken;
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
            ttl_only: self.ttl_only.or(&block.ttl_only),
            version: self.version.or(&block.version),
            l1: self.l1.or(&block.l1),
            probe: self.probe.or(&block.probe),
            swr: self.swr.or(&block.swr),
            refresh: self.refresh.or(&block.refresh),
            load_timeout: self.load_timeout.or(&block.load_timeout),
            cache: self.cache.or(&block.cache),
            codec: self.codec.or(&block.codec),
            compress: self.compress.or(&block.compress),
            layout: self.layout.or(&block.layout),
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

    /// What one attribute says twice, in two ways.
    fn check(&self, diag: &Diag) {
        if let (Some(ttl), Some(_)) = (self.ttl.span(), self.ttl_with.span()) {
            diag.error(
                ttl,
                "`ttl` and `ttl_with` contradict each other: `ttl_with` is asked for every value; remove one",
            );
        }
        if let (Some(only), Some(ttl)) = (self.ttl_only.span(), self.ttl.spanned())
            && ttl.value.is_never()
        {
            let message = "`ttl_only` and `ttl = \"never\"` contradict each other: nothing would ever end an entry; remove one";
            diag.error(only, message);
        }
        let early = self.refresh.spanned().filter(|refresh| refresh.value).map(|refresh| refresh.span);
        let later =
            [("swr", self.swr.span()), ("stale_if_error", self.stale_if_error.span()), ("refresh", early)];
        if self.ttl.get().is_some_and(|ttl| matches!(ttl, Ttl::Sliding(_))) {
            for (name, span) in later {
                let Some(span) = span else { continue };
                let message = format!(
                    "`{name}` and `ttl = sliding(..)` contradict each other: what is asked for is not reloaded, it lives on; remove one"
                );
                diag.error(span, message);
            }
        }
        if self.ttl.get().is_some_and(Ttl::is_never) {
            for (name, span) in later {
                let Some(span) = span else { continue };
                let message = format!(
                    "`{name}` and `ttl = \"never\"` contradict each other: what is always fresh is never reloaded; \
                     remove one"
                );
                diag.error(span, message);
            }
        }
    }

    fn empty() -> Settings {
        Settings {
            ns: Slot::Empty,
            ttl: Slot::Empty,
            ttl_only: Slot::Empty,
            key: Slot::Empty,
            skip: Vec::new(),
            version: Slot::Empty,
            tags: Slot::Empty,
            none: Slot::Empty,
            l1: Slot::Empty,
            probe: Slot::Empty,
            swr: Slot::Empty,
            stale_if_error: Slot::Empty,
            refresh: Slot::Empty,
            never_stale: Slot::Empty,
            load_timeout: Slot::Empty,
            ttl_with: Slot::Empty,
            unless: Slot::Empty,
            when: Slot::Empty,
            cache: Slot::Empty,
            codec: Slot::Empty,
            compress: Slot::Empty,
            layout: Slot::Empty,
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
            Value::Values(values) => {
                return self.stale_if_error = values::stale_if_error(&values, name, diag);
            }
            Value::Flag => return self.ttl_only = Slot::set((), name.span()),
            Value::Expr(expr) => expr,
        };
        match name.to_string().as_str() {
            "ns" => self.ns = checked(&expr, values::namespace, diag),
            "ttl" => self.ttl = checked(&expr, Ttl::lower, diag),
            "key" => self.key = values::template(&expr, diag),
            "version" => self.version = checked(&expr, values::version, diag),
            "none" => self.none = checked(&expr, Absent::lower, diag),
            "l1" => self.l1 = checked(&expr, Level::lower, diag),
            "probe" => self.probe = checked(&expr, values::probe, diag),
            "tags" => self.tags = tags::templates(&expr, diag),
            "swr" => self.swr = checked(&expr, |expr| Limit::of_call("swr", expr), diag),
            "stale_if_error" => {
                self.stale_if_error = values::stale_if_error(&[expr], name, diag);
            }
            "refresh" => self.refresh = checked(&expr, values::refresh, diag),
            "never_stale" => self.never_stale = checked(&expr, |expr| judge("never_stale", expr), diag),
            "load_timeout" => {
                self.load_timeout = checked(&expr, |expr| Limit::of_static("load_timeout", expr), diag);
            }
            "ttl_with" => self.ttl_with = checked(&expr, |expr| judge("ttl_with", expr), diag),
            "unless" => self.unless = checked(&expr, |expr| judge("unless", expr), diag),
            "when" => self.when = checked(&expr, values::condition, diag),
            "cache" => self.cache = checked(&expr, |expr| Ok(expr.clone()), diag),
            "codec" => self.codec = checked(&expr, values::codec, diag),
            "compress" => self.compress = checked(&expr, values::compress, diag),
            "layout" => self.layout = checked(&expr, values::layout, diag),
            "schema" => self.schema = checked(&expr, values::schema, diag),
            "returns" => self.returns = checked(&expr, values::returns, diag),
            name => unreachable!("`{name}` is known and has no maker"),
        }
    }
}

/// Whether the word stands anywhere in the tokens.
pub(super) fn mentions(tokens: impl ToTokens, word: &str) -> bool {
    super::generics::Words::of(tokens).has(word)
}
