//! Kubernetes quantities (`32Gi`, `500m`, `1e3`) as exact numbers.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource/quantity.go`; nothing finer than a billionth is kept, as there.

use std::fmt;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

/// An amount, in billionths of its unit (bytes, cores, pods).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(i128);

/// Words that aren't a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAQuantity(String);

impl fmt::Display for NotAQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a quantity", self.0)
    }
}

impl std::error::Error for NotAQuantity {}

const NANO: i128 = 1_000_000_000;

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// Whole units.
    pub const fn units(units: i64) -> Amount {
        Amount(units as i128 * NANO)
    }

    /// Reads a quantity as Kubernetes writes it.
    ///
    /// # Errors
    /// [`NotAQuantity`] for anything that the API server would refuse, and for amounts beyond 10²⁷ units.
    pub fn parse(text: &str) -> Result<Amount, NotAQuantity> {
        let refused = || NotAQuantity(text.to_owned());
        let (sign, rest) = match text.as_bytes().first() {
            Some(b'-') => (-1, &text[1..]),
            Some(b'+') => (1, &text[1..]),
            _ => (1, text),
        };
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(refused());
        }
        let (binary, power) = scale(suffix).ok_or_else(refused)?;
        let digits: i128 = if fraction.is_empty() {
            whole.parse()
        } else {
            format!("{whole}{fraction}").parse()
        }
        .map_err(|_| refused())?;
        let mut value = digits.checked_mul(NANO).ok_or_else(refused)?;
        value = if binary {
            value.checked_mul(1 << power).ok_or_else(refused)?
        } else if power >= 0 {
            value
                .checked_mul(10i128.checked_pow(power.unsigned_abs()).ok_or_else(refused)?)
                .ok_or_else(refused)?
        } else {
            value / 10i128.checked_pow(power.unsigned_abs()).ok_or_else(refused)?
        };
        if !fraction.is_empty() {
            let places = u32::try_from(fraction.len()).map_err(|_| refused())?;
            value /= 10i128.checked_pow(places).ok_or_else(refused)?;
        }
        Ok(Amount(sign * value))
    }

    /// Reads a quantity of an object; one that the API server accepted always parses.
    pub fn of(written: &Written) -> Option<Amount> {
        Amount::parse(&written.0).ok()
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Both together; as much as there can be where that is too much.
    #[must_use]
    pub const fn plus(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0))
    }

    /// What is left without the other; below nothing where that is more.
    #[must_use]
    pub const fn minus(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }

    /// The amount in thousandths of its unit, rounded up (CPU is counted so).
    pub const fn thousandths(self) -> i128 {
        const MICRO: i128 = NANO / 1000;
        self.0.div_euclid(MICRO) + if self.0.rem_euclid(MICRO) == 0 { 0 } else { 1 }
    }

    /// The amount as people and Kubernetes write one of `resource`: CPU in cores or thousandths, anything else in the largest
    /// unit that keeps it whole.
    pub fn written(self, resource: &str) -> String {
        if resource.ends_with("cpu") {
            let milli = self.thousandths();
            return if milli % 1000 == 0 {
                (milli / 1000).to_string()
            } else {
                format!("{milli}m")
            };
        }
        let bytes = self.ceiling();
        let unit = [(30, "Gi"), (20, "Mi"), (10, "Ki")]
            .into_iter()
            .find(|(shift, _)| bytes != 0 && bytes % (1_i128 << shift) == 0);
        match unit {
            Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
            None => bytes.to_string(),
        }
    }

    /// The amount in units, rounded up.
    pub const fn ceiling(self) -> i128 {
        self.0.div_euclid(NANO) + if self.0.rem_euclid(NANO) == 0 { 0 } else { 1 }
    }
}

/// A suffix as (binary?, exponent); exponents count bits or tens.
fn scale(suffix: &str) -> Option<(bool, i32)> {
    Some(match suffix {
        "" => (false, 0),
        "n" => (false, -9),
        "u" => (false, -6),
        "m" => (false, -3),
        "k" => (false, 3),
        "M" => (false, 6),
        "G" => (false, 9),
        "T" => (false, 12),
        "P" => (false, 15),
        "E" => (false, 18),
        "Ki" => (true, 10),
        "Mi" => (true, 20),
        "Gi" => (true, 30),
        "Ti" => (true, 40),
        "Pi" => (true, 50),
        "Ei" => (true, 60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            (false, exponent.parse().ok().filter(|power: &i32| power.abs() <= 27)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Amount;

    fn nanos(text: &str) -> i128 {
        Amount::parse(text).unwrap().0
    }

    #[test]
    fn reads_every_form_that_kubernetes_writes() {
        assert_eq!(nanos("32Gi"), 32 * (1 << 30) * 1_000_000_000);
        assert_eq!(Amount::parse("34359738368").unwrap(), Amount::parse("32Gi").unwrap());
        assert_eq!(nanos("500m"), 500_000_000);
        assert_eq!(Amount::parse("0.5").unwrap(), Amount::parse("500m").unwrap());
        assert_eq!(Amount::parse("1e3").unwrap(), Amount::parse("1k").unwrap());
        assert_eq!(Amount::parse("1E").unwrap(), Amount::parse("1000P").unwrap());
        assert_eq!(Amount::parse("1.5Gi").unwrap(), Amount::parse("1536Mi").unwrap());
        assert_eq!(nanos("-2"), -2_000_000_000);
        assert_eq!(nanos("3n"), 3);
        assert_eq!(Amount::parse("1500m").unwrap().ceiling(), 2);
    }

    #[test]
    fn refuses_what_the_api_server_refuses() {
        for text in [
            "",
            "32GB",
            "32gi",
            "Gi",
            "1..2",
            "1 Gi",
            ".",
            "1e",
            "99999999999999999999999999999999999999Ei",
        ] {
            assert!(Amount::parse(text).is_err(), "{text}");
        }
    }
}
