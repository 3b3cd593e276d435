//! Lengths of time as people write them: `90s`, `1h30m`.

use std::time::Duration;

/// Units from the largest, each with its length in milliseconds and the words people try instead.
const UNITS: [(&str, u64, &[&str]); 6] = [
    ("w", 604_800_000, &["week", "weeks", "wk"]),
    ("d", 86_400_000, &["day", "days"]),
    ("h", 3_600_000, &["hour", "hours", "hr", "hrs"]),
    ("m", 60_000, &["min", "mins", "minute", "minutes"]),
    ("s", 1_000, &["sec", "secs", "second", "seconds"]),
    ("ms", 1, &["msec", "millis", "milli", "millisecond", "milliseconds"]),
];

/// Reads a length of time, or says what is wrong with it and how to write it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err("a duration is empty; write for example `90s` or `1h30m`".into());
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric()) {
        return Err(odd_character(text, odd));
    }
    let mut rest = text;
    let mut millis = 0_u64;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let (number, unit, after) = split(rest);
        let length = measure(text, number, unit)?;
        if length >= smallest {
            return Err(format!("units of `{text}` are out of order; write the largest first, each once"));
        }
        let number: u64 = number.parse().map_err(|_| too_long(text))?;
        let part = number.checked_mul(length).ok_or_else(|| too_long(text))?;
        millis = millis.checked_add(part).ok_or_else(|| too_long(text))?;
        (smallest, rest) = (length, after);
    }
    if millis == 0 {
        return Err(format!("`{text}` is no time at all; write at least `1ms`"));
    }
    Ok(Duration::from_millis(millis))
}

/// Cuts `1h30m` into `1`, `h` and `30m`.
fn split(text: &str) -> (&str, &str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, tail) = text.split_at(digits);
    let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
    let (unit, rest) = tail.split_at(letters);
    (number, unit, rest)
}

fn measure(text: &str, number: &str, unit: &str) -> Result<u64, String> {
    if unit.is_empty() {
        return Err(format!("unit missing in `{text}`; write `{text}s`"));
    }
    if number.is_empty() {
        return Err(format!("number missing before `{unit}` in `{text}`; write for example `90s`"));
    }
    if let Some((_, length, _)) = UNITS.iter().find(|(name, ..)| *name == unit) {
        return Ok(*length);
    }
    let lower = unit.to_lowercase();
    let meant = UNITS.iter().find(|(name, _, words)| *name == lower || words.contains(&lower.as_str()));
    Err(match meant {
        Some((name, ..)) => format!("unknown unit `{unit}` in `{text}`; write `{number}{name}`"),
        None => format!("unknown unit `{unit}` in `{text}`; one of: ms, s, m, h, d, w"),
    })
}

fn odd_character(text: &str, odd: char) -> String {
    match odd {
        '.' | ',' => format!("`{text}` is not in whole numbers; write for example `1h30m`"),
        '-' | '+' => format!("`{text}` has a sign; write for example `90s`"),
        odd if odd.is_whitespace() => {
            let tight: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            format!("`{text}` has a space; write `{tight}`")
        }
        odd => format!("`{odd}` cannot stand in a duration; write for example `90s` or `1h30m`"),
    }
}

fn too_long(text: &str) -> String {
    format!("`{text}` is too long; write `never` where an entry lives until someone invalidates it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_units() {
        for (text, millis) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1w2d", 777_600_000),
            ("1m500ms", 60_500),
            ("007s", 7_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn the_repair_is_named() {
        for (text, message) in [
            ("", "a duration is empty; write for example `90s` or `1h30m`"),
            ("90", "unit missing in `90`; write `90s`"),
            ("1h30", "unit missing in `1h30`; write `1h30s`"),
            ("s", "number missing before `s` in `s`; write for example `90s`"),
            ("90sec", "unknown unit `sec` in `90sec`; write `90s`"),
            ("90S", "unknown unit `S` in `90S`; write `90s`"),
            ("3y", "unknown unit `y` in `3y`; one of: ms, s, m, h, d, w"),
            ("0s", "`0s` is no time at all; write at least `1ms`"),
            ("1.5h", "`1.5h` is not in whole numbers; write for example `1h30m`"),
            ("-5s", "`-5s` has a sign; write for example `90s`"),
            ("90 s", "`90 s` has a space; write `90s`"),
            ("30m1h", "units of `30m1h` are out of order; write the largest first, each once"),
            ("1m1m", "units of `1m1m` are out of order; write the largest first, each once"),
        ] {
            assert_eq!(parse(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn a_length_beyond_u64_is_refused() {
        for text in ["99999999999999999999s", "18446744073709551615w", "18446744073709551615ms1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
