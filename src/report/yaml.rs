//! YAML as people write manifests: two spaces, lists below their key, what an older reader would take for a number or a yes in quotes.

use std::fmt::Write as _;

use serde::Serialize;
use serde_saphyr::{ser_options, to_string_with_options};

/// A document without the line that begins it.
///
/// # Errors
/// Words, for what isn't YAML: maps with keys that aren't scalars.
pub fn document<T: Serialize>(of: &T) -> Result<String, String> {
    // A long line stays whole: folded, it reads as if it were several.
    let options = ser_options! { prefer_block_scalars: false, compact_list_indent: true };
    to_string_with_options(of, options).map_err(|error| error.to_string())
}

/// Documents one after another, each with its begin, after lines of comment.
///
/// # Errors
/// As [`document`].
pub fn stream<T: Serialize>(comment: &[&str], documents: &[T]) -> Result<String, String> {
    let mut text = comments(comment);
    for of in documents {
        text.push_str("---\n");
        text.push_str(&document(of)?);
    }
    Ok(text)
}

/// Lines of comment.
pub fn comments(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "# {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_read_as_people_write_them_and_words_stay_words() {
        let of = json!({
            "a": {"list": ["x", "y"], "none": {}},
            "words": ["true", "yes", "0", "10m", "1e3", "null", "~", "on", "a: b", "# c", ""],
            "command": "a long line of words that stays on its one line although it is longer than most people's windows are wide",
        });
        assert_eq!(
            document(&of).expect("YAML"),
            "a:\n  list:\n  - x\n  - \"y\"\n  none: {}\n\
             command: a long line of words that stays on its one line although it is longer than most people's windows are wide\n\
             words:\n- \"true\"\n- \"yes\"\n- \"0\"\n- 10m\n- \"1e3\"\n- \"null\"\n- \"~\"\n- \"on\"\n- \"a: b\"\n- \"# c\"\n- \"\"\n"
        );
        let read: serde_json::Value = serde_saphyr::from_str(&document(&of).expect("YAML")).expect("the same");
        assert_eq!(read, of);
    }

    #[test]
    fn each_document_begins_with_a_line_of_its_own() {
        let text = stream(&["about", ""], &[json!({"a": 1}), json!({"b": 2})]).expect("YAML");
        assert_eq!(text, "# about\n---\na: 1\n---\nb: 2\n");
    }
}
