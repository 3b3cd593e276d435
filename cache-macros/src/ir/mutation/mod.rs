//! A mutation: what it makes untrue, before its body runs and after, and how.

mod ends;
mod options;
mod tags;
mod targets;

pub(crate) use self::ends::{End, deferred_signature};
pub(crate) use self::options::{Manner, OnError, is_deferred};
pub(crate) use self::targets::{Aim, Arg, Callee, Each, Entry, Kept, Step};

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Path, Type, parse_quote};

use self::targets::{find, result_in};
use super::generics::Words;
use super::{Spanned, runtime};
use crate::diag::Diag;
use crate::func::{Body, Func, Param};
use crate::syntax::options::{Given, Known, Reader};
use crate::syntax::targets::{self as written, Target};

/// The attribute that stands on the function.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Invalidates,
    Updates,
}

pub(crate) struct Mutation {
    pub(crate) krate: Path,
    pub(crate) function: String,
    /// Where the function is written.
    pub(crate) at: Span,
    pub(crate) manner: Manner,
    /// How long the entries are held around the body, if they are.
    pub(crate) hold: Option<Duration>,
    /// The entry that the value becomes.
    pub(crate) update: Option<Entry>,
    /// What is evaluated before the body: the targets, and the parameters that late targets read.
    pub(crate) early: Vec<Step>,
    pub(crate) kept: Vec<Kept>,
    /// The targets that name the result, and the user's word for it.
    pub(crate) late: Vec<Step>,
    pub(crate) result: Option<Ident>,
    pub(crate) output: Type,
    pub(crate) capture: Capture,
    pub(crate) end: End,
}

/// How the body takes the parameters.
#[derive(Clone, Copy)]
pub(crate) enum Capture {
    Move,
    /// A `&mut self` must be there again for the targets after the body.
    Borrow,
}

impl Kind {
    fn known(self) -> &'static [Known] {
        match self {
            Kind::Invalidates => options::OF_INVALIDATES,
            Kind::Updates => options::OF_UPDATES,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Invalidates => "invalidates",
            Kind::Updates => "updates",
        }
    }
}

impl Mutation {
    /// Reads the attribute's parentheses, and puts function and targets together.
    pub(crate) fn lower(kind: Kind, tokens: TokenStream, func: &Func, diag: &Diag) -> Option<Mutation> {
        let Read { mut targets, given, all } = read(kind, tokens, diag);
        check_func(kind, func, diag);
        let manner = Manner::lower(given, kind == Kind::Updates, diag);
        check_cache(&manner, &targets, all, diag);
        let krate = manner.krate.get().cloned().unwrap_or_else(runtime);
        let update = match kind {
            Kind::Updates if all && !targets.is_empty() => updated(targets.remove(0), func, diag),
            _ => None,
        };
        let end = End::lower(func, &krate, &manner, diag);
        let around = kind == Kind::Updates || manner.around.get().is_some_and(|around| *around);
        let hold = around.then(|| manner.hold.get().copied().unwrap_or(Duration::from_secs(10)));
        let broken = manner.is_broken();
        let mut this = Mutation {
            krate,
            function: func.name(),
            at: func.sig.ident.span(),
            manner,
            hold,
            update,
            early: Vec::new(),
            kept: Vec::new(),
            late: Vec::new(),
            result: None,
            output: func.output().cloned().unwrap_or_else(|| parse_quote!(())),
            capture: Capture::Move,
            end: end?,
        };
        this.add(targets, func, diag);
        if this.late.iter().any(Step::reads_self) && takes_self_mutably(func) {
            this.capture = Capture::Borrow;
        }
        (!broken).then_some(this)
    }

    fn add(&mut self, targets: Vec<Target>, func: &Func, diag: &Diag) {
        let names = func.params.iter().flat_map(Param::idents).map(Ident::to_string);
        let reads: Vec<String> = names.chain(["self".into()]).collect();
        let mut seen = Vec::new();
        for target in targets {
            for (step, result) in steps(target, func, &mut seen, diag) {
                match result {
                    Some(result) => {
                        self.late.push(step.late(&result, &reads, &mut self.kept));
                        self.result.get_or_insert(result);
                    }
                    None => self.early.push(step),
                }
            }
        }
    }
}

