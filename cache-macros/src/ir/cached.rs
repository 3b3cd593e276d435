//! A cached function: everything that its expansion needs, checked.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Expr, ExprPath, Path, parse_quote};

use super::companion::{Companion, Home};
use super::generics::Words;
use super::key::Key;
use super::layout;
use super::listed::Listed;
use super::policy::{Absent, Hot, Level, Limit, Ttl};
use super::refresh::Refresh;
use super::returns::Returns;
use super::settings::{KNOWN, Settings, mentions};
use super::skips::Skips;
use super::tags::Tags;
use super::values::{Codec, Compress, Probe};
use super::{Slot, runtime};
use crate::diag::{self, Diag};
use crate::func::{Body, Func};
use crate::syntax::options;

pub(crate) struct Cached {
    pub(crate) krate: Path,
    pub(crate) site: Site,
    pub(crate) key: Key,
    pub(crate) tags: Tags,
    pub(crate) ttl: Ttl,
    pub(crate) cache: Option<Expr>,
    pub(crate) when: Option<Expr>,
    pub(crate) rules: Rules,
    pub(crate) refresh: Refresh,
    pub(crate) returns: Returns,
    pub(crate) companion: Companion,
    pub(crate) listed: Listed,
}

/// Where the attribute stands, and what holds for all its calls.
pub(crate) struct Site {
    pub(crate) ns: String,
    pub(crate) function: String,
    pub(crate) schema: Option<u8>,
    pub(crate) absent: Option<Absent>,
    pub(crate) level: Option<Level>,
    pub(crate) probe: Probe,
    pub(crate) load_timeout: Option<Limit>,
    pub(crate) compress: Option<Compress>,
    pub(crate) is_bare: bool,
}

/// What the function says of its values.
pub(crate) struct Rules {
    pub(crate) codec: Codec,
    pub(crate) unless: Option<Expr>,
    pub(crate) ttl_with: Option<Expr>,
}

impl Settings {
    /// The options in the attribute's parentheses.
    pub(crate) fn read(tokens: proc_macro2::TokenStream, diag: &Diag) -> Settings {
        Settings::lower(options::parse(tokens, KNOWN, diag), diag)
    }
}

impl Cached {
    /// Puts a function and its options together, and reports every way in which they do not fit. `mark` is where the
    /// attribute stands.
    pub(crate) fn lower(
        func: &Func,
        settings: &Settings,
        home: &Home,
        mark: Span,
        diag: &Diag,
    ) -> Option<Cached> {
        check_func(func, home, mark, diag);
        let ns = namespace(settings, mark, diag);
        let version = settings.version.get().copied().unwrap_or(1);
        let prefix = format!("{}:v{version}", ns.as_deref().unwrap_or_default());
        let skips = Skips::lower(func, settings, diag);
        let key = Key::lower(func, settings, &skips, &prefix, diag);
        let tags = Tags::lower(func, &settings.tags, &skips, diag);
        let returns = Returns::lower(func, settings, diag);
        let (ns, key, returns) = (ns?, key?, returns?);
        let refresh = Refresh::lower(func, settings, &returns, home, diag);
        check_cache(func, settings, &key, diag);
        layout::check(settings, diag);
        if settings.is_broken() {
            return None;
        }
        let companion = companion(func, settings, (&key, &tags), &returns, home);
        let listed = Listed::lower(func, settings, &returns);
        Some(Cached {
            krate: settings.krate.get().cloned().unwrap_or_else(runtime),
            site: Site {
                ns,
                function: func.name(),
                schema: settings.schema.get().copied(),
                absent: settings.none.get().cloned(),
                level: settings.l1.get().cloned(),
                probe: settings.probe.get().copied().unwrap_or_default(),
                load_timeout: settings.load_timeout.get().cloned(),
                compress: settings.compress.get().cloned(),
                is_bare: settings.layout.get() == Some(&true),
            },
            key,
            tags,
            ttl: settings.ttl.get().cloned().unwrap_or_else(Ttl::medium),
            cache: settings.cache.get().cloned(),
            when: settings.when.get().cloned(),
            rules: Rules {
                codec: settings.codec.get().cloned().unwrap_or(Codec::Own("Json")),
                unless: settings.unless.get().cloned(),
                ttl_with: settings.ttl_with.get().cloned(),
            },
            refresh,
            returns,
            companion,
            listed,
        })
    }
}

fn namespace(settings: &Settings, mark: Span, diag: &Diag) -> Option<String> {
    if matches!(settings.ns, Slot::Empty) {
        diag.error(mark, "a key starts with a namespace; write `#[cached(ns = \"tasks\")]`");
    }
    settings.ns.get().cloned()
}

fn check_func(func: &Func, home: &Home, mark: Span, diag: &Diag) {
    if func.is_async_trait() && matches!(home, Home::Beside) {
        diag.error(
            mark,
            "a companion cannot stand in a trait's impl; write `#[cached(ns = \"..\")]` above the `impl` too",
        );
    } else if matches!(func.body, Body::Other(_)) {
        let name = &func.sig.ident;
        diag.error_at(
            func.sig.fn_token,
            format!("only an async function can be cached; write `async fn {name}`"),
        );
    }
    if let Some(again) = func.attribute("cached") {
        diag.error_at(again, "a function is cached once; keep one `#[cached]`");
    }
    for name in ["invalidates", "updates"] {
        let Some(mutation) = func.attribute(name) else { continue };
        let message = format!(
            "the body of a cached function does not run on a hit, so it cannot invalidate; keep `#[cached]` or \
             `#[{name}]`"
        );
        diag.error_at(mutation, message);
    }
}

