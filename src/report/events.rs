//! Reads a run's events again, as `-o json` wrote them: a cut or foreign file is refused with a sentence.

use serde::Deserialize;

use super::json::API_VERSION;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Fact};

/// The events that this version knows; a line of another kind comes from a newer one, and is left out.
const KNOWN: [&str; 16] = [
    "started",
    "refused",
    "allowed",
    "noted",
    "lock",
    "changed",
    "pre-pull",
    "shard",
    "shard-done",
    "shard-failed",
    "heard",
    "task",
    "waiting",
    "trouble",
    "stopping",
    "ended",
];

/// What a file told.
#[derive(Debug)]
pub struct Told {
    /// The events, up to the end of the run.
    pub events: Vec<Event>,
    /// How many lines were of kinds that this version doesn't know.
    pub unknown: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: Option<String>,
    kind: Option<String>,
    event: Option<String>,
}

/// Reads the text of a file; `place` is its name for people.
///
/// # Errors
/// [`ErrorKind::File`] for what isn't the whole of one run's events, with the line.
pub fn read(text: &str, place: &str) -> Result<Told> {
    let mut told = Told {
        events: Vec::new(),
        unknown: 0,
    };
    let last = text.lines().count();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let misread = |error: serde_json::Error| {
            if number == last && error.is_eof() {
                refused(format!("{place} was cut off in its line {number}")).because(error)
            } else {
                foreign(format!(
                    "line {number} of {place} isn't an event of shardctl's: {error}"
                ))
                .because(error)
            }
        };
        let head: Head = serde_json::from_str(line).map_err(misread)?;
        check(&head, number, place)?;
        if told.events.last().is_some_and(is_the_end) {
            return Err(refused(format!(
                "line {number} of {place} goes on after the end of a run: it holds more than one"
            ))
            .hint("put the lines of each run into a file of its own; the last line of a run has \"event\":\"ended\""));
        }
        match serde_json::from_str(line) {
            Ok(event) => told.events.push(event),
            Err(_) if head.event.is_some_and(|name| !KNOWN.contains(&name.as_str())) => told.unknown += 1,
            Err(error) => {
                return Err(refused(format!("line {number} of {place} can't be understood: {error}")).because(error));
            }
        }
    }
    if told.events.is_empty() {
        return Err(foreign(format!("{place} holds no events")));
    }
    if !told.events.last().is_some_and(is_the_end) {
        return Err(refused(format!(
            "{place} lacks its end, the `ended` line: the run was killed or is still going on, or the file was cut off"
        ))
        .hint("what a run that was killed left is found by")
        .hint("$ shardctl recover --dry-run=client"));
    }
    Ok(told)
}

fn check(head: &Head, number: usize, place: &str) -> Result<()> {
    match (head.api_version.as_deref(), head.kind.as_deref()) {
        (Some(API_VERSION), Some("Event")) => Ok(()),
        (Some(version), Some("Event")) if version.starts_with("shardctl.dev/") => Err(refused(format!(
            "line {number} of {place} is of {version}, and this shardctl reads {API_VERSION}"
        ))
        .hint("read it with the shardctl that wrote it, or a newer one")),
        (_, kind) => {
            let kind = kind.map_or_else(|| "nothing".to_owned(), |kind| format!("`{kind}`"));
            Err(foreign(format!(
                "line {number} of {place} isn't an event of shardctl's: it calls itself {kind}"
            )))
        }
    }
}

fn is_the_end(event: &Event) -> bool {
    matches!(event.fact, Fact::Ended(_))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::File, message)
}

fn foreign(message: String) -> Error {
    refused(message)
        .hint("events are what a changing command writes with -o json, for example:")
        .hint("$ shardctl upgrade --yes -o json > run.jsonl")
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, read};
    use crate::report::json::line;
    use crate::report::testing::one_of_each;

    fn saved() -> Vec<String> {
        let events = one_of_each();
        events.iter().map(|event| line("Event", event).unwrap()).collect()
    }

    #[test]
    fn every_event_is_read_again_as_it_was() {
        let lines = saved();
        let told = read(&lines.concat(), "run.jsonl").unwrap();
        assert_eq!(told.unknown, 0);
        let again: Vec<String> = told.events.iter().map(|event| line("Event", event).unwrap()).collect();
        assert_eq!(again, lines);
        for text in &lines {
            let object: serde_json::Value = serde_json::from_str(text).unwrap();
            assert!(KNOWN.contains(&object["event"].as_str().unwrap()), "{text}");
        }
    }

    #[test]
    fn kinds_of_a_newer_version_are_left_out_and_counted_and_further_fields_are_no_matter() {
        let mut lines = saved();
        lines.insert(
            1,
            "{\"apiVersion\":\"shardctl.dev/v1\",\"kind\":\"Event\",\"at\":\"2026-03-01T06:31:00Z\",\"event\":\"sang\"}\n".to_owned(),
        );
        lines[2] = lines[2].replacen('{', "{\"mood\":\"good\",", 1);
        let told = read(&lines.concat(), "run.jsonl").unwrap();
        assert_eq!((told.unknown, told.events.len()), (1, 16));
    }

    #[test]
    fn what_is_not_one_whole_run_is_refused_with_a_sentence() {
        let lines = saved();
        let whole = lines.concat();
        let twice = whole.repeat(2);
        let without_end = lines[..15].concat();
        let newer = whole.replace("shardctl.dev/v1", "shardctl.dev/v2");
        let hollow = "{\"apiVersion\":\"shardctl.dev/v1\",\"kind\":\"Event\",\"event\":\"waiting\"}";
        for (text, words) in [
            ("", "run.jsonl holds no events"),
            ("\n\n", "run.jsonl holds no events"),
            (
                "hello\n",
                "line 1 of run.jsonl isn't an event of shardctl's: expected value",
            ),
            ("[1, 2]", "line 1 of run.jsonl isn't an event of shardctl's"),
            (
                "{\"kind\": \"Pod\"}",
                "line 1 of run.jsonl isn't an event of shardctl's: it calls itself `Pod`",
            ),
            ("{}", "it calls itself nothing"),
            (
                "{\n  \"kind\": \"VerifyReport\"\n}\n",
                "line 1 of run.jsonl isn't an event of shardctl's",
            ),
            (&whole[..whole.len() - 20], "run.jsonl was cut off in its line 16"),
            (&without_end, "run.jsonl lacks its end"),
            (&twice, "line 17 of run.jsonl goes on after the end of a run"),
            (
                &newer,
                "line 1 of run.jsonl is of shardctl.dev/v2, and this shardctl reads shardctl.dev/v1",
            ),
            (hollow, "line 1 of run.jsonl can't be understood: missing field `at`"),
        ] {
            let error = read(text, "run.jsonl").unwrap_err();
            assert!(error.message().contains(words), "{words}: {error}");
            assert_eq!(error.exit_code(), crate::exit_code::ExitCode::Usage);
        }
    }
}
