//! Times and durations as people read them.

use jiff::{SignedDuration, Timestamp};

/// A duration in its two largest units: `4m 12s`, `3h 5m`, `2d 1h`. Below a second, `0s`; a negative one counts as nothing.
pub fn duration(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest}s"),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// How long ago `then` was at `now`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    duration(now.duration_since(then))
}

/// A moment to the second, in UTC: `2026-11-21 03:31:05Z`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The time of day to the second, in UTC: `03:31:05Z`.
pub fn time_of_day(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// Seconds that were measured: `3.1s` below a minute, then as [`duration`] says it.
pub fn seconds(length: f64) -> String {
    if length < 60.0 {
        format!("{:.1}s", length.max(0.0))
    } else {
        duration(SignedDuration::try_from_secs_f64(length).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let words = |seconds| duration(SignedDuration::from_secs(seconds));
        assert_eq!(words(0), "0s");
        assert_eq!(words(-5), "0s");
        assert_eq!(words(252), "4m 12s");
        assert_eq!(words(3600 * 3 + 300), "3h 5m");
        assert_eq!(words(86_400 * 2 + 3600), "2d 1h");
    }

    #[test]
    fn measured_seconds_have_a_decimal_below_a_minute() {
        assert_eq!(seconds(3.16), "3.2s");
        assert_eq!(seconds(-1.0), "0.0s");
        assert_eq!(seconds(252.4), "4m 12s");
        assert_eq!(seconds(f64::INFINITY), "0s");
    }
}
