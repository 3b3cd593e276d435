//! How long, and where: `ttl`, `none`, `l1`, `load_timeout`.

use std::time::Duration;

use syn::{Expr, ExprPath, Lit};

use super::{literal, peel, text};
use crate::diag;
use crate::syntax::durations;

/// The named policies: the word, the constant of the runtime, the words for people.
const NAMED: [Named; 8] = [
    Named { word: "short", constant: "SHORT", length: "60 s" },
    Named { word: "medium", constant: "MEDIUM", length: "300 s" },
    Named { word: "long", constant: "LONG", length: "900 s" },
    Named { word: "very_long", constant: "VERY_LONG", length: "1 h" },
    Named { word: "day", constant: "DAY", length: "one day" },
    Named { word: "week", constant: "WEEK", length: "one week" },
    Named { word: "month", constant: "MONTH", length: "one month" },
    Named { word: "never", constant: "NEVER", length: "until it is invalidated" },
];

#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) word: &'static str,
    pub(crate) constant: &'static str,
    pub(crate) length: &'static str,
}

/// `ttl`
#[derive(Clone)]
pub(crate) enum Ttl {
    Named(Named),
    For(Duration),
    /// The path of a constant, a `Duration` or a `Policy`.
    Const(ExprPath),
    /// `adaptive("5m", hot = "10m", above = 10 per "1h")`
    Adaptive(Box<Ttl>, Hot),
    /// `sliding("30m")`
    Sliding(Box<Ttl>),
}

/// What is asked for more than `above` times within `per` is fresh for longer.
#[derive(Clone)]
pub(crate) struct Hot {
    pub(crate) fresh: Duration,
    pub(crate) above: u32,
    pub(crate) per: Duration,
}

/// `none`: what becomes of an absent value.
#[derive(Clone)]
pub(crate) enum Absent {
    Skip,
    Cache,
    For(Duration),
}

/// `l1`: what the tier in this process does.
#[derive(Clone)]
pub(crate) enum Level {
    Off,
    Validate,
    Coherent,
    Ttl(Duration),
}

/// `load_timeout`, `swr`, and others that are a length of time.
#[derive(Clone)]
pub(crate) enum Limit {
    For(Duration),
    Const(ExprPath),
}

impl Ttl {
    pub(crate) fn medium() -> Ttl {
        Ttl::Named(NAMED[1])
    }

    /// The constant that it names.
    pub(super) fn path(&self) -> Option<&ExprPath> {
        match self {
            Ttl::Const(path) => Some(path),
            Ttl::Adaptive(base, _) | Ttl::Sliding(base) => base.path(),
            Ttl::Named(_) | Ttl::For(_) => None,
        }
    }

    pub(super) fn is_never(&self) -> bool {
        matches!(self, Ttl::Named(named) if named.word == "never")
    }

    pub(super) fn lower(expr: &Expr) -> Result<Ttl, String> {
        let words = NAMED.map(|named| named.word);
        if let Expr::Path(path) = peel(expr) {
            return match words.iter().find(|word| path.path.is_ident(word)) {
                Some(word) => Err(format!("a named policy is a string; write `ttl = \"{word}\"`")),
                None => Ok(Ttl::Const(path.clone())),
            };
        }
        if let Expr::Call(call) = peel(expr)
            && let Expr::Path(word) = &*call.func
        {
            let args: Vec<&Expr> = call.args.iter().collect();
            if word.path.is_ident("adaptive") {
                return adaptive(&args);
            }
            if word.path.is_ident("sliding") {
                return sliding(&args);
            }
        }
        let Some(text) = text(expr) else { return Err(not_a_duration("ttl", expr)) };
        let text = text.value();
        if let Some(named) = NAMED.iter().find(|named| named.word == text) {
            return Ok(Ttl::Named(*named));
        }
        // a word is meant as a name, anything with a digit as a duration
        if !text.is_empty() && text.chars().all(|c| c.is_alphabetic() || c == '_' || c == '-') {
            return Err(diag::unknown("policy", &text, &words));
        }
        durations::parse(&text).map(Ttl::For)
    }
}

const ADAPTIVE: &str = "write `ttl = adaptive(\"5m\", hot = \"10m\", above = 10 per \"1h\")`";

