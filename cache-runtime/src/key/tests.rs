use super::{Args, Key, KeyBuf, KeyPart, KeyWriter, Parts, Written};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

fn buf(write: impl FnOnce(&mut KeyWriter<'_>)) -> KeyBuf {
    let mut buf = KeyBuf::new();
    write(&mut KeyWriter::new(&mut buf));
    buf.finish();
    buf
}

fn text<T: KeyPart + ?Sized>(value: &T) -> String {
    String::from_utf8(buf(|key| key.part(value)).written().to_vec()).expect("parts are UTF-8")
}

/// What the default key of a function with the parameters `parts` looks like.
fn written(parts: &[&dyn Fn(&mut KeyWriter<'_>)]) -> Vec<u8> {
    buf(|key| {
        key.text("ns:v1:f");
        for part in parts {
            key.text(":");
            part(key);
        }
    })
    .written()
    .to_vec()
}

#[test]
fn a_key_reads_as_people_expect() {
    assert_eq!(written(&[&|key| key.part(&42_u64)]), b"ns:v1:f:42");
    assert_eq!(text("open"), "open");
    assert_eq!(text(&Some("open")), "open");
    assert_eq!(text(&None::<&str>), "~");
    assert_eq!(text(&Some(None::<u8>)), "~~");
    assert_eq!(text(""), "%");
    assert_eq!(text("a:b {c}"), "a%3Ab%20%7Bc%7D");
    assert_eq!(text(&[1, 2][..]), "[1,2]");
    assert_eq!(text(&("a", -7_i8, false)), "(a,-7,false)");
    assert_eq!(text("zażółć"), "zażółć");
    assert_eq!(text(&std::net::Ipv6Addr::LOCALHOST), "%3A%3A1");
}

#[test]
fn a_key_longer_than_the_stack_buffer_is_whole() {
    let long = "x".repeat(150);
    assert_eq!(
        written(&[&|key| key.part(&long), &|key| key.part(&1)]),
        format!("ns:v1:f:{long}:1").as_bytes()
    );
}

#[test]
fn a_long_key_is_shortened_and_kept_whole() {
    let key = |text: &str| Key::of("shop", &buf(|key| key.part(text)));
    let (one, other) = (key(&"é:".repeat(100)), key(&("é:".repeat(100) + "!")));
    assert!(one.name().len() <= 140, "{one}");
    assert_ne!(one.name(), other.name());
    assert_eq!(one.full(), Some(format!("shop:{}", "é%3A".repeat(100)).as_bytes()));
    let name = std::str::from_utf8(one.name()).expect("cut between characters");
    let (head, hash) = name.split_once('#').expect("shortened names are marked");
    assert!(!head.ends_with('%') && !head.ends_with("%3"), "{head}");
    assert_eq!(hash.len(), 32);
}

#[test]
fn the_name_in_the_store_carries_the_application() {
    let buf = buf(|key| key.text("tasks:v1:get:42"));
    assert_eq!(Key::of("", &buf).name(), b"tasks:v1:get:42");
    assert_eq!(Key::of("shop", &buf).name(), b"shop:tasks:v1:get:42");
    assert_eq!(Key::of("shop", &buf).fence(), b"cache:fence:{shop:tasks:v1:get:42}");
}

/// Everything that structures a key, and what looks like its escapes.
const HOSTILE: [char; 14] = [':', '%', '~', ',', '(', ')', '[', ']', '{', '}', '#', 'a', '2', 'é'];

fn hostile_texts() -> Vec<String> {
    let mut texts = vec![String::new()];
    for one in HOSTILE {
        texts.push(one.into());
        texts.extend(HOSTILE.map(|other| format!("{one}{other}")));
    }
    texts
}

/// Asserts that no two of `values` are written alike.
fn all_different<T: Debug>(values: impl IntoIterator<Item = T>, write: impl Fn(&T) -> Vec<u8>) {
    let mut seen = HashMap::new();
    for value in values {
        let key = write(&value);
        if let Some(other) = seen.insert(key.clone(), format!("{value:?}")) {
            panic!("{other} and {value:?} are both `{}`", key.escape_ascii());
        }
    }
}

#[test]
fn two_texts_in_two_parameters_never_collide() {
    let texts = hostile_texts();
    let pairs = texts.iter().flat_map(|one| texts.iter().map(move |other| (one, other)));
    all_different(pairs, |(one, other)| written(&[&|key| key.part(*one), &|key| key.part(*other)]));
}

#[test]
fn options_lists_and_tuples_of_hostile_texts_never_collide() {
    let texts = hostile_texts();
    let short: Vec<_> = texts.iter().filter(|text| text.chars().count() < 2).cloned().collect();
    let mut lists: Vec<Vec<String>> = vec![vec![]];
    lists.extend(texts.iter().map(|one| vec![one.clone()]));
    for one in &short {
        for other in &short {
            lists.push(vec![one.clone(), other.clone()]);
            lists.extend(short.iter().map(|third| vec![one.clone(), other.clone(), third.clone()]));
        }
    }
    all_different(lists, |list| written(&[&|key| key.part(list)]));
    let options = |text: &String| [None, Some(None), Some(Some(None)), Some(Some(Some(text.clone())))];
    all_different(texts.iter().flat_map(options).collect::<HashSet<_>>(), |option| {
        written(&[&|key| key.part(option)])
    });
    let nested = short.iter().flat_map(|one| short.iter().map(move |other| (one, vec![other], Some(one))));
    all_different(nested, |tuple| written(&[&|key| key.part(tuple)]));
}

/// One part of a key, whatever its type.
type Part = Box<dyn Fn(&mut KeyWriter<'_>)>;

fn part<T: KeyPart + 'static>(value: T) -> Part {
    Box::new(move |key| key.part(&value))
}

/// Parts of every kind, chosen to look like each other.
fn parts() -> Vec<Part> {
    let mut parts: Vec<Part> = hostile_texts().into_iter().map(part).collect();
    for n in [0, 1, 5, 49, 58] {
        parts.extend([part(n), part(u64::from(n)), part(i16::from(n)), part(u32::from(n)), part(Some(n))]);
        parts.extend([
            part(u128::from(n)),
            part(i128::from(n)),
            part(char::from(n)),
            part(vec![n]),
            part((n,)),
        ]);
        parts.extend([part(n.to_string()), part(char::from(n).to_string()), part([Some(n), None])]);
    }
    parts.extend([
        part(-1_i8),
        part(u8::MAX),
        part(u64::MAX),
        part(-1_i64),
        part(true),
        part("true".to_owned()),
    ]);
    parts.extend([
        part(()),
        part(Vec::<u8>::new()),
        part(None::<u8>),
        part(Some(None::<u8>)),
        part(Some("~".to_owned())),
    ]);
    parts.push(part(std::net::Ipv6Addr::LOCALHOST));
    for literal in ["", ":", "::", "a", "[", "x:", "\u{1}"] {
        parts.push(Box::new(move |key| key.text(literal)));
    }
    parts
}

/// L1 finds entries by the calls of the writer, and they are invalidated by the text: where those are the same, this is.
#[test]
fn equal_calls_are_equal_texts() {
    let parts = parts();
    let mut seen = HashMap::new();
    for one in &parts {
        for other in &parts {
            let write = |key: &mut KeyWriter<'_>| {
                one(key);
                other(key);
            };
            let calls = Args::written(0, &Written(write)).bytes;
            let text = buf(write).written().to_vec();
            let first = seen.entry(calls).or_insert_with(|| text.clone());
            assert_eq!(first.escape_ascii().to_string(), text.escape_ascii().to_string());
        }
    }
    assert!(
        seen.len() > parts.len() * parts.len() / 2,
        "{} of {} pairs differ",
        seen.len(),
        parts.len().pow(2)
    );
}

/// A hit compares what its arguments write with what is held, and finds that by the hash.
#[test]
fn calls_are_the_same_as_themselves_alone() {
    let parts = parts();
    let written: Vec<_> = parts.iter().map(|part| Args::written(7, &Written(part))).collect();
    for (part, own) in parts.iter().zip(&written) {
        assert_eq!(Args::hash(7, &Written(part)), own.hash);
        assert_ne!(Args::hash(8, &Written(part)), own.hash, "another site's");
        for other in &written {
            assert_eq!(Args::are(&other.bytes, &Written(part)), other.bytes == own.bytes);
        }
        let longer = [&own.bytes[..], &[0]].concat();
        assert!(!Args::are(&longer, &Written(part)));
    }
}

#[test]
fn calls_of_one_function_have_hashes_of_their_own() {
    let mut hashes = HashSet::new();
    for number in 0..1_000_u32 {
        let (name, pair) = (format!("user-{number}"), (number, Some(number / 2)));
        hashes.insert(Args::hash(1, &(&number, ())));
        hashes.insert(Args::hash(2, &(&name, ())));
        hashes.insert(Args::hash(3, &(&[name.as_str(), "x"][..], ())));
        hashes.insert(Args::hash(4, &(&pair, ())));
        hashes.insert(Args::hash(5, &Written(|key: &mut KeyWriter<'_>| key.display(&number))));
    }
    assert_eq!(hashes.len(), 5_000);
}

/// What stands for an absent value is a number like others to the hash, and no others to the comparison.
#[test]
fn a_hash_alone_does_not_tell_calls_apart() {
    let (none, four) = ((&None::<u8>, ()), (&4_u8, ()));
    assert_eq!(Args::hash(0, &none), Args::hash(0, &four));
    assert!(!Args::are(&Args::written(0, &none).bytes, &four));
}

#[test]
fn short_texts_are_compared_whole() {
    for len in 1..=20 {
        let text = "a".repeat(len);
        let written = Args::written(0, &(&text, ())).bytes;
        for at in 0..len {
            let mut other = text.clone();
            other.replace_range(at..=at, "b");
            assert!(!Args::are(&written, &(&other, ())), "{other}");
        }
        assert!(Args::are(&written, &(&text, ())));
    }
}

#[test]
fn the_text_of_a_template_tells_no_calls_of_a_site_apart() {
    let parts = (&7, (&"x", ()));
    let written = |template: &'static [&'static str]| {
        let mut key = KeyBuf::new();
        let mut writer = KeyWriter::of_template(&mut key, template);
        Parts::write(&parts, &mut writer);
        writer.template();
        key.written().escape_ascii().to_string()
    };
    assert_eq!((written(&[]), written(&[":", ":by:", ":all"])), ("7x".into(), ":7:by:x:all".into()));
    let calls = |key: &mut KeyWriter<'_>| {
        key.part(&7);
        key.part("x");
    };
    assert_eq!(Args::written(0, &parts).bytes, Args::written(0, &Written(calls)).bytes);
}

#[test]
fn long_calls_are_whole() {
    let long = "x".repeat(300);
    let calls = |last: u8| Args::written(0, &(&long, (&last, ())));
    assert_eq!(calls(1).bytes.len(), calls(2).bytes.len());
    assert!(calls(1).bytes.len() > 300);
    assert_ne!((calls(1).bytes, calls(1).hash), (calls(2).bytes, calls(2).hash));
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::option_option, reason = "it is a case that an encoding gets wrong")]
struct Arguments {
    text: String,
    maybe: Option<Option<String>>,
    list: Vec<Option<String>>,
    pair: (i64, char),
    flag: bool,
}

fn arguments() -> impl Strategy<Value = Arguments> {
    let text = || "[:%~,()\\[\\]{}#a-c0-2é]{0,5}";
    let maybe = proptest::option::of(proptest::option::of(text()));
    let list = proptest::collection::vec(proptest::option::of(text()), 0..4);
    (text(), maybe, list, (any::<i64>(), any::<char>()), any::<bool>())
        .prop_map(|(text, maybe, list, pair, flag)| Arguments { text, maybe, list, pair, flag })
}

proptest! {
    #[test]
    fn different_arguments_give_different_keys(one in arguments(), other in arguments(), mixed in any::<[bool; 5]>()) {
        // Lists that differ in some places only are the ones that an ambiguous encoding mixes up.
        let pick = |at: usize| if mixed[at] { &one } else { &other };
        let mixed = Arguments {
            text: pick(0).text.clone(),
            maybe: pick(1).maybe.clone(),
            list: pick(2).list.clone(),
            pair: pick(3).pair,
            flag: pick(4).flag,
        };
        let key = |arguments: &Arguments| written(&[
            &|key| key.part(&arguments.text),
            &|key| key.part(&arguments.maybe),
            &|key| key.part(&arguments.list),
            &|key| key.part(&arguments.pair),
            &|key| key.part(&arguments.flag),
        ]);
        prop_assert_eq!(one == other, key(&one) == key(&other));
        prop_assert_eq!(one == mixed, key(&one) == key(&mixed));
    }

    #[test]
    fn no_text_escapes_its_place(text in any::<String>()) {
        let written = written(&[&|key| key.part(&text)]);
        let part = &written[b"ns:v1:f:".len()..];
        prop_assert!(!part.is_empty());
        let structural = |byte: &u8| b":~,()[]{}#*?\\ ".contains(byte) || byte.is_ascii_control();
        prop_assert_eq!(part.iter().find(|byte| structural(byte)), None);
    }
}

#[cfg(feature = "uuid")]
#[test]
fn a_uuid_reads_hyphenated() {
    let id = uuid::Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
    assert_eq!(text(&id), "67e55044-10b1-426f-9247-bb680e5fe0c8");
}

#[cfg(feature = "chrono")]
#[test]
fn a_chrono_instant_is_the_same_in_every_zone() {
    use chrono::{FixedOffset, NaiveDate, TimeZone, Utc};
    let utc = Utc.timestamp_opt(1_795_154_889, 5).single().expect("an instant");
    let elsewhere = utc.with_timezone(&FixedOffset::east_opt(5 * 3_600).expect("an offset"));
    assert_eq!(text(&utc), "1795154889.5");
    assert_eq!(text(&elsewhere), text(&utc));
    assert_eq!(text(&utc.naive_utc()), text(&utc));
    assert_eq!(text(&NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day")), "2026-11-20");
}

#[cfg(feature = "time")]
#[test]
fn a_time_instant_is_the_same_at_every_offset() {
    use time::{Date, Month, OffsetDateTime, UtcOffset};
    let utc = OffsetDateTime::from_unix_timestamp(1_795_154_889).expect("an instant");
    let elsewhere = utc.to_offset(UtcOffset::from_hms(5, 0, 0).expect("an offset"));
    assert_eq!(text(&utc), "1795154889000000000");
    assert_eq!(text(&elsewhere), text(&utc));
    assert_eq!(text(&Date::from_calendar_date(2026, Month::November, 20).expect("a day")), "2026-11-20");
}

#[test]
fn a_key_is_known_by_its_place() {
    let buf = buf(|key| key.text("tasks:v1:get:42"));
    for key in [Key::of("shop", &buf), Key::of("shop", &buf).bare()] {
        let placed = Key::standing("shop", &key.place()).expect("of the application");
        assert_eq!((&placed, placed.hash, placed.is_bare()), (&key, key.hash, key.is_bare()));
        assert_eq!(Key::standing("other", &key.place()), None);
    }
    assert_eq!(Key::of("shop", &buf).bare().place(), "cache:meta:{shop:tasks:v1:get:42}");
}
