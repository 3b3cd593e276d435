//! `name = value, name(a, b)`: the options of an attribute, read one by one, so that a slip in one hides no other.

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, LitStr, Path, Token, Type, token};

use crate::diag::{self, Diag};

/// An option that an attribute knows.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// How it is written, for the errors.
    pub(crate) usage: &'static str,
}

/// How the value of an option is written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// `name = expression`
    Value,
    /// The same, in which `10 per "1h"` may stand for `10, per = "1h"`
    Phrase,
    /// `name = Type`, or a string that names one
    Type,
    /// `name = ::path`
    Path,
    /// `name(a, b)`
    Names,
    /// `name = expression`, or `name(expression, ..)`
    Values,
    /// `name`
    Flag,
    /// No option, though people look for it here: `usage` says why, and what to do instead.
    Elsewhere,
}

/// An option as it was written.
pub(crate) struct Given {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Expr(Expr),
    Type(Type),
    Path(Path),
    Names(Vec<Ident>),
    Values(Vec<Expr>),
    Flag,
}

/// The options of one attribute.
pub(crate) struct Options {
    pub(crate) given: Vec<Given>,
    /// Names of options that were meant and could not be read: what they lack was reported.
    pub(crate) lost: Vec<String>,
}

/// Reads the options of an attribute that takes nothing else.
pub(crate) fn parse(tokens: TokenStream, known: &'static [Known], diag: &Diag) -> Options {
    let mut reader = Reader::new(known, diag);
    reader.read_all(tokens, Reader::option);
    Options { given: reader.given, lost: reader.lost }
}

/// Reads a comma separated list in which options stand, and goes on after errors.
pub(crate) struct Reader<'a> {
    known: &'static [Known],
    diag: &'a Diag,
    seen: Vec<String>,
    pub(crate) given: Vec<Given>,
    lost: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(known: &'static [Known], diag: &'a Diag) -> Reader<'a> {
        Reader { known, diag, seen: Vec::new(), given: Vec::new(), lost: Vec::new() }
    }

    /// Hands each element to `element`; what that leaves up to the next element is skipped.
    pub(crate) fn read_all(
        &mut self,
        tokens: TokenStream,
        mut element: impl FnMut(&mut Self, ParseStream<'_>) -> syn::Result<()>,
    ) {
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = element(self, input) {
                    self.diag.push(error);
                    skip_element(input);
                } else if !input.is_empty() && !input.peek(Token![,]) {
                    self.diag.push(input.error("elements are separated by commas; add a `,` before this"));
                    skip_element(input);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens) {
            self.diag.push(error);
        }
    }

    /// Reads one option.
    pub(crate) fn option(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let name = input.call(Ident::parse_any).map_err(|error| self.nameless(&error, input))?;
        let text = name.unraw().to_string();
        let Some(known) = self.known.iter().find(|known| known.name == text).copied() else {
            skip_element(input);
            let names = self.names();
            self.lost.extend(diag::near(&text, names.iter().copied()).map(String::from));
            return Err(syn::Error::new(name.span(), diag::unknown("option", &text, &names)));
        };
        if known.form == Form::Elsewhere {
            skip_element(input);
            return Err(syn::Error::new(name.span(), known.usage));
        }
        if self.seen.contains(&text) {
            skip_element(input);
            let message = format!("`{text}` is given twice; keep one of them");
            return Err(syn::Error::new(name.span(), message));
        }
        self.seen.push(text.clone());
        match known.value(&name, input) {
            Ok(value) => self.given.push(Given { name, value }),
            Err(error) => {
                self.lost.push(text);
                return Err(error);
            }
        }
        Ok(())
    }

    /// A string alone is meant for the first option.
    fn nameless(&mut self, error: &syn::Error, input: ParseStream<'_>) -> syn::Error {
        let message = match (input.fork().parse::<LitStr>(), self.known.first()) {
            (Ok(text), Some(first)) => {
                self.lost.push(first.name.into());
                format!("an option starts with its name; write `{} = {:?}`", first.name, text.value())
            }
            _ => "an option starts with its name; write `name = value`".into(),
        };
        syn::Error::new(error.span(), message)
    }

    /// The options there are.
    fn names(&self) -> Vec<&'static str> {
        self.known.iter().filter(|known| known.form != Form::Elsewhere).map(|known| known.name).collect()
    }

    /// Whether an option stands here, and not another kind of element.
    pub(crate) fn at_option(&self, input: ParseStream<'_>) -> bool {
        let ahead = input.fork();
        let Ok(name) = ahead.call(Ident::parse_any) else { return false };
        let known = self.known.iter().any(|known| name == known.name);
        let alone = ahead.is_empty() || ahead.peek(Token![,]);
        (ahead.peek(Token![=]) && !ahead.peek(Token![==]))
            || known && (alone || ahead.peek(token::Paren))
            || alone && diag::near(&name.to_string(), self.names()).is_some()
    }
}

