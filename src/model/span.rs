//! Lengths of time as Karpenter writes them: Go's durations, and `Never`.

use jiff::SignedDuration;
use serde_json::Value;

/// A duration that may be `Never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Not at all.
    Never,
    /// After this long.
    After(SignedDuration),
}

impl Span {
    /// Reads a field that holds a duration or `Never`.
    ///
    /// # Errors
    /// Says which words aren't a duration.
    pub fn read(value: Option<&Value>, default: Span) -> Result<Span, String> {
        match value.and_then(Value::as_str) {
            None => Ok(default),
            Some("Never") => Ok(Span::Never),
            Some(text) => go_duration(text)
                .map(Span::After)
                .ok_or_else(|| format!("`{text}` is not a duration")),
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Span::Never => f.write_str("Never"),
            Span::After(length) => f.write_str(&words(*length)),
        }
    }
}

/// A length of time in the two coarsest units that it fills: `30d`, `2h 5m`, `40s`.
pub fn words(length: SignedDuration) -> String {
    let seconds = length.as_secs().unsigned_abs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let Some(first) = parts.iter().position(|(count, _)| *count > 0) else {
        return "0s".to_owned();
    };
    let shown: Vec<String> = parts[first..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    shown.join(" ")
}

/// Reads a duration as Go's `time.ParseDuration` does (`720h`, `1h30m`, `1.5h`, `0`); none for other words.
pub fn go_duration(text: &str) -> Option<SignedDuration> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let nanos: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        total = total.checked_add(digits.checked_mul(nanos)? / scale)?;
        rest = next;
    }
    Some(SignedDuration::from_nanos(i64::try_from(total * sign).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let seconds = |text: &str| go_duration(text).map(|length| length.as_secs());
        assert_eq!(seconds("720h"), Some(2_592_000));
        assert_eq!(seconds("720h0m0s"), Some(2_592_000));
        assert_eq!(seconds("1h30m"), Some(5_400));
        assert_eq!(seconds("1.5h"), Some(5_400));
        assert_eq!(seconds(".5m"), Some(30));
        assert_eq!(seconds("-1m"), Some(-60));
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(go_duration("1500ms"), Some(SignedDuration::from_millis(1_500)));
        for other in [
            "",
            "1",
            "1d",
            "h",
            "true",
            "1h 30m",
            "1..5h",
            "Never",
            "99999999999999h",
        ] {
            assert_eq!(go_duration(other), None, "{other}");
        }
    }

    #[test]
    fn lengths_are_worded_by_their_two_coarsest_units() {
        let worded = |seconds| words(SignedDuration::from_secs(seconds));
        assert_eq!(worded(2_592_000), "30d");
        assert_eq!(worded(7_500), "2h 5m");
        assert_eq!(worded(86_461), "1d");
        assert_eq!(worded(40), "40s");
        assert_eq!(worded(0), "0s");
    }
}
