//! The `static` that says where an attribute stands.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::Path;

use super::own;
use crate::ir::cached::Cached;
use crate::ir::places::Part;
use crate::ir::policy::{Absent, Level, Limit};
use crate::ir::values::{Compress, Probe};

/// A reference to it, with `items` beside it.
pub(super) fn site(cached: &Cached, items: &TokenStream) -> TokenStream {
    let krate = &cached.krate;
    let (ns, function, head) = (&cached.site.ns, &cached.site.function, &cached.key.head);
    let template = template(cached);
    let schema = cached.site.schema.iter().map(|number| quote_spanned!(own()=> .schema(#number)));
    let absent = cached.site.absent.iter().map(|absent| {
        let absent = self::absent(krate, absent);
        quote_spanned!(own()=> .absent(#absent))
    });
    let bare = cached.site.is_bare.then(|| quote_spanned!(own()=> .bare()));
    let level = cached.site.level.iter().map(|level| {
        let level = self::level(krate, level);
        quote_spanned!(own()=> .level(#level))
    });
    let probe = match cached.site.probe {
        Probe::Auto => None,
        Probe::Get => Some(quote_spanned!(own()=> .probe_by_get())),
        Probe::Lease => Some(quote_spanned!(own()=> .probe_by_lease())),
    };
    let load_timeout = cached.site.load_timeout.iter().map(|limit| {
        let limit = self::limit(krate, limit);
        quote_spanned!(own()=> .load_timeout(#limit))
    });
    let compress = cached.site.compress.iter().map(|compress| {
        let compress = self::compress(krate, compress);
        quote_spanned!(own()=> .compress(#compress))
    });
    let early = cached.refresh.early.then(|| quote_spanned!(own()=> .refresh_early()));
    let stale = cached.refresh.stale_if_error.iter().map(|stale| {
        let limit = limit(krate, &stale.limit);
        quote_spanned!(own()=> .stale_if_error(#limit))
    });
    quote_spanned! {own()=>
        {
            static SITE: #krate::__private::Site =
                #krate::__private::site(#ns, #function, #head, #template) #bare #(#schema)* #(#absent)* #(#level)* #probe #(#load_timeout)*
                    #early #(#stale)* #(#compress)*;
            #items
            &SITE
        }
    }
}

/// The text before each part, and after the last.
fn template(cached: &Cached) -> TokenStream {
    let (parts, tail) = (&cached.key.parts, &cached.key.tail);
    let before = parts.iter().map(|Part { cfgs, before, .. }| quote_spanned!(own()=> #(#cfgs)* #before,));
    quote_spanned!(own()=> &[#(#before)* #tail])
}

/// A `Duration` as a constant expression.
pub(super) fn duration(krate: &Path, duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote_spanned!(own()=> #krate::__private::duration(#seconds, #nanos))
}

fn absent(krate: &Path, absent: &Absent) -> TokenStream {
    match absent {
        Absent::Skip => quote_spanned!(own()=> #krate::__private::Absent::Skip),
        Absent::Cache => quote_spanned!(own()=> #krate::__private::Absent::Cache),
        Absent::For(length) => {
            let length = duration(krate, *length);
            quote_spanned!(own()=> #krate::__private::Absent::For(#length))
        }
    }
}

fn level(krate: &Path, level: &Level) -> TokenStream {
    match level {
        Level::Off => quote_spanned!(own()=> #krate::__private::Level::Off),
        Level::Validate => quote_spanned!(own()=> #krate::__private::Level::Validate),
        Level::Coherent => quote_spanned!(own()=> #krate::__private::Level::Coherent),
        Level::Ttl(length) => {
            let length = duration(krate, *length);
            quote_spanned!(own()=> #krate::__private::Level::Ttl(#length))
        }
    }
}

fn compress(krate: &Path, compress: &Compress) -> TokenStream {
    match compress {
        Compress::Own(name) => {
            let name = Ident::new(name, own());
            quote_spanned!(own()=> #krate::__private::Compression::#name())
        }
        Compress::Const(path) => quote_spanned!(own()=> #path),
    }
}

pub(super) fn limit(krate: &Path, limit: &Limit) -> TokenStream {
    match limit {
        Limit::For(length) => duration(krate, *length),
        Limit::Const(path) => quote_spanned!(own()=> #path),
    }
}
