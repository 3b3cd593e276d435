//! What a mutation makes untrue: `Self::get(id)`, `self.get(id)`, `tags("tasks", "owner:{owner}")`, `namespace("tasks")`, and
//! `each id in ids => Self::get(id)`.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, ExprCall, ExprLit, ExprMethodCall, ExprPath, Ident, Lit, LitStr, Pat, Token, token};

use super::options::listed;

/// One target, or one for each element of a collection.
pub(crate) struct Target {
    pub(crate) each: Option<Each>,
    pub(crate) aim: Aim,
    /// Where it begins.
    pub(crate) span: Span,
}

/// `each id in ids`
pub(crate) struct Each {
    pub(crate) pat: Pat,
    pub(crate) source: Expr,
}

pub(crate) enum Aim {
    /// The entry of one call.
    Call(Call),
    /// `tags("tasks", "owner:{owner}")`: the namespace, and templates.
    Tags(LitStr, Vec<LitStr>),
    /// `namespace("tasks")`
    Namespace(LitStr),
}

pub(crate) enum Call {
    /// `Self::get(id)`: the path, and the call it stands in.
    Path(ExprPath, ExprCall),
    /// `self.repo.get(id)`
    Method(ExprMethodCall),
}

impl Parse for Target {
    fn parse(input: ParseStream<'_>) -> syn::Result<Target> {
        let span = input.span();
        let each = if at_each(input) { Some(input.parse()?) } else { None };
        Ok(Target { each, aim: input.parse()?, span })
    }
}

impl Parse for Aim {
    fn parse(input: ParseStream<'_>) -> syn::Result<Aim> {
        let word = |word: &str| input.fork().parse::<Ident>().is_ok_and(|ident| ident == word);
        if !input.peek2(token::Paren) || !(word("tags") || word("namespace")) {
            return input.parse().map(Aim::Call);
        }
        let name: Ident = input.parse()?;
        let rule = if name == "tags" { TAGS } else { NAMESPACE };
        let mut texts = texts(input, rule)?.into_iter();
        match (name == "tags", texts.next(), texts.next()) {
            (true, Some(ns), Some(first)) => Ok(Aim::Tags(ns, [first].into_iter().chain(texts).collect())),
            (true, Some(ns), None) => {
                let ns = ns.value();
                let message = format!(
                    "no tag is named; write `tags({ns:?}, \"owner:{{owner}}\")`, or `namespace({ns:?})` for all of it"
                );
                Err(syn::Error::new(name.span(), message))
            }
            (false, Some(ns), None) => Ok(Aim::Namespace(ns)),
            _ => Err(syn::Error::new(name.span(), rule)),
        }
    }
}

const TAGS: &str = "tags are a namespace and then templates, as strings; write `tags(\"tasks\", \"owner:{owner}\")` \
                    (and `self::tags(..)` for a function of that name)";
const NAMESPACE: &str = "a namespace is one string; write `namespace(\"tasks\")` (and `self::namespace(..)` for a \
                         function of that name)";

/// The strings in the parentheses here.
fn texts(input: ParseStream<'_>, rule: &str) -> syn::Result<Vec<LitStr>> {
    let text = |expr: &Expr| match ungrouped(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        _ => Err(syn::Error::new_spanned(expr, rule)),
    };
    listed(input, Expr::parse)?.iter().map(text).collect()
}

/// What a macro's `$name:literal` or `$name:expr` stands for: it comes in a group that nobody wrote.
fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        expr => expr,
    }
}

/// `each` is a name like any other, so only what follows tells.
fn at_each(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let each = ahead.parse::<Ident>().is_ok_and(|word| word == "each");
    each && !(ahead.is_empty()
        || ahead.peek(token::Paren) && !ahead.peek2(Token![in])
        || ahead.peek(Token![::])
        || ahead.peek(Token![.])
        || ahead.peek(Token![,]))
}

impl Parse for Each {
    fn parse(input: ParseStream<'_>) -> syn::Result<Each> {
        input.parse::<Ident>()?;
        let rule = |error: syn::Error| {
            syn::Error::new(error.span(), format!("{error}; write `each id in ids => Self::get(id)`"))
        };
        let pat = Pat::parse_multi_with_leading_vert(input).map_err(rule)?;
        input.parse::<Token![in]>().map_err(rule)?;
        let source = input.parse().map_err(rule)?;
        input.parse::<Token![=>]>().map_err(rule)?;
        Ok(Each { pat, source })
    }
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> syn::Result<Call> {
        let start = input.span();
        let expr: Expr =
            input.parse().map_err(|error| syn::Error::new(error.span(), format!("{error}; {REPAIR}")))?;
        match expr {
            Expr::MethodCall(call) => Ok(Call::Method(call)),
            Expr::Call(call) => match *call.func.clone() {
                Expr::Path(path) => Ok(Call::Path(path, call)),
                func => Err(not_a_call(&func, start)),
            },
            Expr::Path(path) => {
                let text = path_text(&path);
                let message = format!(
                    "a target is a call, with the arguments that say which entry; write `{text}(..)`"
                );
                Err(syn::Error::new_spanned(path, message))
            }
            other => Err(not_a_call(&other, start)),
        }
    }
}

