//! What the caller gets when the body is over.

use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, Path, PathArguments, PathSegment, Signature, Type, parse_quote};

use super::Manner;
use crate::diag::{self, Diag};
use crate::func::{Func, first_type, last_segment, peel};

pub(crate) enum End {
    /// What the body gave, once everything is invalidated.
    Told,
    /// An error, when the cache was not reached.
    OrFail,
    /// What the body gave, as what the caller invalidates by, in a signature that says so.
    Deferred { sig: Box<Signature>, fallible: bool },
}

impl End {
    pub(super) fn lower(func: &Func, krate: &Path, manner: &Manner, diag: &Diag) -> Option<End> {
        let or_fail = manner.or_fail.spanned().filter(|or_fail| or_fail.value);
        if let Some(deferred) = manner.deferred.span() {
            let Some((sig, fallible)) = deferred_signature(func, krate) else {
                let output = func.output().map(diag::shown).unwrap_or_default();
                diag.error(
                    deferred,
                    format!(
                        "`deferred` puts the value into a `Deferred`, and `{output}` does not show its value; write the \
                         return type as `Result<T, E>`"
                    ),
                );
                return None;
            };
            return Some(End::Deferred { sig: Box::new(sig), fallible });
        }
        let Some(or_fail) = or_fail else { return Some(End::Told) };
        let result = func.output().and_then(last_segment);
        if !result.is_some_and(|segment| is_result(segment) && first_type(segment).is_some()) {
            let message = "`on_unreachable = \"error\"` needs a way to return it; return a `Result`, or remove the option";
            diag.error(or_fail.span, message);
            return None;
        }
        Some(End::OrFail)
    }
}

fn is_result(segment: &PathSegment) -> bool {
    segment.ident.to_string().ends_with("Result")
}

/// The signature of a deferred mutation, and whether it can fail; nothing where a name hides that.
pub(crate) fn deferred_signature(func: &Func, krate: &Path) -> Option<(Signature, bool)> {
    let mut sig = func.sig.clone();
    let Some(output) = func.output() else {
        sig.output = parse_quote!(-> #krate::__private::Deferred<()>);
        return Some((sig, false));
    };
    let mut new = output.clone();
    let fallible = last_segment(output).is_some_and(is_result);
    if fallible {
        let segment = match peel_mut(&mut new) {
            Type::Path(path) => path.path.segments.last_mut()?,
            _ => return None,
        };
        if segment.ident != "Result" {
            return None;
        }
        let value = first_mut(segment)?;
        *value = parse_quote!(#krate::__private::Deferred<#value>);
    } else {
        new = parse_quote!(#krate::__private::Deferred<#output>);
    }
    Replace { old: output, new: &new }.visit_return_type_mut(&mut sig.output);
    Some((sig, fallible))
}

/// Puts a type in the place of another, within the future that a function may return.
struct Replace<'a> {
    old: &'a Type,
    new: &'a Type,
}

impl VisitMut for Replace<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if ty == self.old { *ty = self.new.clone() } else { visit_mut::visit_type_mut(self, ty) }
    }
}

fn peel_mut(ty: &mut Type) -> &mut Type {
    let inner = peel(ty).clone();
    *ty = inner;
    ty
}

fn first_mut(segment: &mut PathSegment) -> Option<&mut Type> {
    let PathArguments::AngleBracketed(list) = &mut segment.arguments else { return None };
    list.args.iter_mut().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    fn deferred(text: &str) -> Option<String> {
        let func = syn::parse_str(text).expect(text);
        let (sig, _) = deferred_signature(&func, &parse_quote!(c))?;
        let output = sig.output.to_token_stream().to_string().replace(' ', "");
        Some(output.replace("c::__private::", ""))
    }

    #[test]
    fn the_value_is_what_is_deferred() {
        for (text, output) in [
            ("async fn f() {}", "->Deferred<()>"),
            ("async fn f() -> u8 {}", "->Deferred<u8>"),
            ("async fn f() -> Result<Option<u8>, E> {}", "->Result<Deferred<Option<u8>>,E>"),
            ("async fn f() -> anyhow::Result<u8> {}", "->anyhow::Result<Deferred<u8>>"),
            (
                "fn f() -> Pin<Box<dyn Future<Output = Result<u8, E>> + Send>> { Box::pin(async move { x }) }",
                "->Pin<Box<dynFuture<Output=Result<Deferred<u8>,E>>+Send>>",
            ),
        ] {
            assert_eq!(deferred(text).as_deref(), Some(output), "{text}");
        }
        for alias in ["DbResult<u8>", "io::Result", "LoadResult"] {
            assert_eq!(deferred(&format!("async fn f() -> {alias} {{}}")), None, "{alias}");
        }
    }
}
