//! Names that somebody who mistyped may have meant.

use crate::error::Error;

/// "there is no X named Y", with the nearest of the names that exist.
pub fn no_such(kind: &str, wanted: &str, names: &[&str], place: &str) -> Error {
    let error = Error::usage(format!("there is no {kind} named {wanted}{place}"));
    let near = nearest(wanted, names);
    if !near.is_empty() {
        error.hint(format!("did you mean {}?", near.join(" or ")))
    } else if names.is_empty() {
        error
    } else {
        error.hint(format!("there are: {}", names.join(", ")))
    }
}

/// The names that somebody who mistyped may have meant, nearest first, three at most.
pub fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_close_to_one_that_exists_is_recognised() {
        assert_eq!(
            nearest("biometrc-shard", &["biometric-shard", "redis"]),
            ["biometric-shard"]
        );
        assert!(nearest("zzz", &["biometric-shard", "redis"]).is_empty());
        assert_eq!(nearest("POD-1", &["POD-01", "PVC-01"])[0], "POD-01");
    }
}
