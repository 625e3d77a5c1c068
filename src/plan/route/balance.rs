//! How the keys are spread over the shards, held against an even spread.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::route::outcome::Balance;
use crate::model::set::Ordinal;

/// Below this, chance doesn't explain a spread.
const UNLIKELY: f64 = 0.001;

/// How many keys a shard must be due for χ² to say anything.
const DUE: f64 = 5.0;

/// The spread of these owners; `source`: which entries named them. None without any owner.
pub fn balance(owners: &BTreeMap<Ordinal, usize>, shards: Range<Ordinal>, source: String) -> Option<Balance> {
    let owners: BTreeMap<Ordinal, usize> = shards
        .map(|shard| (shard, owners.get(&shard).copied().unwrap_or(0)))
        .collect();
    let keys: usize = owners.values().sum();
    if keys == 0 {
        return None;
    }
    let count = owners.len() as f64;
    let due = keys as f64 / count;
    let chi_squared = (owners.len() > 1).then(|| {
        let terms = owners.values().map(|have| (*have as f64 - due).powi(2) / due);
        terms.sum::<f64>()
    });
    let p_value = chi_squared.map(|chi_squared| tail(count - 1.0, chi_squared));
    // The chance that an even spread leaves out at least one shard, from above.
    let left_out = count * (1.0 - 1.0 / count).powf(keys as f64);
    Some(Balance {
        source,
        keys,
        chi_squared,
        p_value,
        without_key: owners
            .iter()
            .filter(|(_, have)| **have == 0)
            .map(|(shard, _)| *shard)
            .collect(),
        enough_for_every_shard: left_out < UNLIKELY,
        uneven: due >= DUE && p_value.is_some_and(|p| p < UNLIKELY),
        owners,
    })
}

/// How likely χ² with so many degrees of freedom is at least `value`: the regularised upper incomplete gamma function of
/// the halves of both. By the series below a + 1, by Lentz's continued fraction above (Abramowitz and Stegun 6.5.29, 6.5.31).
fn tail(degrees: f64, value: f64) -> f64 {
    let (a, x) = (degrees / 2.0, value / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - log_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut at) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-15 {
            at += 1.0;
            term *= x / at;
            sum += term;
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
    let mut whole = d;
    for step in 1..1000 {
        let step = f64::from(step);
        let numerator = -step * (step - a);
        b += 2.0;
        d = numerator * d + b;
        d = 1.0 / if d.abs() < tiny { tiny } else { d };
        c = b + numerator / c;
        c = if c.abs() < tiny { tiny } else { c };
        whole *= d * c;
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    (front * whole).clamp(0.0, 1.0)
}

/// The logarithm of Γ(x) for x > 0, by Stirling's series where it holds and by Γ(x + 1) = x Γ(x) below.
fn log_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < 15.0 {
        below += x.ln();
        x += 1.0;
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(owners: &[usize]) -> Balance {
        let shards = 0..Ordinal::try_from(owners.len()).unwrap();
        let owners = shards.clone().zip(owners.iter().copied()).collect();
        balance(&owners, shards, "lb".to_owned()).unwrap()
    }

    #[test]
    fn the_tail_is_that_of_the_tables() {
        for (degrees, value, p) in [
            (1.0, 3.841_459, 0.05),
            (10.0, 18.307_04, 0.05),
            (10.0, 29.588_30, 0.001),
            (10.0, 3.940_30, 0.95),
            (100.0, 124.342_1, 0.05),
        ] {
            let found: f64 = tail(degrees, value);
            assert!((found - p).abs() < 1e-6, "{degrees} {value}: {found}");
        }
        assert!((tail(2.0, 8.0) - (-4.0_f64).exp()).abs() < 1e-12);
        assert!((tail(3.0, 0.0) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn an_even_spread_passes_and_a_crooked_one_is_a_warning() {
        let even = of(&[98, 102, 100]);
        assert!(!even.uneven && even.without_key.is_empty() && even.keys == 300);
        assert!(of(&[200, 50, 50]).uneven);
        // Too few keys to tell.
        assert!(!of(&[4, 0, 0]).uneven);
    }

    #[test]
    fn a_shard_without_a_key_counts_only_where_there_were_keys_enough() {
        let many = of(&[100, 100, 0]);
        assert_eq!((many.without_key, many.enough_for_every_shard), (vec![2], true));
        let few = of(&[3, 2, 0]);
        assert_eq!((few.without_key, few.enough_for_every_shard), (vec![2], false));
        let eleven = balance(&BTreeMap::from([(0, 200)]), 0..11, String::new()).unwrap();
        assert!(eleven.enough_for_every_shard && eleven.without_key.len() == 10);
    }

    #[test]
    fn one_shard_has_no_spread_and_no_owner_no_balance() {
        let one = of(&[200]);
        assert_eq!((one.chi_squared, one.p_value, one.uneven), (None, None, false));
        assert_eq!(balance(&BTreeMap::new(), 0..3, String::new()), None);
    }
}
