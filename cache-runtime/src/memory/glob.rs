//! Patterns of names, as Redis matches them.

/// Whether `pattern` is of the whole of `text`: `*` is any text, `?` any byte, `[a-z]` and `[^a-z]` one of a set, `\\` takes from the next its
/// meaning.
pub(super) fn is_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when what follows the last `*` does not match: there, with one byte more for it.
    let mut star = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            star = Some((rest, text));
        } else if let ([_, ..], Some((byte, rest))) = (pattern, text.split_first())
            && let Some(after) = past_one(pattern, *byte)
        {
            (pattern, text) = (after, rest);
        } else if pattern.is_empty() && text.is_empty() {
            return true;
        } else if let Some((after, [_, rest @ ..])) = star {
            (pattern, text) = (after, rest);
            star = Some((after, rest));
        } else {
            return false;
        }
    }
}

/// What of the pattern is left, if its first element is of `byte`.
fn past_one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (same, rest) = match pattern {
        [b'?', rest @ ..] => (true, rest),
        [b'[', set @ ..] => set_has(set, byte),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte, rest),
        [] => return None,
    };
    same.then_some(rest)
}

/// Whether the set, without its opening bracket, has `byte`; and what follows it. One that is not closed ends with the pattern.
fn set_has(set: &[u8], byte: u8) -> (bool, &[u8]) {
    let (other, mut set) = set.strip_prefix(b"^").map_or((false, set), |set| (true, set));
    let mut has = false;
    loop {
        set = match set {
            [] => return (has != other, set),
            [b'\\', one, rest @ ..] => {
                has |= *one == byte;
                rest
            }
            [b']', rest @ ..] => return (has != other, rest),
            [from, b'-', to, rest @ ..] => {
                has |= (*from.min(to)..=*from.max(to)).contains(&byte);
                rest
            }
            [one, rest @ ..] => {
                has |= *one == byte;
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::is_match;

    #[test]
    fn names_are_matched_as_redis_does() {
        for (pattern, matching, others) in [
            ("a*c", &["ac", "abc", "abcbc"][..], &["ab", "bac", ""][..]),
            ("*", &["", "x"], &[]),
            ("a**b*c", &["abc", "axxbxxc"], &["ac", "abcd"]),
            ("?b", &["ab", "bb"], &["b", "abb"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x", "-x"]),
            ("[c-a]x", &["bx"], &["dx"]),
            ("[^a-c]x", &["dx"], &["ax", "x"]),
            ("[a\\]-]x", &["ax", "]x", "-x"], &["\\x"]),
            ("a\\*", &["a*"], &["ab", "a\\b"]),
            ("a\\", &["a\\"], &["a"]),
            ("a[b", &["ab"], &["a[b", "a"]),
            ("", &[""], &["a"]),
        ] {
            for text in matching {
                assert!(is_match(pattern.as_bytes(), text.as_bytes()), "{pattern} is of {text}");
            }
            for text in others {
                assert!(!is_match(pattern.as_bytes(), text.as_bytes()), "{pattern} is not of {text}");
            }
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        let (pattern, text) = ("a*".repeat(40) + "b", "a".repeat(4_000));
        assert!(!is_match(pattern.as_bytes(), text.as_bytes()));
    }
}
