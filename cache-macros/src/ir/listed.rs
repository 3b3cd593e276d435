//! What the catalogue of the program says of a function.

use proc_macro2::Span;

use super::policy::Ttl;
use super::returns::Returns;
use super::settings::Settings;
use crate::diag;
use crate::func::Func;

pub(crate) struct Listed {
    /// Where the function is written.
    pub(crate) at: Span,
    pub(crate) value: String,
    pub(crate) ttl: String,
    pub(crate) tags: Vec<String>,
    pub(crate) ttl_only: bool,
    /// Whether the attribute names the cache.
    pub(crate) elsewhere: bool,
}

impl Listed {
    pub(super) fn lower(func: &Func, settings: &Settings, returns: &Returns) -> Listed {
        let tags = settings.tags.get().into_iter().flatten();
        Listed {
            at: func.sig.ident.span(),
            value: diag::shown(returns.value().unwrap_or(&returns.output)),
            ttl: ttl(settings),
            tags: tags.map(|tag| tag.value.to_string()).collect(),
            ttl_only: settings.ttl_only.get().is_some(),
            elsewhere: settings.cache.get().is_some(),
        }
    }
}

fn ttl(settings: &Settings) -> String {
    if settings.ttl_with.get().is_some() {
        return "ttl_with".into();
    }
    length(&settings.ttl.get().cloned().unwrap_or_else(Ttl::medium))
}

fn length(ttl: &Ttl) -> String {
    match ttl {
        Ttl::Named(named) if named.word == "never" => named.word.into(),
        Ttl::Named(named) => named.length.into(),
        Ttl::For(length) => format!("{} s", length.as_secs_f64()),
        Ttl::Const(path) => diag::shown(path),
        Ttl::Adaptive(base, hot) => format!("{}, hot {} s", length(base), hot.fresh.as_secs_f64()),
        Ttl::Sliding(base) => format!("{}, sliding", length(base)),
    }
}
