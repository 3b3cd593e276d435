//! The annotated function: parameters, receiver, return type. Its body stays tokens.

mod body;
mod param;
mod types;

pub(crate) use self::body::Body;
pub(crate) use self::param::{Name, Param, binds};
pub(crate) use self::types::{first_type, last_segment, peel};

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, ReturnType, Signature, Token, Type, Visibility};

/// A function with a body.
pub(crate) struct Func {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) default: Option<Token![default]>,
    pub(crate) sig: Signature,
    pub(crate) params: Vec<Param>,
    pub(crate) body: Body,
}

impl Func {
    /// The attributes, and the function without them.
    pub(crate) fn parts(&self) -> (&[Attribute], TokenStream) {
        let Func { attrs, vis, default, sig, body, .. } = self;
        let (Body::Async(block) | Body::Boxed { block, .. } | Body::Other(block)) = body;
        (attrs, quote!(#vis #default #sig #block))
    }

    /// The type that awaiting a call gives; `None` where none is written.
    pub(crate) fn output(&self) -> Option<&Type> {
        match (&self.body, &self.sig.output) {
            (Body::Boxed { output, .. }, _) => Some(output),
            (_, ReturnType::Type(_, ty)) => Some(ty),
            (_, ReturnType::Default) => None,
        }
    }

    /// Whether `async_trait` made this function of an `async fn`.
    pub(crate) fn is_async_trait(&self) -> bool {
        self.sig.generics.lifetimes().any(|param| param.lifetime.ident == "async_trait")
    }

    /// The name without `r#`.
    pub(crate) fn name(&self) -> String {
        self.sig.ident.unraw().to_string()
    }

    /// `get_entry` for `get`.
    pub(crate) fn companion(&self) -> Ident {
        format_ident!("{}_entry", self.sig.ident)
    }

    /// The attribute of this name on the function, if there is one.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attrs.iter().find(|attr| is_named(attr, name))
    }
}

/// Whether the attribute is `#[name]`, by whichever path.
pub(crate) fn is_named(attr: &Attribute, name: &str) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == name)
}

impl Parse for Func {
    fn parse(input: ParseStream<'_>) -> syn::Result<Func> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let default = input.parse()?;
        let sig: Signature = input.parse().map_err(|error| syn::Error::new(error.span(), NO_FUNCTION))?;
        if input.peek(Token![;]) {
            return Err(input.error("a function without a body; write the attribute where the body is"));
        }
        let block = hoist_inner_attrs(&block(input)?, &mut attrs)?;
        let body = Body::of(&sig, block);
        let params = sig.inputs.iter().filter_map(|input| Param::of(input, &sig, &body)).collect();
        Ok(Func { attrs, vis, default, sig, params, body })
    }
}

const NO_FUNCTION: &str =
    "the attribute stands on an async function, and `#[cached]` also on an `impl` block";

/// The body, which a macro may have put into a group without delimiters.
fn block(input: ParseStream<'_>) -> syn::Result<Group> {
    let span = input.span();
    let mut tree: TokenTree = input.parse()?;
    while let TokenTree::Group(group) = tree {
        match group.delimiter() {
            Delimiter::Brace => return Ok(group),
            Delimiter::None => match group.stream().into_iter().next() {
                Some(inner) => tree = inner,
                None => break,
            },
            _ => break,
        }
    }
    Err(syn::Error::new(span, "expected the body of a function"))
}

/// Moves `#![..]` out of the body, since the body will stand in a block of its own.
fn hoist_inner_attrs(block: &Group, attrs: &mut Vec<Attribute>) -> syn::Result<Group> {
    let split = |input: ParseStream<'_>| Ok((Attribute::parse_inner(input)?, input.parse::<TokenStream>()?));
    let (inner, rest) = split.parse2(block.stream())?;
    attrs.extend(inner.into_iter().map(|attr| Attribute { style: syn::AttrStyle::Outer, ..attr }));
    let mut bare = Group::new(Delimiter::Brace, rest);
    bare.set_span(block.span());
    Ok(bare)
}

impl ToTokens for Func {
    /// The function as it was, without the attribute that was read.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let (attrs, rest) = self.parts();
        tokens.extend(quote!(#(#attrs)* #rest));
    }
}

/// Whether a `fn` and not another item of an `impl` stands here.
pub(crate) fn at_func(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let head = |input: ParseStream<'_>| {
        Attribute::parse_outer(input)?;
        input.parse::<Visibility>()?;
        input.parse::<Option<Token![default]>>()?;
        input.parse::<Signature>()
    };
    head(&ahead).is_ok() && block(&ahead).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn func(text: &str) -> Func {
        syn::parse_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn tokens(value: impl ToTokens) -> String {
        value.to_token_stream().to_string()
    }

    #[test]
    fn the_box_pin_shape_is_seen_through() {
        let boxed = func(
            "fn get<'life0, 'async_trait>(&'life0 self, id: u64, __arg2: Path<u64>, __arg3: Ctx)
                -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Result<u8, E>> + ::core::marker::Send + 'async_trait>>
             {
                Box::pin(async move {
                    let id = id;
                    let Path(inner) = { let __arg2 = __arg2; __arg2 };
                    let __arg3 = __arg3;
                    let __ret: Result<u8, E> = { Ok(1) };
                    __ret
                })
             }",
        );
        assert!(boxed.is_async_trait());
        assert_eq!(tokens(boxed.output()), tokens(func("fn f() -> Result<u8, E> {}").output()));
        assert!(matches!(&boxed.params[0].name, Name::Plain(name) if name == "id"));
        assert!(matches!(&boxed.params[1].name, Name::Pattern { binds, .. } if binds[0] == "inner"));
        assert!(matches!(boxed.params[2].name, Name::Wild));
    }

    #[test]
    fn another_body_is_not_that_shape() {
        for body in
            ["let a = 1; Box::pin(async move { a })", "Box::pin(async { 1 })", "Box::pin(f())", "pinned"]
        {
            let text = format!("fn f() -> Pin<Box<dyn Future<Output = u8> + Send>> {{ {body} }}");
            assert!(matches!(func(&text).body, Body::Other(_)), "{body}");
        }
    }

    #[test]
    fn a_function_is_emitted_as_it_was() {
        for text in [
            "# [doc = \"a\"] pub async fn f < T > (mut id : T) -> u8 where T : Copy { 1 }",
            "fn f () -> Pin < Box < dyn Future < Output = u8 > > > { Box :: pin (async move { 1 }) }",
            "fn f () { }",
        ] {
            assert_eq!(tokens(func(text)), text);
        }
    }

    #[test]
    fn inner_attributes_move_out_of_the_body() {
        let func = func("async fn f() { #![allow(dead_code)] 1 }");
        assert_eq!(tokens(&func), "# [allow (dead_code)] async fn f () { 1 }");
    }
}
