//! What a target says of the function that it names.
//!
//! No item can hold what `Self` or a generic parameter stands for, so a target is known by its text.

/// A target's path, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Name<'a> {
    pub(super) before: Before<'a>,
    pub(super) name: &'a str,
}

/// What stands before the name.
#[derive(Debug, PartialEq)]
pub(super) enum Before<'a> {
    /// `Self::get`, `self.get`: the type that the mutation belongs to.
    Own,
    /// `get`, `self::get`
    Nothing,
    /// `Tasks::get`, `crate::repo::Tasks::get`: the end of a path.
    Path(&'a str),
    /// `self.repo.get`, `super::get`, `<T as Load>::get`: not told by the text.
    Other,
}

impl<'a> Name<'a> {
    pub(super) fn of(target: &'a str) -> Self {
        let at = target.rfind([':', '.']).map_or(0, |at| at + 1);
        let (before, name) = target.split_at(at);
        let before = match before {
            "Self::" | "self." => Before::Own,
            "" | "self::" => Before::Nothing,
            before => {
                let mut path = before.trim_matches(':');
                for word in ["crate", "self", "super"] {
                    while let Some(rest) = path.strip_prefix(word).and_then(|rest| rest.strip_prefix("::")) {
                        path = rest;
                    }
                }
                let plain = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
                let told = !["crate", "super"].contains(&path) && path.chars().all(plain);
                if told { Before::Path(path) } else { Before::Other }
            }
        };
        Self { before, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_tells_what_its_function_belongs_to() {
        for (target, before) in [
            ("Self::get", Before::Own),
            ("self.get", Before::Own),
            ("get", Before::Nothing),
            ("self::get", Before::Nothing),
            ("Tasks::get", Before::Path("Tasks")),
            ("::app::Tasks::get", Before::Path("app::Tasks")),
            ("crate::repo::Tasks::get", Before::Path("repo::Tasks")),
            ("super::super::Tasks::get", Before::Path("Tasks")),
            ("self::super::Tasks::get", Before::Path("Tasks")),
            ("super::get", Before::Other),
            ("crate::get", Before::Other),
            ("self.repo.get", Before::Other),
            ("<T as Load>::get", Before::Other),
        ] {
            assert_eq!(Name::of(target), Name { before, name: "get" }, "{target}");
        }
    }
}
