//! Templates of paths, `/tasks/{id}`, and the texts of the tags that come from them.

use crate::tag;
use bytes::Bytes;
use std::borrow::Cow;

/// A path with parameters, as routers write it: `/tasks/{id}`, `/files/{*path}`.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
enum Segment {
    Literal(String),
    Parameter(String),
    Rest(String),
}

/// The parameters of one path, by their names.
pub(super) type Parameters<'p> = Vec<(&'p str, Cow<'p, str>)>;

impl Template {
    /// # Panics
    /// If `text` is no template of a path.
    pub(super) fn new(text: &str) -> Self {
        let Some(path) = text.strip_prefix('/') else {
            panic!("the route `{text}` does not begin with `/`");
        };
        let segments: Vec<_> = path.split('/').map(|segment| Segment::new(text, segment)).collect();
        let rests = segments.iter().filter(|segment| matches!(segment, Segment::Rest(_))).count();
        let ends = matches!(segments.last(), Some(Segment::Rest(_)));
        assert!(rests == usize::from(ends), "`{{*..}}` ends a route, and does not in `{text}`");
        Self { text: text.to_owned(), segments }
    }

    /// The parameters of `path`, if it is of this template.
    pub(super) fn parameters<'p>(&'p self, path: &'p str) -> Option<Parameters<'p>> {
        let mut rest = Some(path.strip_prefix('/')?);
        let mut parameters = Vec::new();
        for segment in &self.segments {
            let here = rest?;
            let (first, after) = match here.split_once('/') {
                Some((first, after)) => (first, Some(after)),
                None => (here, None),
            };
            match segment {
                Segment::Literal(literal) if literal == first => rest = after,
                Segment::Parameter(name) if !first.is_empty() => {
                    parameters.push((&**name, decoded(first)));
                    rest = after;
                }
                Segment::Rest(name) if !here.is_empty() => {
                    parameters.push((&**name, decoded(here)));
                    rest = None;
                }
                _ => return None,
            }
        }
        rest.is_none().then_some(parameters)
    }

    /// Which of two templates of one path a router prefers: the lesser.
    pub(super) fn rank(&self) -> Vec<u8> {
        let kind = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Rest(_) => 2,
        };
        self.segments.iter().map(kind).collect()
    }

    /// The names of the parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Parameter(name) | Segment::Rest(name) => Some(&**name),
        })
    }

    /// The tag of everything under the route: `route:/tasks/:id`.
    pub(super) fn tag(&self) -> Bytes {
        tag::text(|key| {
            key.text("route:");
            for segment in &self.segments {
                key.text("/");
                match segment {
                    Segment::Literal(literal) if literal.is_empty() => {}
                    Segment::Literal(literal) => key.name(&decoded(literal)),
                    Segment::Parameter(name) | Segment::Rest(name) => {
                        key.text(":");
                        key.name(name);
                    }
                }
            }
        })
    }
}

impl Segment {
    fn new(route: &str, segment: &str) -> Self {
        let named = |name: &str| {
            let legal = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
            assert!(legal, "`{{{name}}}` names no parameter in the route `{route}`");
            name.to_owned()
        };
        let Some(name) = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) else {
            let braces = segment.contains(['{', '}']);
            assert!(!braces, "a parameter is a whole segment, and `{segment}` of the route `{route}` is not");
            return Self::Literal(segment.to_owned());
        };
        match name.strip_prefix('*') {
            Some(name) => Self::Rest(named(name)),
            None => Self::Parameter(named(name)),
        }
    }
}

/// The tag of everything that a path has: `path:/tasks/42`.
pub(super) fn path_tag(path: &str) -> Bytes {
    tag::text(|key| {
        key.text("path:");
        key.name(&decoded(path));
    })
}

/// A tag whose text names parameters of a route: `task:{id}`.
#[derive(Debug, Clone)]
pub(super) struct TagTemplate(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Parameter(String),
}

impl TagTemplate {
    /// # Panics
    /// If `text` is no template, or names what is no parameter of `route`.
    pub(super) fn new(text: &str, route: &Template) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else {
                panic!("a placeholder of the tag `{text}` is not closed");
            };
            let known = route.names().any(|known| known == name);
            assert!(known, "`{{{name}}}` in the tag `{text}` is no parameter of the route `{}`", route.text);
            pieces.extend([Piece::Text(before.to_owned()), Piece::Parameter(name.to_owned())]);
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let legal = |c: char| c.is_ascii_alphanumeric() || "_-./:".contains(c);
        let is_legal = pieces.iter().all(|piece| match piece {
            Piece::Text(text) => text.chars().all(legal),
            Piece::Parameter(_) => true,
        });
        assert!(
            is_legal && !text.is_empty(),
            "a tag is made of letters, digits and `_ - . / :`, not `{text}`"
        );
        Self(pieces)
    }

    /// The tag for one path: `task:42`.
    pub(super) fn tag(&self, parameters: &[(&str, Cow<'_, str>)]) -> Bytes {
        tag::text(|key| {
            for piece in &self.0 {
                match piece {
                    Piece::Text(text) => key.text(text),
                    Piece::Parameter(name) => {
                        let value = parameters.iter().find(|(known, _)| known == name);
                        key.name(value.map_or("", |(_, value)| value));
                    }
                }
            }
        })
    }
}

/// A part of a path without its percent-encoding.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1).copied().and_then(hex).zip(bytes.get(at + 2).copied().and_then(hex));
        match pair {
            Some((high, low)) if byte == b'%' => {
                plain.push(high << 4 | low);
                at += 3;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}