/// What one target comes to, each with the user's word for the result where it is named.
fn steps(
    target: Target,
    func: &Func,
    seen: &mut Vec<(String, String)>,
    diag: &Diag,
) -> Vec<(Step, Option<Ident>)> {
    let source =
        target.each.as_ref().and_then(|each| find(quote::ToTokens::to_token_stream(&each.source), "result"));
    let source = source.filter(|_| !has_result(func));
    let each = target.each.map(Each::of);
    match target.aim {
        written::Aim::Call(call) => {
            let result = source.or(result_in(&call).filter(|_| !has_result(func)));
            vec![(Step { each, aim: Aim::Entry(Entry::of(call)) }, result)]
        }
        written::Aim::Namespace(ns) => match tags::namespace(&ns, diag) {
            Some(ns) => vec![(Step { each, aim: Aim::Namespace(ns) }, source)],
            None => Vec::new(),
        },
        written::Aim::Tags(ns, templates) => {
            let tags = tags::lower(&ns, &templates, each.as_ref(), func, seen, diag);
            tags.into_iter()
                .map(|(aim, result)| (Step { each: each.clone(), aim }, source.clone().or(result)))
                .collect()
        }
    }
}

/// Whether the word `result` is a parameter.
fn has_result(func: &Func) -> bool {
    func.params.iter().any(|param| param.ident().is_some_and(|ident| ident == "result"))
}

/// The entry that a value becomes, which is held before there is one.
fn updated(target: Target, func: &Func, diag: &Diag) -> Option<Entry> {
    let (None, written::Aim::Call(call)) = (target.each, target.aim) else {
        diag.error(
            target.span,
            "the value becomes one entry, which is named first; write for example `#[updates(Self::get(id), ..)]`",
        );
        return None;
    };
    if let Some(result) = result_in(&call).filter(|_| !has_result(func)) {
        diag.error(
            result.span(),
            "the entry is held before the body runs, so it cannot name `result`; name it by the parameters, or write \
             `#[invalidates(..)]`",
        );
        return None;
    }
    Some(Entry::of(call))
}

struct Read {
    targets: Vec<Target>,
    given: Vec<Given>,
    /// Whether every target could be read.
    all: bool,
}

/// The targets and the options, in whatever order they stand.
fn read(kind: Kind, tokens: TokenStream, diag: &Diag) -> Read {
    let mut reader = Reader::new(kind.known(), diag);
    let (mut targets, mut options, mut others) = (Vec::new(), 0, 0);
    reader.read_all(tokens, |reader, input| {
        if reader.at_option(input) {
            options += 1;
            return reader.option(input);
        }
        others += 1;
        targets.push(input.parse()?);
        Ok(())
    });
    // what was refused may have been meant for a target
    if others == 0 && options == reader.given.len() {
        let name = kind.name();
        diag.error(
            Span::call_site(),
            format!("no target is named; write for example `#[{name}(Self::get(id))]`"),
        );
    }
    Read { all: others == targets.len(), targets, given: reader.given }
}

fn check_cache(manner: &Manner, targets: &[Target], all: bool, diag: &Diag) {
    let entries = targets.iter().all(|target| matches!(target.aim, written::Aim::Call(_)));
    if let (Some(Spanned { span, .. }), true, true) = (manner.cache.spanned(), entries, all) {
        diag.error(
            *span,
            "`cache` is where `tags(..)` and `namespace(..)` are looked for, and no target is one; an entry knows its \
             cache, so remove `cache`",
        );
    }
}

fn takes_self_mutably(func: &Func) -> bool {
    let kind = func.sig.receiver().map(|receiver| &receiver.kind);
    matches!(kind, Some(syn::ReceiverKind::Reference(_, _, Some(_))))
}

fn check_func(kind: Kind, func: &Func, diag: &Diag) {
    if matches!(func.body, Body::Other(_)) {
        let name = &func.sig.ident;
        let message = format!("only an async function can invalidate; write `async fn {name}`");
        diag.error_at(func.sig.fn_token, message);
    } else if let Some(output) = func.output()
        && Words::of(output).has("impl")
    {
        diag.error_at(output, "`impl Trait` in the return type has no name; write the type itself");
    }
    for other in ["invalidates", "updates"] {
        let Some(again) = func.attribute(other) else { continue };
        let message = if other == kind.name() {
            format!("a function has one `#[{other}]`; write all targets in one")
        } else {
            "a function has `#[updates]` or `#[invalidates]`, not both; write all targets in `#[updates]`"
                .into()
        };
        diag.error_at(again, message);
    }
    if let Some(cached) = func.attribute("cached") {
        diag.error_at(
            cached,
            format!(
                "the body of a cached function does not run on a hit, so it cannot invalidate; keep `#[cached]` or \
                 `#[{}]`",
                kind.name()
            ),
        );
    }
}
