//! What a command reads instead of a cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The word for the demo's cluster.
const DEMO: &str = "demo";

/// What a command reads instead of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The demo's cluster, in this process.
    Demo,
    /// A saved snapshot.
    File(PathBuf),
}

impl Source {
    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Source::Demo => None,
            Source::File(path) => Some(path),
        }
    }
}

impl From<OsString> for Source {
    fn from(typed: OsString) -> Source {
        match typed == DEMO {
            true => Source::Demo,
            false => Source::File(typed.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_the_demo_and_everything_else_a_file() {
        assert_eq!(Source::from(OsString::from("demo")), Source::Demo);
        for file in ["./demo", "demo.json", "Demo", "demo/", ""] {
            let source = Source::from(OsString::from(file));
            assert_eq!(source.file(), Some(Path::new(file)), "{file}");
        }
    }
}
