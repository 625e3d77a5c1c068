//! `--rehearse`: only reads, the same decisions and the same end as the real run that follows, and offline from a saved snapshot.

mod audit;
mod fidelity;
mod live;
mod offline;
mod routes;

use serde_json::Value;

use crate::bad_days::Ran;

/// The rehearsal that a command printed as JSON.
#[track_caller]
fn document(ran: &Ran) -> Value {
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr));
    assert_eq!(document["apiVersion"], "shardctl.dev/v1");
    assert_eq!(document["kind"], "Rehearsal");
    document
}

/// What an operation decided, in its order, of the events that it told: what was begun, changed and finished, and how it ended.
/// How long things took, the names that controllers chose and the letters of the run are another matter each time.
fn decisions<'a>(events: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let mut decided = Vec::new();
    for event in events {
        let what = match event["event"].as_str().unwrap_or_default() {
            "started" => format!("{} {}", text(event, "goal"), event["order"]),
            "lock" => text(event, "state"),
            "refused" => format!("{} {}", event["refusal"]["id"], event["refusal"]["object"]),
            "changed" => format!("{}: {}", text(event, "object"), first_words(&text(event, "what"))),
            "shard-done" => format!("{} done", text(event, "shard")),
            "shard-failed" => format!("{} failed", text(event, "shard")),
            "ended" => format!("{} {}", event["end"], event["exitCode"]),
            _ => continue,
        };
        decided.push(without_letters(&what));
    }
    decided
}

/// Where images are fetched, several nodes at a time: in no order.
fn fetched<'a>(events: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let pulls = events.filter(|event| event["event"] == "pre-pull");
    let mut pulls: Vec<String> = pulls
        .map(|event| format!("{} {}", event["node"], event["state"]))
        .collect();
    pulls.sort();
    pulls
}

/// What was done, without how long it took: `opened for 39 ms for …`.
fn first_words(words: &str) -> String {
    let words = words.split([',', ';']).next().unwrap_or_default();
    let mut kept: Vec<&str> = Vec::new();
    for word in words.split(' ') {
        if word == "ms" && kept.last().is_some_and(|last| last.parse::<u64>().is_ok()) {
            kept.pop();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// Words without those that a controller or a run made up: revisions, the names of helper pods; and without times.
fn without_letters(words: &str) -> String {
    let kept = words.split(' ').map(|word| match word.rsplit_once(['-', '/']) {
        _ if word.parse::<jiff::Timestamp>().is_ok() => "then",
        Some((before, letters))
            if letters.len() >= 5
                && letters.chars().all(|c| c.is_ascii_alphanumeric())
                && letters.contains(|c: char| c.is_ascii_digit()) =>
        {
            before
        }
        _ => word,
    });
    kept.collect::<Vec<_>>().join(" ")
}