fn adaptive(args: &[&Expr]) -> Result<Ttl, String> {
    let [base, options @ ..] = args else { return Err(format!("`adaptive` says nothing; {ADAPTIVE}")) };
    let (mut hot, mut above, mut per) = (None, None, None);
    for option in options {
        let Expr::Assign(option) = option else {
            return Err(format!("`adaptive` takes one ttl, and names what else it takes; {ADAPTIVE}"));
        };
        let known = match &*option.left {
            Expr::Path(name) if name.path.is_ident("hot") => {
                hot = Some(duration("hot", &option.right)?);
                true
            }
            Expr::Path(name) if name.path.is_ident("per") => {
                per = Some(duration("per", &option.right)?);
                true
            }
            Expr::Path(name) if name.path.is_ident("above") => {
                above = match literal(&option.right) {
                    Some(Lit::Int(number)) => number.base10_parse().ok(),
                    _ => None,
                };
                above.is_some()
            }
            _ => false,
        };
        if !known {
            return Err(format!("`adaptive` does not take this; {ADAPTIVE}"));
        }
    }
    let (Some(fresh), Some(above), Some(per)) = (hot, above, per) else {
        return Err(format!("`adaptive` takes `hot`, `above` and `per`; {ADAPTIVE}"));
    };
    let base = ending(base, "adaptive")?;
    if let Ttl::For(length) = base
        && length >= fresh
    {
        return Err(format!("what is hot lives longer; {ADAPTIVE}"));
    }
    Ok(Ttl::Adaptive(Box::new(base), Hot { fresh, above, per }))
}

fn sliding(args: &[&Expr]) -> Result<Ttl, String> {
    let [base] = args else { return Err("`sliding` takes one ttl; write `ttl = sliding(\"30m\")`".into()) };
    Ok(Ttl::Sliding(Box::new(ending(base, "sliding")?)))
}

/// A plain ttl, within another.
fn ending(expr: &Expr, word: &str) -> Result<Ttl, String> {
    match Ttl::lower(expr)? {
        Ttl::Adaptive(..) | Ttl::Sliding(_) => {
            Err(format!("`{word}` takes a plain ttl; write `ttl = {word}(\"5m\" ..)`"))
        }
        base if base.is_never() => Err(format!(
            "`{word}` and `\"never\"` contradict each other: what never ends does not live longer; write `ttl = \"never\"`"
        )),
        base => Ok(base),
    }
}

fn duration(option: &str, expr: &Expr) -> Result<Duration, String> {
    let Some(text) = text(expr) else { return Err(not_a_duration(option, expr)) };
    durations::parse(&text.value())
}

impl Absent {
    pub(super) fn lower(expr: &Expr) -> Result<Absent, String> {
        match choice("none", &["skip", "cache"], expr)? {
            Choice::Word("skip") => Ok(Absent::Skip),
            Choice::Word(_) => Ok(Absent::Cache),
            Choice::For(duration) => Ok(Absent::For(duration)),
        }
    }
}

impl Level {
    pub(super) fn lower(expr: &Expr) -> Result<Level, String> {
        match choice("l1", &["coherent", "validate", "off"], expr)? {
            Choice::Word("off") => Ok(Level::Off),
            Choice::Word("validate") => Ok(Level::Validate),
            Choice::Word(_) => Ok(Level::Coherent),
            Choice::For(duration) => Ok(Level::Ttl(duration)),
        }
    }
}

impl Limit {
    /// A limit that is the same for all calls.
    pub(super) fn of_static(option: &str, expr: &Expr) -> Result<Limit, String> {
        if let Expr::Path(path) = peel(expr)
            && path.path.segments.first().is_some_and(|segment| segment.ident == "Self")
        {
            return Err(format!(
                "`{option}` stands in a `static`, where `Self` has no meaning; write the type's name, as \
                 `TaskRepo::LIMIT`"
            ));
        }
        Limit::of_call(option, expr)
    }

    /// A limit that is given with each call.
    pub(super) fn of_call(option: &str, expr: &Expr) -> Result<Limit, String> {
        match (peel(expr), text(expr)) {
            (Expr::Path(path), _) => Ok(Limit::Const(path.clone())),
            (_, Some(text)) => durations::parse(&text.value()).map(Limit::For),
            (_, None) => Err(not_a_duration(option, expr)),
        }
    }
}

enum Choice {
    Word(&'static str),
    For(Duration),
}

/// One of some words, or a duration.
fn choice(option: &str, words: &'static [&'static str], expr: &Expr) -> Result<Choice, String> {
    let Some(text) = text(expr) else {
        return Err(format!(
            "`{option}` takes a string; write `{option} = \"{}\"` or a duration such as `{option} = \"30s\"`",
            words.join(&format!("\"`, `{option} = \""))
        ));
    };
    let text = text.value();
    if let Some(word) = words.iter().find(|word| **word == text) {
        return Ok(Choice::Word(word));
    }
    if !text.is_empty() && text.chars().all(|c| c.is_alphabetic() || c == '_' || c == '-') {
        let unknown = diag::unknown(&format!("value of `{option}`"), &text, words);
        return Err(format!("{unknown}, or a duration such as `30s`"));
    }
    durations::parse(&text).map(Choice::For)
}

