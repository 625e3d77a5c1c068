//! How long requests took: a histogram of fixed size an entry and a part, never pooled over entries.

use std::time::Duration;

use crate::model::route::answer::Timing;
use crate::model::route::outcome::{Latency, Quantiles};

/// Buckets to a doubling: a quantile is at most a sixteenth above the truth.
const STEPS: u64 = 16;

/// The number of buckets: up to about two hours, in microseconds.
const BUCKETS: usize = 30 * STEPS as usize;

/// How many samples a 99th percentile needs.
const ENOUGH_FOR_P99: u64 = 100;

/// Durations, counted in buckets that grow with them.
#[derive(Clone, Debug)]
struct Histogram {
    counts: Vec<u32>,
    samples: u64,
    longest: u64,
}

impl Histogram {
    fn new() -> Histogram {
        Histogram {
            counts: vec![0; BUCKETS],
            samples: 0,
            longest: 0,
        }
    }

    fn add(&mut self, length: Duration) {
        let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        let count = &mut self.counts[bucket(micros)];
        *count = count.saturating_add(1);
        self.samples += 1;
        self.longest = self.longest.max(micros);
    }

    /// What so many of a hundred samples don't exceed.
    fn quantile(&self, percent: u64) -> u64 {
        let rank = (self.samples * percent).div_ceil(100).max(1);
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                return upper(at).min(self.longest);
            }
        }
        self.longest
    }

    fn quantiles(&self) -> Option<Quantiles> {
        (self.samples > 0).then(|| Quantiles {
            samples: self.samples,
            p50_micros: self.quantile(50),
            p90_micros: self.quantile(90),
            p99_micros: (self.samples >= ENOUGH_FOR_P99).then(|| self.quantile(99)),
            max_micros: self.longest,
        })
    }
}

/// Which bucket a length belongs to: exact below [`STEPS`], then [`STEPS`] to a doubling.
fn bucket(micros: u64) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let doublings = u64::from(micros.ilog2() - STEPS.ilog2());
    let step = (micros >> doublings) - STEPS;
    (((doublings + 1) * STEPS + step) as usize).min(BUCKETS - 1)
}

/// The longest that belongs to a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket < STEPS {
        true => bucket,
        false => ((STEPS + bucket % STEPS + 1) << (bucket / STEPS - 1)) - 1,
    }
}

/// The latency of one entry, as it is being counted.
#[derive(Clone, Debug)]
pub struct Lengths {
    dns: Histogram,
    connect: Histogram,
    tls: Histogram,
    first_byte: Histogram,
    total: Histogram,
}

impl Default for Lengths {
    fn default() -> Lengths {
        Lengths {
            dns: Histogram::new(),
            connect: Histogram::new(),
            tls: Histogram::new(),
            first_byte: Histogram::new(),
            total: Histogram::new(),
        }
    }
}

impl Lengths {
    /// Counts a request that was answered.
    pub fn add(&mut self, timing: &Timing) {
        let parts = [
            (&mut self.dns, timing.dns),
            (&mut self.connect, timing.connect),
            (&mut self.tls, timing.tls),
            (&mut self.first_byte, timing.first_byte),
            (&mut self.total, Some(timing.total)),
        ];
        for (histogram, length) in parts {
            if let Some(length) = length {
                histogram.add(length);
            }
        }
    }

    /// What they come to.
    pub fn latency(&self) -> Latency {
        Latency {
            dns: self.dns.quantiles(),
            connect: self.connect.quantiles(),
            tls: self.tls.quantiles(),
            first_byte: self.first_byte.quantiles(),
            total: self.total.quantiles(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Quantiles {
        let mut lengths = Lengths::default();
        for micros in micros {
            lengths.add(&Timing {
                total: Duration::from_micros(micros),
                ..Timing::default()
            });
        }
        assert_eq!(lengths.latency().dns, None);
        lengths.latency().total.unwrap()
    }

    #[test]
    fn every_length_is_in_the_bucket_that_ends_at_most_a_sixteenth_above_it() {
        for power in 0..31 {
            for micros in [(1 << power) - 1, 1_u64 << power, (1 << power) + (1 << power) / 3] {
                let end = upper(bucket(micros));
                assert!(end >= micros && end - micros <= micros / STEPS, "{micros}: {end}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_near_the_truth_and_the_longest_is_exact() {
        let found = of(1..=10_000);
        assert_eq!((found.samples, found.max_micros), (10_000, 10_000));
        for (seen, truth) in [
            (found.p50_micros, 5_000),
            (found.p90_micros, 9_000),
            (found.p99_micros.unwrap(), 9_900),
        ] {
            assert!(seen >= truth && seen <= truth + truth / STEPS, "{seen} for {truth}");
        }
    }

    #[test]
    fn under_a_hundred_samples_there_is_no_99th_percentile() {
        assert_eq!(of(1..=99).p99_micros, None);
        assert!(of(1..=100).p99_micros.is_some());
        assert_eq!(of([7]).p50_micros, 7);
    }
}
