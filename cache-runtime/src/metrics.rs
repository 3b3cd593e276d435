//! The numbers as Prometheus reads them: the text exposition format, version 0.0.4.

use crate::health::Feed;
use crate::observe::{FunctionStats, LatencyStats, Outcome, Stats};
use std::fmt::{self, Display, Write};

/// Ends of the buckets of histograms, as powers of two in microseconds: 16 µs to 17 s.
const ENDS: [u32; 11] = [4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24];

impl Stats {
    /// The numbers in Prometheus' text format, to be given out as `text/plain; version=0.0.4`.
    ///
    /// # Examples
    /// ```
    /// let text = cache_runtime::Cache::in_process().stats().prometheus();
    /// assert!(text.contains("# TYPE cache_up gauge\ncache_up 1\n"));
    /// ```
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut page = Page { text: String::new(), stats: self };
        page.gauge("cache_up", "Whether the store is connected.", u8::from(self.up));
        page.gauge(
            "cache_feed_live",
            "Whether invalidations are heard of.",
            u8::from(self.feed == Feed::Live),
        );
        page.gauge("cache_pending_invalidations", "Invalidations that wait.", self.pending_invalidations);
        page.gauge("cache_local_entries", "Entries in the in-process tier.", self.local_entries);
        page.gauge("cache_local_bytes", "Bytes in the in-process tier.", self.local_bytes);
        page.counters("cache_requests_total", "Calls, by how they were answered.", |one, series| {
            for outcome in Outcome::ALL {
                series.sample("", Some(("outcome", &outcome)), one.answered(outcome));
            }
        });
        page.counters("cache_errors_total", "Failed operations of the store, by kind.", |one, series| {
            for (kind, count) in &one.errors {
                series.sample("", Some(("kind", kind)), count);
            }
        });
        page.counters("cache_fills_refused_total", "Loads that an invalidation overtook.", |one, series| {
            series.sample("", None, one.fills_refused);
        });
        page.counters("cache_undecodable_total", "Entries that could not be read.", |one, series| {
            series.sample("", None, one.undecodable);
        });
        page.counters("cache_not_storable_total", "Values that could not be written.", |one, series| {
            series.sample("", None, one.not_storable);
        });
        page.histograms("cache_load_seconds", "How long bodies ran.", |one| &one.load);
        page.histograms("cache_lookup_seconds", "How long the store took to answer.", |one| &one.lookup);
        page.text
    }
}

struct Page<'a> {
    text: String,
    stats: &'a Stats,
}

/// What one function adds to a family.
struct Series<'a> {
    text: &'a mut String,
    name: &'a str,
    namespace: Escaped<'a>,
    function: Escaped<'a>,
}

impl Page<'_> {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn counters(&mut self, name: &str, help: &str, samples: impl Fn(&FunctionStats, &mut Series<'_>)) {
        self.head(name, help, "counter");
        self.each(name, samples);
    }

    fn histograms(&mut self, name: &str, help: &str, latency: impl Fn(&FunctionStats) -> &LatencyStats) {
        self.head(name, help, "histogram");
        self.each(name, |one, series| {
            let latency = latency(one);
            for power in ENDS {
                series.sample("_bucket", Some(("le", &Seconds(1 << power))), latency.below(power));
            }
            series.sample("_bucket", Some(("le", &"+Inf")), latency.count);
            series.sample("_sum", None, Seconds(latency.total_us));
            series.sample("_count", None, latency.count);
        });
    }

    fn each(&mut self, name: &str, samples: impl Fn(&FunctionStats, &mut Series<'_>)) {
        for (namespace, functions) in &self.stats.namespaces {
            for (function, one) in functions {
                let (namespace, function) = (Escaped(namespace), Escaped(function));
                samples(one, &mut Series { text: &mut self.text, name, namespace, function });
            }
        }
    }
}

impl Series<'_> {
    fn sample(&mut self, suffix: &str, label: Option<(&str, &dyn Display)>, value: impl Display) {
        let Self { text, name, namespace, function } = self;
        let _ = write!(text, r#"{name}{suffix}{{namespace="{namespace}",function="{function}""#);
        if let Some((label, of)) = label {
            let _ = write!(text, r#",{label}="{of}""#);
        }
        let _ = writeln!(text, "}} {value}");
    }
}

/// Microseconds, as seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// The value of a label.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str(r"\\"),
            '"' => f.write_str(r#"\""#),
            '\n' => f.write_str(r"\n"),
            other => f.write_char(other),
        })
    }
}