/// What is wrong with a duration that is no string.
fn not_a_duration(option: &str, expr: &Expr) -> String {
    match literal(expr) {
        Some(Lit::Int(number)) if number.suffix().is_empty() => {
            let digits = number.base10_digits();
            format!("unit missing in `{digits}`; write `{option} = \"{digits}s\"`")
        }
        Some(Lit::Int(number)) => format!("a duration is a string; write `{option} = \"{number}\"`"),
        _ => format!(
            "`{option}` is a string or the path of a constant; write `{option} = \"90s\"` or `{option} = LIMIT`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ttl(text: &str) -> Result<Ttl, String> {
        Ttl::lower(&syn::parse_str(text).expect(text))
    }

    #[test]
    fn a_ttl_is_a_name_a_duration_or_a_path() {
        assert!(matches!(ttl("\"medium\""), Ok(Ttl::Named(Named { constant: "MEDIUM", .. }))));
        assert!(matches!(ttl("\"90s\""), Ok(Ttl::For(length)) if length == Duration::from_secs(90)));
        assert!(matches!(ttl("Self::TTL"), Ok(Ttl::Const(_))));
    }

    #[test]
    fn a_wrong_ttl_is_met_with_its_repair() {
        for (text, message) in [
            ("90", "unit missing in `90`; write `ttl = \"90s\"`"),
            ("90s", "a duration is a string; write `ttl = \"90s\"`"),
            ("medium", "a named policy is a string; write `ttl = \"medium\"`"),
            ("\"90\"", "unit missing in `90`; write `90s`"),
            (
                "\"mediun\"",
                "unknown policy `mediun`; did you mean `medium`? one of: short, medium, long, very_long, day, week, \
                 month, never",
            ),
            ("f()", "`ttl` is a string or the path of a constant; write `ttl = \"90s\"` or `ttl = LIMIT`"),
        ] {
            assert_eq!(ttl(text).err().as_deref(), Some(message), "{text}");
        }
    }

    #[test]
    fn a_ttl_may_grow_with_use() {
        let adaptive = ttl("adaptive(\"5m\", hot = \"10m\", above = 10, per = \"1h\")");
        let Ok(Ttl::Adaptive(base, Hot { fresh, above: 10, per })) = adaptive else {
            panic!("{:?}", adaptive.err())
        };
        assert!(matches!(*base, Ttl::For(length) if length == Duration::from_secs(300)));
        assert_eq!((fresh, per), (Duration::from_secs(600), Duration::from_secs(3_600)));
        assert!(matches!(ttl("sliding(\"long\")"), Ok(Ttl::Sliding(base)) if matches!(*base, Ttl::Named(_))));
        for (text, part) in [
            ("adaptive()", "says nothing"),
            ("adaptive(\"5m\", hot = \"10m\")", "takes `hot`, `above` and `per`"),
            ("adaptive(\"5m\", \"10m\")", "takes one ttl"),
            ("adaptive(\"5m\", warm = \"10m\")", "does not take this"),
            ("adaptive(\"5m\", above = many)", "does not take this"),
            ("adaptive(\"5m\", hot = 10, above = 1, per = \"1h\")", "write `hot = \"10s\"`"),
            ("adaptive(\"5m\", hot = \"1m\", above = 1, per = \"1h\")", "lives longer"),
            ("adaptive(\"never\", hot = \"1m\", above = 1, per = \"1h\")", "contradict"),
            ("sliding()", "takes one ttl"),
            ("sliding(sliding(\"5m\"))", "takes a plain ttl"),
        ] {
            let error = ttl(text).err().expect(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_choice_lists_its_words() {
        let none = |text: &str| Absent::lower(&syn::parse_str(text).unwrap()).err().unwrap();
        assert_eq!(
            none("\"chache\""),
            "unknown value of `none`; did you mean `cache`? one of: skip, cache, or a duration such as `30s`"
                .replace("`none`;", "`none` `chache`;")
        );
        assert_eq!(
            none("true"),
            "`none` takes a string; write `none = \"skip\"`, `none = \"cache\"` or a duration such as `none = \"30s\"`"
        );
    }
}
