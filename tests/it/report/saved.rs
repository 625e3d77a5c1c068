//! `shardctl report` on saved events: the page loads nothing, whatever stands in the events; what isn't a run is refused.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::reader::read;
use crate::bad_days::{Ran, checked};

/// Words that would be markup, would break out of an attribute, or would steer a terminal or the direction of reading.
const HOSTILE: &str = "</title></style></pre>\"'><script src=//evil.example/x.js>alert(1)</script><img src=x onerror=alert(1)>\
                       &lt;&#x3c;\u{1b}[2J\u{202e}\u{2028}-->]]>";
/// Strings that aren't free words: what reads the events knows them.
const NOT_FREE: [&str; 10] = [
    "apiVersion",
    "kind",
    "event",
    "at",
    "said",
    "since",
    "phase",
    "state",
    "severity",
    "source",
];

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/upgrade.jsonl")
}

fn report(folder: &Path, arguments: &[&str], stdin: &str) -> Ran {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_shardctl"));
    command
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .arg("report");
    checked(
        command
            .args(arguments)
            .write_stdin(stdin)
            .output()
            .expect("shardctl runs"),
    )
}

/// Puts hostile words behind every free one.
fn poison(value: &mut Value) {
    match value {
        Value::String(words) => words.push_str(HOSTILE),
        Value::Array(list) => list.iter_mut().for_each(poison),
        Value::Object(fields) => fields
            .iter_mut()
            .filter(|(name, _)| !NOT_FREE.contains(&name.as_str()))
            .filter(|(name, value)| !(*name == "end" && value.is_string()))
            .for_each(|(_, value)| poison(value)),
        _ => {}
    }
}

#[test]
fn a_saved_run_becomes_a_page_on_standard_output_or_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let saved = std::fs::read_to_string(example()).unwrap();
    let ran = report(folder.path(), &[example().to_str().unwrap()], "");
    ran.says(0, &[]);
    let page = read(&ran.stdout);
    for words in [
        "shardctl upgrade",
        "shard-seconds down",
        "Where the time went",
        "Now",
        "To undo it",
    ] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    assert!(
        page.titles.iter().any(|title| title.starts_with("start ")),
        "{:?}",
        page.titles
    );
    assert_eq!(
        report(folder.path(), &["-"], &saved).stdout,
        ran.stdout,
        "from standard input"
    );
    let to_a_file = report(folder.path(), &["-", "-o", "page.html"], &saved);
    assert_eq!((to_a_file.code, to_a_file.stdout.as_str()), (0, ""));
    assert_eq!(
        std::fs::read_to_string(folder.path().join("page.html")).unwrap(),
        ran.stdout
    );
}

#[test]
fn hostile_words_stay_words() {
    let folder = tempfile::tempdir().unwrap();
    let saved = std::fs::read_to_string(example()).unwrap();
    let poisoned: String = saved
        .lines()
        .map(|line| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            poison(&mut event);
            format!("{event}\n")
        })
        .collect();
    let ran = report(folder.path(), &["-"], &poisoned);
    ran.says(0, &[]);
    let (clean, page) = (read(&report(folder.path(), &["-"], &saved).stdout), read(&ran.stdout));
    assert_eq!(page.elements, clean.elements, "no element more than without them");
    assert!(
        page.text.contains("<script src=//evil.example/x.js>alert(1)</script>"),
        "{}",
        page.text
    );
    assert!(page.text.contains("\\e[2J\\u{202e}\\u{2028}-->"), "{}", page.text);
    assert!(
        page.titles.iter().any(|title| title.contains("onerror=alert(1)")),
        "{:?}",
        page.titles
    );
}

#[test]
fn a_file_that_is_no_whole_run_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let saved = std::fs::read_to_string(example()).unwrap();
    let cut = &saved[..saved.len() - 40];
    let (without_end, _) = saved.trim_end().rsplit_once('\n').unwrap();
    for (text, words) in [
        ("", "standard input holds no events"),
        (cut, "standard input was cut off in its line"),
        (without_end, "standard input lacks its end"),
        (&saved.repeat(2), "it holds more than one"),
        ("{\"kind\": \"Pod\\u001b[31m\"}", "it calls itself `Pod\\e[31m`"),
        (
            "<!DOCTYPE html>",
            "line 1 of standard input isn't an event of shardctl's",
        ),
    ] {
        report(folder.path(), &["-"], text).refused(2, &[words]);
    }
    report(folder.path(), &["missing.jsonl"], "")
        .refused(2, &["failed to read the events in missing.jsonl", "No such file"]);
    report(folder.path(), &["."], "").refused(2, &["failed to read the events in ."]);
    report(folder.path(), &["-", "-o", "nowhere/page.html"], &saved)
        .refused(2, &["failed to write the page nowhere/page.html"]);
    report(folder.path(), &[], "").says(2, &["EVENTS.jsonl"]);
}
