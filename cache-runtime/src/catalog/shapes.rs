//! Templates of keys and tags, without the names in their placeholders.

/// `tasks:v1:get:{}` of `tasks:v1:get:{id}`.
pub(super) fn shape(template: &str) -> String {
    let mut shape = String::with_capacity(template.len());
    let mut named = false;
    for character in template.chars() {
        named &= character != '}';
        if !named {
            shape.push(character);
        }
        named |= character == '{';
    }
    shape
}

/// Whether two templates can give one text: a placeholder gives anything but a `:`.
pub(super) fn meet(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.split(':'), other.split(':'));
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if parts_meet(one, other) => {}
            _ => return false,
        }
    }
}

/// The same between two colons, where a template has one placeholder at most.
fn parts_meet(one: &str, other: &str) -> bool {
    match (around(one), around(other)) {
        (None, None) => one == other,
        (Some((before, after)), None) => fits(other, before, after),
        (None, Some((before, after))) => fits(one, before, after),
        (Some((one_before, one_after)), Some((other_before, other_after))) => {
            let begins = one_before.starts_with(other_before) || other_before.starts_with(one_before);
            let ends = one_after.ends_with(other_after) || other_after.ends_with(one_after);
            begins && ends
        }
    }
}

/// The texts around the placeholder, if there is one.
fn around(part: &str) -> Option<(&str, &str)> {
    let (before, rest) = part.split_once('{')?;
    Some((before, rest.split_once('}')?.1))
}

fn fits(text: &str, before: &str, after: &str) -> bool {
    text.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_no_names() {
        assert_eq!(shape("tasks:v1:{page.limit}:x_{id}"), "tasks:v1:{}:x_{}");
        assert_eq!(shape("tasks:v1:get"), "tasks:v1:get");
    }

    #[test]
    fn templates_meet_where_one_text_is_of_both() {
        for (one, other) in [
            ("lists", "lists"),
            ("owner:{owner}", "owner:{result.owner}"),
            ("owner:{owner}", "owner:7"),
            ("x_{id}_y:{a}", "{b}:7"),
            ("x_{id}", "x_{result}"),
        ] {
            assert!(meet(one, other) && meet(other, one), "{one} and {other}");
        }
        for (one, other) in [
            ("lists", "list"),
            ("owner:{owner}", "owner"),
            ("owner:{owner}", "user:{owner}"),
            ("owner:{owner}", "owner:{a}:{b}"),
            ("x_{id}", "y_{id}"),
            ("{id}_x", "{id}_y"),
            ("x_{id}", "y_7"),
        ] {
            assert!(!meet(one, other) && !meet(other, one), "{one} and {other}");
        }
    }
}
