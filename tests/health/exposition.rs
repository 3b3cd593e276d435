//! What Prometheus reads, read by a parser that forgives nothing.

use super::{WELL, connected, outcome, shop};
use cache_runtime::{Cache, FunctionStats, Stats, cached};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Labels = BTreeMap<String, String>;

/// The samples of one family, by name and labels.
#[derive(Default)]
struct Family {
    kind: String,
    samples: BTreeMap<(String, Labels), f64>,
}

/// Reads a page of the text format 0.0.4: every family once, with its help and type before its samples, no sample twice.
fn parse(page: &str) -> BTreeMap<String, Family> {
    assert!(page.ends_with('\n'), "the last line ends");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let help = line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("no help: {line}"));
        let (name, text) = help.split_once(' ').expect("a name and a text");
        assert!(!text.is_empty() && is_name(name), "{line}");
        let kind =
            lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} ")).map(str::to_owned));
        let kind = kind.unwrap_or_else(|| panic!("no type of {name}"));
        assert!(["counter", "gauge", "histogram"].contains(&kind.as_str()), "{kind}");
        let mut family = Family { kind, ..Family::default() };
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (sample, labels, value) = sample(line);
            let suffix = sample.strip_prefix(name).unwrap_or_else(|| panic!("{line} among {name}"));
            let suffixes: &[&str] =
                if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.contains(&suffix), "{line}");
            assert!(family.samples.insert((sample, labels), value).is_none(), "twice: {line}");
        }
        assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name}");
        if family.kind == "histogram" {
            check_histogram(name, &family);
        }
        assert!(families.insert(name.to_owned(), family).is_none(), "twice: {name}");
    }
    families
}

/// Name, labels and value of a line.
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let mut text = String::new();
            let mut characters = value.char_indices();
            let end = loop {
                match characters.next().unwrap_or_else(|| panic!("no end: {line}")) {
                    (at, '"') => break at,
                    (_, '\\') => text.push(match characters.next() {
                        Some((_, 'n')) => '\n',
                        Some((_, character @ ('\\' | '"'))) => character,
                        other => panic!("{other:?} is escaped: {line}"),
                    }),
                    (_, character) => text.push(character),
                }
            };
            assert!(labels.insert(label.to_owned(), text).is_none(), "twice: {line}");
            rest = &value[end + 1..];
            match rest.split_at(1) {
                (",", more) => rest = more,
                ("}", more) => {
                    rest = more;
                    break;
                }
                _ => panic!("{rest} in {line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !name.is_empty() && name.chars().all(legal) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Buckets only grow, and the last has all of them.
fn check_histogram(name: &str, family: &Family) {
    let without_end = |labels: &Labels| {
        let mut labels = labels.clone();
        labels.remove("le");
        labels
    };
    let series: BTreeSet<Labels> = family.samples.keys().map(|(_, labels)| without_end(labels)).collect();
    for labels in series {
        let number = |suffix: &str| family.samples[&(format!("{name}{suffix}"), labels.clone())];
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for ((sample, found), count) in &family.samples {
            if sample.ends_with("_bucket") && without_end(found) == labels {
                let end = if found["le"] == "+Inf" {
                    f64::INFINITY
                } else {
                    found["le"].parse().expect("a number")
                };
                buckets.push((end, *count));
            }
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(
            buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1),
            "{buckets:?}"
        );
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, number("_count"))));
        assert!(number("_sum") >= 0.0);
    }
}

