//! A mutation: what it invalidates, before its body runs and after.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::punctuated::{Pair, Punctuated};
use syn::{Expr, ExprMethodCall, ExprPath, Lit, Pat, Path, Token, Type, parse_quote, token};

use super::generics::Words;
use super::{literal, peel, runtime};
use crate::diag::{self, Diag};
use crate::func::{Body, Func, Param, binds};
use crate::syntax::options::{Form, Given, Known, Reader, Value};
use crate::syntax::targets::{Call, Target};

/// The options that `#[invalidates]` knows.
#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known { name: "on_error", form: Form::Value, usage: "on_error = \"keep\"" },
    Known { name: "crate", form: Form::Path, usage: "crate = ::cache_runtime" },
    Known { name: "tags", form: Form::Later, usage: "" },
    Known { name: "mode", form: Form::Later, usage: "" },
    Known { name: "durability", form: Form::Later, usage: "" },
    Known { name: "on_unreachable", form: Form::Later, usage: "" },
    Known { name: "settle", form: Form::Later, usage: "" },
    Known { name: "hold_after", form: Form::Later, usage: "" },
    Known { name: "report", form: Form::Later, usage: "" },
    Known { name: "deferred", form: Form::Later, usage: "" },
];

pub(crate) struct Invalidates {
    pub(crate) krate: Path,
    pub(crate) function: String,
    pub(crate) on_error: OnError,
    /// What is evaluated before the body: the targets, and the parameters that late targets read.
    pub(crate) early: Vec<Step>,
    pub(crate) kept: Vec<Kept>,
    /// The targets that name the result, and the user's word for it.
    pub(crate) late: Vec<Step>,
    pub(crate) result: Option<Ident>,
    pub(crate) output: Type,
    pub(crate) capture: Capture,
}

/// How the body takes the parameters.
#[derive(Clone, Copy)]
pub(crate) enum Capture {
    Move,
    /// A `&mut self` must be there again for the targets after the body.
    Borrow,
}

/// What a body that failed means for the entries.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OnError {
    Invalidate,
    Keep,
}

/// One target.
pub(crate) struct Step {
    pub(crate) each: Option<Each>,
    pub(crate) callee: Callee,
    pub(crate) paren: token::Paren,
    pub(crate) args: Punctuated<Arg, Token![,]>,
}

pub(crate) struct Each {
    pub(crate) pat: Pat,
    pub(crate) source: Arg,
}

/// The companion that gives the entry.
pub(crate) enum Callee {
    Path(ExprPath),
    /// The receiver and the name; the arguments of the call are those of the step.
    Method(ExprMethodCall),
}

pub(crate) enum Arg {
    /// A variable or a field of one, which must not be moved.
    Place(Expr),
    Other(Expr),
}

/// A value that the body could move away, cloned before it runs.
pub(crate) struct Kept {
    pub(crate) name: Ident,
    pub(crate) value: Arg,
}

impl Invalidates {
    /// Reads the attribute's parentheses, and puts function and targets together.
    pub(crate) fn lower(tokens: TokenStream, func: &Func, diag: &Diag) -> Option<Invalidates> {
        let (targets, given) = read(tokens, diag);
        check_func(func, diag);
        let (krate, on_error) = settings(given, diag);
        let unit = || parse_quote!(());
        let mut this = Invalidates {
            krate: krate.unwrap_or_else(runtime),
            function: func.name(),
            on_error: on_error?,
            early: Vec::new(),
            kept: Vec::new(),
            late: Vec::new(),
            result: None,
            output: func.output().cloned().unwrap_or_else(unit),
            capture: Capture::Move,
        };
        let reads: Vec<String> = func.params.iter().flat_map(Param::names).chain(["self".into()]).collect();
        let names_result =
            func.params.iter().any(|param| param.ident().is_some_and(|ident| ident == "result"));
        for target in targets {
            match target.result().filter(|_| !names_result) {
                Some(result) => this.add_late(target, result, &reads),
                None => this.early.push(Step::of(target)),
            }
        }
        if this.late.iter().any(Step::reads_self) && takes_self_mutably(func) {
            this.capture = Capture::Borrow;
        }
        Some(this)
    }

    /// The body takes the parameters by value, so what a late target reads of them is cloned before.
    fn add_late(&mut self, target: Target, result: Ident, reads: &[String]) {
        let mut step = Step::of(target);
        let mut own = vec![result.to_string()];
        if let Some(each) = &mut step.each {
            each.source.keep(&own, reads, &mut self.kept);
            own.extend(binds(&each.pat).iter().map(Ident::to_string));
        }
        for arg in &mut step.args {
            arg.see_through(&result);
            arg.keep(&own, reads, &mut self.kept);
        }
        self.late.push(step);
        self.result.get_or_insert(result);
    }
}

/// The targets and the options, in whatever order they stand.
fn read(tokens: TokenStream, diag: &Diag) -> (Vec<Target>, Vec<Given>) {
    let mut reader = Reader::new(KNOWN, diag);
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
        let message = "no target is named; write for example `#[invalidates(Self::get(id))]`";
        diag.error(Span::call_site(), message);
    }
    (targets, reader.given)
}

fn takes_self_mutably(func: &Func) -> bool {
    let kind = func.sig.receiver().map(|receiver| &receiver.kind);
    matches!(kind, Some(syn::ReceiverKind::Reference(_, _, Some(_))))
}

