//! US dollars, exact to a billionth: prices of machines, and sums of them.

use std::fmt;

use serde::{Serialize, Serializer};

/// How many hours clouds reckon a month with.
pub const HOURS_A_MONTH: u32 = 730;

const NANO: i64 = 1_000_000_000;

/// An amount of US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// Reads a decimal number of dollars: digits, a point, at most nine digits.
    ///
    /// # Errors
    /// A clause that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Money, String> {
        let refused = || format!("`{text}` is not a number of dollars like 1.008");
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(refused());
        }
        if whole.len() > 9 {
            return Err(format!("`{text}` dollars are no price"));
        }
        if fraction.len() > 9 {
            return Err(format!("`{text}` has more than nine digits after the point"));
        }
        let whole: i64 = whole.parse().map_err(|_| refused())?;
        let billionths: i64 = format!("{fraction:0<9}").parse().map_err(|_| refused())?;
        Ok(Money(whole * NANO + billionths))
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Both together; as much as there can be where that is too much.
    #[must_use]
    pub const fn plus(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }

    /// What is left without the other; below nothing where that is more.
    #[must_use]
    pub const fn minus(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }

    /// So many of it.
    #[must_use]
    pub fn times(self, count: u32) -> Money {
        Money(self.0.saturating_mul(i64::from(count)))
    }

    /// A price an hour as one a month.
    #[must_use]
    pub fn a_month(self) -> Money {
        self.times(HOURS_A_MONTH)
    }

    /// The part that `part` is of `whole`, rounded to the nearest billionth; nothing of nothing.
    #[must_use]
    pub fn share(self, part: i64, whole: i64) -> Money {
        if whole == 0 {
            return Money::ZERO;
        }
        let product = i128::from(self.0) * i128::from(part);
        let whole = i128::from(whole);
        let rounded = (2 * product + whole).div_euclid(2 * whole);
        Money(i64::try_from(rounded).unwrap_or(i64::MAX))
    }

    /// Rounded half up to so many digits after the point, without a sign of the currency: `1.01`.
    pub fn rounded(self, digits: u32) -> String {
        let step = 10_i64.pow(9_u32.saturating_sub(digits));
        let steps = (i128::from(self.0.unsigned_abs()) + i128::from(step) / 2) / i128::from(step);
        let sign = if self.0 < 0 && steps > 0 { "-" } else { "" };
        let per_dollar = i128::from(NANO / step);
        let whole = steps / per_dollar;
        if per_dollar == 1 {
            return format!("{sign}{whole}");
        }
        let width = per_dollar.ilog10() as usize;
        format!("{sign}{whole}.{:0width$}", steps % per_dollar)
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Money>>(all: I) -> Money {
        all.fold(Money::ZERO, Money::plus)
    }
}

impl fmt::Display for Money {
    /// All its digits, at least two after the point: `1.008`, `2.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.rounded(9);
        let cut = all.trim_end_matches('0');
        let point = all.find('.').unwrap_or(all.len());
        f.write_str(&all[..cut.len().max(point + 3).min(all.len())])
    }
}

impl Serialize for Money {
    /// As a number of dollars: `1.008`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.rounded(9).parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(digits)
    }
}

/// What somebody pays less than the list says, in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Discount(u16);

impl Discount {
    /// Reads `12%`, `12` or `12.5%`.
    ///
    /// # Errors
    /// A clause that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Discount, String> {
        let refused =
            || format!("`{text}` is not a discount like 12%: from 0% to below 100%, two digits after the point");
        let number = text.strip_suffix('%').unwrap_or(text);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 2 || fraction.len() > 2 {
            return Err(refused());
        }
        let whole: u16 = whole.parse().map_err(|_| refused())?;
        let fraction: u16 = format!("{fraction:0<2}").parse().map_err(|_| refused())?;
        if whole == 0 && fraction > 0 && !text.ends_with('%') {
            return Err(format!(
                "`{text}` may be {text}% or a part of one: write {text}% or a whole percentage"
            ));
        }
        Ok(Discount(whole * 100 + fraction))
    }

    /// What is paid of a listed price.
    pub fn off(self, listed: Money) -> Money {
        listed.share(10_000 - i64::from(self.0), 10_000)
    }

    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Discount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 100 {
            0 => write!(f, "{}%", self.0 / 100),
            rest => write!(f, "{}.{}%", self.0 / 100, format!("{rest:02}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn sums_are_exact_and_words_are_rounded() {
        assert_eq!(money("0.1").plus(money("0.2")), money("0.3"));
        assert_eq!(money("1.008").times(3), money("3.024"));
        assert_eq!(money("1.008").a_month().rounded(2), "735.84");
        assert_eq!(money("0.0671").rounded(2), "0.07");
        assert_eq!(money("0.005").rounded(2), "0.01");
        assert_eq!(money("2.5").rounded(0), "3");
        assert_eq!(money("1").minus(money("1.25")).rounded(2), "-0.25");
        assert_eq!(Money::ZERO.minus(money("0.001")).rounded(2), "0.00");
        assert_eq!(money("1.008").to_string(), "1.008");
        assert_eq!(money("2.5").to_string(), "2.50");
        assert_eq!(money("3").share(1, 3).to_string(), "1.00");
        assert_eq!(money("1").share(2, 3).to_string(), "0.666666667");
        assert_eq!(money("1").share(1, 0), Money::ZERO);
    }

    #[test]
    fn in_json_it_is_the_number_that_was_read() {
        for text in ["1.008", "0.000000001", "123456.789", "2.0"] {
            assert_eq!(
                serde_json::to_string(&money(text)).unwrap(),
                text.replace("0.000000001", "1e-9")
            );
        }
        assert_eq!(
            serde_json::to_string(&Money::ZERO.minus(money("0.25"))).unwrap(),
            "-0.25"
        );
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for text in [
            "",
            "1,008",
            "-1",
            "1.",
            ".5",
            "1e3",
            "$1",
            "1.0000000001",
            "9999999999",
            "999.0x",
        ] {
            assert!(Money::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_discount_comes_off_the_listed_price() {
        let off = |text: &str| Discount::parse(text).unwrap().off(money("1.008"));
        assert_eq!(off("12%"), money("0.88704"));
        assert_eq!(off("12.5"), money("0.882"));
        assert_eq!(off("0%"), money("1.008"));
        assert_eq!(Discount::parse("12.50%").unwrap().to_string(), "12.5%");
        assert_eq!(Discount::parse("7%").unwrap().to_string(), "7%");
        for text in ["", "100%", "-5%", "12%%", "0.125%", "twelve", "5 %"] {
            assert!(Discount::parse(text).is_err(), "{text}");
        }
    }
}
