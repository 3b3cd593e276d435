//! The options of `#[invalidates]` and `#[updates]`, each checked by itself and then against the others.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{Expr, ExprCall, Lit, Path};

use crate::diag::{self, Diag};
use crate::ir::values::{checked, number};
use crate::ir::{Slot, literal, peel, text};
use crate::syntax::durations;
use crate::syntax::options::{Form, Given, Known, Value};

const REPORT: &str = "`report` is not an option: `cache_runtime::observed` tells the outcome to the caller who asks; \
                      remove it";

/// The options that `#[invalidates]` knows.
#[rustfmt::skip]
pub(super) const OF_INVALIDATES: &[Known] = &[
    Known { name: "on_error", form: Form::Value, usage: "on_error = \"keep\"" },
    Known { name: "mode", form: Form::Value, usage: "mode = \"around\"" },
    Known { name: "hold", form: Form::Value, usage: "hold = \"10s\"" },
    Known { name: "settle", form: Form::Flag, usage: "settle" },
    Known { name: "durability", form: Form::Value, usage: "durability = wait(1, \"100ms\")" },
    Known { name: "hold_after", form: Form::Value, usage: "hold_after = \"200ms\"" },
    Known { name: "on_unreachable", form: Form::Value, usage: "on_unreachable = \"error\"" },
    Known { name: "deferred", form: Form::Flag, usage: "deferred" },
    Known { name: "cache", form: Form::Value, usage: "cache = self.cache" },
    Known { name: "crate", form: Form::Path, usage: "crate = ::cache_runtime" },
    Known { name: "report", form: Form::Elsewhere, usage: REPORT },
];

/// The options that `#[updates]` knows.
#[rustfmt::skip]
pub(super) const OF_UPDATES: &[Known] = &[
    Known { name: "on_error", form: Form::Value, usage: "on_error = \"keep\"" },
    Known { name: "hold", form: Form::Value, usage: "hold = \"10s\"" },
    Known { name: "settle", form: Form::Flag, usage: "settle" },
    Known { name: "durability", form: Form::Value, usage: "durability = wait(1, \"100ms\")" },
    Known { name: "hold_after", form: Form::Value, usage: "hold_after = \"200ms\"" },
    Known { name: "on_unreachable", form: Form::Value, usage: "on_unreachable = \"error\"" },
    Known { name: "cache", form: Form::Value, usage: "cache = self.cache" },
    Known { name: "crate", form: Form::Path, usage: "crate = ::cache_runtime" },
    Known { name: "report", form: Form::Elsewhere, usage: REPORT },
    Known {
        name: "mode",
        form: Form::Elsewhere,
        usage: "`#[updates]` always holds its entries around the body; remove `mode`",
    },
    Known {
        name: "deferred",
        form: Form::Elsewhere,
        usage: "what is not committed yet cannot become the entry; write `#[invalidates(.., deferred)]`, or remove \
                `deferred`",
    },
];

/// Whether the flag stands in the parentheses, whatever else does.
pub(crate) fn is_deferred(args: &TokenStream) -> bool {
    args.clone().into_iter().any(|tree| matches!(tree, TokenTree::Ident(word) if word == "deferred"))
}

/// What a body that failed means for the entries.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OnError {
    Invalidate,
    Keep,
}

/// How the mutation goes about it, apart from its targets.
pub(crate) struct Manner {
    pub(crate) krate: Slot<Path>,
    pub(crate) on_error: Slot<OnError>,
    pub(crate) around: Slot<bool>,
    pub(crate) hold: Slot<Duration>,
    pub(crate) settle: Slot<()>,
    pub(crate) wait: Slot<(u32, Duration)>,
    pub(crate) hold_after: Slot<Duration>,
    /// Whether the caller is told by an error that the cache was not reached.
    pub(crate) or_fail: Slot<bool>,
    pub(crate) deferred: Slot<()>,
    pub(crate) cache: Slot<Expr>,
}

impl Manner {
    pub(super) fn lower(given: Vec<Given>, updates: bool, diag: &Diag) -> Manner {
        let mut manner = Manner {
            krate: Slot::Empty,
            on_error: Slot::Empty,
            around: Slot::Empty,
            hold: Slot::Empty,
            settle: Slot::Empty,
            wait: Slot::Empty,
            hold_after: Slot::Empty,
            or_fail: Slot::Empty,
            deferred: Slot::Empty,
            cache: Slot::Empty,
        };
        for Given { name, value } in given {
            match (name.to_string().as_str(), value) {
                ("settle", _) => manner.settle = Slot::set((), name.span()),
                ("deferred", _) => manner.deferred = Slot::set((), name.span()),
                (_, Value::Path(path)) => manner.krate = Slot::set(path, name.span()),
                (option, Value::Expr(expr)) => manner.set(option, &expr, diag),
                _ => {}
            }
        }
        manner.check_hold(updates, diag);
        manner.check_hold_after(updates, diag);
        manner.check_deferred(diag);
        manner
    }

