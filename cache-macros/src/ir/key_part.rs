//! A type whose values can be part of a key.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Fields, Generics, Ident, Index, Member, Meta, Path, parse_quote,
};

use super::runtime;
use crate::diag::Diag;
use crate::syntax::options::{Form as Written, Known, Reader, Value};

pub(crate) struct KeyPart {
    pub(crate) krate: Path,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) form: Form,
}

/// How a value becomes text.
pub(crate) enum Form {
    /// As its only field does.
    Transparent(Field),
    /// As a list of its fields.
    Tuple(Vec<Field>),
    /// As the name of the type, which has no fields.
    Name(String),
    /// As its variant, with the fields of it.
    Variants(Vec<Variant>),
    /// As its `Display`.
    Display,
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    pub(crate) member: Member,
    /// Where an error about its type stands.
    pub(crate) span: Span,
}

/// What `#[key(..)]` says.
struct Options {
    krate: Option<Path>,
    display: bool,
}

const KNOWN: &[Known] = &[Known { name: "crate", form: Written::Path, usage: "crate = ::cache_runtime" }];

impl KeyPart {
    pub(crate) fn lower(input: &DeriveInput, diag: &Diag) -> Option<KeyPart> {
        let options = options(&input.attrs, diag);
        let form = form(input, options.display, diag)?;
        let krate = options.krate.unwrap_or_else(runtime);
        let mut generics = input.generics.clone();
        if options.display {
            let ident = &input.ident;
            let (_, of, _) = input.generics.split_for_impl();
            let bound = parse_quote!(#ident #of: #krate::__private::core::fmt::Display);
            if !input.generics.params.is_empty() {
                generics.make_where_clause().predicates.push(bound);
            }
        } else {
            for param in generics.type_params_mut() {
                param.bounds.push(parse_quote!(#krate::__private::KeyPart));
            }
        }
        Some(KeyPart { krate, ident: input.ident.clone(), generics, form })
    }
}

fn form(input: &DeriveInput, display: bool, diag: &Diag) -> Option<Form> {
    let form = match &input.data {
        Data::Union(data) => {
            diag.error_at(
                data.union_token,
                "a union does not know which field it holds; write `impl KeyPart`, or use an enum",
            );
            return None;
        }
        Data::Struct(data) => {
            refuse_on_fields(&data.fields, diag);
            match &data.fields {
                Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                    Form::Transparent(member(0, &fields.unnamed[0]))
                }
                fields if fields.is_empty() => Form::Name(snake_case(&input.ident.to_string())),
                fields => Form::Tuple(members(fields)),
            }
        }
        Data::Enum(data) => Form::Variants(variants(data, diag)),
    };
    Some(if display { Form::Display } else { form })
}

fn variants(data: &DataEnum, diag: &Diag) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for variant in &data.variants {
        refuse(&variant.attrs, diag);
        refuse_on_fields(&variant.fields, diag);
        let ident = variant.ident.clone();
        let name = snake_case(&ident.to_string());
        if let Some(twin) = variants.iter().find(|other| other.name == name) {
            let twin = &twin.ident;
            diag.error(
                ident.span(),
                format!("`{ident}` and `{twin}` are both `{name}` in a key; rename one of them"),
            );
        }
        variants.push(Variant { ident, name, fields: members(&variant.fields) });
    }
    variants
}

fn members(fields: &Fields) -> Vec<Field> {
    fields.iter().enumerate().map(|(index, field)| member(index, field)).collect()
}

fn member(index: usize, field: &syn::Field) -> Field {
    let index = u32::try_from(index).expect("a type has fewer fields");
    let unnamed = || Member::Unnamed(Index { index, span: Span::call_site() });
    Field { member: field.ident.clone().map_or_else(unnamed, Member::Named), span: field.ty.span() }
}

fn options(attrs: &[Attribute], diag: &Diag) -> Options {
    let mut options = Options { krate: None, display: false };
    let mut tokens = TokenStream::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("key")) {
        match &attr.meta {
            Meta::List(list) if !list.tokens.is_empty() => {
                let list = &list.tokens;
                tokens.extend(quote::quote!(#list,));
            }
            meta => diag.error_at(meta, "`#[key]` says nothing by itself; write `#[key(display)]`"),
        }
    }
    let mut reader = Reader::new(KNOWN, diag);
    reader.read_all(tokens, |reader, input| {
        if reader.at_option(input) {
            return reader.option(input);
        }
        let word: Ident = input.parse()?;
        if word != "display" {
            let message = crate::diag::unknown("option", &word.to_string(), &["display", "crate"]);
            return Err(syn::Error::new(word.span(), message));
        }
        if std::mem::replace(&mut options.display, true) {
            return Err(syn::Error::new(word.span(), "`display` is given twice; keep one of them"));
        }
        Ok(())
    });
    options.krate = reader.given.into_iter().find_map(|given| match given.value {
        Value::Path(path) => Some(path),
        _ => None,
    });
    options
}

fn refuse_on_fields(fields: &Fields, diag: &Diag) {
    fields.iter().for_each(|field| refuse(&field.attrs, diag));
}

fn refuse(attrs: &[Attribute], diag: &Diag) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("key")) {
        diag.error_at(attr, "`#[key(..)]` speaks of a whole type; write it above the type");
    }
}

/// `InProgress` as `in_progress`, `HTTPError2` as `http_error2`.
fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.trim_start_matches("r#").chars().collect();
    let mut snake = String::new();
    for (place, c) in chars.iter().enumerate() {
        let after_lower = place > 0 && !chars[place - 1].is_uppercase() && chars[place - 1] != '_';
        let starts_word = chars.get(place + 1).is_some_and(|next| next.is_lowercase());
        let after_upper = place > 0 && chars[place - 1].is_uppercase();
        if c.is_uppercase() && (after_lower || after_upper && starts_word) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_snake_case() {
        for (name, snake) in [
            ("Open", "open"),
            ("InProgress", "in_progress"),
            ("HTTPError", "http_error"),
            ("V2Beta", "v2_beta"),
            ("A", "a"),
            ("Snake_Case", "snake_case"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    fn errors(text: &str) -> Vec<String> {
        let diag = Diag::new();
        KeyPart::lower(&syn::parse_str(text).unwrap(), &diag);
        diag.messages()
    }

    #[test]
    fn what_has_no_text_is_refused() {
        for (text, message) in [
            (
                "enum E { HTTPError, HttpError }",
                "`HttpError` and `HTTPError` are both `http_error` in a key; rename one of them",
            ),
            (
                "#[key(dispaly)] struct S(u8);",
                "unknown option `dispaly`; did you mean `display`? one of: display, crate",
            ),
            ("#[key(display, display)] struct S(u8);", "`display` is given twice; keep one of them"),
            ("#[key] struct S(u8);", "`#[key]` says nothing by itself; write `#[key(display)]`"),
            ("struct S(#[key(display)] u8);", "`#[key(..)]` speaks of a whole type; write it above the type"),
        ] {
            assert_eq!(errors(text), [message], "{text}");
        }
        assert_eq!(errors("union U { a: u8 }").len(), 1);
        assert_eq!(errors("#[key(display, crate = ::cache)] struct S<T>(T);"), Vec::<String>::new());
    }
}
