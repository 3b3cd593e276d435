//! The body of a function, and where its statements stand.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::{GenericArgument, ReturnType, Signature, Type, TypeParamBound};

use super::types::{arguments, first_type, last_segment, peel};

/// Where the statements of the function stand.
pub(crate) enum Body {
    /// `async fn .. { body }`
    Async(Group),
    /// `fn .. -> Pin<Box<dyn Future<Output = ..>>> { Box::pin(async move { body }) }`
    Boxed { block: Group, pin: TokenStream, opening: TokenStream, body: Group, output: Box<Type> },
    /// Not asynchronous.
    Other(Group),
}

impl Body {
    pub(super) fn of(sig: &Signature, block: Group) -> Body {
        if sig.asyncness.is_some() {
            return Body::Async(block);
        }
        let ReturnType::Type(_, ty) = &sig.output else { return Body::Other(block) };
        match (future_output(ty), boxed_async(block.stream())) {
            (Some(output), Some((pin, opening, body))) => {
                Body::Boxed { block, pin, opening, body, output: Box::new(output.clone()) }
            }
            _ => Body::Other(block),
        }
    }
}

/// `R` of `Pin<Box<dyn Future<Output = R>>>`.
fn future_output(ty: &Type) -> Option<&Type> {
    let boxed = first_type(last_segment(ty).filter(|segment| segment.ident == "Pin")?)?;
    let Type::TraitObject(object) =
        peel(first_type(last_segment(boxed).filter(|segment| segment.ident == "Box")?)?)
    else {
        return None;
    };
    object.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let future = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
        arguments(future).find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(&assoc.ty),
            _ => None,
        })
    })
}

/// `Box::pin`, `async move` and the block of `Box::pin(async move { .. })`, when the tokens are that and no more.
fn boxed_async(block: TokenStream) -> Option<(TokenStream, TokenStream, Group)> {
    let mut tokens: Vec<TokenTree> = block.into_iter().collect();
    let arguments = match tokens.pop()? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => group,
        _ => return None,
    };
    let path = |tree: &TokenTree| match tree {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        _ => false,
    };
    let ends_in_pin = matches!(tokens.last(), Some(TokenTree::Ident(last)) if last == "pin");
    if !ends_in_pin || !tokens.iter().all(path) {
        return None;
    }
    let mut inner: Vec<TokenTree> = arguments.stream().into_iter().collect();
    if matches!(inner.last(), Some(TokenTree::Punct(comma)) if comma.as_char() == ',') {
        inner.pop();
    }
    match inner.as_slice() {
        [TokenTree::Ident(a), TokenTree::Ident(m), TokenTree::Group(body)]
            if a == "async" && m == "move" && body.delimiter() == Delimiter::Brace =>
        {
            Some((tokens.into_iter().collect(), quote!(#a #m), body.clone()))
        }
        _ => None,
    }
}