    fn set(&mut self, option: &str, expr: &Expr, diag: &Diag) {
        match option {
            "on_error" => self.on_error = checked(expr, on_error, diag),
            "mode" => self.around = checked(expr, mode, diag),
            "hold" => self.hold = checked(expr, |expr| duration("hold", expr), diag),
            "durability" => self.wait = checked(expr, wait, diag),
            "hold_after" => self.hold_after = checked(expr, |expr| duration("hold_after", expr), diag),
            "on_unreachable" => self.or_fail = checked(expr, on_unreachable, diag),
            "cache" => self.cache = checked(expr, |expr| Ok(expr.clone()), diag),
            name => unreachable!("`{name}` is known and has no maker"),
        }
    }

    fn check_hold(&self, updates: bool, diag: &Diag) {
        let around =
            updates || !matches!(self.around, Slot::Empty | Slot::Set(super::Spanned { value: false, .. }));
        if let (Some(hold), false) = (self.hold.span(), around) {
            let message =
                "`hold` is how long entries are held around the body; add `mode = \"around\"`, or remove it";
            diag.error(hold, message);
        }
    }

    /// A hold after the body takes the place of the invalidation that the others are about.
    fn check_hold_after(&self, updates: bool, diag: &Diag) {
        let Some(hold_after) = self.hold_after.span() else { return };
        let around = self.around.spanned().is_some_and(|around| around.value);
        let others = [
            ("#[updates]", updates),
            ("mode = \"around\"", around),
            ("durability", self.wait.span().is_some()),
            ("deferred", self.deferred.span().is_some()),
        ];
        for (name, _) in others.into_iter().filter(|(_, set)| *set) {
            let message = format!(
                "`hold_after` and `{name}` contradict each other: the hold after the body stands for the invalidation; remove one"
            );
            diag.error(hold_after, message);
        }
    }

    /// The caller ends a deferred mutation, when this function is long over.
    fn check_deferred(&self, diag: &Diag) {
        if self.deferred.span().is_none() {
            return;
        }
        let set = |name: &'static str, span: Option<Span>| span.map(|span| (name, span));
        let meant = |slot: &Slot<bool>| slot.spanned().filter(|set| set.value).map(|set| set.span);
        let others = [
            set("mode", meant(&self.around)),
            set("settle", self.settle.span()),
            set("durability", self.wait.span()),
            set("on_unreachable", meant(&self.or_fail)),
        ];
        for (name, span) in others.into_iter().flatten() {
            let message = format!(
                "`{name}` and `deferred` contradict each other: the caller says when entries are invalidated; remove one"
            );
            diag.error(span, message);
        }
    }

    /// Whether an option was refused.
    pub(super) fn is_broken(&self) -> bool {
        fn broken<T>(slot: &Slot<T>) -> bool {
            matches!(slot, Slot::Broken)
        }
        broken(&self.on_error)
            || broken(&self.around)
            || broken(&self.hold)
            || broken(&self.wait)
            || broken(&self.hold_after)
            || broken(&self.or_fail)
    }
}

fn on_error(expr: &Expr) -> Result<OnError, String> {
    let keep = one_of("on_error", ["invalidate", "keep"], expr)?;
    Ok(if keep { OnError::Keep } else { OnError::Invalidate })
}

fn mode(expr: &Expr) -> Result<bool, String> {
    if let Expr::Call(ExprCall { func, .. }) = peel(expr)
        && matches!(&**func, Expr::Path(path) if path.path.is_ident("around"))
    {
        return Err("`mode` is a string; write `mode = \"around\", hold = \"10s\"`".into());
    }
    one_of("mode", ["after", "around"], expr)
}

fn on_unreachable(expr: &Expr) -> Result<bool, String> {
    one_of("on_unreachable", ["queue", "error"], expr)
}

/// Whether it is the second of two words.
fn one_of(option: &str, words: [&'static str; 2], expr: &Expr) -> Result<bool, String> {
    let [first, second] = words;
    match text(expr).map(syn::LitStr::value) {
        Some(word) if word == first => Ok(false),
        Some(word) if word == second => Ok(true),
        Some(word) => Err(diag::unknown(&format!("value of `{option}`"), &word, &words)),
        None => Err(format!(
            "`{option}` is a string; write `{option} = \"{first}\"` or `{option} = \"{second}\"`"
        )),
    }
}

fn duration(option: &str, expr: &Expr) -> Result<Duration, String> {
    match text(expr) {
        Some(text) => durations::parse(&text.value()),
        None => Err(format!("`{option}` is a duration in a string; write `{option} = \"200ms\"`")),
    }
}

/// `wait(1, "100ms")`: how many replicas, and for how long.
fn wait(expr: &Expr) -> Result<(u32, Duration), String> {
    const USAGE: &str = "`durability` says how many replicas are waited for, and how long; write `durability = wait(1, \
                         \"100ms\")`";
    let call = match peel(expr) {
        Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("wait")) => call,
        _ => return Err(USAGE.into()),
    };
    let mut args = call.args.iter();
    let (Some(replicas), Some(limit), None) = (args.next(), args.next(), args.next()) else {
        return Err(USAGE.into());
    };
    let replicas = number(replicas).filter(|number| *number >= 1).ok_or(USAGE)?;
    match literal(limit) {
        Some(Lit::Str(limit)) => Ok((replicas, durations::parse(&limit.value())?)),
        _ => Err(USAGE.into()),
    }
}