/// The companion evaluates `cache` too, and has only the parameters that the key reads.
fn check_cache(func: &Func, settings: &Settings, key: &Key, diag: &Diag) {
    struct Paths<'a>(Vec<&'a ExprPath>);
    impl<'a> Visit<'a> for Paths<'a> {
        fn visit_expr_path(&mut self, path: &'a ExprPath) {
            self.0.push(path);
            visit::visit_expr_path(self, path);
        }
    }
    let Some(cache) = settings.cache.get() else { return };
    let mut paths = Paths(Vec::new());
    paths.visit_expr(cache);
    for (place, param) in func.params.iter().enumerate() {
        let Some(ident) = param.ident().filter(|_| !key.params.contains(&place)) else { continue };
        if let Some(path) = paths.0.iter().find(|path| path.path.is_ident(ident)) {
            diag.error_at(
                path,
                format!(
                    "`cache` reads `{ident}`, which is not part of the key, so `{}` cannot; write it over `self`, a \
                     `static` or a part of the key",
                    func.companion()
                ),
            );
        }
    }
    if func.sig.receiver().is_none() && mentions(cache, "self") {
        diag.error_at(cache, "`self` has no meaning in a function without it; write `cache` over a `static`");
    }
}

fn companion(
    func: &Func,
    settings: &Settings,
    (key, tags): (&Key, &Tags),
    returns: &Returns,
    home: &Home,
) -> Companion {
    let mut uses = Words::default();
    if let Some(path) = settings.ttl.get().and_then(Ttl::path) {
        uses.add(path);
    }
    if let Some(Codec::Type(ty)) = settings.codec.get() {
        uses.add(ty);
    }
    if let Some(Limit::Const(path)) = settings.swr.get() {
        uses.add(path);
    }
    let Settings { cache, unless, ttl_with, never_stale, .. } = settings;
    for expr in [cache, unless, ttl_with, never_stale].into_iter().filter_map(|slot| slot.get()) {
        uses.add(expr);
    }
    key.parts.iter().chain(tags.parts()).for_each(|part| uses.add(&part.place));
    let mut companion = Companion::lower(func, returns, &key.params, home, uses);
    let reads_self = settings.cache.get().is_some_and(|cache| mentions(cache, "self"));
    companion.has_receiver = key.reads_self || tags.reads_self || reads_self;
    companion.doc = doc(func, settings, key, home);
    companion
}

fn doc(func: &Func, settings: &Settings, key: &Key, home: &Home) -> String {
    let name = func.name();
    // a link is written only where it is sure to lead somewhere
    let link = match home {
        Home::Beside if func.sig.receiver().is_some() => format!("[`{name}`](Self::{name})"),
        _ => format!("`{name}`"),
    };
    let fresh = match (settings.ttl_with.get(), settings.ttl.get().cloned().unwrap_or_else(Ttl::medium)) {
        (Some(_), _) => "fresh for as long as `ttl_with` says".into(),
        (None, ttl) => fresh(&ttl),
    };
    format!(" The entry of {link}: key `{}`, {fresh}.", key.shape)
}

fn fresh(ttl: &Ttl) -> String {
    match ttl {
        Ttl::Named(named) if named.word == "never" => format!("fresh {}", named.length),
        Ttl::Named(named) => format!("fresh for {} (`{}`)", named.length, named.word),
        Ttl::For(length) => format!("fresh for {length:?}"),
        Ttl::Const(path) => format!("fresh for `{}`", diag::shown(path)),
        Ttl::Adaptive(base, hot) => {
            let Hot { fresh: longer, above, per } = hot;
            format!("{}, or {longer:?} when asked for more than {above} times in {per:?}", fresh(base))
        }
        Ttl::Sliding(base) => format!("{} after it was last asked for", fresh(base)),
    }
}

impl Settings {
    /// Whether an option was refused, here or on the block.
    fn is_broken(&self) -> bool {
        fn broken<T>(slot: &Slot<T>) -> bool {
            matches!(slot, Slot::Broken)
        }
        let Settings { ns, ttl, key, skip: _, version, none, l1, load_timeout, .. } = self;
        let Settings { ttl_with, unless, when, cache, codec, schema, returns, krate, tags, .. } = self;
        let Settings { swr, stale_if_error, refresh, never_stale, compress, layout, .. } = self;
        broken(ns)
            || broken(ttl)
            || broken(key)
            || broken(version)
            || broken(none)
            || broken(l1)
            || broken(load_timeout)
            || broken(ttl_with)
            || broken(unless)
            || broken(when)
            || broken(cache)
            || broken(codec)
            || broken(schema)
            || broken(returns)
            || broken(krate)
            || broken(tags)
            || broken(swr)
            || broken(stale_if_error)
            || broken(refresh)
            || broken(never_stale)
            || broken(compress)
            || broken(layout)
    }
}

/// The path of the runtime where something is wrong already.
pub(crate) fn rough_runtime(settings: &Settings) -> Path {
    settings.krate.get().cloned().unwrap_or_else(|| parse_quote!(::cache_runtime))
}
