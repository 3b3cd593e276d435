//! Templates of keys and tags: `task_{id}:{page.limit}`.

use std::fmt;

/// Literal text and placeholders, in their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Part(Placeholder),
}

/// `{page.limit}`: a parameter (or `self`) and a chain of fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placeholder {
    pub(crate) root: String,
    pub(crate) fields: Vec<String>,
}

impl Template {
    /// The words that its placeholders start with.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Part(part) => Some(part.root.as_str()),
            Piece::Text(_) => None,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Part(part) => part.fmt(f),
        })
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}", self.root)?;
        self.fields.iter().try_for_each(|field| write!(f, ".{field}"))?;
        f.write_str("}")
    }
}

/// Reads the template of a `noun`, or says everything that is wrong with it.
pub(crate) fn parse(noun: &str, text: &str) -> Result<Template, Vec<String>> {
    if text.is_empty() {
        return Err(vec![format!("an empty {noun}; write for example `{{id}}`, or leave it out")]);
    }
    let mut errors = Vec::new();
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (literal, tail) = rest.split_at(open);
        push_text(noun, &mut pieces, literal, &mut errors);
        if tail.starts_with("{{") || tail.starts_with('}') {
            errors.push(format!("a brace cannot stand in a {noun}'s text; write `{{name}}` for a parameter"));
            return Err(errors);
        }
        let Some(close) = tail.find('}') else {
            errors.push(format!("a placeholder of `{text}` is not closed; add `}}`"));
            return Err(errors);
        };
        match placeholder(&tail[1..close]) {
            Ok(part) => pieces.push(Piece::Part(part)),
            Err(error) => errors.push(error),
        }
        rest = &tail[close + 1..];
    }
    push_text(noun, &mut pieces, rest, &mut errors);
    // the rules between pieces would only repeat what is wrong within them
    if errors.is_empty() {
        check_colons(noun, text, &pieces, &mut errors);
    }
    if errors.is_empty() { Ok(Template { pieces }) } else { Err(errors) }
}

fn push_text(noun: &str, pieces: &mut Vec<Piece>, text: &str, errors: &mut Vec<String>) {
    if text.is_empty() {
        return;
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-./:".contains(c);
    if let Some(odd) = text.chars().find(|c| !legal(*c)) {
        let odd = odd.escape_debug();
        errors.push(format!("`{odd}` cannot stand in a {noun}; write letters, digits and `_ - . / :` only"));
    }
    pieces.push(Piece::Text(text.into()));
}

/// A literal `:` is the only text that no part can contain, so it alone keeps two parts apart.
fn check_colons(noun: &str, text: &str, pieces: &[Piece], errors: &mut Vec<String>) {
    if text.starts_with(':') || text.ends_with(':') {
        let tight = text.trim_matches(':');
        errors.push(format!("a {noun} neither starts nor ends with `:`; write `{tight}`"));
    }
    if text.contains("::") {
        errors.push(format!("an empty part in the {noun}; write one `:` instead of `::`"));
    }
    let mut before: Option<&Placeholder> = None;
    let mut apart = true;
    for piece in pieces {
        match piece {
            Piece::Text(text) => apart |= text.contains(':'),
            Piece::Part(part) => {
                if let (Some(before), false) = (before, apart) {
                    errors.push(format!(
                        "two argument lists could give one {noun}: no `:` stands between `{before}` and `{part}`; \
                         write `{before}:{part}`"
                    ));
                }
                (before, apart) = (Some(part), false);
            }
        }
    }
}

fn placeholder(text: &str) -> Result<Placeholder, String> {
    if text.is_empty() {
        return Err("an empty placeholder; write a parameter's name in it, as `{id}`".into());
    }
    if text.contains(':') {
        let name = text.split(':').next().unwrap_or_default();
        return Err(format!("`{{{text}}}` has a format; a part has one form only, write `{{{name}}}`"));
    }
    let mut words = text.split('.').map(|word| word.strip_prefix("r#").unwrap_or(word));
    let root = words.next().unwrap_or_default();
    let fields: Vec<&str> = words.collect();
    let is_index = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    if is_index(root) {
        return Err(format!("`{{{text}}}` counts parameters; write the parameter's name"));
    }
    if !is_name(root) || !fields.iter().all(|field| is_name(field) || is_index(field)) {
        return Err(format!(
            "`{{{text}}}` is not a parameter or a field of one; write `{{id}}` or `{{page.limit}}`"
        ));
    }
    Ok(Placeholder { root: root.into(), fields: fields.into_iter().map(String::from).collect() })
}

fn is_name(word: &str) -> bool {
    word != "_" && word.starts_with(|c: char| c == '_' || c.is_alphabetic()) && {
        word.chars().all(|c| c == '_' || c.is_alphanumeric())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn part(path: &str) -> Piece {
        let mut words = path.split('.').map(String::from);
        let root = words.next().unwrap();
        Piece::Part(Placeholder { root, fields: words.collect() })
    }

    #[test]
    fn text_and_placeholders_keep_their_order() {
        for (template, pieces) in [
            ("all", vec![text("all")]),
            ("{id}", vec![part("id")]),
            ("task_{id}:{page.limit}", vec![text("task_"), part("id"), text(":"), part("page.limit")]),
            (
                "{self.tenant}:{pair.0.1}/x",
                vec![part("self.tenant"), text(":"), part("pair.0.1"), text("/x")],
            ),
            ("{r#type}", vec![part("type")]),
        ] {
            assert_eq!(parse("key", template).unwrap().pieces, pieces, "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_repair() {
        for (template, message) in [
            ("", "an empty key; write for example `{id}`, or leave it out"),
            ("{}", "an empty placeholder; write a parameter's name in it, as `{id}`"),
            ("{{id}}", "a brace cannot stand in a key's text; write `{name}` for a parameter"),
            ("id}", "a brace cannot stand in a key's text; write `{name}` for a parameter"),
            ("a:{id", "a placeholder of `a:{id` is not closed; add `}`"),
            ("{id:?}", "`{id:?}` has a format; a part has one form only, write `{id}`"),
            ("{0}", "`{0}` counts parameters; write the parameter's name"),
            ("{id + 1}", "`{id + 1}` is not a parameter or a field of one; write `{id}` or `{page.limit}`"),
            (
                "{id.get()}",
                "`{id.get()}` is not a parameter or a field of one; write `{id}` or `{page.limit}`",
            ),
            ("task {id}", "` ` cannot stand in a key; write letters, digits and `_ - . / :` only"),
            (":{id}", "a key neither starts nor ends with `:`; write `{id}`"),
            ("{id}:", "a key neither starts nor ends with `:`; write `{id}`"),
            ("a::{id}", "an empty part in the key; write one `:` instead of `::`"),
        ] {
            assert_eq!(parse("key", template).unwrap_err(), [message], "{template}");
        }
    }

    #[test]
    fn a_colon_keeps_two_parts_apart() {
        for template in ["{a}{b}", "{a}-{b}"] {
            let errors = parse("key", template).unwrap_err();
            assert_eq!(
                errors,
                [
                    "two argument lists could give one key: no `:` stands between `{a}` and `{b}`; write `{a}:{b}`"
                ]
            );
        }
        assert!(parse("key", "{a}-:-{b}").is_ok());
    }

    #[test]
    fn several_mistakes_are_several_errors() {
        assert_eq!(parse("key", "{}:{0} x").unwrap_err().len(), 3);
    }
}