impl Known {
    fn value(self, name: &Ident, input: ParseStream<'_>) -> syn::Result<Value> {
        let misfit = || {
            syn::Error::new(
                name.span(),
                format!("`{}` is written otherwise; write `{}`", self.name, self.usage),
            )
        };
        match self.form {
            Form::Flag if input.is_empty() || input.peek(Token![,]) => return Ok(Value::Flag),
            Form::Names if input.peek(token::Paren) => {
                let names = listed(input, |input| input.call(Ident::parse_any));
                return names
                    .map(Value::Names)
                    .map_err(|error| syn::Error::new(error.span(), misfit().to_string()));
            }
            Form::Values if input.peek(token::Paren) => return listed(input, Expr::parse).map(Value::Values),
            Form::Flag | Form::Names => return Err(misfit()),
            _ if !input.peek(Token![=]) => return Err(misfit()),
            _ => {}
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(misfit());
        }
        match self.form {
            Form::Type if !input.peek(LitStr) => input.parse().map(Value::Type),
            Form::Path => input.call(Path::parse_mod_style).map(Value::Path),
            Form::Phrase if input.peek(Ident) && input.peek2(token::Paren) => {
                let (word, group): (Ident, Group) = (input.parse()?, input.parse()?);
                let mut spelled = Group::new(group.delimiter(), spelled_out(group.stream()));
                spelled.set_span(group.span());
                syn::parse2(quote::quote!(#word #spelled)).map(Value::Expr)
            }
            _ => input.parse().map(Value::Expr),
        }
        .map_err(|error| syn::Error::new(error.span(), format!("{error}; write `{}`", self.usage)))
    }
}

/// `10, per = "1h"` for `10 per "1h"`.
fn spelled_out(tokens: TokenStream) -> TokenStream {
    let mut after_number = false;
    let mut spelled = TokenStream::new();
    for tree in tokens {
        let is_per = after_number && matches!(&tree, TokenTree::Ident(ident) if ident == "per");
        after_number = matches!(tree, TokenTree::Literal(_));
        spelled.extend(if is_per { quote::quote!(, #tree =) } else { tree.into() });
    }
    spelled
}

/// What stands in the parentheses here, between commas.
pub(super) fn listed<T>(
    input: ParseStream<'_>,
    element: fn(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<Vec<T>> {
    let content;
    syn::parenthesized!(content in input);
    let list = Punctuated::<T, Token![,]>::parse_terminated_with(&content, element)?;
    Ok(list.into_iter().collect())
}

/// Skips to the comma after which the next element starts. Commas within a broken value are none of those.
fn skip_element(input: ParseStream<'_>) {
    let starts = |ahead: ParseStream<'_>| {
        let named = ahead.call(Ident::parse_any).is_ok();
        ahead.is_empty() || named && (ahead.is_empty() || ahead.peek(Token![=]) || ahead.peek(token::Paren))
    };
    while !input.is_empty() {
        if input.peek(Token![,]) {
            let ahead = input.fork();
            let _comma = ahead.parse::<Token![,]>();
            if starts(&ahead) {
                return;
            }
        }
        let _skipped = input.parse::<TokenTree>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    const KNOWN: &[Known] = &[
        Known { name: "ns", form: Form::Value, usage: "ns = \"tasks\"" },
        Known { name: "skip", form: Form::Names, usage: "skip(db)" },
        Known { name: "codec", form: Form::Type, usage: "codec = \"json\"" },
        Known { name: "crate", form: Form::Path, usage: "crate = ::path" },
        Known { name: "settle", form: Form::Flag, usage: "settle" },
        Known { name: "stale", form: Form::Values, usage: "stale = \"10m\"" },
        Known { name: "report", form: Form::Elsewhere, usage: "it stands elsewhere; look there" },
    ];

    fn read(tokens: TokenStream) -> (Vec<String>, Vec<String>) {
        let diag = Diag::new();
        let names = parse(tokens, KNOWN, &diag).given.iter().map(|given| given.name.to_string()).collect();
        let errors = diag.messages();
        (names, errors)
    }

    #[test]
    fn every_form_is_read() {
        let (names, errors) =
            read(quote!(ns = "a", skip(a, self), codec = My<A, B>, crate = ::cache, stale("1s", f), settle));
        assert_eq!(names, ["ns", "skip", "codec", "crate", "stale", "settle"]);
        assert_eq!(errors, Vec::<String>::new());
    }

    #[test]
    fn five_mistakes_are_five_errors() {
        let (names, errors) =
            read(quote!(nss = "a", skip = db, report("x", "y"), settle = true, codec = , ns));
        assert_eq!(names, Vec::<String>::new());
        assert_eq!(errors.len(), 6, "{errors:?}");
    }

    #[test]
    fn a_broken_value_hides_no_option_after_it() {
        let (names, errors) = read(quote!(ns = a b, c d, skip(db)));
        assert_eq!(names, ["ns", "skip"]);
        assert_eq!(errors.len(), 1, "{errors:?}");
    }

    #[test]
    fn the_second_of_two_is_refused() {
        let (names, errors) = read(quote!(ns = "a", ns = "b"));
        assert_eq!(names, ["ns"]);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("given twice"), "{errors:?}");
    }
}
