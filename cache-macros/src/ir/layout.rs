//! What bare values in the store, which other programs write and read, do not go together with.

use proc_macro2::Span;

use super::policy::{Level, Ttl};
use super::settings::Settings;
use super::values::{Codec, Compress};
use super::{Slot, Spanned};
use crate::diag::Diag;

/// Reports each option that contradicts `layout = "plain"`, wherever it stands.
pub(super) fn check(settings: &Settings, diag: &Diag) {
    if settings.layout.get() != Some(&true) {
        return;
    }
    let refuse = |span: Option<Span>, option: &str, why: &str, repair: &str| {
        let Some(span) = span else { return };
        diag.error(
            span,
            format!("`{option}` and `layout = \"plain\"` contradict each other: {why}; {repair}"),
        );
    };
    let unheard = "nobody tells this process what other programs write";
    let level = "write a bound such as `l1 = \"5s\"`, or remove it";
    let word = |wanted: fn(&Level) -> bool| where_it_is(&settings.l1, wanted);
    refuse(word(|level| matches!(level, Level::Coherent)), "l1 = \"coherent\"", unheard, level);
    refuse(word(|level| matches!(level, Level::Validate)), "l1 = \"validate\"", unheard, level);
    let expired = "other programs cannot tell what has expired from what has not";
    refuse(settings.swr.span(), "swr", expired, "remove one");
    refuse(settings.stale_if_error.span(), "stale_if_error", expired, "remove one");
    let unwatched = "how long a value lives is no business of its readers, some of whom are other programs";
    refuse(where_it_is(&settings.refresh, |early| *early), "refresh", unwatched, "remove one");
    let slides = |ttl: &Ttl| matches!(ttl, Ttl::Sliding(_));
    refuse(where_it_is(&settings.ttl, slides), "ttl = sliding(..)", unwatched, "write a plain ttl");
    let json = "other programs read JSON";
    let packs = |compress: &Compress| !matches!(compress, Compress::Own("off"));
    refuse(
        where_it_is(&settings.compress, packs),
        "compress",
        json,
        "write `compress = \"off\"`, or remove it",
    );
    let other = |codec: &Codec| !matches!(codec, Codec::Own("Json"));
    refuse(where_it_is(&settings.codec, other), "codec", json, "write `codec = \"json\"`, or remove it");
}

/// Where the option is given, if it says what is `wanted`.
fn where_it_is<T>(option: &Slot<T>, wanted: impl Fn(&T) -> bool) -> Option<Span> {
    option.spanned().filter(|given| wanted(&given.value)).map(|Spanned { span, .. }| *span)
}
