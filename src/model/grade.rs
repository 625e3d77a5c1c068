//! How well a node is used, in a word.

use serde::Serialize;

/// How much of a node is asked for, graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Below 70 %: much of it is paid for and asked for by nobody.
    Loose,
    /// From 70 to 85 %.
    Good,
    /// Above 85 %: little is left for what grows, or for a daemon more.
    Tight,
}

impl Grade {
    /// The grade of so many thousandths.
    pub const fn of(thousandths: i64) -> Grade {
        match thousandths {
            ..700 => Grade::Loose,
            700..=850 => Grade::Good,
            _ => Grade::Tight,
        }
    }

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Grade::Loose => "loose",
            Grade::Good => "good",
            Grade::Tight => "tight",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_70_to_85_percent_is_good() {
        let grades = [0, 699, 700, 850, 851, 1200].map(Grade::of);
        use Grade::{Good, Loose, Tight};
        assert_eq!(grades, [Loose, Loose, Good, Good, Tight, Tight]);
    }
}