fn check_func(func: &Func, diag: &Diag) {
    if matches!(func.body, Body::Other(_)) {
        let name = &func.sig.ident;
        let message = format!("only an async function can invalidate; write `async fn {name}`");
        diag.error_at(func.sig.fn_token, message);
    } else if let Some(output) = func.output()
        && Words::of(output).has("impl")
    {
        diag.error_at(output, "`impl Trait` in the return type has no name; write the type itself");
    }
    if let Some(again) = func.attribute("invalidates") {
        diag.error_at(again, "a function has one `#[invalidates]`; write all targets in one");
    }
    if let Some(cached) = func.attribute("cached") {
        diag.error_at(
            cached,
            "the body of a cached function does not run on a hit, so it cannot invalidate; \
             keep `#[cached]` or `#[invalidates]`",
        );
    }
}

fn settings(given: Vec<Given>, diag: &Diag) -> (Option<Path>, Option<OnError>) {
    let (mut krate, mut on_error) = (None, Some(OnError::Invalidate));
    for Given { value, .. } in given {
        match value {
            Value::Path(path) => krate = Some(path),
            Value::Expr(expr) => {
                on_error = self::on_error(&expr).map_err(|message| diag.error_at(expr, message)).ok();
            }
            Value::Type(_) | Value::Names(_) => {}
        }
    }
    (krate, on_error)
}

fn on_error(expr: &Expr) -> Result<OnError, String> {
    match literal(expr) {
        Some(Lit::Str(text)) => match text.value().as_str() {
            "invalidate" => Ok(OnError::Invalidate),
            "keep" => Ok(OnError::Keep),
            word => Err(diag::unknown("value of `on_error`", word, &["invalidate", "keep"])),
        },
        _ => Err("`on_error` is a string; write `on_error = \"invalidate\"` or `on_error = \"keep\"`".into()),
    }
}

impl Target {
    /// The first `result` in the target, as the user wrote it.
    fn result(&self) -> Option<Ident> {
        let source = self.each.as_ref().map(|each| each.source.to_token_stream());
        let call = match &self.call {
            Call::Path(_, call) => call.args.to_token_stream(),
            Call::Method(call) => call.to_token_stream(),
        };
        find(source.into_iter().flatten().chain(call).collect(), "result")
    }
}

fn find(tokens: TokenStream, word: &str) -> Option<Ident> {
    tokens.into_iter().find_map(|tree| match tree {
        TokenTree::Ident(ident) if ident == word => Some(ident),
        TokenTree::Group(group) => find(group.stream(), word),
        _ => None,
    })
}

impl Step {
    fn of(target: Target) -> Step {
        let each = target.each.map(|each| Each { pat: each.pat, source: Arg::of(each.source) });
        let (callee, paren, args) = match target.call {
            Call::Path(mut path, call) => {
                let last = path.path.segments.last_mut().expect("a path has segments");
                last.ident = format_ident!("{}_entry", last.ident);
                (Callee::Path(path), call.paren_token, call.args)
            }
            Call::Method(mut call) => {
                call.method = format_ident!("{}_entry", call.method);
                let (paren, args) = (call.paren_token, std::mem::take(&mut call.args));
                (Callee::Method(call), paren, args)
            }
        };
        let args = args.into_pairs().map(|pair| {
            let (arg, comma) = pair.into_tuple();
            Pair::new(Arg::of(arg), comma)
        });
        Step { each, callee, paren, args: args.collect() }
    }
}

impl Step {
    fn reads_self(&self) -> bool {
        let receiver = match &self.callee {
            Callee::Path(_) => None,
            Callee::Method(call) => Some(&*call.receiver),
        };
        let args = self.args.iter().map(|(Arg::Place(expr) | Arg::Other(expr))| expr);
        args.chain(receiver).any(|expr| Words::of(expr).has("self"))
    }
}

impl Arg {
    fn of(expr: Expr) -> Arg {
        if is_place(&expr) { Arg::Place(expr) } else { Arg::Other(expr) }
    }

    /// In a target the result stands behind a reference already.
    fn see_through(&mut self, result: &Ident) {
        let (Arg::Place(expr) | Arg::Other(expr)) = &*self;
        let is_result = |expr: &Expr| matches!(peel(expr), Expr::Path(path) if path.path.is_ident(result));
        if is_result(expr) {
            *self = Arg::Place(parse_quote!(*#result));
        } else if matches!(peel(expr), Expr::Reference(borrow) if is_result(&borrow.expr)) {
            *self = Arg::Other(parse_quote!(#result));
        }
    }

    /// Evaluates an argument that `reads` a parameter before the body, unless it names what only its target knows.
    fn keep(&mut self, own: &[String], reads: &[String], kept: &mut Vec<Kept>) {
        let (Arg::Place(expr) | Arg::Other(expr)) = &*self;
        let words = Words::of(expr);
        let has = |names: &[String]| names.iter().any(|name| words.has(name));
        if has(own) || !has(reads) {
            return;
        }
        let name = format_ident!("kept{}", kept.len(), span = Span::mixed_site());
        let by_ref = match peel(expr) {
            Expr::Reference(reference) if is_place(&reference.expr) => {
                Some(Arg::Place((*reference.expr).clone()))
            }
            _ => None,
        };
        // a borrow of what the body moves could not live on, a borrow of the clone can
        let arg = match by_ref {
            Some(_) => Arg::Other(parse_quote!(&#name)),
            None => Arg::Place(parse_quote!(#name)),
        };
        let value = std::mem::replace(self, arg);
        kept.push(Kept { name, value: by_ref.unwrap_or(value) });
    }
}

/// A variable, or a chain of fields of one. Constants and variants are no places, they stand for themselves.
fn is_place(expr: &Expr) -> bool {
    match peel(expr) {
        Expr::Path(path) => path.path.get_ident().is_some_and(|ident| {
            ident.to_string().trim_start_matches("r#").starts_with(|c: char| c == '_' || c.is_lowercase())
        }),
        Expr::Field(field) => is_place(&field.base),
        _ => false,
    }
}