const REPAIR: &str = "write `Self::get(id)`, `get_task(id)` or `self.get(id)`";

fn not_a_call(expr: &Expr, start: Span) -> syn::Error {
    let message = format!("a target is a call of a cached function; {REPAIR}");
    match expr {
        Expr::Verbatim(_) => syn::Error::new(start, message),
        expr => syn::Error::new_spanned(expr, message),
    }
}

fn path_text(path: &ExprPath) -> String {
    let names: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    names.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::{Delimiter, Group, Literal};
    use quote::{ToTokens as _, quote};

    fn error(text: &str) -> String {
        syn::parse_str::<Target>(text).err().expect(text).to_string()
    }

    #[test]
    fn calls_of_every_shape_are_targets() {
        for text in [
            "Self::get(id)",
            "TaskRepo::get::<T>(id)",
            "get_task(id, &name)",
            "crate::x::get()",
            "each(id)",
            "<Repo as Tasks>::get(id)",
        ] {
            let target = syn::parse_str::<Target>(text).expect(text);
            assert!(target.each.is_none() && matches!(target.aim, Aim::Call(Call::Path(..))), "{text}");
        }
        for text in ["self.get(id)", "self.repo.get(result.id)", "each.get(id)"] {
            let target = syn::parse_str::<Target>(text).expect(text);
            assert!(target.each.is_none() && matches!(target.aim, Aim::Call(Call::Method(_))), "{text}");
        }
    }

    #[test]
    fn each_takes_a_pattern_and_a_source() {
        for text in [
            "each id in ids => Self::get(id)",
            "each (a, _) in result.pairs() => get(a)",
            "each &id in x => self.get(id)",
        ] {
            let target = syn::parse_str::<Target>(text).expect(text);
            assert!(target.each.is_some(), "{text}");
        }
    }

    #[test]
    fn tags_and_namespaces_are_strings() {
        let target = |text| syn::parse_str::<Target>(text).expect(text).aim;
        assert!(matches!(target(r#"tags("t", "a", "b:{id}",)"#), Aim::Tags(_, tags) if tags.len() == 2));
        assert!(matches!(target(r#"each id in ids => tags("t", "{id}")"#), Aim::Tags(..)));
        assert!(matches!(target(r#"namespace("t")"#), Aim::Namespace(_)));
        for text in ["Self::tags(id)", "self::namespace()", "tags::of(id)", "namespaces(id)"] {
            assert!(matches!(target(text), Aim::Call(_)), "{text}");
        }
        for (text, message) in [
            ("tags()", TAGS),
            ("tags(id)", TAGS),
            ("namespace()", NAMESPACE),
            (r#"namespace("a", "b")"#, NAMESPACE),
        ] {
            assert_eq!(error(text), message, "{text}");
        }
        assert_eq!(
            error(r#"tags("t")"#),
            r#"no tag is named; write `tags("t", "owner:{owner}")`, or `namespace("t")` for all of it"#
        );
    }

    #[test]
    fn a_string_may_come_from_a_macro() {
        let grouped = |text: &str| {
            let text = Group::new(Delimiter::None, Literal::string(text).into_token_stream());
            Group::new(Delimiter::None, text.into_token_stream())
        };
        let (ns, tag) = (grouped("t"), grouped("owner:{id}"));
        let target = |tokens| syn::parse2::<Target>(tokens).map(|target| target.aim);
        let tags = target(quote!(tags(#ns, #tag, "list")));
        assert!(matches!(tags, Ok(Aim::Tags(ns, tags)) if ns.value() == "t" && tags.len() == 2));
        assert!(matches!(target(quote!(namespace(#ns))), Ok(Aim::Namespace(ns)) if ns.value() == "t"));
        assert!(target(quote!(namespace((#ns)))).is_err());
    }

    #[test]
    fn anything_else_is_refused_with_the_repair() {
        assert_eq!(
            error("Self::get"),
            "a target is a call, with the arguments that say which entry; write `Self::get(..)`"
        );
        assert!(error("get(id)?").starts_with("a target is a call of a cached function; write"));
        assert!(error("vec![1]").starts_with("a target is a call of a cached function; write"));
        assert!(error("each id ids => get(id)").ends_with("write `each id in ids => Self::get(id)`"));
    }
}