fn labels(of: &[(&str, &str)]) -> Labels {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn assert_number(families: &BTreeMap<String, Family>, name: &str, of: &[(&str, &str)], expected: u32) {
    let family = families.iter().find(|(family, _)| name.starts_with(family.as_str())).expect("a family").1;
    let number = family.samples.get(&(name.to_owned(), labels(of))).copied();
    assert_eq!(number.map(f64::to_bits), Some(f64::from(expected).to_bits()), "{name} {of:?}: {number:?}");
}

#[cached(ns = "exposed", ttl = "medium")]
async fn slow(millis: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    millis
}

#[tokio::test]
async fn a_page_has_the_numbers() {
    tokio::time::pause();
    let cache = Cache::in_process();
    cache
        .scope_for(async {
            slow(10).await;
            slow(10).await;
            slow(100).await;
        })
        .await;
    let page = cache.stats().prometheus();
    let families = parse(&page);
    let names: Vec<_> = families.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cache_errors_total",
            "cache_feed_live",
            "cache_fills_refused_total",
            "cache_load_seconds",
            "cache_local_bytes",
            "cache_local_entries",
            "cache_lookup_seconds",
            "cache_not_storable_total",
            "cache_pending_invalidations",
            "cache_requests_total",
            "cache_undecodable_total",
            "cache_up",
        ]
    );
    for (name, expected) in [
        ("cache_up", 1),
        ("cache_feed_live", 1),
        ("cache_pending_invalidations", 0),
        ("cache_local_entries", 2),
    ] {
        assert_number(&families, name, &[], expected);
    }
    let at = [("namespace", "exposed"), ("function", "slow")];
    for (outcome, expected) in
        [("hit-l1", 1), ("loaded", 2), ("hit-l2", 0), ("joined", 0), ("stale", 0), ("bypassed", 0)]
    {
        assert_number(&families, "cache_requests_total", &[at[0], at[1], ("outcome", outcome)], expected);
    }
    for (end, expected) in [("0.004096", 0), ("0.016384", 1), ("0.065536", 1), ("0.262144", 2), ("+Inf", 2)] {
        assert_number(&families, "cache_load_seconds_bucket", &[at[0], at[1], ("le", end)], expected);
    }
    assert_number(&families, "cache_load_seconds_count", &at, 2);
    let sum = families["cache_load_seconds"].samples[&("cache_load_seconds_sum".to_owned(), labels(&at))];
    assert!((0.11..0.13).contains(&sum), "{sum}");
}

#[test]
fn names_are_escaped() {
    let mut stats = Stats::default();
    let (namespace, function) = ("a\\b\"c\nd", "füñ{},=");
    let mut one = FunctionStats::default();
    one.hits_l1 = 3;
    one.errors.insert("timeout", 2);
    stats.namespaces.entry(namespace).or_default().insert(function, one);
    let page = stats.prometheus();
    assert!(page.contains(r#"{namespace="a\\b\"c\nd",function="füñ{},=","#), "{page}");
    let families = parse(&page);
    let at = [("namespace", namespace), ("function", function)];
    assert_number(&families, "cache_requests_total", &[at[0], at[1], ("outcome", "hit-l1")], 3);
    assert_number(&families, "cache_errors_total", &[at[0], at[1], ("kind", "timeout")], 2);
    assert_number(&families, "cache_up", &[], 0);
}

#[tokio::test]
async fn a_store_that_goes_is_seen() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&server.url())).await;
    until("the feed is live", async || cache.stats().prometheus().contains("\ncache_feed_live 1\n")).await;
    assert_number(&parse(&cache.stats().prometheus()), "cache_up", &[], 1);
    server.kill();
    until("its end is noticed", async || cache.stats().prometheus().contains("\ncache_up 0\n")).await;
    outcome(&cache, 1).await;
    // The tag, and the clock of its namespace.
    cache.invalidate_tag("health", "any").await;
    until("the feed is lost", async || cache.stats().prometheus().contains("\ncache_feed_live 0\n")).await;
    let families = parse(&cache.stats().prometheus());
    assert_number(&families, "cache_pending_invalidations", &[], 2);
    let at = [("namespace", "health"), ("function", "text"), ("kind", "unreachable")];
    let errors = families["cache_errors_total"].samples.get(&("cache_errors_total".to_owned(), labels(&at)));
    assert!(errors.is_some_and(|errors| *errors >= 1.0), "{errors:?}");
}
