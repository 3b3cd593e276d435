//! The targets of `#[invalidates]`: `Self::get(id)`, `self.get(id)`, `each id in ids => Self::get(id)`.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, ExprCall, ExprMethodCall, ExprPath, Ident, Pat, Token, token};

/// One call of a cached function, or one for each element of a collection.
pub(crate) struct Target {
    pub(crate) each: Option<Each>,
    pub(crate) call: Call,
}

/// `each id in ids`
pub(crate) struct Each {
    pub(crate) pat: Pat,
    pub(crate) source: Expr,
}

pub(crate) enum Call {
    /// `Self::get(id)`: the path, and the call it stands in.
    Path(ExprPath, ExprCall),
    /// `self.repo.get(id)`
    Method(ExprMethodCall),
}

impl Parse for Target {
    fn parse(input: ParseStream<'_>) -> syn::Result<Target> {
        let each = if at_each(input) { Some(input.parse()?) } else { None };
        let call = input.parse()?;
        Ok(Target { each, call })
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
            assert!(target.each.is_none() && matches!(target.call, Call::Path(..)), "{text}");
        }
        for text in ["self.get(id)", "self.repo.get(result.id)", "each.get(id)"] {
            let target = syn::parse_str::<Target>(text).expect(text);
            assert!(target.each.is_none() && matches!(target.call, Call::Method(_)), "{text}");
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
